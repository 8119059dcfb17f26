"""The facts of a store that a person wants to see, as store.json and the index tell them; no record is read."""

import numpy as np
import pyarrow.compute as pc

from posepile.store.layout import shard_numbers
from posepile.store.reader import Store

LISTED_AT_MOST = 50


def summarise(store: Store) -> dict:
    """Facts of a store, ready for JSON.

    Keys: id, role, path, licence, provenance, examples, rejected, shards, bytes, splits, subjects, cameras
    and image_sizes (counts by name, the most frequent first), skeleton (its name), joints (names) and edges
    (index pairs).
    """
    info = store.info
    return {
        "id": info.id,
        "role": info.role,
        "path": str(store.path),
        "licence": info.licence,
        "provenance": info.provenance,
        "examples": len(store),
        "rejected": store.n_rejected,
        "shards": len(shard_numbers(store.path)),
        "bytes": int(store.column("n_bytes").sum(dtype=np.int64)),
        "splits": _counts(store, "split"),
        "subjects": _counts(store, "subject"),
        "cameras": _counts(store, "camera"),
        "image_sizes": _image_sizes(store),
        "skeleton": info.skeleton,
        "joints": list(info.joints),
        "edges": [list(edge) for edge in info.edges],
    }


def _counts(store: Store, column: str) -> dict[str, int]:
    counted = pc.value_counts(store.index.column(column)).to_pylist()
    pairs = ((pair["values"], pair["counts"]) for pair in counted)
    return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def _image_sizes(store: Store) -> dict[str, int]:
    sizes = np.stack([store.column("width"), store.column("height")], axis=1)
    distinct, counts = np.unique(sizes, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:LISTED_AT_MOST]
    return {f"{distinct[i][0]}x{distinct[i][1]}": int(counts[i]) for i in order}
