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
