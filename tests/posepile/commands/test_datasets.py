"""The list of data sets: facts of every one, and what of it is on this machine."""

import json

import pytest

from posepile.commands import datasets as command
from posepile.names import UnknownNameError

KEYS = {"id", "role", "licence", "skeleton", "n_joints", "present"}


def listed(capsys, *args):
    assert command.main([*args, "--json"]) == 0
    return {one["id"]: one for one in json.loads(capsys.readouterr().out)}


def test_lists_every_data_set(capsys, monkeypatch):
    monkeypatch.delenv(command.RAW_VARIABLE, raising=False)
    monkeypatch.delenv(command.STORES_VARIABLE, raising=False)
    found = listed(capsys)
    assert found["h36m"]["n_joints"] == 25 and found["h36m"]["role"] == "3d"
    for one in found.values():
        assert one.keys() >= KEYS and not one["present"]
        assert one["licence"] and one["how_to_get"]


def test_says_what_is_here(capsys, tmp_path, monkeypatch):
    raw = tmp_path / "raw"
    (raw / "h36m/Release-v1.2").mkdir(parents=True)
    (raw / "h36m/Release-v1.2/metadata.xml").touch()
    (tmp_path / "stores/coco").mkdir(parents=True)
    monkeypatch.setenv(command.RAW_VARIABLE, str(raw))
    found = listed(capsys, "--stores", str(tmp_path / "stores"))
    assert (
        found["h36m"]["missing"] == ["S*/MyPoseFeatures/D3_Positions/*.cdf"] and not found["h36m"]["present"]
    )
    assert found["coco"]["problem"] and not found["coco"]["present"]
    cdf = raw / "h36m/S1/MyPoseFeatures/D3_Positions/Walking.cdf"
    cdf.parent.mkdir(parents=True)
    cdf.touch()
    assert listed(capsys, "h36m")["h36m"]["present"]


def test_one_data_set_in_words(capsys):
    assert command.main(["h36m"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Human3.6M" in text and "1. Ask for an account" in text and "dozens prepare h36m" in text


def test_the_list_fits_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert command.main([]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_unknown(capsys):
    with pytest.raises(UnknownNameError, match="h36m"):
        command.main(["h36"])
    with pytest.raises(FileNotFoundError, match="nowhere"):
        command.main(["--raw", "/nowhere"])
