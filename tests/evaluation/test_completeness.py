"""What would silently give a wrong number is an error or a warning that names it. Human3.6M stands for all."""

import numpy as np
import pytest
import small_h36m

from evaluation.evaluate import evaluate
from evaluation.joint_columns import PredictionWarning
from evaluation.prediction_file import PredictionError, open_predictions
from evaluation.protocols import load

PROTOCOL = load("h36m")()
pytestmark = pytest.mark.filterwarnings("ignore:.*the complete benchmark has")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return small_h36m.write(tmp_path_factory.mktemp("h36m"))


@pytest.fixture
def score(root, tmp_path):
    """Scores perfect predictions after `change(paths, poses) -> paths, poses`; further fields of the file follow."""

    def score(change=lambda paths, poses: (paths, poses), allow_missing=False, **fields):
        parts = list(PROTOCOL.labelled(root))
        paths = np.concatenate([p.image_paths for p in parts])
        paths, poses = change(paths, np.concatenate([p.joints for p in parts]))
        fields = {"joint_names": np.array(PROTOCOL.skeleton.union_names)} | fields
        path = tmp_path / "p.npz"
        np.savez(path, image_path=paths, coords3d_pred_world=poses.astype(np.float32), **fields)
        return evaluate(PROTOCOL, root, [path], allow_missing)[0]

    return score


def test_missing_image(score):
    def change(paths, poses):
        return paths[1:], poses[1:]

    with pytest.raises(
        PredictionError, match=r"1 people have no row: h36m/S9/Images/Greeting.*000000.jpg \(cov"
    ):
        score(change)
    with pytest.warns(PredictionWarning, match="1 people have no row"):
        result = score(change, allow_missing=True)
    # The 5 others are perfect: mean errors are of them, PCK counts all 6
    assert str(result.coverage) == "coverage 83.33 %: 5 of 6 people, 85 of 102 joints"
    assert result.tally.mean("mpjpe") == pytest.approx(0, abs=1e-3)
    assert result.tally.mean("pck@150") == pytest.approx(5 / 6) and result.warnings


def test_not_a_number(score):
    def change(paths, poses):
        poses[2, 3] = np.nan
        return paths, poses

    with pytest.raises(
        PredictionError, match=r"1 people have joints that are NaN or infinite: .*S9/Images/Walking 1"
    ):
        score(change)
    with pytest.warns(PredictionWarning, match="NaN"):
        result = score(change, allow_missing=True)
    assert result.coverage.predicted_joints == 101
    assert result.tally.mean("pck@150") == pytest.approx(101 / 102)


def test_repeated_image(score):
    with pytest.raises(PredictionError, match=r"1 images come more than once: h36m/S11/.*000064.jpg"):
        score(lambda paths, poses: (paths[[0, 1, 2, 3, 4, 5, 5]], poses[[0, 1, 2, 3, 4, 5, 5]]))


def test_unknown_image(score):
    def change(paths, poses):
        return np.append(paths, "h36m/S9/Images/Greeting.54138969/frame_000001.jpg"), poses[[*range(6), 0]]

    with pytest.raises(
        PredictionError, match="1 rows are for images that the benchmark lacks: .*frame_000001.jpg"
    ):
        score(change)


def test_metres(score):
    with pytest.raises(PredictionError, match="0.00100 times as large .* seems to be in metres"):
        score(lambda paths, poses: (paths, poses / 1000))
    with pytest.warns(PredictionWarning, match="10 times as large"):
        score(lambda paths, poses: (paths, poses * 10))


def test_mirrored_joints(score):
    mirror = PROTOCOL.skeleton.mirror
    with pytest.warns(PredictionWarning, match="MIRRORED"):
        score(lambda paths, poses: (paths, poses[:, mirror]))


def test_wrong_number_of_joints(score):
    with pytest.raises(
        PredictionError, match=r"'coords3d_pred_world' has shape \[6, 16, 3\], expected \[6, 17, 3\]"
    ):
        score(lambda paths, poses: (paths, poses[:, 1:]))


def test_joints_that_are_not_there(score):
    names = np.array(["toe", *PROTOCOL.skeleton.joints[1:]])
    with pytest.raises(
        PredictionError, match="1 of 17 joints of 'h36m_17' are not predicted: pelv; it has 17"
    ):
        score(joint_names=names)
    with pytest.raises(PredictionError, match="'joint_names' has rhip more than once"):
        score(joint_names=np.array(["rhip", *PROTOCOL.skeleton.joints[1:]]))


def test_names_that_mean_other_points(score):
    names = np.array(PROTOCOL.skeleton.joints)
    with pytest.warns(PredictionWarning, match="those of 'mpi_inf_3dhp_17', expected 'h36m_17'"):
        score(joint_names=names, meta=np.array('{"skeleton": "mpi_inf_3dhp_17"}'))


def test_no_names(root, tmp_path):
    parts = list(PROTOCOL.labelled(root))
    fields = {
        "image_path": np.concatenate([p.image_paths for p in parts]),
        "coords3d_pred_world": np.concatenate([p.joints for p in parts]),
    }
    np.savez(tmp_path / "p.npz", **fields)
    with pytest.warns(PredictionWarning, match="ASSUMED to be in the order of 'h36m_17': pelv rhip"):
        evaluate(PROTOCOL, root, [tmp_path / "p.npz"])
    np.savez(tmp_path / "p.npz", **fields | {"coords3d_pred_world": fields["coords3d_pred_world"][:, :9]})
    with pytest.raises(
        PredictionError, match=r"9 joints and no 'joint_names', expected 17 \(h36m_17\) or 25"
    ):
        evaluate(PROTOCOL, root, [tmp_path / "p.npz"])
    assert open_predictions(tmp_path / "p.npz").joint_names is None
