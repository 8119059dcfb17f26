"""Who of a 3DPW sequence each prediction is: by labelled 2D joints, by a tracker's masks, or as the file says.

Each way gives [P, T]: which of the predictions of the sequence is whose in which image, -1 where nobody's. Source:
evaluation sheet, section 5.4.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image  # OpenCV reads a palette's colours, not its indices
from scipy.optimize import linear_sum_assignment

from evaluation.prediction_file import PredictionError, PredictionFile
from evaluation.protocols.protocol import Labelled
from evaluation.tdpw_files import ChallengePredictions
from evaluation.tracks import follow
from posepile.cameras import Camera
from posepile.datasets.raw import RawDataError, reading
from posepile.skeletons import Skeleton

FOLLOWED = {"lsho": 5, "rsho": 2, "lelb": 6, "relb": 3, "lhip": 11, "rhip": 8, "lkne": 12, "rkne": 9}
"""The joints that people are followed by, and their numbers among the 18 labelled in the image (OpenPose's)."""
SIZE_JOINTS = ("rsho", "lhip")
TRUNK = ("lsho", "rsho", "rhip", "lhip")
BONE_PX = 8
FAR_PX = 30_000  # what OpenCV can draw


@dataclass(frozen=True, eq=False)
class Found:
    """The m predictions of a sequence.

    Attributes:
        poses: [m, 24, 3] mm, camera frame.
        images: [m] number of the image.
        rows: [m] of the prediction file.
        is_pose: [m] whether there is anything finite.
    """

    poses: np.ndarray
    images: np.ndarray
    rows: np.ndarray
    is_pose: np.ndarray

    def in_image(self, t: int) -> np.ndarray:
        """The predictions that are poses in one image."""
        return np.flatnonzero((self.images == t) & self.is_pose)


def by_labels(labelled: Labelled, found: Found, skeleton: Skeleton) -> np.ndarray:
    """In each image the assignment with the largest sum of closeness to the labelled 2D joints; see `tracks.follow`."""
    joints, poses2d = skeleton.joints, labelled.extra["poses2d"]
    shown = Camera(labelled.extra["intrinsics"]).camera_to_image(found.poses)
    first, second = (shown[:, joints.index(name)] for name in SIZE_JOINTS)
    sizes = np.linalg.norm(first - second, axis=-1)
    shown = shown[:, [joints.index(name) for name in FOLLOWED]]
    places = [found.in_image(t) for t in range(poses2d.shape[1])]
    labels = poses2d[:, :, list(FOLLOWED.values())]
    chosen = follow([shown[i] for i in places], labels[..., :2], labels[..., 2], [sizes[i] for i in places])
    for t, place in enumerate(places):
        chosen[:, t] = np.where(chosen[:, t] >= 0, np.append(place, -1)[chosen[:, t]], -1)
    return chosen


def by_masks(
    labelled: Labelled, found: Found, skeleton: Skeleton, folder: Path, scale: float = 1.0
) -> np.ndarray:
    """In each image the assignment with the largest sum of overlaps of drawn predictions with a tracker's masks.

    Args:
        folder: has SEQUENCE/image_00000.png, whose value is the person's number in the sequence's file plus one, 0
            where nobody is.
        scale: of the masks, in images.

    Raises RawDataError for a mask that is missing or has another person.
    """
    n_people, n_images = labelled.extra["poses2d"].shape[:2]
    shown = scale * Camera(labelled.extra["intrinsics"]).camera_to_image(found.poses)
    chosen = np.full((n_people, n_images), -1)
    for t in np.unique(found.images[found.is_pose]):
        place = found.in_image(t)
        file = folder / labelled.sequence.rsplit("/", 1)[-1] / f"image_{t:05d}.png"
        numbers = _read_numbers(file, n_people)
        overlaps = overlap(numbers, shown[place], skeleton, n_people)
        people, taken = linear_sum_assignment(overlaps, maximize=True)
        touches = overlaps[people, taken] > 0  # who touches nobody's mask is nobody
        chosen[people[touches], t] = place[taken[touches]]
    return chosen


def as_given(labelled: Labelled, found: Found, file: PredictionFile) -> np.ndarray:
    """By the file's `person_id`. Raises PredictionError without it, for repetitions and for other counts of people."""
    n_people, n_images = labelled.extra["poses2d"].shape[:2]
    if isinstance(file, ChallengePredictions):
        shape = file.shapes.get(labelled.sequence)
        if shape not in (None, (n_people, n_images)):
            raise PredictionError(
                f"{file.path}/{labelled.sequence}.pkl: {shape[0]} people and {shape[1]} images, expected {n_people} "
                f"and {n_images}"
            )
    if "person_id" not in file.arrays:
        raise PredictionError(
            f"{file.path}: field 'person_id' is missing, expected it as people are to be given"
        )
    person = file.read("person_id", found.rows)
    chosen = np.full((n_people, n_images), -1)
    for i in np.flatnonzero(found.is_pose & (person >= 0) & (person < n_people)):  # others are bystanders
        at = int(person[i]), found.images[i]
        if chosen[at] >= 0:
            image = labelled.also_known[found.images[i]]
            raise PredictionError(f"{file.path}: {image} has person {at[0]} more than once")
        chosen[at] = i
    return chosen


def overlap(numbers: np.ndarray, poses: np.ndarray, skeleton: Skeleton, n_people: int) -> np.ndarray:
    """[P, D] intersection over union of people, in a picture of their numbers [h, w], and of drawn poses [D, J, 2]."""
    areas = np.bincount(numbers.ravel(), minlength=n_people + 1)[1:]
    drawn = []
    for pose in poses:
        mask, at = draw(pose, skeleton, numbers.shape)
        drawn.append(np.bincount(numbers[at][mask], minlength=n_people + 1))
    both = np.array(drawn)[:, 1:].T
    either = areas[:, None] + np.sum(drawn, axis=1) - both
    return both / np.maximum(either, 1)


def draw(
    pixels: np.ndarray, skeleton: Skeleton, shape: tuple[int, int]
) -> tuple[np.ndarray, tuple[slice, slice]]:
    """A mask of bones 8 px wide and the trunk between shoulders and hips, and the part of the picture that it is of.

    pixels: [J, 2], NaN where a joint is not in the image. shape: height and width of the picture.
    """
    is_known = np.isfinite(pixels).all(axis=1)
    points = np.rint(np.clip(np.nan_to_num(pixels), -FAR_PX, FAR_PX)).astype(np.int32)
    low, high = np.zeros(2, int), np.zeros(2, int)
    if is_known.any():  # most of the picture is empty
        low = np.clip(points[is_known].min(axis=0) - BONE_PX, 0, shape[::-1])
        high = np.clip(points[is_known].max(axis=0) + BONE_PX + 1, 0, shape[::-1])
    canvas = np.zeros((high - low)[::-1], np.uint8)
    if canvas.size:
        points -= low.astype(np.int32)
        trunk = [skeleton.joints.index(name) for name in TRUNK]
        if is_known[trunk].all():
            cv2.fillPoly(canvas, [points[trunk]], 1)
        for a, b in skeleton.edges:
            if is_known[a] and is_known[b]:
                cv2.line(canvas, points[a].tolist(), points[b].tolist(), 1, BONE_PX)
    return canvas > 0, (slice(low[1], high[1]), slice(low[0], high[0]))


def _read_numbers(path: Path, n_people: int) -> np.ndarray:
    """[h, w] of a grey picture or one with a palette, as trackers write them."""
    with reading(path), Image.open(path) as image:
        numbers = np.asarray(image)
    if numbers.ndim != 2 or numbers.max() > n_people:
        raise RawDataError(
            f"{path}: shape {list(numbers.shape)}, largest value {numbers.max()}; expected a picture of one channel "
            f"with 0 to {n_people}, its people"
        )
    return numbers
