"""The doctor finds healthy stores healthy, and the faults that have happened to somebody."""

import json
from dataclasses import replace

import numpy as np
import pytest

from posepile import skeletons
from posepile.cameras import Camera
from posepile.commands import doctor
from posepile.store import Store, StoreWriter
from posepile.synthetic.pile import synthesize


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """A small synthetic store."""
    out = tmp_path_factory.mktemp("pile")
    synthesize(out, {"synthetic_h36m": 24}, 64, 1, 1)
    return out / "synthetic_h36m"


def rewritten(healthy, path, change):
    """A copy of the store whose examples have gone through `change`."""
    store = Store.open(healthy)
    with StoreWriter(path, id="h36m", role="3d", skeleton=skeletons.load("h36m"), licence="") as writer:
        for example in store.examples(range(len(store))):
            writer.append(change(example))
    return path


def examined(capsys, *paths):
    code = doctor.main([*map(str, paths), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_healthy_store(healthy, capsys):
    code, (document,) = examined(capsys, healthy)
    assert code == 0 and document["healthy"]
    assert {c["name"] for c in document["checks"]} == {
        "records", "images", "joints", "cameras", "depth", "size", "reprojection", "sides"
    }  # fmt: skip
    (sides,) = [c for c in document["checks"] if c["name"] == "sides"]
    assert "100%" in sides["detail"] or "9" in sides["detail"]


def metres(example):
    camera = replace(example.camera, position=example.camera.position / 1000)
    return replace(example, joints3d=example.joints3d / 1000, camera=camera)


def exchanged_sides(example):
    return replace(example, joints3d=example.joints3d[skeletons.load("h36m").mirror])


def inverted_rotation(example):
    camera = example.camera
    turned = Camera(camera.intrinsics, camera.rotation.T, camera.position, camera.distortion, camera.world_up)
    return replace(example, camera=turned)


def moved_box(example):
    return replace(example, box=np.array([0, 0, 8, 8], np.float32))


@pytest.mark.parametrize(
    "change, name",
    [
        (metres, "size"),
        (exchanged_sides, "sides"),
        (inverted_rotation, "reprojection"),
        (moved_box, "reprojection"),
    ],
)
def test_finds_a_planted_fault(healthy, tmp_path, capsys, change, name):
    code, (document,) = examined(capsys, rewritten(healthy, tmp_path / "store", change))
    assert code == 1
    assert name in {c["name"] for c in document["checks"] if not c["is_good"]}


def test_finds_a_damaged_record_and_what_is_no_store(healthy, tmp_path, capsys):
    path = rewritten(healthy, tmp_path / "store", lambda example: example)
    shard = next(path.glob("shards/*.array_record"))
    data = bytearray(shard.read_bytes())
    data[1000] ^= 1  # in the first record
    shard.write_bytes(data)
    code, (damaged, missing) = examined(capsys, path, tmp_path / "nothing")
    assert code == 1
    assert damaged["checks"][0]["name"] == "records" and "record" in damaged["checks"][0]["detail"]
    assert "not a store" in missing["checks"][0]["detail"]


def test_says_in_words_what_it_found(healthy, capsys):
    assert doctor.main([str(healthy)]) == 0
    text = capsys.readouterr().out
    assert "healthy" in text and "BAD" not in text
