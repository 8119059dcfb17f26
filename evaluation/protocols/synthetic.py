"""The synthetic test set: every skeleton format labelled on every image, each scored at its own root."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from evaluation.benchmark_results import document, names_of, provenance
from evaluation.details import Details
from evaluation.joint_columns import PredictionWarning
from evaluation.predictions import read_predictions
from evaluation.protocols.protocol import Associated, Labelled
from evaluation.score import METRICS, ScoredPeople, Scores, check_people, score_predictions
from evaluation.truth import formats_of, read_truth
from posepile import skeletons
from posepile.frame import ImageSource
from posepile.store import Store

LABELS = {
    "mpjpe": ("MPJPE", "mm"),
    "p_mpjpe": ("P-MPJPE", "mm"),
    "pck100": ("PCK@100", "%"),
    "cps200": ("CPS@200", "%"),
    "disagreement": ("Disagreement", "mm"),
    "disagreement_depth": ("... in depth", "mm"),
    "disagreement_plane": ("... across", "mm"),
    "disagreement_own_root": ("Disagreement, own roots", "mm"),
}


@dataclass(frozen=True)
class SyntheticProtocol:
    """Scores what `dozens pseudo-label` wrote for a store with 3D labels in one or more formats."""

    formats: tuple[str, ...] = ()
    """Skeleton formats to score; all that the store labels by default."""

    id: ClassVar = "synthetic"
    title: ClassVar = "Synthetic test set, all formats"
    skeleton_name: ClassVar = ""

    def score(self, root: Path, paths: Sequence[Path], allow_missing: bool = False) -> dict[str, Any]:
        """The document about some prediction files of a store; see `evaluation.benchmark_results`.

        Raises PredictionError for keys or joints that do not match.
        """
        truth = read_truth(Store.open(root))
        pairs, models = same_points(truth.joint_names), {}
        for name, path in zip(names_of(paths), paths, strict=True):
            with _noted_warnings() as noted:
                file = read_predictions(path)
                scores = score_predictions(file, truth, pairs, self.formats or None, allow_missing)
                check_people(file.path, scores.people)
            models[name] = provenance(Path(path), file.meta) | _model(scores, noted)
        about = {"images": len(truth.keys), "sequences": len(set(truth.sequences)), "root": str(root)}
        found = document(self, about | {"fingerprint": truth.fingerprint()}, models)
        found["protocol"]["skeleton"] = "+".join(scores.formats)
        return found

    def describe(self) -> dict[str, str]:
        return {
            "joints": "all of each labelled format",
            "root": "each format's own: pelvis, or the middle of the hips",
            "alignment": "MPJPE, PCK, CPS: root; P-MPJPE: rotation, translation, scale; disagreement: none",
            "thresholds": "exclusive (<)",
            "association": "key of the example, one person an image",
            "split": "the store",
            "frames": "all",
            "boxes": "the store's",
            "truth": "by construction",
            "averaging": "over poses and joints of a format, then the plain mean of the formats; intervals resample "
            "subjects",
        }


PROTOCOL = SyntheticProtocol


def same_points(joint_names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Pairs of the given union joints that are one point by construction in the synthetic pile's formats."""
    from posepile.synthetic.formats import same_points as synthetic_pairs  # loads the body

    return [pair for pair in synthetic_pairs(skeletons.FORMATS) if set(pair) <= set(joint_names)]


@contextmanager
def _noted_warnings() -> Iterator[list[str]]:
    """Doubts about a file: kept, and given on."""
    noted: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield noted
    for warning in caught:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
        if isinstance(warning.message, PredictionWarning):
            noted.append(str(warning.message))


def _model(scores: Scores, noted: list[str]) -> dict[str, Any]:
    figures = {}
    for name, value in scores.summary().items():
        (label, unit), found = LABELS[name], scores.interval(name)
        figures[name] = {"label": label, "unit": unit, "value": value, "low": found.low, "high": found.high}
    groups = {name: {metric: row[metric] for metric in METRICS} for name, row in scores.formats.items()}
    return {
        "coverage": {**vars(scores.coverage), "fraction": scores.coverage.fraction},
        "warnings": noted,
        "figures": figures,
        "groups": {"format": groups},
        "vector": [[figures[name]["label"], figures[name]["value"]] for name in METRICS],
        "details": _details(scores.people),
    }


def _details(people: ScoredPeople) -> dict[str, Any]:
    """As of other benchmarks: all formats' joints, distance to the first format's root."""
    truth = people.truth
    names, n = truth.joint_names, len(truth.keys)
    first = next(iter(formats_of(names, truth.source).values()))
    details = Details(names, tuple(int(first.columns[i]) for i in first.root))
    images = [ImageSource(Path(truth.source), row) for row in range(n)]  # rows of the store
    labelled = Labelled("", truth.keys, truth.world, truth.cameras, [0] * n, images=images)
    rows = np.arange(n)
    details.add(labelled, Associated(people.world, truth.world, rows, rows), people.distances)
    return details.to_dict()
