"""ASPset-510: sports outdoors, 17 joints in the world of the left camera. Evaluation sheet, section 5.5."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from evaluation import metrics
from evaluation.figures import PAPER_FIGURES, Distances, Figure
from evaluation.prediction_file import PredictionFile, open_predictions
from evaluation.predictions import PredictionError
from evaluation.protocols.protocol import Associated, Inference, Labelled, Protocol
from posepile.boxes import expand
from posepile.datasets.aspset import (
    BOX_FACTOR,
    VIEWS,
    clip_file,
    load_boxes,
    load_camera,
    load_poses,
    load_splits,
)
from posepile.datasets.raw import RawDataError
from posepile.frame import ImageSource

TEST_STEP = 5
"""The test split is scored at 10 frames a second of its 50."""
UNIVERSAL_MM = 910.0
CHAIN = (("lkne", "lhip"), ("spin", "pelv"), ("neck", "spin"))
"""Whose lengths together are 910 mm in the universal skeleton."""
ALIGNMENTS = {"abs": "absolute", "rel": "root-relative", "pa": "Procrustes"}
OWN_FIGURES = tuple(
    Figure(f"{name}_{kind}_poses", f"{label}, {alignment}, mean of poses", unit)
    for kind, alignment in ALIGNMENTS.items()
    for name, label, unit in (("mpjpe", "MPJPE", "mm"), ("pck@150", "PCK@150 (≤)", "%"))
)


@dataclass(frozen=True)
class ASPsetProtocol(Protocol):
    """Predictions are rows, or a folder with one "<subject>-<clip>-<view>.c3d" a view, 50 frames a second, mm."""

    split: Literal["test", "val", "train"] = "test"
    """Test is scored at 10 frames a second, the others at 50."""
    universal: bool = False
    """Make all true people as tall as each other, about the left camera; predictions stay as they are."""

    id: ClassVar = "aspset"
    title: ClassVar = "ASPset-510"
    skeleton_name: ClassVar = "aspset_17"
    assumed: ClassVar = ("aspset_17",)
    root: ClassVar = 16
    inference: ClassVar = Inference(detects=False)
    group_kinds: ClassVar = ("subject",)
    figures: ClassVar = (*PAPER_FIGURES, *OWN_FIGURES)

    def labelled(self, root: Path) -> Iterator[Labelled]:
        rows = load_splits(root / "data/splits.csv")
        chosen = [(subject, clip, view) for subject, clip, split, view in rows if split == self.split]
        if not chosen:
            raise RawDataError(f"{root / 'data/splits.csv'}: no clip of {self.split!r}")
        for subject, clip, which in chosen:
            for view in VIEWS if which == "all" else (which,):
                if clip_file(root, self.split, "boxes", (subject, clip, view)).exists() or which != "all":
                    yield self._clip(root, subject, clip, view)

    def open(self, path: Path) -> PredictionFile:
        if not path.is_dir():
            return open_predictions(path)
        names, poses = [], []
        files = sorted(path.glob("*-*-*.c3d"))
        if not files:
            raise PredictionError(
                f"{path}: no <subject>-<clip>-<view>.c3d, expected one for each view of a clip"
            )
        for file in files:
            try:
                found = load_poses(file)
            except RawDataError as error:
                raise PredictionError(str(error)) from error
            subject, clip, view = file.stem.split("-", 2)
            names += [self._image_path(subject, clip, view, i) for i in range(len(found))]
            poses.append(found)
        arrays = {"coords3d_pred_world": np.concatenate(poses)}
        return PredictionFile(path, np.array(names, "S"), arrays, self.skeleton.joints)

    def measure(self, labelled: Labelled, found: Associated) -> tuple[dict[str, np.ndarray], Distances]:
        values, d = super().measure(labelled, found)
        for kind, distances in zip(ALIGNMENTS, (d.absolute, d.relative, d.aligned), strict=True):
            values[f"mpjpe_{kind}_poses"] = _mean_of_joints(metrics.counted_errors(distances))
            values[f"pck@150_{kind}_poses"] = _mean_of_joints(metrics.hits(distances, 150, inclusive=True))
        return values, d

    def describe(self) -> dict[str, str]:
        return {
            "joints": f"17: {' '.join(self.skeleton.joints)}",
            "root": "pelvis, which counts in means over 17 joints (its distance is 0)",
            "alignment": "absolute, root, or Procrustes: rotation, translation, scale, no reflection",
            "thresholds": "PCK@150 of the benchmark inclusive (≤); in the 19 numbers exclusive (<)",
            "association": "image, one person an image",
            "split": self.split,
            "frames": "every 5th (10 a second)" if self.split == "test" else "all (50 a second)",
            "boxes": f"the data set's, {BOX_FACTOR:g} times as large",
            "truth": f"made {UNIVERSAL_MM:g} mm from left hip to knee and pelvis to neck, about the world's origin"
            if self.universal
            else "as labelled",
            "averaging": "of the benchmark: the mean of each pose's joints, then of the poses; else over all joints",
        }

    def _clip(self, root: Path, subject: str, clip: str, view: str) -> Labelled:
        poses = load_poses(clip_file(root, self.split, "joints_3d", (subject, clip)))
        boxes = expand(load_boxes(clip_file(root, self.split, "boxes", (subject, clip, view))), BOX_FACTOR)
        camera = load_camera(clip_file(root, self.split, "cameras", (subject, view)))
        video = clip_file(root, self.split, "videos", (subject, clip, view))
        length = min(len(poses), len(boxes))
        frames = range(0, length, TEST_STEP if self.split == "test" else 1)
        joints = poses[list(frames)]
        return Labelled(
            sequence=f"{subject}-{clip}-{view}",
            image_paths=[self._image_path(subject, clip, view, i) for i in frames],
            joints=self._as_tall(joints) if self.universal else joints,
            cameras=[camera] * len(frames),
            people=[0] * len(frames),
            groups={"subject": [subject] * len(frames)},
            also_known=[self._image_path(subject, clip, view, i) for i in range(len(poses))],
            images=[ImageSource(video, i) for i in frames],
            boxes=[boxes[i] for i in frames],
        )

    def _image_path(self, subject: str, clip: str, view: str, frame: int) -> str:
        """ "aspset/data/test/videos/aaaa/aaaa-0003-mid.mkv/000005.jpg": the frames of a video are its files."""
        video = clip_file(Path("aspset"), self.split, "videos", (subject, clip, view))
        return f"{video.as_posix()}/{frame:06d}.jpg"

    def _as_tall(self, joints: np.ndarray) -> np.ndarray:
        bones = [[self.skeleton.index(name) for name in bone] for bone in CHAIN]
        lengths = [np.linalg.norm(joints[:, a] - joints[:, b], axis=-1) for a, b in bones]
        return joints * (UNIVERSAL_MM / np.sum(lengths, axis=0))[:, None, None]


PROTOCOL = ASPsetProtocol


def _mean_of_joints(values: np.ndarray) -> np.ndarray:
    """[n, J] -> [n]; NaN where nothing counts."""
    count = (~np.isnan(values)).sum(axis=1)
    return np.where(count, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)
