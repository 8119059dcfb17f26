"""Which points are left, right and centre: the order in which the autoencoder sees joints."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class SidedOrder:
    """A permutation of joints to [left | right | centre], where right joint i is the mirror of left joint i.

    Within a group, joints are sorted by name, so the result of training does not depend on the order in which
    the joints of the input happen to lie.
    """

    order: np.ndarray
    """[J] int64: `joints[order]` is sorted."""
    pairs: int
    """Number of left joints, which equals that of right joints."""
    centres: int
    """Number of centre joints."""

    @property
    def inverse(self) -> np.ndarray:
        """[J] int64: `sorted_joints[inverse]` is in the original order."""
        return np.argsort(self.order)

    @property
    def mirror(self) -> np.ndarray:
        """[J] int64, in the original order: each joint's partner; centre joints are their own."""
        n = self.pairs
        partner = np.r_[n : 2 * n, 0:n, 2 * n : 2 * n + self.centres]
        return self.order[partner][self.inverse]


def sided_order(joint_names: Sequence[str]) -> SidedOrder:
    """Sorts joints by the rule of names: a first letter l or r is a side, the partner differs in it only.

    Raises ValueError if a sided joint's partner is missing, or names repeat. Source: autoencoder sheet §3.
    """
    index = {name: i for i, name in enumerate(joint_names)}
    if len(index) != len(joint_names):
        repeated = sorted(name for name in index if list(joint_names).count(name) > 1)
        raise ValueError(f"joint names are repeated: {', '.join(repeated[:6])}")
    lonely = [name for name in joint_names if name[0] in "lr" and _partner(name) not in index]
    if lonely:
        raise ValueError(f"joints without a partner on the other side: {', '.join(lonely[:6])}")
    left = sorted(name for name in joint_names if name[0] == "l")
    right = [_partner(name) for name in left]
    centre = sorted(name for name in joint_names if name[0] not in "lr")
    order = np.array([index[name] for name in (*left, *right, *centre)], dtype=np.int64)
    return SidedOrder(order, len(left), len(centre))


def _partner(name: str) -> str:
    return {"l": "r", "r": "l"}[name[0]] + name[1:]


def left_first(w1: np.ndarray, sides: SidedOrder, latents_sided: int) -> np.ndarray:
    """[L] an order of latents in which, of each mirrored pair, the one nearer to the left joints is left.

    Training cannot tell the two of a pair apart: exchanging them changes nothing else.

    Args:
        w1: [J, L] encoder, joints sorted as [left | right | centre].
        sides: of the joints.
        latents_sided: number of sided latents, which lie as [left | right] before the others.
    """
    half, order = latents_sided // 2, np.arange(w1.shape[1])
    leaning = w1[: sides.pairs].sum(axis=0) - w1[sides.pairs : 2 * sides.pairs].sum(axis=0)
    order[:half] = np.where(leaning[:half] >= 0, order[:half], order[:half] + half)
    order[half:latents_sided] = (order[:half] + half) % max(latents_sided, 1)
    return order
