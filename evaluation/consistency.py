"""How far the skeleton formats of one prediction disagree about the same points of the body.

Some joints of different formats are one point by construction (left wrist of coco and of h36m). A network
should put both at one place when it predicts all formats. Two figures tell how far apart they are:

- **common root** (the headline): both predictions stand in one camera frame and are moved to one common root.
  The motion is the same for both, so it cancels, whichever root is chosen: this is the distance between the
  two predicted points as they are. It needs no truth and is zero if and only if the formats agree.
- **own root**: each format is moved to its own root first, as in MPJPE. The formats' pelvis joints are
  different points of the body, so even two perfect predictions would differ, by the offset between the roots.
  Therefore the root-relative *errors* of the two predictions are compared, which takes the truth in both
  formats. It is blind to one format being shifted as a whole against the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.alignment import root_position
from evaluation.metrics import pooled_mean
from posepile.names import unknown_name


@dataclass(frozen=True)
class Disagreement:
    """Mean distances in mm over poses and pairs of joints; NaN if nothing could be compared."""

    total: float
    """Distance in space."""
    depth: float
    """Its part along the optical axis of the crop's camera, |dz|."""
    plane: float
    """Its part across it, |(dx, dy)|."""
    n_pairs: int


def disagreement(
    pred: np.ndarray, joint_names: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> Disagreement:
    """Disagreement about the same points, aligned at a common root (so not at all: see the module's text).

    Args:
        pred: [N, J, 3] mm, camera frame of the crop: x and y across the optical axis, z along it.
        joint_names: [J].
        pairs: names of joints that are one point by construction.

    Raises UnknownNameError for a joint that is not among the names, ValueError if there are no pairs.
    """
    return summary(differences(pred, joint_names, pairs))


def differences(pred: np.ndarray, joint_names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """[N, n_pairs, 3] mm behind `disagreement`, NaN where a joint is missing."""
    a, b = _columns(joint_names, pairs)
    pred = np.asarray(pred, np.float64)
    with np.errstate(invalid="ignore"):  # inf - inf
        return _finite(pred[:, a] - pred[:, b])


def own_root_disagreement(
    pred: np.ndarray,
    true: np.ndarray,
    joint_names: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    roots: Mapping[str, Sequence[str]],
) -> Disagreement:
    """Disagreement about the same points with each format aligned at its own root: of root-relative errors.

    Args:
        pred, true: [N, J, 3] mm, camera frame of the crop; NaN in `true` where a joint is not labelled.
        joint_names: [J].
        pairs: names of joints that are one point by construction.
        roots: for every joint in a pair, the joints whose mean is the root of its format.

    Raises UnknownNameError, ValueError.
    """
    return summary(own_root_differences(pred, true, joint_names, pairs, roots))


def own_root_differences(pred, true, joint_names, pairs, roots) -> np.ndarray:
    """[N, n_pairs, 3] mm behind `own_root_disagreement`, which tells the arguments; NaN where a joint is missing."""
    a, b = _columns(joint_names, pairs)
    error = np.asarray(pred, np.float64) - np.asarray(true, np.float64)
    root_of = {
        names: root_position(error, [_place(joint_names, name) for name in names])
        for names in {tuple(roots[name]) for pair in pairs for name in pair}
    }  # fmt: skip
    at_a, at_b = (
        np.concatenate([root_of[tuple(roots[pair[side]])] for pair in pairs], axis=1) for side in (0, 1)
    )
    with np.errstate(invalid="ignore"):
        return _finite((error[:, a] - at_a) - (error[:, b] - at_b))


def parts(difference: np.ndarray) -> dict[str, np.ndarray]:
    """[N, n_pairs, 3] -> "total", "depth" and "plane" [N, n_pairs] mm, as in `Disagreement`."""
    return {
        "total": np.linalg.norm(difference, axis=-1),
        "depth": np.abs(difference[..., 2]),
        "plane": np.linalg.norm(difference[..., :2], axis=-1),
    }


def summary(difference: np.ndarray) -> Disagreement:
    """Means over the finite ones of [N, n_pairs, 3] differences."""
    means = {name: pooled_mean(values) for name, values in parts(difference).items()}
    return Disagreement(**means, n_pairs=difference.shape[1])


def _columns(joint_names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> tuple[np.ndarray, np.ndarray]:
    if not pairs:
        raise ValueError("pairs is empty, expected at least one pair of joints that are the same point")
    columns = np.array([[_place(joint_names, name) for name in pair] for pair in pairs])
    return columns[:, 0], columns[:, 1]


def _place(joint_names: Sequence[str], name: str) -> int:
    if name not in joint_names:
        raise unknown_name("joint", name, joint_names)
    return joint_names.index(name)


def _finite(difference: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(difference).all(axis=-1, keepdims=True), difference, np.nan)
