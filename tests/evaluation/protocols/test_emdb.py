"""EMDB on three good images of one recording (see `small_emdb`); its bodies are the models' files at rest."""

import pickle

import numpy as np
import pytest
import small_emdb
from benchmark_files import moved
from scipy.spatial.transform import Rotation
from small_emdb import NAME, T

from evaluation.evaluate import evaluate
from evaluation.predictions import PredictionError
from evaluation.protocols import load
from posepile.datasets.raw import RawDataError

pytestmark = pytest.mark.filterwarnings("ignore::evaluation.joint_columns.PredictionWarning")
WRIST = 20


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return small_emdb.write(tmp_path_factory.mktemp("emdb"))


@pytest.fixture
def protocol(root):
    return load("emdb")(body_models=str(root.parent / "models"))


def truth(points):
    """[n, 3] metres of the model's file -> [T, n, 3] mm, camera frame, written out."""
    turns = small_emdb.extrinsics()
    return 1000 * np.array([points @ turn[:3, :3].T + turn[:3, 3] for turn in turns])


def parameters():
    """Predicted neutral bodies that are the true ones: the root is turned as the camera is, about the body's root."""
    fields, turns = small_emdb.body("NEUTRAL"), small_emdb.extrinsics()
    pelvis = (fields["J_regressor"] @ fields["v_template"])[0]
    pose = np.zeros((T, 72))
    pose[:, :3] = Rotation.from_matrix(turns[:, :3, :3]).as_rotvec()
    trans = turns[:, :3, :3] @ pelvis - pelvis + turns[:, :3, 3]
    return {"pose": pose, "betas": np.zeros((1, 10)), "trans": trans}


def figures(protocol, root, tmp_path, person, **options):
    (tmp_path / "p.pkl").write_bytes(pickle.dumps({NAME: person}))
    (found,) = evaluate(protocol, root, [tmp_path / "p.pkl"], **options)
    return {figure.name: protocol.value(figure, found.tally) for figure in protocol.figures}


def test_truth(protocol, root):
    (labelled,) = protocol.labelled(root)
    assert labelled.image_paths == [f"emdb/P0/09_outdoor_walk/images/0000{i}.jpg" for i in (0, 2, 3)]
    fields = small_emdb.body("MALE")
    joints = truth(fields["J_regressor"] @ fields["v_template"])
    np.testing.assert_allclose(labelled.joints, joints[small_emdb.GOOD], atol=1e-6)
    np.testing.assert_array_equal(labelled.boxes[0], [100, 100, 300, 700])


def test_perfect_rows(score, protocol, root):
    found = score(protocol, root).figures
    assert [found[name] for name in ("mpjpe", "p_mpjpe", "a_mpjpe")] == pytest.approx([0] * 3, abs=1e-3)
    assert found["pck@50"] == found["cps@100"] == 100
    assert found["mve"] is None and found["mpjae"] is None


# One of 24 joints, no hip, is d mm off; exclusive.
@pytest.mark.parametrize("d, right", [(149.9, 24), (150.1, 23)])
def test_one_joint_near_150(score, protocol, root, d, right):
    found = score(protocol, root, moved(WRIST, d)).figures
    assert found["mpjpe"] == pytest.approx(d / 24, abs=1e-3)
    assert found["pck@150"] == pytest.approx(100 * right / 24)


def test_mean_pose(score, protocol, root):
    """The people are turned by 0, 20, 30 degrees; after alignment, any of them is all of them."""
    found = score(protocol, root, lambda labelled, poses: np.repeat(poses[:1], 3, axis=0)).figures
    assert found["p_mpjpe"] == pytest.approx(0, abs=1e-3) and found["mpjpe"] > 10


def test_jitter(monkeypatch, tmp_path):
    """All four images are good, and the camera turns by 10 degrees from one to the next.

    As a complex number a joint at a distance r from its axis is r e^(i 10 t), whose third difference is as large as
    r |e^(10 i) - 1|^3 = r (2 sin 5)^3; times 30^3 a second cubed.
    """
    monkeypatch.setattr(small_emdb, "GOOD", np.ones(T, bool))
    root = small_emdb.write(tmp_path / "all")
    protocol = load("emdb")(body_models=str(root.parent / "models"))
    (labelled,) = protocol.labelled(root)
    radii = np.linalg.norm(labelled.joints[0, :, :2], axis=-1) / 1000
    true = 30**3 * (2 * np.sin(np.radians(5))) ** 3 * radii.mean()
    found = figures(protocol, root, tmp_path, {"joints": labelled.joints})
    assert found["jitter"] == found["jitter_true"] == pytest.approx(true) and true > 1
    still = np.repeat(labelled.joints[:1], T, axis=0)
    assert figures(protocol, root, tmp_path, {"joints": still})["jitter"] == 0
    still[2] += [7, 0, 0]  # one image 7 mm beside: 3 times 7 mm, in the one third difference there is
    assert figures(protocol, root, tmp_path, {"joints": still})["jitter"] == pytest.approx(3 * 0.007 * 30**3)


def test_jitter_needs_four_good_images_in_a_row(protocol, root, score):
    found = score(protocol, root).figures
    assert found["jitter"] is None and found["jitter_true"] is None


def test_parameters(protocol, root, tmp_path):
    found = figures(protocol, root, tmp_path, parameters())
    names = ("mpjpe", "p_mpjpe", "a_mpjpe", "mve", "mve_pa", "mpjae", "mpjae_pa")
    assert {name: found[name] for name in names} == pytest.approx(dict.fromkeys(names, 0), abs=1e-3)
    # 30 mm beside: absolute only. All turned by 6 degrees about the line of sight: angles, and lengths before alignment
    beside = parameters()
    beside["trans"] = beside["trans"] + [0.03, 0, 0]
    assert figures(protocol, root, tmp_path, beside)["a_mpjpe"] == pytest.approx(30)
    turned, turn = parameters(), Rotation.from_euler("z", 6, degrees=True)
    turned["pose"][:, :3] = (turn * Rotation.from_rotvec(turned["pose"][:, :3])).as_rotvec()
    found = figures(protocol, root, tmp_path, turned)
    assert found["mpjae"] == pytest.approx(6) and found["mpjae_pa"] == pytest.approx(0, abs=1e-4)
    assert found["mve"] > 5 and found["mve_pa"] == pytest.approx(0, abs=1e-3)


def test_joints_and_vertices(protocol, root, tmp_path):
    fields = small_emdb.body("MALE")
    joints = truth(fields["J_regressor"] @ fields["v_template"])
    vertices = truth(fields["v_template"])
    vertices[:, 0, 0] += 60  # one of 60 vertices is 60 mm off
    found = figures(protocol, root, tmp_path, {"joints": joints, "vertices": vertices})
    assert found["mpjpe"] == pytest.approx(0, abs=1e-6) and found["mve"] == pytest.approx(1, abs=1e-3)
    assert found["mve_pa"] == pytest.approx(1, abs=1e-3) and np.isnan(found["mpjae"])
    assert np.isnan(figures(protocol, root, tmp_path, {"joints": joints})["mve"])


def test_what_does_not_fit(protocol, root, tmp_path):
    with pytest.raises(PredictionError, match="'P0_09_outdoor_walk' has no 'trans'"):
        figures(protocol, root, tmp_path, {"pose": np.zeros((T, 72)), "betas": np.zeros(10)})
    short = {name: value[:2] for name, value in parameters().items()}
    with pytest.raises(PredictionError, match="2 people have no row"):
        figures(protocol, root, tmp_path, short)
    found = figures(protocol, root, tmp_path, short, allow_missing=True)
    assert found["mve"] == pytest.approx(0, abs=1e-3) and found["mpjae"] == pytest.approx(0, abs=1e-3)
    fields = small_emdb.body("MALE")
    joints = truth(fields["J_regressor"] @ fields["v_template"])
    with pytest.raises(PredictionError, match="seems to be in metres"):
        figures(protocol, root, tmp_path, {"joints": joints / 1000})


def test_without_models_or_data(root, tmp_path):
    with pytest.raises(RawDataError, match="no folder of body models was given"):
        list(load("emdb")().labelled(root))
    with pytest.raises(RawDataError, match="expected EMDB's folders P0 to P9"):
        list(load("emdb")().labelled(tmp_path))
