"""MuPoTS-3D: 20 recordings of several people; predictions are matched to them in the image. Evaluation sheet, 5.3."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np

from evaluation import metrics
from evaluation.bones import with_true_bone_lengths
from evaluation.figures import PAPER_FIGURES, Distances, Figure, distances, paper_values
from evaluation.prediction_file import PredictionFile
from evaluation.protocols.protocol import Associated, Labelled, Protocol, doubts_of_people
from evaluation.tally import Tally
from posepile.datasets.mupots import BOX_FACTOR, MuPoTS, fitted_camera, load_labels
from posepile.frame import ImageSource
from posepile.prepare.matching import joint_box

MATCHED_JOINTS = slice(1, 14)
"""Those that are compared in the image: without head top, pelvis, spine and head."""
MATCH_PX = 40.0
BONES = (
    (15, 14), (1, 15), (0, 1), (16, 1), (2, 1), (3, 2), (4, 3), (5, 1), (6, 5), (7, 6), (8, 14), (9, 8), (10, 9),
    (11, 14), (12, 11), (13, 12),
)  # fmt: skip
"""(child, parent) from the pelvis outwards."""
JOINT_SETS = {14: [*range(14)], 16: [*range(14), 15, 16], 17: [*range(17)]}


@dataclass(frozen=True)
class Variant:
    """One of the 8 ways to compare."""

    truth: str
    """"univ" or "metric"."""
    alignment: str
    """"rel": root; "abs": none."""
    is_rescaled: bool
    """Whether predicted bones get their true lengths first."""

    @property
    def name(self) -> str:
        return f"{self.truth}_{self.alignment}" + ("_rescaled" if self.is_rescaled else "")

    @property
    def label(self) -> str:
        truth = {"univ": "universal", "metric": "metric"}[self.truth]
        alignment = {"rel": "root-relative", "abs": "absolute"}[self.alignment]
        return f"{truth}, {alignment}" + (", bones rescaled" if self.is_rescaled else "")


VARIANTS = tuple(Variant(*choice) for choice in product(("univ", "metric"), ("rel", "abs"), (True, False)))


def figures_of(variant: Variant) -> tuple[Figure, ...]:
    """PCK and AUC of matched people and of all; MPJPE of matched ones in three sets of joints."""
    shares = [
        Figure(f"{name}_{variant.name}_{people}", f"{title} {people}, {variant.label}", "%")
        for (name, title), people in product((("pck@150", "PCK@150"), ("auc", "AUC")), ("all", "matched"))
    ]
    lengths = [
        Figure(f"mpjpe{n}_{variant.name}_matched", f"MPJPE matched, {n} joints, {variant.label}", "mm")
        for n in JOINT_SETS
    ]
    return (*shares, *lengths)


SEQUENCE_FIGURES = tuple(figure for variant in VARIANTS for figure in figures_of(variant))
RECALL = Figure("recall", "Recall (people matched)", "%")


@dataclass(frozen=True)
class MuPoTSProtocol(Protocol):
    """People who are not found are part of the protocol: wrong in figures of "all", left out of "matched"."""

    id: ClassVar = "mupots"
    title: ClassVar = "MuPoTS-3D"
    skeleton_name: ClassVar = "mpi_inf_3dhp_17"
    assumed: ClassVar = ("mpi_inf_3dhp_17", "mpi_inf_3dhp_28")
    root: ClassVar = 14
    group_kinds: ClassVar = ("sequence",)
    group_figures: ClassVar = (
        "pck@150_univ_rel_rescaled_all", "pck@150_univ_rel_rescaled_matched", "pck@150_univ_abs_rescaled_all",
        "pck@150_univ_abs_rescaled_matched", "recall",
    )  # fmt: skip
    one_person: ClassVar = False
    misses_count: ClassVar = True
    figures: ClassVar = (*PAPER_FIGURES, RECALL, *SEQUENCE_FIGURES)
    sequence_figures: ClassVar = SEQUENCE_FIGURES
    expected_sequences: ClassVar = 20

    def labelled(self, root: Path) -> Iterator[Labelled]:
        for sequence in MuPoTS().sequences(root):
            file = root / sequence.name / "annot.mat"
            labels = load_labels(file)
            camera = fitted_camera(file, labels)
            frames, people = np.nonzero(labels.is_valid)
            names = [f"mupots/{sequence.name}/img_{i:06d}.jpg" for i in range(len(labels.is_valid))]
            yield Labelled(
                sequence=sequence.name,
                image_paths=[names[i] for i in frames],
                joints=labels.poses[frames, people],
                cameras=[camera] * len(frames),
                people=people.tolist(),
                groups={"sequence": [sequence.name] * len(frames)},
                also_known=names,
                images=[ImageSource(file.with_name(f"img_{i:06d}.jpg")) for i in frames],
                boxes=[
                    joint_box(camera.camera_to_image(pose), BOX_FACTOR)
                    for pose in labels.poses[frames, people]
                ],
                extra={
                    "universal": labels.universal[frames, people],
                    "pixels": labels.pixels[frames, people],
                },
            )

    def associate(self, labelled: Labelled, file: PredictionFile, columns) -> Associated:
        rows_of = {name: file.all_rows_of(name) for name in labelled.also_known}
        used = np.concatenate([np.empty(0, np.int64), *rows_of.values()])
        poses = file.poses(used)[:, columns]
        pixels = labelled.cameras[0].camera_to_image(poses)
        starts = np.cumsum([0, *map(len, rows_of.values())])
        place = dict(zip(rows_of, starts[:-1], strict=True))
        chosen = np.full(len(labelled.people), -1)
        names = np.array(labelled.image_paths)
        for first, end in _runs(names):  # people of one image follow each other
            start, n = place[names[first]], len(rows_of[names[first]])
            found = match_people(labelled.extra["pixels"][first:end], pixels[start : start + n])
            chosen[first:end] = np.where(found >= 0, start + found, -1)
        padded = np.concatenate([poses, np.full((1, *poses.shape[1:]), np.nan)])
        rows = np.where(chosen >= 0, np.append(used, -1)[chosen], -1)
        doubts = doubts_of_people(np.repeat(list(rows_of), np.diff(starts)), poses)
        return Associated(padded[chosen], labelled.joints, rows, used, doubts=doubts)

    def measure(self, labelled: Labelled, found: Associated) -> tuple[dict[str, np.ndarray], Distances]:
        is_matched = found.rows >= 0
        d = distances(found.poses, np.where(is_matched[:, None, None], found.true, np.nan), self.root)
        values = paper_values(d) | {"recall": is_matched.astype(float)}
        for variant in VARIANTS:
            true = labelled.extra["universal"] if variant.truth == "univ" else labelled.joints
            pred = with_true_bone_lengths(found.poses, true, BONES) if variant.is_rescaled else found.poses
            errors = (
                metrics.root_relative_distances(pred, true, root=self.root)
                if variant.alignment == "rel"
                else metrics.absolute_distances(pred, true)
            )
            values |= _variant_values(variant, errors, is_matched)
        return values, d

    def doubts(self, tally: Tally) -> list[str]:
        empty = [name for name, (matched, _) in tally.by_sequence("recall").items() if not matched]
        if not empty:
            return []
        return [
            f"nobody is matched in {', '.join(empty)}: 0 in figures of all, left out of those of matched people"
        ]

    def describe(self) -> dict[str, str]:
        return {
            "joints": f"17: {' '.join(self.skeleton.joints)}; PCK@150 and AUC of the 8 variants: the first 14; MPJPE "
            "of 16: without pelvis",
            "root": "pelvis, which counts in means over 17 joints (its distance is 0)",
            "alignment": "root-relative, or absolute; bones rescaled: each predicted bone gets the true length first",
            "thresholds": "exclusive (<); AUC of the 8 variants at 0, 5, ..., 150 mm (perfect is 96.77), else "
            "continuous",
            "association": "in the image: true people in file order take the free prediction with most of 13 joints "
            "within 40 px in x and y; without one they are not matched",
            "split": "TS1 to TS20",
            "frames": "all with a valid person",
            "boxes": "none: people are detected",
            "truth": "metric (annot3) unless universal (univ_annot3) is noted; the camera is fitted to the labels",
            "averaging": "8 variants: the mean of each sequence, then of the sequences; summary line: over all matched "
            "people, metric truth, no rescaling, 17 joints",
        }


PROTOCOL = MuPoTSProtocol


def match_people(true: np.ndarray, pred: np.ndarray) -> np.ndarray:
    """Which prediction each true person of an image takes: [P] indices, -1 where none.

    Greedy in the order of the people: the one not taken yet that has most joints within 40 px in x and in y; the
    first of equal ones.

    Args:
        true: [P, 17, 2] px.
        pred: [D, 17, 2] px; a joint at exactly (0, 0), or NaN, matches nothing.
    """
    chosen = np.full(len(true), -1)
    if not len(pred) or not len(true):
        return chosen
    t, p = true[:, None, MATCHED_JOINTS], pred[None, :, MATCHED_JOINTS]
    counts = ((np.abs(t - p) < MATCH_PX).all(axis=-1) & (p != 0).any(axis=-1)).sum(axis=-1)  # [P, D]
    for person, row in enumerate(counts):
        best = int(row.argmax())
        if row[best] > 0:
            chosen[person] = best
            counts[:, best] = -1
    return chosen


def _variant_values(variant: Variant, errors: np.ndarray, is_matched: np.ndarray) -> dict[str, np.ndarray]:
    """errors: [n, 17], inf for people who are not matched."""
    values = {}
    first = errors[:, JOINT_SETS[14]]
    for name, value in (("pck@150", metrics.hits(first, 150)), ("auc", metrics.nearness_3dhp(first))):
        values[f"{name}_{variant.name}_all"] = value
        values[f"{name}_{variant.name}_matched"] = np.where(is_matched[:, None], value, np.nan)
    for n, joints in JOINT_SETS.items():
        values[f"mpjpe{n}_{variant.name}_matched"] = metrics.counted_errors(errors[:, joints])
    return values


def _runs(names: np.ndarray) -> list[tuple[int, int]]:
    """Start and end of stretches of equal names."""
    starts = [i for i in range(len(names)) if i == 0 or names[i] != names[i - 1]]
    return list(zip(starts, [*starts[1:], len(names)], strict=True))
