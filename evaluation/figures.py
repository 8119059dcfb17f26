"""Figures: what a benchmark reports, with label, unit and direction, and the values that they are means of."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from evaluation import metrics
from evaluation.alignment import Root


@dataclass(frozen=True)
class Figure:
    """One number of a report: the mean of `values`, in % if the unit says so (values are then fractions)."""

    name: str
    """"pck@150"."""
    label: str
    """As tables have it: "PCK@150"."""
    unit: str
    """"mm" or "%"; more is better in %, less in mm."""

    @property
    def scale(self) -> float:
        return 100.0 if self.unit == "%" else 1.0


@dataclass(frozen=True, eq=False)
class Distances:
    """The distances of n predicted poses, [n, J] mm each; NaN: not labelled, inf: missing."""

    relative: np.ndarray
    """Root-relative."""
    absolute: np.ndarray
    aligned: np.ndarray
    """After Procrustes alignment."""


def distances(pred: np.ndarray, true: np.ndarray, root: Root) -> Distances:
    """pred, true: [n, J, 3] mm; NaN in `true` where not labelled, in `pred` where missing."""
    return Distances(
        metrics.root_relative_distances(pred, true, root=root),
        metrics.absolute_distances(pred, true),
        metrics.procrustes_distances(pred, true),
    )


LENGTHS = {"mpjpe": "MPJPE", "p_mpjpe": "P-MPJPE", "a_mpjpe": "A-MPJPE"}
PCK_AUC = ("pck@50", "pck@100", "pck@150", "auc@50", "auc@100", "auc@150")
CPS_AREA = ("cps@100", "cps@150", "cps@200", "cps_auc@100", "cps_auc@150", "cps_auc@200")
ABSOLUTE = ("apck@150", "apck@300", "aauc@150", "aauc@300")
PAPER_FIGURES = (
    *(Figure(name, label, "mm") for name, label in LENGTHS.items()),
    *(Figure(n, n.upper().replace("_", "-"), "%") for n in (*PCK_AUC, *CPS_AREA, *ABSOLUTE)),
)
"""The 19 figures of the published summary line, in its order. Source: evaluation sheet, section 2.5."""


def paper_values(d: Distances) -> dict[str, np.ndarray]:
    """The values of PAPER_FIGURES: all joints, thresholds exclusive, AUC continuous."""
    worst = metrics.worst_joints(d.relative)
    return {
        "mpjpe": metrics.counted_errors(d.relative),
        "p_mpjpe": metrics.counted_errors(d.aligned),
        "a_mpjpe": metrics.counted_errors(d.absolute),
        **{f"pck@{k}": metrics.hits(d.relative, k) for k in (50, 100, 150)},
        **{f"auc@{k}": metrics.nearness(d.relative, k) for k in (50, 100, 150)},
        **{f"cps@{t}": metrics.hits(worst, t) for t in (100, 150, 200)},
        **{f"cps_auc@{t}": metrics.nearness(worst, t) for t in (100, 150, 200)},
        **{f"apck@{k}": metrics.hits(d.absolute, k) for k in (150, 300)},
        **{f"aauc@{k}": metrics.nearness(d.absolute, k) for k in (150, 300)},
    }


def by_name(figures: Iterable[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}
