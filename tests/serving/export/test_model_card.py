"""The model card promises every fact that is known, "not known" for others, and every export with its difference."""

import json
from pathlib import Path

import pytest
from finished_runs import CONFIG, UNION

from serving.commands.export import main
from serving.export import ExportError, Source, Written, model_card
from serving.export.source import run_provenance, source_of_run
from serving.packing import Packing
from training.build import build_model

VALIDATION = """step,store,mean_relative,absolute,procrustes,pck_150
10,tiny,400,900,300,0.1
20,tiny,210.5,500.25,150,0.25
20,all,210.5,500.25,,0.25
"""
RESULTS = {
    "title": "Human3.6M",
    "models": {
        "mine": {
            "figures": {"mpjpe": {"label": "MPJPE", "unit": "mm", "value": 61.25, "low": 58, "high": None}}
        }
    },
}


def test_what_a_run_knows(run, tmp_path):
    (run / "validation.csv").write_text(VALIDATION)
    (tmp_path / "results.json").write_text(json.dumps(RESULTS))
    source = source_of_run(run, Packing(), [tmp_path / "results.json"])
    card = card_of(source, tmp_path)
    assert "| `model.onnx` | onnx | 0.1230 mm |" in card
    assert "| `tiny` | tiny | 3 | CC0-1.0 |" in card
    assert "backbone: tiny" in card and "seed: 5" in card and "autoencoder: none" in card
    assert "Validation after step 20" in card and "| `tiny` | 210.5 | 500.2 | 150 | 0.25 |" in card
    assert "| `all` | 210.5 | 500.2 | not known | 0.25 |" in card and "400" not in card.split("Validation")[1]
    assert "Human3.6M, predictions `mine`" in card and "| MPJPE | 61.25 | 58 | not known | mm |" in card
    assert "| `h36m_17` | 17 |" in card and "all of its 42 joints" in card
    assert run_provenance(run)["validation"]["stores"]["tiny"]["absolute"] == 500.25
    (run / "validation.csv").unlink()


def test_nothing_is_made_up_where_nothing_is_known(tmp_path):
    card = card_of(Source(build_model(CONFIG, UNION), UNION, {}), tmp_path)
    assert "Data sets and their licences: not known." in card
    for fact in (
        "variant",
        "backbone",
        "steps",
        "batch",
        "precision",
        "seed",
        "autoencoder",
        "made with",
        "commit",
    ):
        assert f"- {fact}: not known" in card
    assert "Not known: the run was not validated" in card


def test_data_sets_have_their_titles(tmp_path):
    stores = {"h36m": {"examples": 1234, "licence": ""}, "twin_h36m": {"examples": 5, "licence": "CC0-1.0"}}
    provenance = {"stores": stores, "init_from": "runs/earlier"}
    card = card_of(Source(build_model(CONFIG, UNION), UNION, provenance), tmp_path)
    assert "| `h36m` | Human3.6M | 1,234 | not known |" in card
    assert "| `twin_h36m` | synthetic twin of Human3.6M | 5 | CC0-1.0 |" in card
    assert "started from the weights of `runs/earlier`" in card


def test_the_command_writes_it(run, tmp_path, capsys):
    assert main([str(run), "--to", "onnx,litert", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert str(tmp_path / "model.onnx") in shown and str(tmp_path / "model_card.md") in shown
    card = (tmp_path / "model_card.md").read_text()
    assert "| `model.onnx` | onnx |" in card and "| `model.tflite` | litert |" in card


@pytest.mark.parametrize("text", ["{", "[]", '{"models": {"a": {}}, "title": "b"}', '{"models": {}}'])
def test_files_without_results(run, tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(ExportError, match=r"results\.json: expected results that `dozens evaluate` wrote"):
        source_of_run(run, Packing(), [tmp_path / "results.json"])


def card_of(source: Source, out: Path) -> str:
    return model_card.write(source, [Written("onnx", out / "model.onnx", 0.123)], out).read_text()
