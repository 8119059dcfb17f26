"""Sums by sequence and group give the same means and intervals as all values at once."""

import numpy as np
import pytest

from evaluation.bootstrap import interval
from evaluation.details import Details
from evaluation.figures import Distances
from evaluation.protocols import Associated, Labelled
from evaluation.tally import Tally
from posepile.cameras import Camera

N, J = 60, 4
RNG = np.random.default_rng(0)
VALUES = np.where(RNG.random((N, J)) < 0.2, np.nan, RNG.uniform(0, 200, (N, J)))
SEQUENCES = np.repeat(["a", "b", "c"], N // 3)
SCENES = np.tile(["in", "out", "in"], N // 3)


@pytest.fixture
def tally():
    """Filled in pieces, which do not end where sequences do."""
    tally = Tally(("scene",))
    for sequence in "abc":
        rows = np.flatnonzero(SEQUENCES == sequence)
        for piece in (rows[:7], rows[7:7], rows[7:]):
            tally.add(
                sequence,
                {"scene": SCENES[piece].tolist()},
                {"error": VALUES[piece], "first": VALUES[piece, 0]},
            )
    return tally


def test_means(tally):
    assert tally.mean("error") == pytest.approx(np.nanmean(VALUES))
    assert tally.mean("error", scene="in") == pytest.approx(np.nanmean(VALUES[SCENES == "in"]))
    assert tally.mean("first", scene="out") == pytest.approx(np.nanmean(VALUES[SCENES == "out", 0]))
    assert tally.count("error") == np.isfinite(VALUES).sum() and tally.groups("scene") == ["in", "out"]
    assert np.isnan(tally.mean("error", scene="elsewhere")) and np.isnan(Tally().mean("error"))


def test_interval(tally):
    found, expected = tally.interval("error"), interval(VALUES, SEQUENCES)
    assert vars(found) == pytest.approx(vars(expected))


def test_details():
    relative = np.array([[0.0, 9.99, 10, np.inf], [np.nan, 299.5, 300, 1000]])
    details = Details(["a", "b", "c", "d"], root=0)
    true = np.zeros((2, 4, 3))
    true[0, 0] = 0, 0, 4500  # the root, from which the distance is taken
    true[1, 0] = np.nan
    add(details, ["x", "y"], true, relative)
    found = details.to_dict()
    # Of 7 labelled joints, below 0: none; below 1: the first; below 10: two; below 11: three; below 300: four
    curve = found["pck_curves"]["relative"]
    assert [round(curve[t] * 7 / 100, 3) for t in (0, 1, 10, 11, 299, 300)] == [0, 1, 2, 3, 3, 4]
    assert found["mpjpe_by_joint"] == pytest.approx({"a": 0, "b": 154.745, "c": 155, "d": 1000})
    assert found["mpjpe_by_distance"] == [{"from_m": 4, "mpjpe": pytest.approx(19.99 / 3), "people": 1}]
    assert [entry["image_path"] for entry in found["worst"]] == ["y", "x"]


def test_the_worst_are_kept_over_many_pieces():
    errors = np.random.default_rng(1).permutation(400).astype(float)
    details = Details(["a"], root=0)
    for start in range(0, 400, 90):
        piece = errors[start : start + 90, None]
        add(details, [f"{start + i}" for i in range(len(piece))], piece[..., None] * [0, 0, 1], piece)
    worst = details.to_dict()["worst"]
    assert [entry["mpjpe"] for entry in worst] == list(range(399, 349, -1))
    assert all(errors[int(entry["image_path"])] == entry["mpjpe"] for entry in worst)


def add(details, names, true, distances):
    """True poses are predictions too; the distances are made up."""
    labelled = Labelled("s", names, true, [Camera(np.eye(3))] * len(names), [0] * len(names))
    found = Associated(true, true, np.arange(len(names)), np.arange(len(names)))
    details.add(labelled, found, Distances(distances, distances, distances))
