"""The `dozens` command finds its verbs, and a wrong name is a usage error that lists the nearest ones."""

import importlib
import json

import pytest

from dozens import cli


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_its_function(verb):
    assert callable(importlib.import_module(cli.VERBS[verb][0]).main)


def test_no_verb_shows_the_verbs(capsys):
    assert cli.main([]) == cli.EXIT_USAGE
    assert cli.main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(verb in printed for verb in cli.VERBS)


def test_a_misspelt_verb_lists_the_nearest(capsys):
    assert cli.main(["eksport"]) == cli.EXIT_USAGE
    assert "export" in capsys.readouterr().err


def test_a_misspelt_skeleton_is_a_usage_error(capsys):
    assert cli.main(["skeletons", "show", "h36m_71"]) == cli.EXIT_USAGE
    assert "h36m_17" in capsys.readouterr().err


def test_a_missing_file_fails_with_its_name(capsys, tmp_path):
    assert cli.main(["inspect", str(tmp_path / "nothing")]) == cli.EXIT_FAILED
    assert "nothing" in capsys.readouterr().err


def test_the_large_skeleton_as_json(capsys):
    assert cli.main(["skeletons", "show", "large", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert len(shown["joints"]) == 555
    assert all(0 <= a < b < 555 for a, b in shown["edges"])
