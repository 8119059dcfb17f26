"""Joints linked to a tree of bones, which programs for animation want instead of points."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

EDGE_COST = 1e-6  # mm; a skeleton's own edges come before any other link


@dataclass(frozen=True, eq=False)
class BoneTree:
    """order [J]: joints, parents before children; parents [J]: a joint's parent, -1 for the root."""

    order: np.ndarray
    parents: np.ndarray

    def children(self, joint: int) -> list[int]:
        return np.flatnonzero(self.parents == joint).tolist()


def link(joints: Sequence[str], edges: Sequence[tuple[int, int]], poses: np.ndarray) -> BoneTree:
    """The tree of a skeleton. A cycle is cut; parts that no edge joins are linked where they are nearest.

    Args:
        joints: [J] names; the pelvis is the root, else the most central joint.
        edges: [E, 2] between the joints.
        poses: [T, J, 3] mm, some of the motion; mean distances decide.
    """
    distance = np.mean([np.linalg.norm(p[:, np.newaxis] - p[np.newaxis], axis=-1) for p in poses], axis=0)
    cost = distance + 1.0  # coincident joints too need a cost, because 0 means no link
    for a, b in edges:
        cost[a, b] = cost[b, a] = EDGE_COST
    tree = minimum_spanning_tree(csr_array(cost))
    pelvis = [i for i, name in enumerate(joints) if name.split("_")[0] == "pelv"]
    root = pelvis[0] if pelvis else int(distance.sum(axis=0).argmin())
    order, parents = breadth_first_order(tree, root, directed=False)
    return BoneTree(order, np.where(parents < 0, -1, parents))
