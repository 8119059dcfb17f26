"""`dozens inspect` promises: facts and problems as tables and as JSON; exit code 1 if there is damage."""

import json

import pytest

from posepile.commands import inspect
from posepile.store import StoreError, verify


@pytest.fixture
def path(fake, tmp_path):
    bad = fake.make_example(3, box=[99, 99, 1, 1])
    fake.write_store(tmp_path / "s", examples=[*map(fake.make_example, range(20)), bad])
    return tmp_path / "s"


def run_json(capsys, *args):
    code = inspect.main([*map(str, args), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_facts_as_json(path, capsys, fake):
    code, found = run_json(capsys, path)
    assert code == 0
    assert found["examples"] == 20 and found["skeleton"] == "h36m_17" and found["splits"] == {"train": 20}
    assert found["joints"] == list(fake.skeleton.joints) and found["labelled"] == [20] * 17
    assert found["image_sizes"] == {"16x8": 20} and found["subjects"] == {"s0": 7, "s1": 7, "s2": 6}
    assert found["cameras"] == {"cam0": 10, "cam1": 10} and found["rejected"] == 1
    assert len(found["bones"]) == 16 and 0 < found["bones"][0]["mean_mm"] < 10
    assert (found["verified"], found["problems"], found["repair"]) == (False, [], None)


def test_the_tables_fit_80_columns(path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert inspect.main([str(path), "--verify"]) == 0
    text = capsys.readouterr().out
    for expected in (
        "20 in 4 shards",
        "h36m_17, 17 joints",
        "rejected",
        "16x8 20",
        "pelv",
        "every record is sound",
    ):
        assert expected in text
    assert max(map(len, text.splitlines())) <= 80


def test_damage_is_listed_and_repaired(path, capsys):
    shard = path / "shards/00000.array_record"
    shard.write_bytes(shard.read_bytes()[:4000])
    code, found = run_json(capsys, path, "--verify")
    assert code == 1 and any("00000.array_record" in problem for problem in found["problems"])
    code, found = run_json(capsys, path, "--repair", "--verify")
    assert code == 0 and found["problems"] == [] and found["examples"] < 20
    assert found["repair"]["rewritten"] == ["shards/00000.array_record"]
    assert len(found["repair"]["lost"]) == 20 - found["examples"] == 20 - found["repair"]["examples"]
    assert verify(path) == []


def test_a_store_that_does_not_open_says_what_to_do(path, capsys):
    (path / "index.arrow").write_bytes(b"")
    with pytest.raises(StoreError, match="index.arrow") as caught:
        inspect.main([str(path)])
    assert "--repair" in caught.value.__notes__[0]
    assert inspect.main([str(path), "--verify"]) == 1
    assert "index.arrow" in capsys.readouterr().out
    code, found = run_json(capsys, path, "--repair")
    assert code == 0 and found["examples"] == 20


def test_no_store_at_all(tmp_path):
    with pytest.raises(StoreError, match="is not a store"):
        inspect.main([str(tmp_path)])


def test_stores_of_2d_labels_and_empty_ones(fake, tmp_path, capsys):
    flat = fake.make_example(0).joints3d[:, :2]
    examples = [fake.make_example(i, joints2d=flat, joints3d=None, camera=None) for i in range(3)]
    fake.write_store(tmp_path / "two", examples=examples, role="2d")
    assert run_json(capsys, tmp_path / "two")[1]["bones"] == []
    fake.write_store(tmp_path / "none", n=0)
    assert run_json(capsys, tmp_path / "none")[1]["examples"] == 0
    assert inspect.main([str(tmp_path / "none")]) == 0
