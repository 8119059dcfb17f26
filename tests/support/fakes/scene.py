"""Known people, cameras and pictures, from which fakes are written."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import imageio.v2 as imageio
import numpy as np

from posepile.cameras import Camera
from posepile.datasets import Dataset, Detect, ImageSet

STEP = 60  # grey levels between the left and the right half of every picture


@dataclass(frozen=True, eq=False)
class Known:
    """What reading must give back for one example.

    Attributes:
        key, split: as the Frame's.
        joints3d: [J, 3] mm, world; NaN where not labelled.
        pixels: [J, 2] px, where the joints are in the whole image as the fake was made (of a 3D set: the
            projection, computed by the fake with the original's own formula; of a 2D set: the labels).
        box: [4] px, with the tolerance that the way of labelling leaves.
        mask: [h, w] bool, the whole image; None where the data set has no masks.
        grey: level of the left half of the picture as it is read (mirrored where the reader says so).
        tags: some that must be there.
    """

    key: str
    split: str
    box: np.ndarray
    grey: int
    joints3d: np.ndarray | None = None
    pixels: np.ndarray | None = None
    mask: np.ndarray | None = None
    box_tolerance: float = 0.5
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Fake:
    """A fake data set on disk: its reader, and all examples that reading it must give, in any order.

    `detect` is the detector to read with, where boxes come from one. `fuzzed` are patterns of the raw
    annotation files that the fuzzing test damages.
    """

    dataset: Dataset
    root: Path
    expected: list[Known]
    fuzzed: tuple[str, ...]
    detect: Detect | None = None


@dataclass(frozen=True, eq=False)
class FakeImages:
    """A fake image set on disk: its reader, and all images that preparing it must give.

    `expected` has them by name, [h, w, 3 or 4] uint8 RGB(A); they may differ by `tolerance` levels on average, for
    the raw files are JPEG.
    """

    dataset: ImageSet
    root: Path
    expected: dict[str, np.ndarray]
    fuzzed: tuple[str, ...]
    detect: Detect | None = None
    tolerance: float = 2.0


def person(n_joints: int, at=(0, 0, 0), seed: int = 0, up: int = 2) -> np.ndarray:
    """[n_joints, 3] mm: distinct points of somebody who stands around `at`, 1.7 m along axis `up`."""
    rng = np.random.default_rng(seed)
    half = np.full(3, 250.0)
    half[up] = 850.0
    direction = rng.normal(size=(n_joints, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return np.asarray(at, float) + direction * half * rng.uniform(0.5, 1, size=(n_joints, 1))


def camera(
    position, target=(0, 0, 0), up=(0, 0, 1), focal=1100.0, size=(1000, 1000), distortion=()
) -> Camera:
    """A camera at `position` mm that looks at `target`; `size` = (width, height) of its images."""
    up = np.asarray(up, float)
    forward = np.subtract(target, position, dtype=float)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    intrinsics = [[focal, 0, size[0] / 2 + 3], [0, focal * 1.01, size[1] / 2 - 2], [0, 0, 1]]
    rotation = np.stack([right, np.cross(forward, right), forward])
    return Camera(intrinsics, rotation, np.asarray(position, float), np.asarray(distortion, float), up)


def projected_box(camera: Camera, joints: np.ndarray, factor: float = 1.0) -> np.ndarray:
    """[4]: the box of the projected joints, enlarged about its centre; by OpenCV's projection."""
    pixels = project(camera, joints)
    low, high = np.nanmin(pixels, axis=0), np.nanmax(pixels, axis=0)
    centre, half = (low + high) / 2, (high - low) / 2 * factor
    return np.concatenate([centre - half, 2 * half])


def project(camera: Camera, joints: np.ndarray) -> np.ndarray:
    """[J, 3] mm world to [J, 2] px by OpenCV, independent of posepile's projection; NaN stays."""
    rotation, _ = cv2.Rodrigues(camera.rotation)
    translation = -camera.rotation @ camera.position
    points = np.nan_to_num(np.asarray(joints, float))
    pixels = cv2.projectPoints(points, rotation, translation, camera.intrinsics, camera.distortion)[0][:, 0]
    return np.where(np.isfinite(joints).all(axis=1, keepdims=True), pixels, np.nan)


def picture(size: tuple[int, int], grey: int) -> np.ndarray:
    """[h, w, 3] uint8 of `size` (w, h): the left half `grey`, the right half lighter."""
    image = np.full((size[1], size[0], 3), grey, np.uint8)
    image[:, size[0] // 2 :] = grey + STEP
    return image


def write_image(path: Path, size: tuple[int, int], grey: int) -> None:
    """Writes a `picture`; .jpg or .png by the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    imageio.imwrite(path, picture(size, grey))


def write_video(path: Path, size: tuple[int, int], greys: Iterable[int], fps: float = 25) -> None:
    """Writes a video whose frames are `picture`s; sides must be even."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with imageio.get_writer(path, fps=fps, macro_block_size=1, quality=9) as writer:
        for grey in greys:
            writer.append_data(picture(size, grey))
