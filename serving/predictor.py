"""A SavedModel of the crop model on people in whole images: boxes in, poses in the image's camera out."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from posepile import skeletons
from posepile.cameras import Camera
from posepile.example import PoseExample
from training.augment.geometry import no_changes
from training.crop import CropCameras, crop_cameras, warp_crop

LARGEST_BATCH = 64  # crops in one call of the network
NEEDED = ("predict_multi", "input_resolution", "joint_names", "joint_edges", "joint_formats")


class ModelFileError(ValueError):
    """A folder that is no SavedModel of ours; names the folder and what was expected."""


class MissingJointsError(ValueError):
    """A skeleton some of whose joints the model does not predict; names both."""


@dataclass(frozen=True, eq=False)
class People:
    """Poses in one image.

    boxes: [M, 4] px; joints3d: [M, J, 3] mm, world of the camera that was given; joints2d: [M, J, 2] px of
    the image, lens distortion included, NaN where a joint lies behind the camera.
    """

    boxes: np.ndarray
    joints3d: np.ndarray
    joints2d: np.ndarray

    def take(self, columns: np.ndarray) -> "People":
        """The same people with a part of the joints."""
        return People(self.boxes, self.joints3d[:, columns], self.joints2d[:, columns])


@dataclass(frozen=True, eq=False)
class JointChoice:
    """A skeleton among a model's joints: names [J], edges [E, 2] between them, columns [J] of the model."""

    joints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    columns: np.ndarray


class Predictor:
    """Loads a crop model once and runs it on the people of any number of images.

    Args:
        folder: the SavedModel that `dozens export` writes.

    Raises:
        ModelFileError: no such model.
    """

    def __init__(self, folder: Path):
        self._model = _load(folder)
        self.side = int(self._model.input_resolution.numpy())
        self.joints = tuple(name.decode() for name in self._model.joint_names.numpy())
        self.edges = tuple(map(tuple, self._model.joint_edges.numpy().tolist()))
        self._merged = set(self._model.joint_formats.numpy().tolist()) == {b"merged"}

    def __call__(self, image: np.ndarray, boxes: np.ndarray, camera: Camera) -> People:
        """Poses of the people in the boxes, all joints of the model.

        Args:
            image: [H, W, 3] uint8, RGB.
            boxes: [M, 4] float, px.
            camera: the camera of the image.

        Raises:
            CropError: a box without area, or one whose centre the lens model does not show.
        """
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        poses = np.zeros((0, len(self.joints), 3))
        if len(boxes):
            crops, cameras = _crops(image, boxes, camera, self.side)
            poses = cameras.camera_to_world(self._predict(crops, cameras.intrinsics))
        return People(boxes, poses, camera.world_to_image(poses))

    def choose(self, skeleton: str) -> JointChoice:
        """The joints of a skeleton by its name, called as the skeleton calls them; "" means all of the model.

        A model with merged joints answers every skeleton with the shared ones.

        Raises:
            UnknownNameError: no such skeleton.
            MissingJointsError: the model lacks some of its joints.
        """
        if not skeleton:
            return JointChoice(self.joints, self.edges, np.arange(len(self.joints)))
        chosen = skeletons.load(skeleton)
        wanted = self._names_in_model(chosen)
        missing = [name for name in wanted if name not in self.joints]
        if missing:
            raise MissingJointsError(
                f"skeleton {skeleton!r}: the model lacks {len(missing)} of its {len(wanted)} joints "
                f"({', '.join(missing[:5])}); it has all of: {', '.join(self.formats()) or 'no format'}"
            )
        return JointChoice(
            chosen.joints, chosen.edges, np.array([self.joints.index(name) for name in wanted])
        )

    def formats(self) -> list[str]:
        """The formats all of whose joints the model predicts, in the order of the registry."""
        held = set(self.joints)
        return [f for f in skeletons.FORMATS if held.issuperset(self._names_in_model(skeletons.load(f)))]

    def _names_in_model(self, skeleton: skeletons.Skeleton) -> tuple[str, ...]:
        return skeleton.base_names if self._merged else skeleton.union_names

    def _predict(self, crops: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
        """[N, S, S, 3] uint8 crops -> [N, J, 3] mm in their cameras' frames."""
        poses = []
        for i in range(0, len(crops), LARGEST_BATCH):
            images = (crops[i : i + LARGEST_BATCH] / 255.0).astype(np.float16)
            k = intrinsics[i : i + LARGEST_BATCH].astype(np.float32)
            poses.append(self._model.predict_multi(images, k).numpy())
        return np.concatenate(poses)


def _load(folder: Path):
    if not (folder / "saved_model.pb").exists():
        inside = folder / "savedmodel"
        hint = f"; did you mean {inside}?" if (inside / "saved_model.pb").exists() else ""
        raise ModelFileError(
            f"{folder}: no saved_model.pb in it, expected a folder that `dozens export` wrote{hint}"
        )
    try:
        model = tf.saved_model.load(str(folder))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ModelFileError(f"{folder}: a damaged SavedModel ({error})") from error
    missing = [name for name in NEEDED if not hasattr(model, name)]
    if missing:
        raise ModelFileError(
            f"{folder}: the model has no {', '.join(missing)}, expected one that `dozens export` wrote"
        )
    return model


def _crops(image: np.ndarray, boxes: np.ndarray, camera: Camera, side: int) -> tuple[np.ndarray, CropCameras]:
    """Crops [M, side, side, 3] uint8 RGB and their cameras, by the code that makes those of training.

    Stored training images are about as large as crops; photos are not, and are halved first where a crop
    would pick every second pixel or fewer.
    """
    levels = np.log2(np.maximum(boxes[:, 2:].max(axis=1) / side, 1)).astype(int)
    pyramid = [cv2.cvtColor(image, cv2.COLOR_RGB2BGR)]
    while len(pyramid) <= levels.max() and min(pyramid[-1].shape[:2]) >= 2:
        pyramid.append(_halved(pyramid[-1]))
    levels = np.minimum(levels, len(pyramid) - 1)
    scales = 0.5**levels
    corners = (boxes[:, :2] + 0.5) * scales[:, np.newaxis] - 0.5  # pixel centres are at integers
    scaled = np.concatenate([corners, boxes[:, 2:] * scales[:, np.newaxis]], axis=1)
    examples = [PoseExample(f"box {i}", b"", camera.scaled(scales[i]), box) for i, box in enumerate(scaled)]
    sizes = np.array([pyramid[level].shape[1::-1] for level in levels])
    cameras = crop_cameras(examples, sizes, no_changes(len(boxes)), side)
    crops = [warp_crop(pyramid[levels[i]], example, cameras, i) for i, example in enumerate(examples)]
    return np.stack(crops), cameras


def _halved(image: np.ndarray) -> np.ndarray:
    """Means of 2x2 pixels; an odd last row or column is dropped, so that no pixel moves."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    return cv2.resize(image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
