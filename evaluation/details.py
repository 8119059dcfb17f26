"""What plots are made of: curves of correct joints, errors by joint and by distance, the worst people."""

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation import metrics
from evaluation.figures import Distances

CURVE_LIMIT = 300  # mm, in steps of 1
DISTANCE_STEP = 1000.0  # mm between camera and root
N_WORST = 50


class Details:
    """Collects them sequence by sequence, in constant memory."""

    def __init__(self, joint_names: Sequence[str]):
        self._joint_names = tuple(joint_names)
        self._curves = {kind: np.zeros(CURVE_LIMIT + 2) for kind in ("relative", "aligned", "absolute")}
        self._joints = np.zeros((2, len(joint_names)))  # sums, numbers
        self._distances: dict[int, np.ndarray] = {}
        self._worst: list[tuple[float, int, str, int]] = []
        self._n_added = 0

    def add(
        self, image_paths: Sequence[str], people: Sequence[int], d: Distances, distance: np.ndarray
    ) -> None:
        """distance: [n] mm between camera and true root; NaN where it is not known."""
        edges = np.arange(CURVE_LIMIT + 1)
        for kind, counts in self._curves.items():
            values = getattr(d, kind)
            values = values[~np.isnan(values)]
            # Place i holds distances in [i - 1, i): those that a threshold of i counts, exclusive
            counts += np.bincount(np.searchsorted(edges, values, side="right"), minlength=CURVE_LIMIT + 2)
        errors = metrics.counted_errors(d.relative)
        self._joints += np.nansum(errors, axis=0), (~np.isnan(errors)).sum(axis=0)
        counts = (~np.isnan(errors)).sum(axis=1)
        with np.errstate(invalid="ignore"):
            means = np.where(counts > 0, np.nansum(errors, axis=1) / np.maximum(counts, 1), np.nan)
        for i in np.flatnonzero(np.isfinite(distance) & np.isfinite(means)):
            cell = self._distances.setdefault(int(distance[i] // DISTANCE_STEP), np.zeros(2))
            cell += (means[i], 1)
        self._add_worst(image_paths, people, means)

    def to_dict(self) -> dict[str, Any]:
        curves = {}
        for kind, counts in self._curves.items():
            total = counts.sum()
            curves[kind] = (100 * np.cumsum(counts[:-1]) / total).round(4).tolist() if total else []
        with np.errstate(invalid="ignore", divide="ignore"):
            by_joint = self._joints[0] / self._joints[1]
        return {
            "pck_curves": {"threshold_mm": list(range(CURVE_LIMIT + 1)), **curves},
            "mpjpe_by_joint": dict(zip(self._joint_names, by_joint.tolist(), strict=True)),
            "mpjpe_by_distance": [
                {"from_m": cell * DISTANCE_STEP / 1000, "mpjpe": float(s / n), "people": int(n)}
                for cell, (s, n) in sorted(self._distances.items())
            ],
            "worst": [
                {"mpjpe": error, "image_path": path, "person": person}
                for error, _, path, person in sorted(self._worst, key=lambda entry: (-entry[0], -entry[1]))
            ],
        }

    def _add_worst(self, image_paths: Sequence[str], people: Sequence[int], means: np.ndarray) -> None:
        for i in np.argsort(-np.nan_to_num(means, nan=-1.0), kind="stable")[:N_WORST]:
            if np.isfinite(means[i]):
                entry = (float(means[i]), -(self._n_added + int(i)), image_paths[i], int(people[i]))
                if len(self._worst) < N_WORST:
                    heapq.heappush(self._worst, entry)
                else:
                    heapq.heappushpop(self._worst, entry)
        self._n_added += len(means)
