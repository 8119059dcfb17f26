"""Results have stable names, a spread over seeds, checks, and nothing that JSON cannot say."""

import csv
import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

from evaluation.consistency import Disagreement
from evaluation.results import make_results, null_for_nan, terminal_table, with_spread, write_csv, write_json
from evaluation.score import Scores

NAMES = ("separate", "separate_continued", "regularized", "latent", "hybrid")
MEAN_POSE = {"smpl": 210.0, "h36m": 190.0, "average": 200.0}


def test_names_that_scripts_rely_on(tmp_path):
    results = make_results({name: [scores(80)] for name in NAMES}, MEAN_POSE, command="dozens demo")
    write_json(results, tmp_path / "results.json")
    loaded = json.loads((tmp_path / "results.json").read_text())
    assert loaded["mean_pose_mpjpe"] == 200 and loaded["command"] == "dozens demo"
    for name in NAMES:
        row = loaded["variants"][name]
        assert {"mpjpe", "p_mpjpe", "pck100", "cps200", "disagreement"} <= set(row)
        assert "mpjpe_std" not in row and row["formats"]["h36m"]["mpjpe"] == 81


def test_several_seeds_have_a_spread():
    results = make_results({"latent": [scores(79), scores(80), scores(84)]}, MEAN_POSE)
    row = results["variants"]["latent"]
    assert row["mpjpe"] == pytest.approx(81)
    assert row["mpjpe_std"] == pytest.approx(math.sqrt((4 + 1 + 9) / 3))  # population, as the sheet has it
    # Student's t for 3 values: 4.3027 * sample deviation / sqrt(3)
    margin = 4.3027 * math.sqrt(7) / math.sqrt(3)
    assert row["mpjpe_interval"] == pytest.approx([81 - margin, 81 + margin], rel=1e-4)
    assert row["n_seeds"] == 3 and len(row["seeds"]) == 3
    assert row["formats"]["smpl"]["mpjpe_std"] > 0
    assert with_spread(row, "mpjpe") == "81.0±2.2"


def test_checks_compare_with_the_mean_pose_and_the_control():
    variants = {
        "separate_continued": [scores(90, 50)],
        "regularized": [scores(90.8, 35)],
        "hybrid": [scores(91, 36)],
        "latent": [scores(100, 5)],
    }
    checks = {c["text"]: c["passed"] for c in make_results(variants, MEAN_POSE)["checks"]}
    assert checks["Output regularisation: MPJPE below half that of the mean pose"]
    assert not checks["Latent points: MPJPE below half that of the mean pose"]  # below, not at
    assert checks["Output regularisation: formats disagree at least 30 % less than the control's"]
    assert checks["Output regularisation: MPJPE at most 1 % above the control's"]
    assert not checks["Hybrid student-teacher: formats disagree at least 30 % less than the control's"]
    assert not checks["Hybrid student-teacher: MPJPE at most 1 % above the control's"]


def test_numbers_that_do_not_exist_are_null(tmp_path):
    results = make_results({"latent": [scores(float("nan"))]}, MEAN_POSE)
    write_json(results, tmp_path / "r.json")
    write_csv(results, tmp_path / "r.csv")
    assert json.loads((tmp_path / "r.json").read_text())["variants"]["latent"]["mpjpe"] is None
    assert null_for_nan({"a": [np.float32(1), math.inf, True]}) == {"a": [1.0, None, True]}


def test_csv_has_a_row_a_variant_and_format(tmp_path):
    write_csv(make_results({n: [scores(80), scores(82)] for n in NAMES[:2]}, MEAN_POSE), tmp_path / "r.csv")
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert len(rows) == 3 + 2 * 3  # the mean pose too; average, smpl, h36m
    assert rows[0] | {"variant": "mean_pose", "format": "average", "mpjpe": "200.0000"} == rows[0]
    found = next(r for r in rows if (r["variant"], r["format"]) == ("separate", "h36m"))
    assert (found["mpjpe"], found["mpjpe_std"]) == ("82.0000", "1.0000")


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_the_table_fits_80_columns(n_seeds):
    variants = {name: [scores(180.5 + i) for i in range(n_seeds)] for name in (*NAMES, "merged")}
    console = Console(width=80, file=io.StringIO())
    console.print(terminal_table(make_results(variants, MEAN_POSE)))
    printed = console.file.getvalue()
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed and "regularisation" in printed


def scores(mpjpe, disagreement=40.0):
    formats = {
        name: {"mpjpe": mpjpe + d, "p_mpjpe": 60.0, "pck100": 70.0, "cps200": 50.0, "coverage": 1.0}
        for name, d in (("smpl", -1), ("h36m", 1))
    }
    average = {"mpjpe": mpjpe, "p_mpjpe": 60.0, "pck100": 70.0, "cps200": 50.0}
    between = Disagreement(disagreement, disagreement * 0.8, disagreement * 0.5, 98)
    return Scores(formats, average, between, between, n_examples=10)
