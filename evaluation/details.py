"""What plots are made of: curves of correct joints, errors by joint and by distance, the worst people."""

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation import metrics
from evaluation.alignment import Root, root_position
from evaluation.figures import Distances
from evaluation.protocols.protocol import Associated, Labelled

CURVE_LIMIT = 300  # mm, in steps of 1
DISTANCE_STEP = 1000.0  # mm between camera and root
N_WORST = 50


class Details:
    """Collects them sequence by sequence, in constant memory."""

    def __init__(self, joint_names: Sequence[str], root: Root):
        self._joint_names, self._root = tuple(joint_names), root
        self._curves = {kind: np.zeros(CURVE_LIMIT + 2) for kind in ("relative", "aligned", "absolute")}
        self._joints = np.zeros((2, len(joint_names)))  # sums, numbers
        self._distances: dict[int, np.ndarray] = {}
        self._worst: list[tuple[float, int, dict[str, Any]]] = []
        self._n_added = 0

    def add(self, labelled: Labelled, found: Associated, d: Distances) -> None:
        """Adds the people of a sequence."""
        edges = np.arange(CURVE_LIMIT + 1)
        for kind, counts in self._curves.items():
            values = getattr(d, kind)
            values = values[~np.isnan(values)]
            # Place i holds distances in [i - 1, i): those that a threshold of i counts, exclusive
            counts += np.bincount(np.searchsorted(edges, values, side="right"), minlength=CURVE_LIMIT + 2)
        errors = metrics.counted_errors(d.relative)
        counts = (~np.isnan(errors)).sum(axis=1)
        self._joints += np.nansum(errors, axis=0), (~np.isnan(errors)).sum(axis=0)
        means = np.where(counts > 0, np.nansum(errors, axis=1) / np.maximum(counts, 1), np.nan)
        true = labelled.in_camera_frame()
        distance = np.linalg.norm(root_position(true, self._root)[:, 0], axis=-1)
        for i in np.flatnonzero(np.isfinite(distance) & np.isfinite(means)):
            cell = self._distances.setdefault(int(distance[i] // DISTANCE_STEP), np.zeros(2))
            cell += (means[i], 1)
        self._add_worst(labelled, found, true, means)

    def to_dict(self) -> dict[str, Any]:
        """Plain values. Poses of the worst people are in the camera's frame, tenths of mm."""
        curves = {}
        for kind, counts in self._curves.items():
            total = counts.sum()
            curves[kind] = (100 * np.cumsum(counts[:-1]) / total).round(4).tolist() if total else []
        with np.errstate(invalid="ignore", divide="ignore"):
            by_joint = self._joints[0] / self._joints[1]
        worst = sorted(self._worst, key=lambda entry: (-entry[0], -entry[1]))
        return {
            "pck_curves": {"threshold_mm": list(range(CURVE_LIMIT + 1)), **curves},
            "mpjpe_by_joint": dict(zip(self._joint_names, by_joint.tolist(), strict=True)),
            "mpjpe_by_distance": [
                {"from_m": cell * DISTANCE_STEP / 1000, "mpjpe": float(s / n), "people": int(n)}
                for cell, (s, n) in sorted(self._distances.items())
            ],
            "worst": [{"mpjpe": error, **person} for error, _, person in worst],
        }

    def _add_worst(self, labelled: Labelled, found: Associated, true: np.ndarray, means: np.ndarray) -> None:
        for i in np.argsort(-np.nan_to_num(means, nan=-1.0), kind="stable")[:N_WORST]:
            is_full = len(self._worst) == N_WORST
            if not np.isfinite(means[i]) or (is_full and means[i] <= self._worst[0][0]):
                break  # the others are no worse
            entry = (float(means[i]), -(self._n_added + int(i)), _person(labelled, found, true, int(i)))
            (heapq.heappushpop if is_full else heapq.heappush)(self._worst, entry)
        self._n_added += len(means)


def _person(labelled: Labelled, found: Associated, true: np.ndarray, i: int) -> dict[str, Any]:
    """All that a picture of somebody needs."""
    camera = labelled.cameras[i]
    predicted = camera.world_to_camera(found.poses[i]) if found.is_world else found.poses[i]
    source = labelled.images[i] if labelled.images else None
    return {
        "image_path": labelled.image_paths[i],
        "person": int(labelled.people[i]),
        "file": source and str(source.path),
        "frame": source and source.frame,
        "intrinsics": camera.intrinsics.tolist(),
        "distortion": camera.distortion.tolist(),
        "up": (camera.rotation @ camera.world_up).tolist(),
        "true": true[i].round(1).tolist(),
        "predicted": predicted.round(1).tolist(),
    }
