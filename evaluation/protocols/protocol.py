"""What a benchmark is to us: where its truth lies, which prediction belongs to which person, what is measured.

A protocol is a frozen dataclass derived from Protocol: its fields are the choices that papers differ in (they become
options of `dozens evaluate`), `labelled` reads the truth sequence by sequence, `associate` finds the predictions,
`measure` gives the values behind the figures. Everything else (streaming, completeness, tables) is shared.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from evaluation.alignment import Root
from evaluation.bootstrap import Interval, interval_of_sums
from evaluation.figures import PAPER_FIGURES, Distances, Figure, distances, paper_values
from evaluation.prediction_file import PredictionFile, open_predictions
from evaluation.tally import Tally
from posepile import skeletons
from posepile.cameras import Camera
from posepile.frame import Frame, ImageSource
from posepile.skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class Labelled:
    """The truth of n people in one sequence, joints in the protocol's order.

    Attributes:
        sequence: its name; confidence intervals resample sequences.
        image_paths: [n] as prediction files name the images; one that shows several people comes several times.
        joints: [n, J, 3] mm, world; NaN where not labelled.
        cameras: [n] cameras of the images.
        people: [n] the person's number in the image.
        groups: kind -> [n] labels, for tables by activity and the like.
        also_known: further images of the benchmark that predictions may be for, though nobody in them is scored.
        images: [n] where the pixels are, for predicting and for a gallery of the worst; or empty.
        boxes: [n, 4] px, the people's boxes by the data set; or empty.
        extra: what a protocol needs besides, rows as above.
    """

    sequence: str
    image_paths: Sequence[str]
    joints: np.ndarray
    cameras: Sequence[Camera]
    people: Sequence[int]
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    also_known: Sequence[str] = ()
    images: Sequence[ImageSource] = ()
    boxes: Sequence[np.ndarray] = ()
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)

    def in_camera_frame(self) -> np.ndarray:
        """[n, J, 3] mm."""
        rows: dict[int, list[int]] = {}
        for i, camera in enumerate(self.cameras):
            rows.setdefault(id(camera), []).append(i)
        result = np.empty_like(self.joints)
        for same in rows.values():
            result[same] = self.cameras[same[0]].world_to_camera(self.joints[same])
        return result


@dataclass(frozen=True, eq=False)
class Associated:
    """Predictions of the n people of a `Labelled`.

    Attributes:
        poses: [n, J, 3] mm in the frame of `true`; NaN where missing.
        true: [n, J, 3] mm.
        rows: [n] rows of the prediction file, -1 where there is none.
        used: rows of the file that belong to known images, those above and more.
        extra: what a protocol needs besides, [n, ...].
        is_world: whether the frame is the world, not the camera's.
        doubts: what is odd about the file's rows -> the images in which it is; it becomes a warning.
    """

    poses: np.ndarray
    true: np.ndarray
    rows: np.ndarray
    used: np.ndarray
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)
    is_world: bool = True
    doubts: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Inference:
    """How a model is run for the benchmark's published figures; see `evaluation.predict`."""

    detects: bool = True
    """Whether people are detected, or the data set's boxes are given."""
    detector_threshold: float = 0.2
    max_detections: int = -1
    """The best so many of an image; -1: all."""
    num_aug: int = 1


@dataclass(frozen=True)
class Protocol(ABC):
    """A benchmark and the choices in it."""

    id: ClassVar[str]
    title: ClassVar[str]
    skeleton_name: ClassVar[str]
    """The user skeleton (posepile.skeletons) that is scored, in the benchmark's own order."""
    assumed: ClassVar[tuple[str, ...]] = ()
    """Skeletons that a file without joint names may be in, told apart by their number of joints."""
    root: ClassVar[Root] = 0
    """Joint (or several, whose mean is it) that is moved to the origin."""
    group_kinds: ClassVar[tuple[str, ...]] = ()
    group_figures: ClassVar[tuple[str, ...]] = ("mpjpe", "p_mpjpe", "pck@150")
    """Of tables by group."""
    one_person: ClassVar[bool] = True
    """Whether an image has one prediction, so that a second one is a mistake."""
    misses_count: ClassVar[bool] = False
    """Whether the protocol itself says how to count people who are not found; elsewhere they are an error."""
    figures: ClassVar[tuple[Figure, ...]] = PAPER_FIGURES
    sequence_figures: ClassVar[tuple[Figure, ...]] = ()
    """Of `figures`, those that are the plain mean of the sequences' means; the others are pooled over all poses."""
    inference: ClassVar[Inference] = Inference()
    expected_sequences: ClassVar[int | None] = None
    """How many sequences the complete benchmark has; others are scored with a warning."""

    @property
    def skeleton(self) -> Skeleton:
        return skeletons.load(self.skeleton_name)

    @abstractmethod
    def labelled(self, root: Path) -> Iterator[Labelled]:
        """The truth below `root`, the data set's folder, one sequence after the other; no image is read."""

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """The protocol in words: joints, root, alignment, association, split, frames, boxes, averaging."""

    def score(self, root: Path, paths: Sequence[Path], allow_missing: bool = False) -> dict[str, Any]:
        """The document about prediction files (see `evaluation.benchmark_results`, which tells what is raised)."""
        from evaluation.benchmark_results import score_benchmark  # which scores protocols, so it imports them

        return score_benchmark(self, root, paths, allow_missing)

    def open(self, path: Path) -> PredictionFile:
        """Opens a file of predictions; benchmarks with a format of their own override it."""
        return open_predictions(path)

    def associate(self, labelled: Labelled, file: PredictionFile, columns: Sequence[int]) -> Associated:
        """Which prediction is whose: here by the image's path, one person an image."""
        rows = file.rows_of(labelled.image_paths)
        poses = file.poses(rows)[:, columns]
        used = np.concatenate([rows, file.rows_of(labelled.also_known)])
        true = true_in_frame_of(file, labelled)
        return Associated(poses, true, rows, used[used >= 0], is_world=file.pose_field.endswith("world"))

    def measure(self, labelled: Labelled, found: Associated) -> tuple[dict[str, np.ndarray], Distances]:
        """Figure -> values [n] or [n, J] (see `evaluation.figures`), and the distances that plots are made of."""
        d = distances(found.poses, found.true, self.root)
        return paper_values(d), d

    def value(self, figure: Figure, tally: Tally, **where: str) -> float:
        """A figure of (a group of) the poses."""
        if figure in self.sequence_figures:
            means = _sequence_means(figure, tally, **where)
            return figure.scale * float(np.mean(means)) if len(means) else float("nan")
        return figure.scale * tally.mean(figure.name, **where)

    def interval(self, figure: Figure, tally: Tally) -> Interval:
        """The figure with its 95 % interval, by resampling sequences."""
        if figure in self.sequence_figures:
            means = _sequence_means(figure, tally)
            return interval_of_sums(means, np.ones(len(means))).scaled(figure.scale)
        return tally.interval(figure.name).scaled(figure.scale)

    def groups(self, kind: str, tally: Tally) -> list[str]:
        """The labels of a kind of groups in the order of tables."""
        return tally.groups(kind)

    def doubts(self, tally: Tally) -> list[str]:
        """What a reader of the figures has to be warned of."""
        return []

    def vector(self, tally: Tally) -> list[tuple[str, float]]:
        """The published summary line: labels and values. 19 of them unless the benchmark has more."""
        return [(figure.label, self.value(figure, tally)) for figure in PAPER_FIGURES]


def true_in_frame_of(file: PredictionFile, labelled: Labelled) -> np.ndarray:
    """The truth in the frame of the file's coordinates."""
    return labelled.joints if file.pose_field.endswith("world") else labelled.in_camera_frame()


def doubts_of_people(
    names: Sequence[str], poses: np.ndarray, nobody_is_nan: bool = False
) -> dict[str, list[str]]:
    """`Associated.doubts` where an image may have several rows, so that a second one is no mistake by itself.

    names: [m] images; poses: [m, J, 3]. nobody_is_nan: the file's format has all NaN where nobody was found.
    """
    is_finite = np.isfinite(poses).all(axis=(1, 2))
    seen: set[tuple[str, bytes]] = set()
    copies, damaged = [], []
    for name, pose, finite in zip(names, poses, is_finite.tolist(), strict=True):
        if finite:
            key = str(name), pose.tobytes()
            copies += [str(name)] if key in seen else []
            seen.add(key)
        elif not (nobody_is_nan and np.isnan(pose).all()):
            damaged.append(str(name))
    return {
        "rows are copies of another one of the same image": copies,
        "rows have joints that are NaN or infinite": damaged,
    }


def from_frames(
    sequence: str,
    frames: Sequence[Frame],
    columns: Sequence[int],
    image_path,
    groups: Mapping[str, Sequence[str]],
) -> Labelled:
    """Frames of a reader as a `Labelled`; `image_path` names the image of a frame, `columns` picks its joints."""
    joints = np.array([frame.joints3d[columns] for frame in frames], np.float64)
    return Labelled(
        sequence=sequence,
        image_paths=[image_path(frame) for frame in frames],
        joints=joints.reshape(-1, len(columns), 3),
        cameras=[frame.camera for frame in frames],
        people=[int(frame.tags.get("person", 0)) for frame in frames],
        groups=groups,
        images=[frame.image for frame in frames],
        boxes=[frame.box for frame in frames],
    )


def _sequence_means(figure: Figure, tally: Tally, **where: str) -> np.ndarray:
    found = tally.by_sequence(figure.name, **where).values()
    return np.array([total / count for total, count in found if count])
