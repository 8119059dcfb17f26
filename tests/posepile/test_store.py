"""A store promises: what goes in comes out, in any order and process; equal input gives equal bytes."""

import json
import multiprocessing
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from array_record.python.array_record_module import ArrayRecordWriter

from posepile.store import (
    Store,
    StoreError,
    StoreInfo,
    StoreWriter,
    begin,
    finish,
    shards,
    verify,
    write_shard,
)


def test_examples_come_back_in_the_asked_order(fake, tmp_path):
    store = fake.write_store(tmp_path / "s")
    assert len(store) == 20 and len(list((tmp_path / "s/shards").iterdir())) == 4
    rows = [19, 0, 7, 7, 12, 3]
    assert [e.key for e in store.examples(rows)] == [fake.make_example(i).key for i in rows]
    assert store.read(rows) == [fake.make_example(i).to_bytes() for i in rows]
    assert store.read([]) == []
    assert (store.id, store.role, store.joints, store.licence) == (
        "fake",
        "3d",
        fake.skeleton.joints,
        "CC0-1.0",
    )
    assert store.edges == fake.skeleton.edges and store.info.union_joints[0] == "pelv_h36m"
    assert verify(tmp_path / "s") == []


def test_the_index_has_the_facts_of_every_example(fake, tmp_path):
    row = fake.write_store(tmp_path / "s").index.slice(7, 1).to_pylist()[0]
    record = fake.make_example(7).to_bytes()
    assert row.pop("crc32") == int.from_bytes(record[-4:], "little")
    assert row == {
        "shard": 1, "record": 1, "key": "fake/s1/000007", "n_bytes": len(record), "width": 16, "height": 8,
        "n_valid": 17, "subject": "s1", "camera": "cam1", "split": "train",
    }  # fmt: skip


def test_rows_outside_are_refused(fake, tmp_path):
    store = fake.write_store(tmp_path / "s", n=3)
    for row in (-1, 3):
        with pytest.raises(IndexError, match="expected 0 to 2"):
            store.read([row])


def test_any_number_of_workers_writes_the_same_bytes(fake, tmp_path):
    fake.write_store(tmp_path / "one")
    info = StoreInfo.of("fake", "3d", fake.skeleton, "CC0-1.0", {"seed": 1})
    path = tmp_path / "many"
    begin(path)
    tasks = [
        (path, info, shard, list(map(fake.make_example, range(20)[6 * shard : 6 * shard + 6])))
        for shard in (3, 1, 0, 2)
    ]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(write_shard, tasks)
    finish(path, info, 4)
    assert fake.contents(path) == fake.contents(tmp_path / "one")


def test_shards_may_be_empty_and_so_may_stores(fake, tmp_path):
    assert len(fake.write_store(tmp_path / "none", n=0)) == 0
    info = StoreInfo.of("fake", "3d", fake.skeleton, "CC0-1.0")
    begin(tmp_path / "s")
    write_shard(tmp_path / "s", info, 0, [])
    rejected = write_shard(tmp_path / "s", info, 1, [fake.make_example(0, box=[0, 0, 0, 0])])
    write_shard(tmp_path / "s", info, 2, [fake.make_example(1)])
    finish(tmp_path / "s", info, 3)
    assert [r.key for r in rejected] == [fake.make_example(0).key]
    assert Store.open(tmp_path / "s").examples([0])[0].key == fake.make_example(1).key
    assert verify(tmp_path / "s") == [] == verify(tmp_path / "none")


def test_bad_examples_are_refused_counted_and_listed(fake, tmp_path):
    bad = [
        fake.make_example(1, box=[50, 50, 5, 5]),
        fake.make_example(0),  # repeated
        fake.make_example(2, joints3d=None, joints2d=np.ones((17, 2))),
        fake.make_example(3, image=b""),
    ]
    store = fake.write_store(tmp_path / "s", examples=[fake.make_example(0), *bad, fake.make_example(4)])
    assert [e.key for e in store.examples([0, 1])] == [fake.make_example(0).key, fake.make_example(4).key]
    lines = [json.loads(line) for line in (tmp_path / "s/rejected.jsonl").read_text().splitlines()]
    assert [line["key"] for line in lines] == [e.key for e in bad]
    for line, reason in zip(
        lines, ("outside the image", "repeated key", "joints3d: missing", "0 bytes"), strict=True
    ):
        assert reason in line["reason"]
    assert json.loads((tmp_path / "s/store.json").read_text())["n_rejected"] == 4


def test_an_interrupted_writer_leaves_no_store_and_can_start_again(fake, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with StoreWriter(
            tmp_path / "s", id="fake", role="3d", skeleton=fake.skeleton, licence="", examples_per_shard=6
        ) as w:
            for i in range(10):
                w.append(fake.make_example(i))
            raise KeyboardInterrupt
    with pytest.raises(StoreError, match="unfinished"):
        Store.open(tmp_path / "s")
    assert len(fake.write_store(tmp_path / "s", n=3)) == 3
    assert sorted(fake.contents(tmp_path / "s")) == [
        "index.arrow", "rejected.jsonl", "shards/00000.array_record", "store.json",
    ]  # fmt: skip


def test_a_finished_store_is_not_overwritten(fake, tmp_path):
    fake.write_store(tmp_path / "s", n=3)
    with pytest.raises(StoreError, match="finished store is here"):
        fake.write_store(tmp_path / "s", n=4)


def test_missing_shards_and_keys_in_two_shards_are_refused(fake, tmp_path):
    info = StoreInfo.of("fake", "3d", fake.skeleton, "")
    begin(tmp_path / "s")
    write_shard(tmp_path / "s", info, 0, [fake.make_example(0)])
    with pytest.raises(StoreError, match=r"shards \[0\] are written, expected 0 to 1"):
        finish(tmp_path / "s", info, 2)
    write_shard(tmp_path / "s", info, 1, [fake.make_example(0)])
    with pytest.raises(StoreError, match="more than one shard: 'fake/s0/000000'"):
        finish(tmp_path / "s", info, 2)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"format_version": 99}', '{"format_version": 1}'])
def test_other_folders_are_no_stores(fake, tmp_path, content):
    if content is not None:
        (tmp_path / "store.json").write_text(content)
    with pytest.raises(StoreError, match=r"store\.json"):
        Store.open(tmp_path)


def test_reading_goes_on_after_a_fork(fake, tmp_path):
    store = fake.write_store(tmp_path / "s")
    store.read([3])
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write_end, store.examples([3])[0].key.encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read_end, 100).decode() == fake.make_example(3).key


def test_a_store_can_be_sent_to_another_process(fake, tmp_path):
    store = fake.write_store(tmp_path / "s")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(store.read, [[5], [19, 2]]) == [store.read([5]), store.read([19, 2])]


def test_the_place_of_every_record_is_known(fake, tmp_path, monkeypatch):
    """Also where varints grow and records run through many blocks; without the library."""
    tails = [0, 1, 50, 127, 128, 129, *range(16_300, 16_400), 65_535, 65_536, 200_000, 2_097_152, 5]
    plain = [fake.make_example(i) for i in range(len(tails))]
    examples = [replace(e, image=e.image + bytes(n) + b"\xff\xd9") for e, n in zip(plain, tails, strict=True)]
    store = fake.write_store(tmp_path / "s", examples=examples, examples_per_shard=1000)
    monkeypatch.setattr("posepile.store.shards.open_reader", None)
    assert store.read(range(len(store))) == [example.to_bytes() for example in examples]


def test_starts_by_hand():
    # 40 signature, then 40 header + 1 + 1 + varint of 1, 2, 3 and 4 bytes
    found = shards.starts(np.array([127, 128, 16_384, 2_097_152]))
    assert np.diff(found, prepend=40).tolist() == [43, 127 + 44, 128 + 45, 16_384 + 46]


def test_files_of_another_writer_are_read_through_the_library(fake, tmp_path):
    store = fake.write_store(tmp_path / "s", n=6)
    records = store.read(range(6))
    file = tmp_path / "s/shards/00000.array_record"
    writer = ArrayRecordWriter(str(file), "group_size:2,zstd")
    for record in records:
        writer.write(record)
    writer.close()
    shards.forget_files()
    assert store.read([5, 0]) == [records[5], records[0]] and verify(tmp_path / "s") == []


def test_tensorflow_is_not_imported():
    code = "import sys, posepile.store, posepile.mixture; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
