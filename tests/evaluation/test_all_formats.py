"""A test set that labels all 19 formats is scored, also at roots between several joints."""

import numpy as np
import pytest

from evaluation import metrics
from evaluation.predictions import StorePredictions
from evaluation.protocols.synthetic import same_points
from evaluation.score import mean_pose_mpjpe, score_predictions
from evaluation.truth import formats_of, read_truth
from posepile import skeletons
from posepile.store import Store, StoreWriter
from posepile.synthetic import unit
from posepile.synthetic.twins import TWINS

N = 2


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    path, twin = tmp_path_factory.mktemp("twins") / "twin_test", TWINS["twin_test"]
    with StoreWriter(path, id=twin.id, role="test", skeleton=twin.skeleton, licence="CC0-1.0") as writer:
        for example in unit.make_unit(twin, seed=1, unit=0, count=N, side=48):
            writer.append(example)
    return read_truth(Store.open(path))


def test_perfect_predictions_of_all_formats(truth):
    scores = score_predictions(predictions(truth, truth.world), truth, same_points(truth.joint_names))
    assert set(scores.formats) == set(skeletons.FORMATS) and len(scores.formats) == 19
    assert scores.average == pytest.approx({"mpjpe": 0, "p_mpjpe": 0, "pck100": 100, "cps200": 100}, abs=0.01)
    assert scores.own_root.total == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("name, roots", [
    ("3doh", ["lhip_3doh", "rhip_3doh"]),
    ("ikea", ["lhip_ikea", "rhip_ikea"]),
    ("bmhad", [f"{side}hip{place}_bmhad" for side in "lr" for place in "bfl"]),
])  # fmt: skip
def test_formats_without_a_pelvis_stand_between_the_hips(truth, name, roots):
    pred = truth.world + np.random.default_rng(0).normal(size=truth.world.shape) * 40
    found = score_predictions(predictions(truth, pred), truth, formats=[name]).formats[name]
    columns = formats_of(truth.joint_names)[name].columns
    at = [truth.joint_names.index(root) for root in roots]
    errors = [
        np.linalg.norm((p[c] - p[at].mean(axis=0)) - (g[c] - g[at].mean(axis=0)))
        for p, g in zip(pred, truth.world, strict=True)
        for c in columns
    ]
    assert found["mpjpe"] == pytest.approx(np.mean(errors))
    assert found["p_mpjpe"] == metrics.p_mpjpe(pred[:, columns], truth.world[:, columns])


def test_mean_pose_of_all_formats(truth):
    scores = mean_pose_mpjpe([truth], truth)
    assert set(scores) == {*skeletons.FORMATS, "average"} and all(0 < s < 1000 for s in scores.values())


def test_a_format_without_its_hips_is_refused():
    with pytest.raises(ValueError, match="'3doh' lacks its root joint 'lhip', 'rhip'"):
        formats_of(["neck_3doh"], "x")


def predictions(truth, world):
    return StorePredictions("p", truth.keys, truth.in_camera_frame(world), world, truth.joint_names, {})
