"""Human3.6M on three small sequences of 2 evaluated frames each: 6 poses, 17 joints."""

import numpy as np
import pytest
import small_h36m
from benchmark_files import moved, write_predictions

from evaluation.benchmark_results import score_benchmark
from evaluation.protocols import load
from posepile import skeletons

pytestmark = pytest.mark.filterwarnings("ignore::evaluation.joint_columns.PredictionWarning")
PROTOCOL = load("h36m")()
ANKLE, WRIST = PROTOCOL.skeleton.index("rank"), PROTOCOL.skeleton.index("lwri")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return small_h36m.write(tmp_path_factory.mktemp("h36m"))


@pytest.fixture
def score(root, tmp_path):
    def score(change=lambda labelled, poses: poses, protocol=PROTOCOL, **options):
        path = write_predictions(tmp_path / "p.npz", PROTOCOL, root, change, **options)
        found = score_benchmark(protocol, root, [path])["models"]["p"]
        return {name: figure["value"] for name, figure in found["figures"].items()}, found

    return score


def test_images_are_named_as_the_original_names_them(root):
    found = [path for labelled in PROTOCOL.labelled(root) for path in labelled.image_paths]
    assert found == [
        f"h36m/S{subject}/Images/{activity}.54138969/frame_{frame:06d}.jpg"
        for subject, activity in small_h36m.SEQUENCES
        for frame in (0, 64)
    ]


def test_perfect(score):
    figures, found = score()
    lengths = {f"{kind}mpjpe": 0 for kind in ("", "p_", "a_", "n_")} | {"mrpe": 0}
    percents = {name: 100 for name in figures if name not in lengths}
    assert figures == pytest.approx(lengths | percents, abs=1e-4)  # float32 of a few hundred mm
    assert found["coverage"] == {
        "people": 6, "predicted_people": 6, "joints": 102, "predicted_joints": 102, "fraction": 1,
    }  # fmt: skip
    assert [label for label, _ in found["vector"]][:5] == ["MPJPE", "P-MPJPE", "A-MPJPE", "PCK@50", "PCK@100"]
    assert len(found["vector"]) == 19


# One of 17 joints is d mm off in all poses: MPJPE d / 17. 149.9 < 150 counts, 150 < 150 does not, so of 17 joints 17
# or 16 are correct (16/17 = 94.1176 %), and of poses all or none. AUC@150: (16 + 1 - d/150) / 17.
@pytest.mark.parametrize(
    "d, pck, cps, auc", [(149.9, 100, 100, 94.1216), (150, 94.1176, 0, 94.1176), (150.1, 94.1176, 0, 94.1176)]
)
def test_one_joint_near_the_threshold(score, d, pck, cps, auc):
    figures, _ = score(moved(ANKLE, d))
    expected = {
        "mpjpe": d / 17,
        "a_mpjpe": d / 17,
        "pck@150": pck,
        "apck@150": pck,
        "cps@150": cps,
        "auc@150": auc,
    }
    expected |= {"pck@100": 94.1176, "cps@200": 100, "mrpe": 0, "cps_auc@150": 100 * max(0, 1 - d / 150)}
    assert {name: figures[name] for name in expected} == pytest.approx(expected, abs=1e-3)


def test_a_wrong_root_makes_all_others_wrong(score):
    # 16 of 17 joints are 160 mm off relative to the pelvis, which itself is off by 160 mm in space.
    figures, _ = score(moved(PROTOCOL.root, 160))
    assert figures["mpjpe"] == pytest.approx(160 * 16 / 17, abs=1e-3)
    assert figures["pck@150"] == pytest.approx(100 / 17) and figures["mrpe"] == pytest.approx(160)
    assert figures["a_mpjpe"] == pytest.approx(160 / 17, abs=1e-3)


def test_mean_pose(score):
    # The left wrist is at x or, in 2 of 6 poses, at x + 200; the mean is at x + 66.667. So 4 poses are 66.667 off and
    # 2 are 133.333 off in one joint of 17: MPJPE (4 66.667 + 2 133.333) / (6 17) = 5.2288; PCK@100: 2 of 102 joints
    # are wrong; CPS@100: 2 of 6 poses; Walking (4 poses): (2 66.667 + 2 133.333) / (4 17) = 5.8824.
    figures, found = score(lambda labelled, poses: mean_pose(labelled, poses))
    expected = {"mpjpe": 5.22876, "pck@100": 100 * 100 / 102, "pck@150": 100, "cps@100": 100 * 4 / 6}
    assert {name: figures[name] for name in expected} == pytest.approx(expected, abs=1e-3)
    by_action = {action: row["mpjpe"] for action, row in found["groups"]["action"].items()}
    assert by_action == pytest.approx({"Greeting": 66.6667 / 17, "Walking": 5.88235}, abs=1e-3)
    assert list(by_action) == ["Greeting", "Walking"]


def mean_pose(labelled, poses):
    poses[:, WRIST, 0] = poses[0, WRIST, 0] + small_h36m.WAVE / 3
    return poses


def test_s9_is_corrected_unless_asked_otherwise(score):
    # 2 of 6 poses (S9 Greeting) of the file agree with the corrected truth: the raw one is 200 mm beside it.
    raw = load("h36m")(correct_s9=False)
    figures, _ = score(protocol=raw)
    assert figures["a_mpjpe"] == pytest.approx(200 * 2 / 6, abs=1e-3)
    assert figures["mpjpe"] == pytest.approx(0, abs=1e-4) and figures["apck@150"] == pytest.approx(
        100 * 4 / 6
    )


def test_only_s11(root, tmp_path):
    old = load("h36m")(only_s11=True)
    path = write_predictions(tmp_path / "p.npz", old, root)
    found = score_benchmark(old, root, [path])
    assert found["truth"]["images"] == 2 and found["protocol"]["split"] == "S11"
    assert found["protocol"]["options"] == {"only_s11": True, "correct_s9": True}


def test_25_joints_by_name_and_by_position(score, root, tmp_path):
    h36m_25 = skeletons.load("h36m_25")
    columns = [h36m_25.index(joint) for joint in PROTOCOL.skeleton.base_names]

    def widened(labelled, poses):
        wide = np.full((len(poses), 25, 3), 5000.0)
        wide[:, columns] = poses
        return wide

    figures, _ = score(widened, joint_names=h36m_25.union_names)
    assert figures["mpjpe"] == pytest.approx(0, abs=1e-4)
    with np.load(tmp_path / "p.npz") as file:
        np.savez(tmp_path / "q.npz", **{k: file[k] for k in ("image_path", "coords3d_pred_world")})
    found = score_benchmark(PROTOCOL, root, [tmp_path / "q.npz"])["models"]["q"]
    assert found["figures"]["mpjpe"]["value"] == pytest.approx(0, abs=1e-4)
    assert any("ASSUMED to be in the order of 'h36m_25'" in text for text in found["warnings"])


def test_camera_coordinates_serve_as_well(score, root, tmp_path):
    names, poses = [], []
    for labelled in PROTOCOL.labelled(root):
        names += labelled.image_paths
        poses.append(labelled.in_camera_frame())
    file = {"image_path": np.array(names), "joint_names": np.array(PROTOCOL.skeleton.joints)}
    np.savez(tmp_path / "c.npz", coords3d_pred_cam=np.concatenate(poses), **file)
    found = score_benchmark(PROTOCOL, root, [tmp_path / "c.npz"])["models"]["c"]["figures"]
    assert found["a_mpjpe"]["value"] == pytest.approx(0, abs=1e-6)
