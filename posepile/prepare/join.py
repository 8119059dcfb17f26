"""The stores of all sequences become one store, without the examples whose bones no person has."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from more_itertools import chunked, ichunked

from posepile.datasets.dataset import Dataset, Sequence
from posepile.example import PoseExample
from posepile.prepare.filters import bad_bones, n_joints_in_box, n_limb_joints, without_bad_bones
from posepile.prepare.unit import BONES_FILE, Tools, provenance, unit_path
from posepile.skeletons import Skeleton
from posepile.skeletons.skeleton import Edges
from posepile.store import Rejection, Store, StoreInfo, begin, finish, load_rejections, write_shard
from posepile.store.writer import EXAMPLES_PER_SHARD

READ_AT_ONCE = 256
MIN_JOINTS_IN_BOX = 4
MIN_LIMB_JOINTS = 7  # of 12


def join(
    dataset: Dataset,
    sequences: list[Sequence],
    out: Path,
    tools: Tools,
    left_out: list[str],
    examples_per_shard: int = EXAMPLES_PER_SHARD,
) -> Store:
    """Joins the units of `sequences` in order, and removes them.

    Which bytes come out depends on the units alone. While it runs, the data are on the disk twice. Examples of
    the training split that fail the plausibility filter (merging sheet, d), and 2D-labelled ones with 6 or fewer
    limb joints (merging sheet, b), are listed in rejected.jsonl.

    Args:
        left_out: names of sequences that failed, to be written into store.json.
    """
    stores = [Store.open(unit_path(out, sequence)) for sequence in sequences]
    facts = dataset.facts
    origin = provenance(dataset, tools) | {"left_out": left_out}
    info = StoreInfo.of(facts.id, facts.role, dataset.skeleton, facts.licence, origin)
    rejected = [rejection for store in stores for rejection in load_rejections(store.path)]
    begin(out)
    n_shards = 0
    for shard in ichunked(_plausible(dataset, stores, rejected), examples_per_shard):
        write_shard(out, info, n_shards, shard)
        n_shards += 1
    finish(out, info, n_shards, rejected)
    shutil.rmtree(out / "units")
    return Store.open(out)


def _plausible(dataset: Dataset, stores: list[Store], rejected: list[Rejection]) -> Iterator[PoseExample]:
    """The examples of all units but the implausible ones, which go to `rejected`."""
    skeleton, bones = dataset.skeleton, _mean_bones(stores)
    for store in stores:
        for rows in chunked(range(len(store)), READ_AT_ONCE):
            for example in store.examples(rows):
                if dataset.bone_limits and example.tags["split"] == "train":
                    joints = without_bad_bones(example.joints3d, skeleton.edges, bones, dataset.bone_limits)
                    example = replace(example, joints3d=joints)
                if dataset.is_filtered and (reason := _unfitness(example, skeleton, bones)):
                    rejected.append(Rejection(example.key, reason))
                else:
                    yield example


def _unfitness(example: PoseExample, skeleton: Skeleton, bones: np.ndarray) -> str:
    """Why an example is not trained on; empty for a good one."""
    if example.joints3d is None:  # whatever its split: the published pile trains on COCO's val too
        n = n_limb_joints(example.joints2d, skeleton.joints)
        return "" if n >= MIN_LIMB_JOINTS else f"{n} limb joints, expected at least {MIN_LIMB_JOINTS}"
    if example.camera is None or example.tags["split"] != "train":
        return ""
    return _implausibility(example, skeleton.edges, bones)


def _implausibility(example: PoseExample, edges: Edges, bones: np.ndarray) -> str:
    """Why no person looks so; empty for a plausible example."""
    in_box = n_joints_in_box(example.camera.world_to_image(example.joints3d), example.box)
    if in_box < MIN_JOINTS_IN_BOX:
        return f"{in_box} joints in the box, expected at least {MIN_JOINTS_IN_BOX}"
    bad = np.flatnonzero(bad_bones(example.joints3d, edges, bones))
    return (
        f"{len(bad)} bones of a length that no person's have, first edge {edges[bad[0]]}" if len(bad) else ""
    )


def _mean_bones(stores: list[Store]) -> np.ndarray:
    """[E] mm: the mean length of every bone over the training examples; 0 where none has both ends."""
    total, count = sum(np.load(store.path / BONES_FILE) for store in stores)
    return total / np.maximum(count, 1)
