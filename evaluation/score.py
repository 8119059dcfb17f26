"""Scores a file of predictions against a test store: per skeleton format, averaged, and between formats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from evaluation import metrics
from evaluation.alignment import root_position
from evaluation.bootstrap import Interval, interval_of_sums, sums_by_sequence
from evaluation.completeness import Coverage, Plausibility
from evaluation.consistency import Disagreement, differences, own_root_differences, parts, summary
from evaluation.figures import Distances
from evaluation.prediction_file import PredictionError
from evaluation.predictions import StorePredictions, read_predictions, select
from evaluation.truth import FormatJoints, Truth, formats_of, read_truth, root_names
from posepile.store import Store

PCK_THRESHOLD_MM = 100.0
CPS_THRESHOLD_MM = 200.0
METRICS = ("mpjpe", "p_mpjpe", "pck100", "cps200")
PERCENT = ("pck100", "cps200")

Sums = tuple[np.ndarray, np.ndarray]
"""Of the values of each sequence and format, and their numbers, [S, F]."""


@dataclass(frozen=True, eq=False)
class ScoredPeople:
    """Everybody who was scored, rows and joints as in `truth`; what plots are made of."""

    truth: Truth
    world: np.ndarray
    """[N, J, 3] mm: the predictions."""
    distances: Distances
    """[N, J] mm, each format relative to its own root and aligned by itself."""


@dataclass(frozen=True)
class Scores:
    """mpjpe and p_mpjpe in mm, pck100 and cps200 in %; disagreements in mm (see `evaluation.consistency`)."""

    formats: dict[str, dict[str, float]]
    """Format -> metric -> value; also "coverage", the fraction of labelled joints that were predicted."""
    average: dict[str, float]
    """Metric -> plain mean over the formats."""
    disagreement: Disagreement | None
    own_root: Disagreement | None
    n_examples: int
    coverage: Coverage | None = None
    people: "ScoredPeople | None" = field(default=None, repr=False)
    sums: Mapping[str, Sums] = field(default_factory=dict, repr=False)
    """Of each figure of `summary`; what `interval` needs."""

    def interval(self, figure: str) -> Interval:
        """A figure of `summary` with its 95 % interval, by resampling sequences (see `Truth.sequences`)."""
        sums, counts = self.sums[figure]
        used = counts.any(axis=1)
        return interval_of_sums(sums[used], counts[used]).scaled(100.0 if figure in PERCENT else 1.0)

    def summary(self) -> dict[str, float]:
        """One flat row: the averages and the disagreement between formats (absent without pairs)."""
        row = dict(self.average)
        if self.disagreement and self.own_root:
            row |= {
                "disagreement": self.disagreement.total,
                "disagreement_depth": self.disagreement.depth,
                "disagreement_plane": self.disagreement.plane,
                "disagreement_own_root": self.own_root.total,
            }
        return row

    def to_dict(self) -> dict:
        return {**self.summary(), "formats": self.formats, "n_examples": self.n_examples}


def score_predictions(
    predictions: str | Path | StorePredictions,
    test: Store | Truth,
    pairs: Sequence[tuple[str, str]] = (),
    formats: Sequence[str] | None = None,
    allow_missing: bool = False,
) -> Scores:
    """Scores predictions of a store, each format at its own root.

    Predictions and labels are matched by example key and by joint name. A prediction file of merged joints
    (no name has a format's suffix) gives each format the joints of equal base names.

    Args:
        predictions: file with key, poses, coords3d_pred_world, joint_names; or what `read_predictions` gave.
        test: the store, or what `read_truth` gave, which saves reading it again.
        pairs: union names of joints that are one point by construction; none leaves out the disagreement.
        formats: which to score; None means all that the store labels.
        allow_missing: accept examples without a row and joints predicted as NaN; they count as wrong (see
            `evaluation.metrics`).

    Raises PredictionError for keys that are missing, repeated or unknown, joints that are missing, and values that are
    not finite. Whether the people are people, `check_people` tells.
    """
    truth = read_truth(test) if isinstance(test, Store) else test
    file = predictions if isinstance(predictions, StorePredictions) else read_predictions(predictions)
    truth = _only_formats(truth, formats)
    file = select(file, truth, truth.joint_names, allow_missing)
    wanted = formats_of(truth.joint_names, truth.source)
    values = {name: _format_values(file.world, truth.world, joints) for name, joints in wanted.items()}
    by_format = {name: _format_scores(of_format) for name, of_format in values.items()}
    average = {metric: float(np.mean([s[metric] for s in by_format.values()])) for metric in METRICS}
    found = {metric: [of_format[metric] for of_format in values.values()] for metric in METRICS}
    pairs = [pair for pair in pairs if set(pair) <= set(truth.joint_names)]
    between = own_root = None
    if pairs:
        apart, apart_at_roots = _differences(file, truth, pairs, wanted)
        between, own_root = summary(apart), summary(apart_at_roots)
        total, depth, plane = parts(apart).values()
        found |= {"disagreement": [total], "disagreement_depth": [depth], "disagreement_plane": [plane]}
        found["disagreement_own_root"] = [parts(apart_at_roots)["total"]]
    sums = {name: _sums(of_formats, truth.sequences) for name, of_formats in found.items()}
    people = ScoredPeople(truth, file.world, _distances(file.world, truth.world, wanted, values))
    coverage = _coverage(file.world, truth.world)
    return Scores(by_format, average, between, own_root, len(truth.keys), coverage, people, sums)


def check_people(path: str, people: ScoredPeople) -> None:
    """Raises PredictionError for metres; warns of other odd sizes and of mirrored joints, format by format."""
    for name, joints in formats_of(people.truth.joint_names, people.truth.source).items():
        plausibility = Plausibility(path, f"'coords3d_pred_world' ({name})", joints.mirror)
        plausibility.add(people.world[:, joints.columns], people.truth.world[:, joints.columns])
        plausibility.check()


def mean_pose_mpjpe(
    train: Sequence[Store | Truth], test: Store | Truth, formats: Sequence[str] | None = None
) -> dict[str, float]:
    """MPJPE, mm, of predicting the mean pose of the training set, whatever the image shows: a yardstick.

    The mean of each format is over the examples labelled in it, root at the origin, in the crop camera's
    frame. Returns format -> MPJPE, and "average" over the chosen formats (None: all) of the test store.

    Raises ValueError if a format of the test store has no training example.
    """
    truths = [read_truth(store) if isinstance(store, Store) else store for store in train]
    test = _only_formats(read_truth(test) if isinstance(test, Store) else test, formats)
    scores = {}
    for name, joints in formats_of(test.joint_names, test.source).items():
        wanted = [test.joint_names[i] for i in joints.columns]
        poses = [_centred(truth, wanted, name) for truth in truths if set(wanted) <= set(truth.joint_names)]
        if not poses:
            raise ValueError(f"no training store labels all joints of {name!r}, expected at least one")
        mean = np.nanmean(np.concatenate(poses), axis=0)  # [n, 3]
        true = _centred(test, wanted, name)
        scores[name] = metrics.mpjpe(np.broadcast_to(mean, true.shape), true, root=joints.root)
    return scores | {"average": float(np.mean(list(scores.values())))}


def _centred(truth: Truth, wanted: list[str], format_name: str) -> np.ndarray:
    """[N, n, 3] poses in crop camera directions, root at the origin."""
    columns = [truth.joint_names.index(name) for name in wanted]
    root = [truth.joint_names.index(name) for name in root_names(format_name)]
    return truth.in_camera_frame(truth.world[:, columns] - root_position(truth.world, root))


def _only_formats(truth: Truth, formats: Sequence[str] | None) -> Truth:
    """The labels of the chosen formats. Raises PredictionError for a format that is not labelled."""
    labelled = formats_of(truth.joint_names, truth.source)
    for name in formats or ():
        if name not in labelled:
            raise PredictionError(f"{truth.source}: {name!r} is not labelled; {', '.join(labelled)} are")
    chosen = labelled if formats is None else {name: labelled[name] for name in formats}
    columns = np.concatenate([joints.columns for joints in chosen.values()])
    names = tuple(truth.joint_names[i] for i in columns)
    return replace(truth, world=truth.world[:, columns], joint_names=names)


def _differences(
    file: StorePredictions,
    truth: Truth,
    pairs: Sequence[tuple[str, str]],
    formats: Mapping[str, FormatJoints],
) -> tuple[np.ndarray, np.ndarray]:
    """[N, pairs, 3] mm twice: of predictions as they are, and of errors at the formats' own roots."""
    roots = {truth.joint_names[i]: root_names(f) for f, joints in formats.items() for i in joints.columns}
    in_camera = [truth.in_camera_frame(points) for points in (file.world, truth.world)]
    return (
        differences(file.poses, file.joint_names, pairs),
        own_root_differences(*in_camera, truth.joint_names, pairs, roots),
    )


def _format_values(pred: np.ndarray, true: np.ndarray, joints: FormatJoints) -> dict[str, np.ndarray]:
    """Metric -> [N, n] or, of poses, [N, 1] values: mm, or 1 for right and 0 for wrong; "relative" and "aligned"
    distances [N, n]."""
    pred, true = pred[:, joints.columns], true[:, joints.columns]
    relative = metrics.root_relative_distances(pred, true, root=joints.root)
    aligned = metrics.procrustes_distances(pred, true)
    return {
        "mpjpe": metrics.counted_errors(relative),
        "p_mpjpe": metrics.counted_errors(aligned),
        "pck100": metrics.hits(relative, PCK_THRESHOLD_MM),
        "cps200": metrics.hits(metrics.worst_joints(relative), CPS_THRESHOLD_MM)[:, None],
        "relative": relative,
        "aligned": aligned,
    }


def _distances(
    pred: np.ndarray,
    true: np.ndarray,
    formats: Mapping[str, FormatJoints],
    values: Mapping[str, Mapping[str, np.ndarray]],
) -> Distances:
    """Of all formats side by side."""
    relative, aligned = np.full((2, *true.shape[:2]), np.nan)
    for name, joints in formats.items():
        relative[:, joints.columns], aligned[:, joints.columns] = (
            values[name][kind] for kind in ("relative", "aligned")
        )
    return Distances(relative, metrics.absolute_distances(pred, true), aligned)


def _format_scores(values: Mapping[str, np.ndarray]) -> dict[str, float]:
    scale = dict.fromkeys(PERCENT, 100.0)
    found = {metric: scale.get(metric, 1.0) * metrics.pooled_mean(values[metric]) for metric in METRICS}
    return found | {"coverage": metrics.coverage(values["relative"])}


def _sums(of_formats: Sequence[np.ndarray], sequences: Sequence[str]) -> Sums:
    found = [sums_by_sequence(values, sequences) for values in of_formats]
    sums, counts = (np.stack(each, axis=1) for each in zip(*found, strict=True))
    return sums, counts


def _coverage(pred: np.ndarray, true: np.ndarray) -> Coverage:
    labelled = np.isfinite(true).all(axis=-1)
    found = labelled & np.isfinite(pred).all(axis=-1)
    return Coverage(*(int(each.sum()) for each in (labelled.any(axis=1), found.any(axis=1), labelled, found)))
