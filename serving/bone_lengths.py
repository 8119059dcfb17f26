"""Mean lengths of bones, by which impossible poses are known."""

from collections.abc import Sequence

import numpy as np

from posepile.mixture import Mixture, Share
from posepile.skeletons import Skeleton
from posepile.store import Store

EXAMPLES = 500  # of a store


def mean_bone_lengths(stores: Sequence[Store], skeleton: Skeleton) -> np.ndarray:
    """[E] mm: the mean length of each edge of the skeleton over some examples of each store; NaN if never labelled."""
    edges = np.reshape(skeleton.edges, (-1, 2)).astype(int)
    totals, counts = np.zeros(len(edges)), np.zeros(len(edges))
    for store in stores:
        if store.role != "3d":
            continue
        splits = tuple(np.unique(store.column("split")).tolist())
        columns = Mixture([Share(store, 1, splits)], skeleton, seed=0).columns(0)
        rows = np.unique(np.linspace(0, len(store) - 1, EXAMPLES).astype(int))
        for example in store.examples(rows.tolist()):
            joints = np.full((len(skeleton), 3), np.nan)
            joints[columns] = example.joints3d
            length = np.linalg.norm(joints[edges[:, 0]] - joints[edges[:, 1]], axis=1)
            totals += np.nan_to_num(length)
            counts += np.isfinite(length)
    return np.divide(totals, counts, out=np.full(len(edges), np.nan), where=counts > 0)
