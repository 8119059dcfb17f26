"""3DOH50K on two test images of one simple person: joints on whole millimetres, the hips' middle in the middle."""

import numpy as np
import pytest
import small_tdoh
from benchmark_files import moved
from small_tdoh import ANKLE, HEAD, HIP, WAVE, pose

from evaluation.benchmark_results import score_benchmark
from evaluation.protocols import load

pytestmark = pytest.mark.filterwarnings("ignore::evaluation.joint_columns.PredictionWarning")
PROTOCOL = load("tdoh")()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return small_tdoh.write(tmp_path_factory.mktemp("tdoh"))


def test_perfect(score, root):
    found = score(PROTOCOL, root)
    lengths = {"mpjpe": 0, "p_mpjpe": 0, "a_mpjpe": 0}
    expected = lengths | {name: 100 for name in found.figures if name not in lengths}
    assert found.figures == pytest.approx(expected, abs=1e-3)
    assert found.coverage["people"] == 2 and len(found.vector) == 19
    (labelled,) = PROTOCOL.labelled(root)
    assert labelled.image_paths == [f"3doh/testset/images/0000{i}.jpg" for i in (7, 3)]


# One of 14 joints is d mm off, and it is no hip, so that the root stays.
@pytest.mark.parametrize("d, right", [(149.9, 14), (150.1, 13)])
def test_one_joint_near_150(score, root, d, right):
    figures = score(PROTOCOL, root, moved(ANKLE, d)).figures
    assert figures["pck@150"] == pytest.approx(100 * right / 14)
    assert figures["mpjpe"] == pytest.approx(d / 14, abs=1e-3)


def test_a_hip_off_moves_the_root(score, root):
    # The root moves by half of 140: 13 joints are 70 mm off, the hip itself 140 - 70.
    figures = score(PROTOCOL, root, moved(HIP, 140)).figures
    assert figures["mpjpe"] == pytest.approx(70, abs=1e-3)
    assert figures["a_mpjpe"] == pytest.approx(10, abs=1e-3)


def test_mean_pose(score, root):
    # The head is at z and at z + 200; predicted 1 mm beside their mean, 101 and 99 off: 200 / 28; PCK@50: 13 of 14;
    # CPS@100: one of two poses
    def change(labelled, poses):
        mean = pose()
        mean[HEAD, 2] += WAVE / 2 + 1
        return np.repeat(mean[None], 2, axis=0)

    figures = score(PROTOCOL, root, change).figures
    expected = {"mpjpe": 100 / 14, "pck@50": 100 * 13 / 14, "cps@100": 50, "cps@150": 100}
    assert {name: figures[name] for name in expected} == pytest.approx(expected, abs=1e-3)


def test_image_ids_and_camera_coordinates(root, tmp_path):
    (labelled,) = PROTOCOL.labelled(root)
    file = {"image_id": np.array(["00003", "00007"]), "joint_names": np.array(PROTOCOL.skeleton.joints)}
    np.savez(tmp_path / "p.npz", coords3d_pred_cam=labelled.joints[::-1], **file)
    found = score_benchmark(PROTOCOL, root, [tmp_path / "p.npz"])["models"]["p"]["figures"]
    assert found["a_mpjpe"]["value"] == pytest.approx(0, abs=1e-6)
