"""`dozens evaluate` prints tables or JSON, writes results, lays out the paper's tables, and names what does not fit."""

import csv
import json

import numpy as np
import pytest
import small_h36m
import small_synthetic
from benchmark_files import moved, write_predictions
from small_synthetic import SKELETON

from evaluation.commands import evaluate as commands
from evaluation.protocols import load

H36M = load("h36m")()


@pytest.fixture(scope="module")
def h36m(tmp_path_factory):
    """The arguments for two models on Human3.6M: a perfect one, and one whose wrist is 170 mm off."""
    folder = tmp_path_factory.mktemp("h36m")
    root = small_h36m.write(folder / "raw")
    perfect = write_predictions(folder / "perfect.npz", H36M, root, meta={"model": "m", "num_aug": 5})
    bad = write_predictions(folder / "bad.h5", H36M, root, moved(H36M.skeleton.index("lwri"), 170))
    return ["--benchmark", "h36m", "--predictions", str(perfect), str(bad), "--root", str(root)]


@pytest.fixture
def synthetic(tmp_path):
    """The arguments for a store of three examples, in whose predictions SMPL's left wrist is off by 30 mm."""
    predicted = small_synthetic.poses()
    predicted[:, SKELETON.index("lwri"), 0] += 30
    fields = {"key": np.array(small_synthetic.keys()), "joint_names": np.array(SKELETON.joints)}
    np.savez(tmp_path / "p.npz", poses=predicted, coords3d_pred_world=predicted, **fields)
    root = small_synthetic.write(tmp_path / "store")
    return ["--benchmark", "synthetic", "--predictions", str(tmp_path / "p.npz"), "--root", str(root)]


def test_json_says_how_it_was_measured(h36m, tmp_path):
    assert commands.main([*h36m, "--json", str(tmp_path / "r.json")]) == 0
    found = json.loads((tmp_path / "r.json").read_text())
    assert set(found) == {"benchmark", "title", "protocol", "code", "truth", "models"}
    for (
        field
    ) in "joints root alignment thresholds association split frames boxes truth averaging options".split():
        assert found["protocol"][field]
    assert len(found["truth"]["fingerprint"]) == 64 and found["truth"]["images"] == 6
    perfect, bad = found["models"]["perfect"], found["models"]["bad"]
    assert perfect["meta"] == {"model": "m", "num_aug": 5} and len(perfect["sha256"]) == 64
    unsaid = dict.fromkeys(("model_sha256", "num_aug", "antialias_factor", "boxes"))
    assert perfect["run"] == unsaid | {"num_aug": 5} and bad["run"] == unsaid
    # In all sequences alike, so that the interval is the value: 170 / 17
    mpjpe = bad["figures"]["mpjpe"]
    assert [mpjpe[key] for key in ("value", "low", "high")] == pytest.approx([10, 10, 10], abs=1e-4)
    assert bad["details"]["mpjpe_by_joint"]["lwri"] == pytest.approx(170, abs=1e-3)
    assert bad["details"]["worst"][0]["mpjpe"] == pytest.approx(10, abs=1e-4)
    # 16 of 17 joints are exact: the curve steps at 170 mm
    curve = bad["details"]["pck_curves"]["relative"]
    assert curve[1] == curve[170] == pytest.approx(100 * 16 / 17, abs=1e-3) and curve[171] == 100


def test_tables_and_options_of_the_benchmark(h36m, capsys):
    assert commands.main([*h36m, "--only-s11"]) == 0
    printed = capsys.readouterr()
    assert "perfect" in printed.out and "MPJPE mm by action" in printed.out and "10.0" in printed.out
    assert "perfect: coverage 100.00 % (2 of 2 people, 34 of 34 joints)" in printed.out
    assert "bad: summary line: MPJPE 10.0; P-MPJPE" in printed.out and "bad: 10.0 & " in printed.out
    assert (
        "WARNING" in printed.err and "1 sequences of Human3.6M, the complete benchmark has 120" in printed.err
    )


def test_one_model_has_all_figures_of_groups_in_one_table(h36m, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert commands.main([*h36m[:4], *h36m[5:]]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines()[:-2])) <= 80  # all but the line for LaTeX
    (row,) = (line for line in printed.splitlines() if "Walking" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == ["Walking", "0.0", "0.0", "100.0"]


def test_files_side_by_side(h36m, tmp_path):
    assert commands.main([*h36m, "--out", str(tmp_path)]) == 0
    with (tmp_path / "results.csv").open() as file:
        rows = {(r["model"], r["group"], r["figure"]): float(r["value"]) for r in csv.DictReader(file)}
    assert rows["bad", "all", "pck@150"] == pytest.approx(100 * 16 / 17, abs=1e-3)
    assert rows["bad", "Walking", "mpjpe"] == pytest.approx(10, abs=1e-4)
    page = (tmp_path / "results.md").read_text()
    assert "| S consistency regul. | 45.2 | 33.3 | 94.4 | 90.1 |" in page and "| **perfect** | 0.0 |" in page
    for name in ("pck_relative", "pck_aligned", "pck_absolute", "by_joint", "by_distance", "by_action"):
        assert (tmp_path / f"{name}.svg").read_text().startswith("<svg")
    gallery = (tmp_path / "worst_bad.html").read_text()
    assert gallery.count("<figure") == 6 and "6 images could not be read" in gallery  # there are no pixels
    assert "10 mm: h36m/S9/Images/Greeting.54138969/frame_000000.jpg" in gallery


def test_seeds(h36m, tmp_path, capsys):
    assert commands.main([*h36m, "--seeds", "--out", str(tmp_path), "--gallery", "0"]) == 0
    # MPJPE 0 and 10
    assert "MPJPE over 2 seeds: 5.0 ± 5.0 mm" in capsys.readouterr().out
    assert "| MPJPE mm | 5.0 ± 5.0 |" in (tmp_path / "results.md").read_text()
    assert not list(tmp_path.glob("worst*"))


def test_paper(h36m, tmp_path, capsys):
    commands.main([*h36m, "--json", str(tmp_path / "r.json")])
    capsys.readouterr()
    assert commands.main(["--paper", str(tmp_path / "r.json")]) == 0
    page = capsys.readouterr().out
    assert "| EffNetV2-L, 384 px, 5 crops | 95.7 | 57.0 | 38.1 | 55.4 | 53.6 | 97.6 | 35.5 |" in page
    assert (
        "| **bad** | not given | not given | not given | not given | not given | not given | 10.0 |" in page
    )
    with pytest.raises(ValueError, match="'perfect' has two results of 'h36m'"):
        commands.main(["--paper", str(tmp_path / "r.json"), str(tmp_path / "r.json")])


def test_synthetic(synthetic, capsys):
    assert commands.main([*synthetic, "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    model = found["models"]["p"]
    assert model["groups"]["format"]["smpl"]["mpjpe"] == pytest.approx(30 / 24, rel=1e-4)
    assert model["groups"]["format"]["h36m"]["mpjpe"] == pytest.approx(0, abs=1e-2)
    assert found["truth"]["images"] == 3 and model["figures"]["disagreement"]["value"] > 0
    # All three sequences are off alike, by 30 mm of one of SMPL's 24 joints; Human3.6M's are exact
    mpjpe = model["figures"]["mpjpe"]
    assert [mpjpe[key] for key in ("value", "low", "high")] == pytest.approx([30 / 24 / 2] * 3, abs=1e-2)
    assert all(figure["low"] <= figure["value"] <= figure["high"] for figure in model["figures"].values())


def test_plots_and_gallery_of_the_synthetic_set(synthetic, tmp_path):
    out = tmp_path / "out"
    assert commands.main([*synthetic, "--out", str(out)]) == 0
    details = json.loads((out / "results.json").read_text())["models"]["p"]["details"]
    # 30 mm off in one of 24 + 25 joints
    assert details["mpjpe_by_joint"]["lwri"] == pytest.approx(30, abs=1e-2)
    curve = details["pck_curves"]["absolute"]
    assert curve[29] == pytest.approx(100 * 48 / 49, abs=1e-2) and curve[31] == 100
    assert details["worst"][0]["mpjpe"] == pytest.approx(30 / 49, abs=1e-2)
    page = (out / "worst_p.html").read_text()
    assert page.count("<figure") == 3 and "could not be read" not in page  # the store's own images
    for name in ("pck_relative", "by_joint", "by_distance", "by_format"):
        assert (out / f"{name}.svg").exists()


def test_synthetic_with_chosen_formats(synthetic, capsys, tmp_path):
    assert commands.main([*synthetic, "--formats", "smpl", "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "smpl" in printed and "h36m" not in printed
    assert "smpl" in (tmp_path / "out/results.md").read_text()
    with pytest.raises(ValueError, match="'coco' is not labelled"):
        commands.main([*synthetic, "--formats", "coco"])


def test_usage(h36m, capsys):
    assert commands.main(["--benchmark", "h36m"]) == 2
    assert "expected --benchmark, --predictions and --root" in capsys.readouterr().err
    with pytest.raises(ValueError, match="'h37m'"):
        commands.main(["--benchmark", "h37m", *h36m[2:]])
    with pytest.raises(SystemExit) as caught:
        commands.main([*h36m, "--only-s12"])
    assert caught.value.code == 2
