"""Fakes that several tests of posepile share."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings

from posepile import skeletons
from posepile.cameras import Camera
from posepile.example import PoseExample
from posepile.store import Store, StoreWriter

# Deadlines measure the machine's other work, not the code
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")

SKELETON = skeletons.load("h36m_17")
JPEG = bytes.fromhex(  # the smallest baseline header with a 16 x 8 px frame; nothing here decodes it
    "ffd8ffc0001108000800100301220002110103110100ffd9"
)


def make_example(i, **changes):
    rng = np.random.default_rng(i)
    example = PoseExample(
        key=f"fake/s{i % 3}/{i:06d}",
        image=JPEG[:-2] + rng.bytes(int(rng.integers(100, 3000))) + JPEG[-2:],
        camera=Camera([[10, 0, 8], [0, 10, 4], [0, 0, 1]], position=rng.normal(size=3)),
        box=[1, 2, 3, 4],
        joints3d=rng.normal(size=(17, 3)),
        tags={"subject": f"s{i % 3}", "camera": f"cam{i % 2}"},
    )
    return replace(example, **changes)


def write_store(path, n=20, examples_per_shard=6, skeleton=SKELETON, role="3d", id="fake", examples=None):
    with StoreWriter(
        path, id=id, role=role, skeleton=skeleton, licence="CC0-1.0", provenance={"seed": 1},
        examples_per_shard=examples_per_shard,
    ) as writer:  # fmt: skip
        for example in map(make_example, range(n)) if examples is None else examples:
            writer.append(example)
    return Store.open(path)


def contents(path):
    return {str(f.relative_to(path)): f.read_bytes() for f in sorted(path.rglob("*")) if f.is_file()}


@pytest.fixture(scope="session")
def fake():
    """make_example(number, **changes), write_store(path, ...) -> Store, contents(path) -> {file: bytes}."""
    return SimpleNamespace(
        make_example=make_example, write_store=write_store, contents=contents, skeleton=SKELETON
    )
