"""`dozens inspect` promises: facts and problems as tables and as JSON, a page; exit code 1 if there is damage."""

import json
from pathlib import Path

import pytest

from posepile.commands import inspect
from posepile.names import UnknownNameError
from posepile.store import StoreError, verify


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


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
    assert found["sample"] == 20 and len(found["in_image"]) == 17 and found["html"] is None
    assert found["n_outliers"] == len(found["outliers"]) > 0  # these fakes are made of random numbers
    outlier = found["outliers"][0]
    assert outlier["key"].startswith("fake/") and outlier["score"] > 1 and outlier["reasons"]
    assert outlier["score"] >= found["outliers"][-1]["score"]


def test_a_sample_is_seeded_and_said(path, capsys):
    first, second = (run_json(capsys, path, "--sample", 5, "--seed", 3)[1] for _ in range(2))
    assert first == second and first["sample"] == 5 and first["examples"] == 20
    assert inspect.main([str(path), "--sample", "5", "--seed", "3"]) == 0
    assert "of 5 examined examples" in capsys.readouterr().out
    assert "5 random examples (seed 3)" in Path("inspect_s.html").read_text()


def test_a_page_is_written_where_nothing_else_is_asked_for(path, capsys):
    assert inspect.main([str(path), "--verify"]) == 0
    assert inspect.main([str(path), "--json"]) == 0
    assert not list(Path().glob("*.html"))
    assert inspect.main([str(path)]) == 0
    assert "written: inspect_s.html" in capsys.readouterr().out
    assert Path("inspect_s.html").read_text().count("<article") == 20 + 20  # all stand out, all are drawn
    assert run_json(capsys, path, "--html", "page.html", "--examples", 7)[1]["html"] == "page.html"
    assert Path("page.html").read_text().count("<article") == 7
    run_json(capsys, path, "--html", "page.html", "--examples", 1)
    assert Path("page.html").read_text().count("<article") == 1


def test_several_stores_make_a_mixture(path, fake, tmp_path, capsys):
    fake.write_store(tmp_path / "other", n=5, id="other")
    code, found = run_json(capsys, path, tmp_path / "other", "--html", "page.html")
    assert code == 0 and [store["examples"] for store in found["stores"]] == [20, 5]
    assert found["html"] == "page.html" and "80.0%" in Path("page.html").read_text()
    assert inspect.main([str(path), str(tmp_path / "other")]) == 0
    assert Path("inspect_mixture.html").is_file()


def test_a_published_mixture_of_what_is_here(fake, tmp_path, capsys):
    for id in ("muco", "h36m", "unrelated"):
        fake.write_store(tmp_path / "pile" / id, n=3, id=id)
    code, found = run_json(capsys, tmp_path / "pile", "--mixture", "small", "--html", "page.html")
    assert code == 0 and [(s["id"], s["per_batch"]) for s in found["stores"]] == [("h36m", 48), ("muco", 48)]
    assert found["mixture"] == "small" and found["missing"] == ["surreal"]
    page = Path("page.html").read_text()
    assert "Not here: surreal" in page and "unrelated" not in page
    assert inspect.main([str(tmp_path / "pile"), "--mixture", "small"]) == 0
    assert "not here: surreal" in capsys.readouterr().out and Path("inspect_small.html").is_file()
    with pytest.raises(UnknownNameError, match="small"):
        inspect.main([str(tmp_path / "pile"), "--mixture", "smal"])


def test_values_that_make_no_sense(path):
    for option in ("--sample", "--examples"):
        with pytest.raises(ValueError, match=f"{option} is 0"):
            inspect.main([str(path), option, "0"])
    with pytest.raises(ValueError, match="no store"):
        inspect.main([])


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
