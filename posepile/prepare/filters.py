"""Which examples are plausible: bone lengths against the data's own mean, and joints in the box.

Bones are the skeleton's edges; lengths in mm, joints [J, 3] or many of them [N, J, 3], NaN where not labelled.
Source: _merging sheet, "Bone statistics and plausibility filter"; the sheet of UMPM for `without_bad_bones`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from posepile import boxes

Edges = Sequence[tuple[int, int]]

LIMBS = ("rank", "rkne", "rhip", "lhip", "lkne", "lank", "rwri", "relb", "rsho", "lsho", "lelb", "lwri")


@dataclass(frozen=True)
class BoneLimits:
    """A bone is implausible if its length is outside both the relative and the absolute limits."""

    shortest: float = 0.1
    """Least length, in mean lengths."""
    longest: float = 3.0
    """Largest length, in mean lengths."""
    tolerance: float = 150.0
    """mm that any bone may differ from its mean."""


PILE = BoneLimits()
UMPM = BoneLimits(shortest=0.5, longest=1.25, tolerance=80.0)


def bone_lengths(joints: np.ndarray, edges: Edges) -> np.ndarray:
    """[..., E] mm; NaN where an end is not labelled."""
    joints, edges = np.asarray(joints, np.float64), np.reshape(edges, (-1, 2)).astype(int)
    return np.linalg.norm(joints[..., edges[:, 0], :] - joints[..., edges[:, 1], :], axis=-1)


def mean_bone_lengths(poses: Iterable[np.ndarray], edges: Edges) -> np.ndarray:
    """[E] mm: the mean over all poses [J, 3] in which both ends are labelled; 0 for a bone that never is."""
    total, count = np.zeros(len(edges)), np.zeros(len(edges))
    for joints in poses:
        lengths = bone_lengths(joints, edges)
        known = np.isfinite(lengths)
        total[known] += lengths[known]
        count += known
    return total / np.maximum(count, 1)


def bad_bones(joints: np.ndarray, edges: Edges, means: np.ndarray, limits: BoneLimits = PILE) -> np.ndarray:
    """[..., E] bool: which bones of [..., J, 3] are implausible. An unlabelled bone is not.

    `means` is that of `mean_bone_lengths`.
    """
    lengths = bone_lengths(joints, edges)
    off = (lengths < limits.shortest * means) | (lengths > limits.longest * means)
    return off & (np.abs(lengths - means) > limits.tolerance)


def n_joints_in_box(pixels: np.ndarray, box: np.ndarray) -> np.ndarray:
    """[...]: how many of the projected joints [..., J, 2] lie in their box [..., 4]; NaN does not."""
    return boxes.contains(box, pixels).sum(axis=-1)


def without_bad_bones(
    joints: np.ndarray, edges: Edges, means: np.ndarray, limits: BoneLimits = UMPM
) -> np.ndarray:
    """A copy of joints [..., J, 3] in which both ends of every implausible bone are NaN (UMPM)."""
    joints = np.array(joints)
    bad = bad_bones(joints, edges, means, limits)  # [..., E]
    for edge, ends in enumerate(edges):
        for end in ends:
            joints[..., end, :] = np.where(bad[..., edge, np.newaxis], np.nan, joints[..., end, :])
    return joints


def n_limb_joints(joints: np.ndarray, names: Sequence[str]) -> int:
    """How many labelled joints [J, 2 or 3] have a name that begins with one of LIMBS.

    The 2D piles keep examples with more than 6.
    """
    limb = np.array([name.startswith(LIMBS) for name in names], bool)
    return int((np.isfinite(joints).all(axis=-1) & limb).sum())
