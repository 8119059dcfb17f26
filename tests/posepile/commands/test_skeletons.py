"""`dozens skeletons` promises: documented JSON keys, tables of 80 columns, usage errors with near names."""

import json

import pytest

from posepile import skeletons
from posepile.commands.skeletons import main
from posepile.names import UnknownNameError


def test_json_lists_the_registry(capsys):
    assert main(["--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["skeletons"]
    assert [entry["name"] for entry in listed] == list(skeletons.names())
    assert {tuple(entry) for entry in listed} == {("name", "kind", "joint_count", "suffix", "description")}
    counts = {entry["name"]: entry["joint_count"] for entry in listed}
    assert (counts["h36m"], counts["smpl_24"], counts["large"], counts[""]) == (25, 24, 555, 555)
    assert {entry["kind"] for entry in listed} == {"format", "user", "labels2d", "pile"}
    assert all(entry["description"] for entry in listed)


def test_json_shows_one(capsys):
    assert main(["show", "large", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    large = skeletons.load("large")
    assert shown["joints"] == list(large.joints) and len(shown["joints"]) == 555
    assert [tuple(edge) for edge in shown["edges"]] == list(large.edges)
    assert shown["mirror"][shown["joints"].index("lhip_h36m")] == shown["joints"].index("rhip_h36m")
    assert len(shown["definitions"]) == len(shown["formats"]) == len(shown["base_names"]) == 555


@pytest.mark.parametrize("args", [["--json", "show", "h36m"], ["h36m", "--json"], ["show", "--json", "h36m"]])
def test_show_may_be_left_out_and_options_stand_anywhere(capsys, args):
    assert main(args) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "h36m"


@pytest.mark.parametrize("args", [[], ["list"], ["show", "large"], ["show", ""], ["smpl+head_30"]])
def test_tables_fit_80_columns(capsys, monkeypatch, args):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(args) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)  # nothing is cut off


def test_the_table_shows_where_joints_lie(capsys):
    main(["show", "h36m"])
    text = capsys.readouterr().out
    assert "Left hip joint centre" in text and "neck-head" in text and "25 joints, 24 edges" in text


def test_an_unknown_skeleton_is_a_usage_error():
    with pytest.raises(UnknownNameError, match="nearest: h36m"):
        main(["show", "h36n"])


@pytest.mark.parametrize("args", [["show"], ["show", "h36m", "smpl"], ["h36m", "smpl"]])
def test_not_one_name_is_a_usage_error(args):
    with pytest.raises(UnknownNameError, match="expected one"):
        main(args)
