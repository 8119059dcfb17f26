"""Many stores as one: what each contributes to a batch, and which example stands where at which step.

Nothing is shuffled in memory and nothing is remembered: the record at each place of each batch follows from
the seed and the step, so a run is resumed by its step alone. Every batch has the same number of examples of
each store (`Share`), in the order of the shares; a store's examples come in a new random order each epoch,
every one once.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from posepile.names import unknown_name
from posepile.permutation import permuted
from posepile.skeletons import Skeleton
from posepile.store import Store, StoreError

MERGED = "merged"  # Skeleton.formats of joints that formats share


@dataclass(frozen=True)
class Share:
    """How many examples of a store are in every batch, and which of its splits they come from."""

    store: Store
    per_batch: int
    splits: tuple[str, ...] = ("train",)


class Mixture:
    """The index stream over several stores.

    Args:
        shares: in the order in which they stand in a batch.
        skeleton: the joints of the mixture; a store's joints are found in it by name (`columns`).
        seed: of the order of the examples, not negative.

    Raises:
        StoreError: for a store without examples of the splits, one that is named twice, or a share that is not
            positive.
        UnknownNameError: for a joint of a store that the skeleton does not have.
    """

    def __init__(self, shares: Sequence[Share], skeleton: Skeleton, seed: int):
        self.shares, self.skeleton, self.seed = tuple(shares), skeleton, int(seed)
        _check_shares(self.shares)
        self._rows_of_share = [_rows_of_splits(share) for share in self.shares]
        per_batch = [share.per_batch for share in self.shares]
        self.batch_size = sum(per_batch)
        self._per_batch = np.array(per_batch, np.int64)
        self._sizes = np.array(
            [
                len(share.store) if rows is None else len(rows)
                for share, rows in zip(self.shares, self._rows_of_share, strict=True)
            ],
            np.int64,
        )
        self._store_ids = np.repeat(np.arange(len(self.shares), dtype=np.int32), per_batch)
        ends = np.cumsum(per_batch)
        self._columns_of_share = [slice(e - p, e) for e, p in zip(ends.tolist(), per_batch, strict=True)]
        self._place_in_share = np.concatenate([np.arange(p) for p in per_batch])
        slots = _slots_by_name(skeleton)
        self._columns = [_columns(share.store, skeleton, slots) for share in self.shares]

    @property
    def stores(self) -> tuple[Store, ...]:
        return tuple(share.store for share in self.shares)

    def columns(self, k: int) -> np.ndarray:
        """[J_k] int64: where each joint of store `k` stands in the mixture's skeleton. A store of role "2d"
        has joints of its own, and none here: [0]."""
        return self._columns[k]

    def rows(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """The batch of a step: store numbers [B] int32 and rows in these stores [B] int64."""
        store_ids, rows = self.rows_many(step, 1)
        return store_ids[0], rows[0]

    def rows_many(self, first_step: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The batches of `n` steps from `first_step` on: store numbers [n, B] int32, rows [n, B] int64."""
        if first_step < 0 or n < 0:
            raise ValueError(f"first_step is {first_step} and n is {n}, expected neither to be negative")
        steps = np.arange(first_step, first_step + n, dtype=np.int64)[:, np.newaxis]
        # The place of every example in its store's endless stream: [n, B]
        places = steps * self._per_batch[self._store_ids] + self._place_in_share
        sizes = self._sizes[self._store_ids]
        epochs, places = np.divmod(places, sizes)
        rows = permuted(places.ravel(), np.tile(sizes, n), self._keys(epochs).ravel())
        rows = rows.reshape(n, self.batch_size)
        for columns, chosen in zip(self._columns_of_share, self._rows_of_share, strict=True):
            if chosen is not None:
                rows[:, columns] = chosen[rows[:, columns]]
        return np.broadcast_to(self._store_ids, (n, self.batch_size)), rows

    def _keys(self, epochs: np.ndarray) -> np.ndarray:
        """[n, B] uint64: each permutation's key, from the mixture's seed, the store's number and the epoch.

        A step is a small part of an epoch, so there are few distinct ones.
        """
        keys = np.empty(epochs.shape, np.uint64)
        for k, columns in enumerate(self._columns_of_share):
            of_share = epochs[:, columns]
            for epoch in np.unique(of_share).tolist():
                keys[:, columns][of_share == epoch] = _key(self.seed, k, epoch)
        return keys


@functools.lru_cache(maxsize=4096)
def _key(seed: int, store: int, epoch: int) -> np.uint64:
    return np.random.SeedSequence([seed, store, epoch]).generate_state(1, np.uint64)[0]


def _check_shares(shares: tuple[Share, ...]) -> None:
    if not shares:
        raise StoreError("a mixture of no stores, expected at least one")
    ids = [share.store.id for share in shares]
    for share in shares:
        if share.per_batch < 1:
            raise StoreError(f"store '{share.store.id}': {share.per_batch} a batch, expected at least 1")
        if ids.count(share.store.id) > 1:
            raise StoreError(f"store '{share.store.id}' takes part twice, expected one share for it")


def _rows_of_splits(share: Share) -> np.ndarray | None:
    """The store's rows [n] that belong to the share's splits; None for all rows, which costs no memory."""
    index = share.store.index.column("split")
    counts = {c["values"]: c["counts"] for c in pc.value_counts(index).to_pylist()}
    n_chosen = sum(counts.get(split, 0) for split in share.splits)
    if not n_chosen:
        found = ", ".join(f"{count} of {split}" for split, count in counts.items()) or "none"
        wanted = " or ".join(share.splits)
        raise StoreError(
            f"store '{share.store.id}' ({share.store.path}): expected examples of {wanted}, found {found}"
        )
    if n_chosen == len(share.store):
        return None
    is_chosen = pc.is_in(index, pa.array(share.splits))
    return np.flatnonzero(is_chosen.to_numpy(zero_copy_only=False)).astype(np.int32)


def _slots_by_name(skeleton: Skeleton) -> dict[str, int]:
    """Slots by union name, or by base name where formats share a joint."""
    names = zip(skeleton.formats, skeleton.base_names, skeleton.union_names, strict=True)
    return {base if source == MERGED else union: slot for slot, (source, base, union) in enumerate(names)}


def _columns(store: Store, skeleton: Skeleton, slots: dict[str, int]) -> np.ndarray:
    if store.role == "2d":
        return np.empty(0, np.int64)
    shared = MERGED in skeleton.formats
    columns = []
    for union, base in zip(store.info.union_joints, store.info.base_joints, strict=True):
        slot = slots.get(base if shared else union)
        if slot is None:
            needed = f"joint of skeleton {skeleton.name!r}, needed by store {store.id!r},"
            raise unknown_name(needed, base if shared else union, slots)
        columns.append(slot)
    return np.array(columns, np.int64)
