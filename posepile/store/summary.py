"""The facts of a store that a person wants to see: counts from the index, labels and bones from a sample."""

import numpy as np
import pyarrow.compute as pc

from posepile.example import PoseExample
from posepile.store.layout import shard_numbers
from posepile.store.reader import Store

LISTED_AT_MOST = 50


def summarise(store: Store, sample_size: int) -> dict:
    """Facts of a store, ready for JSON.

    Keys: id, role, path, licence, provenance, examples, rejected, shards, bytes, splits, subjects, cameras
    and image_sizes (counts by name, the most frequent first), skeleton (its name), joints (names), edges
    (index pairs), and of `sample` evenly spaced examples: labelled (count for each joint) and bones (joints,
    mean_mm, std_mm; null where no example has both ends).
    """
    rows = np.unique(np.linspace(0, len(store) - 1, min(sample_size, len(store))).round().astype(np.int64))
    examples = store.examples(rows)
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
        "sample": len(examples),
        "labelled": _labelled(examples, len(info.joints)),
        "bones": _bones(examples, info.joints, info.edges),
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


def _labelled(examples: list[PoseExample], n_joints: int) -> list[int]:
    total = np.zeros(n_joints, np.int64)
    for example in examples:
        joints = example.joints2d if example.joints3d is None else example.joints3d
        total += np.isfinite(joints).all(axis=1)
    return total.tolist()


def _bones(examples: list[PoseExample], joints: tuple[str, ...], edges) -> list[dict]:
    poses = [example.joints3d for example in examples if example.joints3d is not None]
    if not poses:
        return []
    poses = np.stack(poses).astype(np.float64)
    bones = []
    for a, b in edges:
        lengths = np.linalg.norm(poses[:, a] - poses[:, b], axis=-1)
        lengths = lengths[np.isfinite(lengths)]
        mean, std = (float(lengths.mean()), float(lengths.std())) if lengths.size else (None, None)
        bones.append({"joints": [joints[a], joints[b]], "mean_mm": mean, "std_mm": std})
    return bones
