"""verify names every kind of damage; repair makes the store sound and loses no good record."""

import json
import shutil
from dataclasses import replace

import pyarrow as pa
import pytest

from posepile import tf_example
from posepile.example import PoseExample
from posepile.store import Store, StoreError, repair, shards, verify
from posepile.store.layout import load_table, save_table

N = 20  # in four shards of 6, 6, 6, 2
FIRST = "shards/00000.array_record"


@pytest.fixture
def path(fake, tmp_path):
    fake.write_store(tmp_path / "s", n=N)
    return tmp_path / "s"


@pytest.fixture
def records(fake):
    return [fake.make_example(i).to_bytes() for i in range(N)]


def assert_holds(path, records):
    """The store is sound and has exactly these records."""
    assert verify(path) == []
    store = Store.open(path)
    assert store.read(range(len(store))) == records


def damage(file, change):
    data = bytearray(file.read_bytes())
    changed = change(data)
    file.write_bytes(data if changed is None else changed)


def flip(position):
    def change(data):
        data[position] ^= 16

    return change


def position_of(path, record):
    """Where the image of a record lies in its shard: small shards have no block header inside a record."""
    return (path / FIRST).read_bytes().index(record[-200:-100])


def test_a_sound_store_is_only_reindexed(fake, path):
    before = fake.contents(path)
    report = repair(path)
    assert (report.n_examples, report.rewritten, report.removed, report.lost) == (N, [], [], [])
    assert fake.contents(path) == before


def test_a_flipped_bit_costs_that_record_only(fake, path, records):
    damage(path / FIRST, flip(position_of(path, records[2])))
    store = Store.open(path)
    with pytest.raises(StoreError, match="00000.array_record record 2"):
        store.read([0, 2, 19])
    assert store.read([0, 19]) == [records[0], records[19]]  # the others are still there
    assert any("00000.array_record record 2" in problem for problem in verify(path))
    report = repair(path)
    assert report.lost == [fake.make_example(2).key] and report.rewritten == [FIRST]
    assert_holds(path, records[:2] + records[3:])


@pytest.mark.parametrize("tenths", range(10))
def test_a_truncated_shard_keeps_its_first_records(path, records, tenths):
    size = (path / FIRST).stat().st_size
    whole = (path / FIRST).read_bytes()
    cut = size * tenths // 10
    damage(path / FIRST, lambda data: data[:cut])
    found = verify(path)
    assert any("00000.array_record" in problem for problem in found)
    kept = [r for r in records[:6] if whole.index(r[-200:]) + 200 <= cut]
    if len(kept) < 6:
        with pytest.raises(StoreError, match=f"00000.array_record record {len(kept)}: the file is cut off"):
            Store.open(path).read([0])
    else:  # only the library's footer is gone
        assert Store.open(path).read(range(6)) == kept
    report = repair(path)
    assert len(report.lost) == 6 - len(kept)
    assert_holds(path, kept + records[6:])


def test_any_single_damaged_byte_costs_one_record_at_most(tmp_path, fake):
    for name, position in (
        ("header", 24 + 40 + 3),
        ("size", 24 + 40 + 9),
        ("type", 24 + 40 + 24),
        ("start", 2),
    ):
        path = tmp_path / name
        fake.write_store(path, n=6)
        damage(path / FIRST, flip(position))
        repair(path)
        assert verify(path) == []
        assert len(Store.open(path)) >= 5, name


def test_damage_in_a_large_shard_with_many_blocks(fake, tmp_path):
    examples = [fake.make_example(i) for i in range(60)]
    examples = [replace(e, image=e.image[:-2] + bytes(range(256)) * (40 + i) + e.image[-2:]) for i, e in
                enumerate(examples)]  # fmt: skip
    path = tmp_path / "s"
    fake.write_store(path, examples=examples, examples_per_shard=100)
    whole = (path / FIRST).read_bytes()
    assert len(whole) > 8 * 65_536
    for position in range(65_536 - 30, len(whole), 37_777):  # some are in block headers
        (path / FIRST).write_bytes(whole)
        shards.forget_files()
        damage(path / FIRST, flip(position))
        repair(path)
        assert verify(path) == []
        assert len(Store.open(path)) >= 59, position


def test_without_an_index_and_with_half_a_shard(path, records):
    (path / "index.arrow").unlink()
    with pytest.raises(StoreError, match="index.arrow is missing"):
        Store.open(path)
    assert any("index.arrow is missing" in problem for problem in verify(path))
    size = (path / FIRST).stat().st_size
    first_six = (path / FIRST).read_bytes()
    cut = first_six.index(records[3][-200:]) + 100
    assert cut < size
    damage(path / FIRST, lambda data: data[:cut])
    repair(path)
    assert_holds(path, records[:3] + records[6:])


def test_a_missing_shard_is_named_and_its_keys_are_lost(fake, path, records):
    (path / "shards/00001.array_record").unlink()
    with pytest.raises(StoreError, match="00001.array_record is missing"):
        Store.open(path).read([7])
    assert any("00001.array_record is missing" in problem for problem in verify(path))
    assert repair(path).lost == sorted(fake.make_example(i).key for i in range(6, 12))
    assert_holds(path, records[:6] + records[12:])


def test_exchanged_shards_are_noticed_when_read(path, records):
    first, second = path / FIRST, path / "shards/00001.array_record"
    shutil.move(first, path / "x")
    shutil.move(second, first)
    shutil.move(path / "x", second)
    with pytest.raises(StoreError, match="00000.array_record record 0: not the record 'fake/s0/000000'"):
        Store.open(path).read([0])
    assert len(verify(path)) == 12
    repair(path)
    assert_holds(path, records[6:12] + records[:6] + records[12:])


def test_a_wrong_index_is_rebuilt(path, records):
    index = load_table(path / "index.arrow")
    save_table(path / "index.arrow", index.set_column(5, "width", pa.array([17] * N, pa.int32())))
    problems = verify(path)
    assert len(problems) == N and "record 0: index.arrow disagrees: width 17, expected 16" in problems[0]
    repair(path)
    assert_holds(path, records)


def test_an_index_that_is_too_short_is_rebuilt(path, records):
    save_table(path / "index.arrow", load_table(path / "index.arrow").slice(0, 15))
    with pytest.raises(StoreError, match="has 15 rows, expected 20 as in store.json"):
        Store.open(path)
    assert len(verify(path)) == 3  # the length, and the last two shards
    repair(path)
    assert_holds(path, records)


def test_half_an_index_is_rebuilt(path, records):
    damage(path / "index.arrow", lambda data: data[: len(data) // 2])
    with pytest.raises(StoreError, match="index.arrow: not a whole Arrow file"):
        Store.open(path)
    repair(path)
    assert_holds(path, records)


def rewrite(path, records):
    writer = shards.open_writer(path / FIRST)
    for record in records:
        writer.write(record)
    writer.close()


def test_intact_records_that_may_not_be_used_go_to_quarantine(fake, path, records, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("posepile.example.LAYOUT_VERSION", 99)
        newer = fake.make_example(1).to_bytes()
    outside = fake.make_example(2, box=[90, 90, 1, 1]).to_bytes()
    rewrite(path, [records[0], newer, outside, records[0], *records[4:6]])
    problems = verify(path)
    for expected in ("record 1: record: layout_version is 99", "record 2: 'fake/s2/000002': box",
                     "record 3: repeated key"):  # fmt: skip
        assert any(expected in problem for problem in problems), problems
    with pytest.raises(ValueError, match="record 1"):
        Store.open(path).examples([1])
    report = repair(path)
    assert [r.reason.split(":")[0] for r in report.removed] == ["record", "box", "repeated key"]
    assert_holds(path, [records[0], *records[4:]])
    kept = shards.open_reader(path / "quarantine/00000.array_record").read_all()
    assert kept == [newer, outside, records[0]]
    assert len((path / "rejected.jsonl").read_text().splitlines()) == 3
    assert json.loads((path / "store.json").read_text())["n_rejected"] == 3


def test_a_record_without_its_checksum_is_damaged(path, records):
    features = tf_example.decode(records[1])
    del features["crc32"]
    rewrite(path, [records[0], tf_example.encode(features), *records[2:6]])
    assert any("record 1: its checksum is wrong" in problem for problem in verify(path))
    repair(path)
    assert_holds(path, [records[0], *records[2:]])


def test_without_store_json_nothing_is_guessed(path):
    (path / "store.json").unlink()
    assert "unfinished" in verify(path)[0]
    with pytest.raises(StoreError, match="unfinished"):
        repair(path)


def test_records_survive_a_round_trip_through_the_store(path, records):
    assert [PoseExample.from_bytes(r).to_bytes() for r in Store.open(path).read(range(N))] == records
