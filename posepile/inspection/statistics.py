"""Statistics of a store's labels: bone lengths, joint visibility, distance from the camera, size in the image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posepile.inspection.labels import Labels

QUANTILES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)


@dataclass(frozen=True)
class Bone:
    """The lengths of one edge, in mm, over the examples that have both its ends; None where none has."""

    joints: tuple[str, str]
    n: int
    mean_mm: float | None
    std_mm: float | None
    """Of the population: the root of the mean squared deviation."""
    quantiles_mm: tuple[float, ...] | None
    """At QUANTILES."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """What the examined examples of a store are like.

    Attributes:
        n: how many were examined.
        labelled: [J] how many have this joint.
        in_image: [J] in how many of these it is inside the image.
        bones: one an edge, in the order of the edges; empty without 3D labels.
        distances_mm: [n or less] of the people: the median depth of their joints.
        box_sides_px: [n] the longer side of the boxes.
        mask_shares: [n or less] the share of the box that the mask covers.
    """

    n: int
    labelled: np.ndarray
    in_image: np.ndarray
    bones: tuple[Bone, ...]
    distances_mm: np.ndarray
    box_sides_px: np.ndarray
    mask_shares: np.ndarray

    def facts(self) -> dict:
        """Ready for JSON: sample, labelled, in_image, bones (joints, mean_mm, std_mm)."""
        return {
            "sample": self.n,
            "labelled": self.labelled.tolist(),
            "in_image": self.in_image.tolist(),
            "bones": [
                {"joints": list(bone.joints), "mean_mm": bone.mean_mm, "std_mm": bone.std_mm}
                for bone in self.bones
            ],
        }


def measure(labels: Labels, joints: Sequence[str], edges: Sequence[tuple[int, int]]) -> Statistics:
    """The statistics of a sample of a store whose joints and edges are given."""
    lengths = bone_lengths(labels.world, edges)
    bones = [_bone((joints[a], joints[b]), lengths[:, k]) for k, (a, b) in enumerate(edges)]
    far = distances(labels)
    return Statistics(
        n=len(labels),
        labelled=labels.labelled.sum(axis=0),
        in_image=labels.in_image.sum(axis=0),
        bones=tuple(bones) if labels.has_3d else (),
        distances_mm=far[np.isfinite(far)],
        box_sides_px=labels.boxes[:, 2:].max(axis=1),
        mask_shares=labels.mask_shares[np.isfinite(labels.mask_shares)],
    )


def bone_lengths(world: np.ndarray, edges: Sequence[tuple[int, int]]) -> np.ndarray:
    """[n, E] mm of poses [n, J, 3]; NaN where an end is not labelled."""
    ends = np.asarray(edges, int).reshape(-1, 2)
    return np.linalg.norm(world[:, ends[:, 0]] - world[:, ends[:, 1]], axis=-1)


def distances(labels: Labels) -> np.ndarray:
    """[n] mm: the median depth of a person's joints; NaN without 3D labels."""
    return row_median(labels.depths)


def row_median(values: np.ndarray) -> np.ndarray:
    """[n] medians of [n, k] that skip NaN; NaN for a row without a number."""
    medians = np.full(len(values), np.nan)
    some = np.isfinite(values).any(axis=1)
    if some.any():
        medians[some] = np.nanmedian(values[some], axis=1)
    return medians


def _bone(joints: tuple[str, str], lengths: np.ndarray) -> Bone:
    lengths = lengths[np.isfinite(lengths)]
    if not lengths.size:
        return Bone(joints, 0, None, None, None)
    quantiles = tuple(np.quantile(lengths, QUANTILES).tolist())
    return Bone(joints, lengths.size, float(lengths.mean()), float(lengths.std()), quantiles)
