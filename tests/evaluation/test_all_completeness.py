"""What is wrong with a prediction file is named, on each of the eight benchmarks.

`small_benchmarks` writes a few poses of each in the original files' layout.
"""

import json

import numpy as np
import pytest
from small_benchmarks import SMALL, perfect

from evaluation.commands import evaluate as command
from evaluation.prediction_file import PredictionError

pytestmark = pytest.mark.filterwarnings("ignore::evaluation.joint_columns.PredictionWarning")
SEVERAL_PEOPLE = ("mupots", "tdpw")
ALL = sorted(SMALL)


@pytest.mark.parametrize("id", ALL)
def test_nothing_is_wrong_with_a_perfect_file(check, id):
    model, doubts = check(id)
    assert not doubts and model["coverage"]["fraction"] == 1
    assert model["coverage"]["people"] == model["coverage"]["predicted_people"] > 1


def without_the_first(predictions):
    """All rows of its recording in 3DPW, where one that is missing keeps his last pose."""
    first = predictions.names[0]
    gone = predictions.names == first
    if first.startswith("3dpw"):
        gone = np.char.startswith(predictions.names, first.rsplit("/", 1)[0])
    return {"names": predictions.names[~gone], "poses": predictions.poses[~gone]}


@pytest.mark.parametrize("id", [id for id in ALL if id != "mupots"])
def test_missing_images(check, roots, id):
    first = perfect(SMALL[id], roots(id)).names[0]
    with pytest.raises(PredictionError, match=f"(have no row|missing): {first}"):
        check(id, without_the_first)
    model, doubts = check(id, without_the_first, allow_missing=True)
    assert any(f"have no row: {first}" in text for text in doubts)
    coverage = model["coverage"]
    assert coverage["fraction"] < 1 and coverage["predicted_people"] < coverage["people"]
    figures = model["figures"]
    assert figures["mpjpe"]["value"] == pytest.approx(0, abs=1e-3)  # of the others
    wrong = figures["pck100" if id == "synthetic" else "pck@100"]["value"]
    assert wrong == pytest.approx(100 * coverage["fraction"])


def test_missing_images_are_part_of_mupots(check):
    """Two of five people are in the first image."""
    model, _ = check("mupots", without_the_first)
    assert model["coverage"]["predicted_people"] == 3 and model["figures"]["recall"]["value"] == 60


def with_the_first_twice(predictions):
    rows = [0, *range(len(predictions.names))]
    return {"names": predictions.names[rows], "poses": predictions.poses[rows]}


@pytest.mark.parametrize("id", ALL)
def test_repeated_images(check, roots, id):
    first = perfect(SMALL[id], roots(id)).names[0]
    if id in SEVERAL_PEOPLE:
        _, doubts = check(id, with_the_first_twice)
        assert any(f"1 rows are copies of another one of the same image: {first}" in text for text in doubts)
    else:
        with pytest.raises(PredictionError, match=f"(more than once|repeated): {first}"):
            check(id, with_the_first_twice)


@pytest.mark.parametrize("id", ALL)
def test_unknown_images(check, id):
    def change(predictions):
        names, poses = predictions.names, predictions.poses
        return {"names": np.append(names, names[0] + "_x"), "poses": poses[[*range(len(poses)), 0]]}

    with pytest.raises(PredictionError, match="(that the benchmark lacks|unknown): .*_x"):
        check(id, change)


@pytest.mark.parametrize("id", ALL)
def test_wrong_joints(check, id):
    with pytest.raises(PredictionError, match=r"has shape \[\d+, \d+, 3\], expected \[\d+, \d+, 3\]"):
        check(id, lambda predictions: {"poses": predictions.poses[:, 1:]})
    with pytest.raises(PredictionError, match=r"(no|field) 'joint_names'"):
        check(id, lambda predictions: {"poses": predictions.poses[:, 1:], "joint_names": None})
    with pytest.raises(PredictionError, match="joints.* are not predicted: "):
        check(id, lambda predictions: {"joint_names": np.array(["x", *predictions.joint_names[1:]])})


@pytest.mark.parametrize("id", ALL)
def test_metres(check, id):
    with pytest.raises(
        PredictionError, match="0.00100 times as large as true ones: .* seems to be in metres"
    ):
        check(id, lambda predictions: {"poses": predictions.poses / 1000})


@pytest.mark.parametrize("id", ALL)
def test_mirrored_joints(check, id):
    _, doubts = check(id, lambda predictions: {"poses": predictions.poses[:, predictions.mirror]})
    assert any("MIRRORED" in text for text in doubts)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("id", ALL)
def test_not_a_number(check, roots, id, value):
    small = SMALL[id]
    first = perfect(small, roots(id)).names[0]

    def change(predictions):
        predictions.poses[0, small.column(predictions)] = value
        return {}

    with pytest.raises(PredictionError, match=f"NaN or infinite.*: {first}"):
        check(id, change)
    model, doubts = check(id, change, allow_missing=True)
    assert any("NaN or infinite" in text for text in doubts)
    coverage = model["coverage"]
    assert coverage["predicted_joints"] == coverage["joints"] - 1


@pytest.mark.parametrize("id", SEVERAL_PEOPLE)
def test_a_row_of_nothing_but_nan_among_several_people(check, roots, id):
    first = perfect(SMALL[id], roots(id)).names[0]

    def change(predictions):
        nothing = np.full_like(predictions.poses[:1], np.nan)
        return {
            "names": np.append(predictions.names, first),
            "poses": np.concatenate([predictions.poses, nothing]),
        }

    _, doubts = check(id, change)
    assert any(f"1 rows have joints that are NaN or infinite: {first}" in text for text in doubts)


@pytest.mark.parametrize("id", ALL)
def test_coverage_is_printed(roots, id, tmp_path, capsys):
    small, root = SMALL[id], roots(id)
    path = perfect(small, root).write(tmp_path / "p.npz")
    options = [f"--{name.replace('_', '-')}={value}" for name, value in small.options(root).items()]
    arguments = ["--benchmark", id, "--root", str(root), "--predictions", str(path), *options]
    assert command.main([*arguments, "--json", str(tmp_path / "r.json")]) == 0
    assert "p: coverage 100.00 % (" in capsys.readouterr().out
    protocol = json.loads((tmp_path / "r.json").read_text())["protocol"]
    for key in "joints root alignment thresholds association split frames boxes truth averaging".split():
        assert protocol[key]
