"""From a whole image to one person: the three ways in which data sets are cropped.

A crop is a frozen value that is called: `StandardCrop()(image, camera, box, mask, joints2d) -> Cropped`.
Source: _merging sheet, "Efficient example"; the sheet of MuCo for ShiftedCrop.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from posepile import boxes, masks
from posepile.cameras import Camera
from posepile.prepare import colour, resample

LONGEST_SIDE = 384.0  # px: 1.5 times the network's 256, for the zoom of training's augmentation
MAX_ENLARGEMENT = 1.2
WINDOW_FACTOR = 1.1 / 0.85**2  # room for turning, shifting and shrinking in training
MUCO_WINDOW_FACTOR = 1.2 / 0.85**2
MUCO_LONGEST_SIDE = 256 / 0.85
MIN_SHRINK = 4.0  # a source is shrunk beforehand to no less than 4 times the size of its crop
_TURN = np.deg2rad(30)  # the largest roll for which the window has room
_PLAIN = np.arange(256, dtype=np.float32)


class Cropped(NamedTuple):
    """One person's image and labels, in the pixels of that image.

    Attributes:
        image: [h, w, 3] uint8 RGB.
        camera: of the image; None where the whole image has none.
        box: [4] px.
        mask: run-length code; None if there was none or nothing of it is in the crop.
        joints2d: [J, 2] px, NaN where not labelled; None if there were none.
    """

    image: np.ndarray
    camera: Camera | None
    box: np.ndarray
    mask: dict | None
    joints2d: np.ndarray | None


class Crop(Protocol):
    """A way of cropping."""

    def __call__(
        self,
        image: np.ndarray,
        camera: Camera | None,
        box: np.ndarray,
        mask: dict | None = None,
        joints2d: np.ndarray | None = None,
    ) -> Cropped:
        """Crops an image to one person.

        Args:
            image: [h, w, 3] uint8 RGB, the whole image; it is not changed.
            camera: of the whole image; None for images without one.
            box: [4] px in the whole image.
            mask: run-length code at the size of the whole image.
            joints2d: [J, 2] px in the whole image, NaN where not labelled.

        Raises:
            ValueError: for a box that is not finite, has no size, or shows nothing of the image.
        """
        ...


@dataclass(frozen=True)
class WholeImage:
    """No crop: pixels and labels as they are (SURREAL, 3DPeople, test sets)."""

    def __call__(self, image, camera, box, mask=None, joints2d=None) -> Cropped:
        return Cropped(image, camera, np.asarray(box, float), mask, joints2d)


@dataclass(frozen=True)
class StandardCrop:
    """The pile's own crop: camera turned to the person, upright, without distortion, in linear light.

    The window is a square with room for a roll of 30 degrees, 1.5225 times that, cut at the image's border; the
    person's longer side becomes 384 px where that enlarges by at most 1.2. An image without camera is only shifted
    and scaled. Pixels are drawn by cubic interpolation at twice the size, and averaged.

    Attributes:
        factor: of the window's side (AIST 0.8, H36M with partial visibility 1.8); 0 for the box itself.
        clip_to_image: cut the window at the image's border; not for extreme perspective (SPEC-SYN, JRDB).
        antialias_input: shrink the image before, to no less than 4 times the crop's scale (RICH).
        encoding_exponent: from linear light back to pixel values; 0.67 / 2.2 brightens (MPI-INF-3DHP).
        white_balance: the colour cast (a, b) to remove, see `colour.white_balanced`; `colour.TDHP_CAST` and
            `colour.PANOPTIC_CAST` (the pile's Panoptic tint fix, done here once instead of at every training step).
    """

    factor: float = 1.0
    clip_to_image: bool = True
    antialias_input: bool = False
    encoding_exponent: float = 1 / colour.DISPLAY_GAMMA
    white_balance: tuple[float, float] | None = None

    def __call__(self, image, camera, box, mask=None, joints2d=None) -> Cropped:
        _check_box(box)
        old = Camera(np.eye(3)) if camera is None else camera
        turned = old if camera is None else old.turned_to(boxes.centre(box))
        turned_box, window = self._window(old, turned, np.asarray(box, float), image.shape[1::-1])
        scale = min(MAX_ENLARGEMENT, LONGEST_SIDE / turned_box[2:].max())
        new, size = _scaled_window(turned, window, scale)

        shrink = min(1.0, MIN_SHRINK * scale) if self.antialias_input else 1.0
        positions = resample.source_positions(lambda pixels: seen(pixels, new, old), size, 2)
        pixels = resample.draw(
            image, positions, 2, cv2.INTER_CUBIC, colour.linear_light_table(),
            lambda light: colour.from_linear_light(light, self.encoding_exponent), shrink,
        )  # fmt: skip
        if self.white_balance is not None:
            pixels = colour.white_balanced(pixels, self.white_balance)
        return Cropped(
            pixels,
            None if camera is None else new,
            _scaled_box(turned_box, window, scale),
            _drawn_mask(mask, image, positions, 2, shrink),
            None if joints2d is None else seen(np.asarray(joints2d, float), old, new),
        )

    def _window(
        self, old: Camera, turned: Camera, box: np.ndarray, image_size
    ) -> tuple[np.ndarray, np.ndarray]:
        turned_box = boxes.of_points(_side_midpoints(box, old, turned))
        window = turned_box
        if self.factor > 0:
            side = _rolled_side(turned_box) * WINDOW_FACTOR * self.factor
            window = boxes.around(boxes.centre(turned_box), (side, side))
        corners = seen(_corners(image_size), old, turned)
        # A corner that the turned camera cannot see leaves the image unbounded on its side
        if self.clip_to_image and np.isfinite(corners).all():
            window = boxes.intersection(window, boxes.of_points(corners))
            _check_window(window, box, image_size)
        return turned_box, window


@dataclass(frozen=True)
class ShiftedCrop:
    """MuCo's own crop: the camera keeps its direction (four people with four cameras share each image).

    The window is a square, 1.661 times the one with room for 30 degrees, cut at the image's border; the person's
    longer side becomes 301 px where that does not enlarge. Pixels are interpolated linearly, four samples per pixel
    and axis, as they are stored.
    """

    def __call__(self, image, camera, box, mask=None, joints2d=None) -> Cropped:
        _check_box(box)
        box = np.asarray(box, float)
        old = Camera(np.eye(3)) if camera is None else camera
        side = _rolled_side(box) * MUCO_WINDOW_FACTOR
        window = boxes.around(boxes.centre(box), (side, side))
        window = boxes.intersection(window, [0, 0, *image.shape[1::-1]])
        _check_window(window, box, image.shape[1::-1])
        scale = min(1.0, MUCO_LONGEST_SIDE / box[2:].max())
        new, size = _scaled_window(old, window, scale)
        positions = resample.source_positions(lambda pixels: pixels / scale + window[:2], size, 4)
        return Cropped(
            resample.draw(image, positions, 4, cv2.INTER_LINEAR, _PLAIN, _rounded),
            None if camera is None else new,
            _scaled_box(box, window, scale),
            _drawn_mask(mask, image, positions, 4),
            None if joints2d is None else (np.asarray(joints2d, float) - window[:2]) * scale,
        )


def seen(pixels: np.ndarray, camera: Camera, other: Camera) -> np.ndarray:
    """Where `other`, at the same place, has what `camera` has at `pixels` [..., 2]."""
    rotation = other.rotation @ camera.rotation.T
    return other.camera_to_image(camera.image_to_camera(pixels) @ rotation.T)


def _scaled_window(camera: Camera, window: np.ndarray, scale: float) -> tuple[Camera, tuple[int, int]]:
    # The first pixel's centre shows the window's corner
    intrinsics = camera.shifted(-window[:2]).intrinsics.copy()
    intrinsics[:2] *= scale
    width, height = np.maximum(np.rint(window[2:] * scale), 1).astype(int).tolist()
    return Camera(intrinsics, camera.rotation, camera.position, camera.distortion, camera.world_up), (
        width,
        height,
    )


def _scaled_box(box: np.ndarray, window: np.ndarray, scale: float) -> np.ndarray:
    return np.concatenate([box[:2] - window[:2], box[2:]]) * scale


def _rolled_side(box: np.ndarray) -> float:
    """The side of the smallest upright square around a box that is rolled by 30 degrees either way."""
    width, height = box[2:]
    cos, sin = np.cos(_TURN), np.sin(_TURN)
    return max(cos * width + sin * height, cos * height + sin * width)


def _side_midpoints(box: np.ndarray, old: Camera, turned: Camera) -> np.ndarray:
    """The middles [4, 2] of the box's sides in the turned view.

    A middle that the turned camera cannot see is moved towards the box's centre, which it sees, until it can.
    """
    middles, centre = boxes.side_midpoints(box), boxes.centre(box)
    found = seen(middles, old, turned)
    for way in np.linspace(0.95, 0, 20):
        if np.isfinite(found).all():
            break
        nearer = centre + way * (middles - centre)
        found = np.where(np.isfinite(found), found, seen(nearer, old, turned))
    return found


def _corners(image_size) -> np.ndarray:
    width, height = image_size
    return np.array([(0, 0), (width, 0), (0, height), (width, height)], float)


def _drawn_mask(mask, image, positions, supersampling, shrink=1.0) -> dict | None:
    if mask is None:
        return None
    if tuple(mask["size"]) != image.shape[:2]:
        raise ValueError(
            f"mask has size {list(mask['size'])}, expected {list(image.shape[:2])} like the image"
        )
    grey = masks.decode(mask).view(np.uint8) * np.uint8(255)
    drawn = resample.draw(grey, positions, supersampling, cv2.INTER_LINEAR, _PLAIN, _more_than_half, shrink)
    return masks.encode(drawn) if drawn.any() else None


def _more_than_half(values: np.ndarray) -> np.ndarray:
    return (values >= 127.5).astype(np.uint8)


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.rint(values).astype(np.uint8)  # linear interpolation stays within 0..255


def _check_box(box: np.ndarray) -> None:
    if np.shape(box) != (4,) or not np.isfinite(box).all() or min(box[2], box[3]) <= 0:
        raise ValueError(
            f"box is {np.asarray(box).tolist()}, expected four finite numbers and a positive size"
        )


def _check_window(window: np.ndarray, box: np.ndarray, image_size) -> None:
    if window[2:].min() <= 0:
        raise ValueError(
            f"box {np.round(box, 1).tolist()} is outside the image of {image_size[0]} x {image_size[1]} px"
        )
