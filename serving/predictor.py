"""An exported multi-person model on photos and frames of videos: people of whole images, as NumPy arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf

from posepile import skeletons
from posepile.cameras import Camera
from posepile.names import unknown_name

NEEDED = ("detect_poses_batched", "estimate_poses_batched", "crop_model", "per_skeleton_indices")


class ModelFileError(ValueError):
    """A folder that is no SavedModel of ours; names the folder and what was expected."""


class MissingJointsError(ValueError):
    """A skeleton some of whose joints the model does not predict; names both."""


@dataclass(frozen=True, eq=False)
class People:
    """Poses in one image.

    boxes: [M, 4] px; joints3d: [M, J, 3] mm, world of the camera that was given; joints2d: [M, J, 2] px of
    the image, lens distortion included, NaN where a joint lies behind the camera; scores: [M] of the detector, 1
    for boxes that were given. Detected people are in the order of their scores, best first; people of given boxes
    in that of the boxes, with NaN poses where a box shows nothing (not finite, a side below 1 px, outside the lens).
    """

    boxes: np.ndarray
    joints3d: np.ndarray
    joints2d: np.ndarray
    scores: np.ndarray = field(default=None)

    def __post_init__(self):
        if self.scores is None:
            object.__setattr__(self, "scores", np.ones(len(self.boxes)))

    def take(self, columns: np.ndarray) -> "People":
        """The same people with a part of the joints."""
        return People(self.boxes, self.joints3d[:, columns], self.joints2d[:, columns], self.scores)

    def only(self, rows: np.ndarray) -> "People":
        """Some of the people: rows is a mask [M], or indices."""
        return People(self.boxes[rows], self.joints3d[rows], self.joints2d[rows], self.scores[rows])


@dataclass(frozen=True, eq=False)
class JointChoice:
    """A skeleton among a model's joints: names [J], edges [E, 2] between them, columns [J] of the model."""

    joints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    columns: np.ndarray


@dataclass(frozen=True)
class Detection:
    """What counts as a detected person."""

    threshold: float = 0.3
    """A box's score must be greater."""
    max_people: int = -1
    """Of one image, the best ones; -1: all."""
    suppress_implausible: bool = True
    """Whether impossible poses, and the same pose a second time, are left out."""


class Predictor:
    """Loads a multi-person model once and runs it on any number of images.

    Poses come with all joints of the model; `choose` and `People.take` select a skeleton's.

    Args:
        folder: the SavedModel that `dozens export` writes (OUT/savedmodel/1).
        detection: for `detect`, and for `predict_frames` without boxes.

    Attributes:
        joints, edges: of the poses. has_detector: whether there is a detector in the model; without one, nobody is
        ever detected. skeletons: the names that `choose` knows.

    Raises:
        ModelFileError: no such model.
    """

    def __init__(self, folder: Path, detection: Detection = Detection()):
        self._model = _load(folder)
        self._detection_options = {
            "detector_threshold": detection.threshold,
            "max_detections": detection.max_people,
            "suppress_implausible_poses": detection.suppress_implausible,
        }
        self.has_detector = getattr(self._model, "detector", None) is not None
        self._choices = {name: self._read_choice(name) for name in self._model.per_skeleton_indices}
        self.joints, self.edges = self._choices[""].joints, self._choices[""].edges

    @property
    def skeletons(self) -> tuple[str, ...]:
        return tuple(self._choices)

    def __call__(self, image: np.ndarray, boxes: np.ndarray, camera: Camera, num_aug: int = 1) -> People:
        """Poses of the people in the boxes [M, 4] px of an image [H, W, 3]; otherwise as `predict_frames`."""
        return self.predict_frames([image], camera, [boxes], num_aug)[0]

    def detect(self, image: np.ndarray, camera: Camera, num_aug: int = 1) -> People:
        """Finds the people of an image [H, W, 3], and their poses; otherwise as `predict_frames`."""
        return self.predict_frames([image], camera, num_aug=num_aug)[0]

    def predict_frames(
        self,
        images: Sequence[np.ndarray],
        camera: Camera,
        boxes: Sequence[np.ndarray] | None = None,
        num_aug: int = 1,
    ) -> list[People]:
        """Poses in several images at once, which is faster than one by one.

        Args:
            images: N of one size, [H, W, 3] uint8 RGB.
            camera: of all of them.
            boxes: [M, 4] px of the people in each; None: they are detected.
            num_aug: crops of each person whose poses are averaged, 1 or more: slower, and more accurate.

        Raises:
            ValueError: the images are none, or not as many as rows of boxes.
        """
        images = np.stack(images)
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape[1:3]:
            raise ValueError(
                f"images are {images.dtype} {list(images.shape)}, expected uint8 [N, height, width, 3]"
            )
        arguments = {"num_aug": np.int32(num_aug)} | _of_camera(camera)
        if boxes is None:
            found = self._model.detect_poses_batched(images, **arguments, **self._detection_options)
            boxes_and_scores = _rows(found["boxes"])
        else:
            given = [np.asarray(rows, np.float32).reshape(-1, 4) for rows in boxes]
            if len(given) != len(images):
                raise ValueError(f"boxes of {len(given)} images, expected those of {len(images)}")
            flat = np.concatenate([np.zeros((0, 4), np.float32), *given])
            ragged = tf.RaggedTensor.from_row_lengths(flat, [len(rows) for rows in given])
            found = self._model.estimate_poses_batched(images, ragged, **arguments)
            boxes_and_scores = [np.pad(rows, [(0, 0), (0, 1)], constant_values=1) for rows in given]
        return [
            _people(rows, poses, pixels, camera)
            for rows, poses, pixels in zip(
                boxes_and_scores, _rows(found["poses3d"]), _rows(found["poses2d"]), strict=True
            )
        ]

    def choose(self, skeleton: str) -> JointChoice:
        """The joints of a skeleton by its name, called as the skeleton calls them; "" means all of the model.

        A model with merged joints answers every skeleton with the shared ones.

        Raises:
            UnknownNameError: no such skeleton.
            MissingJointsError: the model lacks some of its joints.
        """
        if skeleton in self._choices:
            return self._choices[skeleton]
        if skeleton not in skeletons.names():
            raise unknown_name("skeleton", skeleton, [*self._choices, *skeletons.names()])
        known = [repr(name) for name in self._choices if name]
        raise MissingJointsError(
            f"skeleton {skeleton!r}: the model lacks joints of it; it answers in {', '.join(known) or 'none'}"
        )

    def formats(self) -> list[str]:
        """The formats all of whose joints the model predicts, in the order of the registry."""
        return [name for name in skeletons.FORMATS if name in self._choices]

    def _read_choice(self, name: str) -> JointChoice:
        model = self._model
        return JointChoice(
            tuple(joint.decode() for joint in model.per_skeleton_joint_names[name].numpy()),
            tuple(map(tuple, model.per_skeleton_joint_edges[name].numpy().tolist())),
            model.per_skeleton_indices[name].numpy(),
        )


def _load(folder: Path):
    folder = Path(folder)
    if not (folder / "saved_model.pb").exists():
        inside = next((path.parent for path in sorted(folder.glob("**/saved_model.pb"))), None)
        hint = f"; did you mean {inside}?" if inside else ""
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


def _of_camera(camera: Camera) -> dict:
    """The model's arguments for a camera, whose frame is the world: positions may be too far for float32."""
    return {
        "intrinsic_matrix": camera.intrinsics[np.newaxis].astype(np.float32),
        "distortion_coeffs": camera.distortion[np.newaxis].astype(np.float32),
        "world_up_vector": (camera.rotation @ camera.world_up).astype(np.float32),
    }


def _people(boxes: np.ndarray, poses: np.ndarray, pixels: np.ndarray, camera: Camera) -> People:
    pixels = np.where(poses[..., 2:] > 0, pixels, np.nan)
    boxes = np.asarray(boxes, np.float64)
    return People(boxes[:, :4], camera.camera_to_world(poses), pixels.astype(np.float64), boxes[:, 4])


def _rows(ragged: tf.RaggedTensor) -> list[np.ndarray]:
    return np.split(ragged.flat_values.numpy(), ragged.row_splits.numpy()[1:-1])
