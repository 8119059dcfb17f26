"""Prediction files: what the writer writes comes back, npz and h5 alike, rows by image and in any order."""

import h5py
import numpy as np
import pytest

from evaluation.prediction_file import PredictionError, open_predictions
from evaluation.prediction_writer import PredictionWriter

NAMES = ["set/b/2.jpg", "set/a/1.jpg", "set/c/10.jpg", "set/a/1.jpg", "set/ä/3.jpg"]
POSES = np.arange(5 * 2 * 3, dtype=np.float32).reshape(5, 2, 3)


@pytest.fixture(params=["npz", "h5"])
def path(request, tmp_path):
    return tmp_path / f"p.{request.param}"


def test_round_trip_of_pieces(path):
    with PredictionWriter(path, ["pelv", "lhip"], {"model": "m", "num_aug": 5}) as writer:
        for piece in (slice(0, 2), slice(2, 2), slice(2, 5)):
            writer.append(NAMES[piece], coords3d_pred_world=POSES[piece], person_id=np.arange(5)[piece])
        assert not path.exists()  # only a finished file has its name
    file = open_predictions(path)
    assert len(file) == 5 and file.n_joints == 2 and file.joint_names == ("pelv", "lhip")
    assert file.meta == {"model": "m", "num_aug": 5}
    rows = file.rows_of(
        ["set/c/10.jpg", "absent", "set/ä/3.jpg", "set/a/1.jpg", "a name longer than all others"]
    )
    assert rows.tolist() == [2, -1, 4, 1, -1]
    np.testing.assert_array_equal(file.poses(rows)[[0, 2, 3]], POSES[[2, 4, 1]])
    assert np.isnan(file.poses(rows)[[1, 4]]).all() and file.poses(rows).dtype == np.float64
    assert file.all_rows_of("set/a/1.jpg").tolist() == [1, 3]
    assert not len(file.all_rows_of("set/a")) and not len(file.all_rows_of("x" * 99))
    assert file.repeated() == ["set/a/1.jpg"]
    np.testing.assert_array_equal(file.read("person_id", np.array([3, 0])), [3, 0])


def test_nothing_is_left_of_an_interrupted_file(path):
    with pytest.raises(KeyError), PredictionWriter(path, ["pelv", "lhip"]) as writer:
        writer.append(NAMES[:1], coords3d_pred_world=POSES[:1])
        raise KeyError
    assert not list(path.parent.iterdir())


def test_no_predictions_at_all(path):
    with PredictionWriter(path, ["pelv", "lhip"]) as writer:
        writer.append([], coords3d_pred_world=POSES[:0])
    file = open_predictions(path)
    assert len(file) == 0 and file.rows_of(["a"]).tolist() == [-1] and not file.repeated()
    assert np.isnan(file.poses(np.array([-1]))).all()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_bytes_str_and_compressed_files(tmp_path, save):
    for names in (np.array(NAMES), np.array([n.encode() for n in NAMES])):
        save(tmp_path / "p.npz", image_path=names, coords3d_pred_cam=np.asfortranarray(POSES))
        file = open_predictions(tmp_path / "p.npz")
        assert file.joint_names is None and file.meta == {} and file.pose_field == "coords3d_pred_cam"
        assert file.rows_of(NAMES).tolist() == [0, 1, 2, 1, 4]
        np.testing.assert_array_equal(file.poses(np.array([2, 0])), POSES[[2, 0]])


def test_h5_of_others(tmp_path):
    """Paths of fixed length, as some libraries write them; numbers as image ids."""
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["image_id"] = np.arange(5) + 10
        file["coords3d_pred_cam"] = POSES
    assert open_predictions(tmp_path / "p.h5").rows_of(["12", "10"]).tolist() == [2, 0]


def test_bad_files_are_named(tmp_path):
    path = tmp_path / "p.npz"
    np.savez(path, coords3d_pred_cam=POSES)
    with pytest.raises(
        PredictionError, match=r"p\.npz: field 'image_path' is missing; it has coords3d_pred_cam"
    ):
        open_predictions(path)
    np.savez(path, image_path=np.array(NAMES))
    with pytest.raises(PredictionError, match="neither 'coords3d_pred_world' nor 'coords3d_pred_cam'"):
        open_predictions(path)
    np.savez(path, image_path=np.array(NAMES), coords3d_pred_cam=POSES, joint_names=np.array(["a", "b", "c"]))
    with pytest.raises(
        PredictionError, match=r"'coords3d_pred_cam' has shape \[5, 2, 3\], expected \[5, 3, 3\]"
    ):
        open_predictions(path)
    np.savez(path, image_path=np.array([{}] * 5), coords3d_pred_cam=POSES)
    with pytest.raises(PredictionError, match="holds Python objects"):
        open_predictions(path)
    path.write_bytes(b"no zip")
    with pytest.raises(PredictionError, match="not an .npz file"):
        open_predictions(path)
    with pytest.raises(FileNotFoundError):
        open_predictions(tmp_path / "absent.npz")
    with pytest.raises(ValueError, match="ends in .h5 or .npz"):
        PredictionWriter(tmp_path / "p.txt", ["pelv"])
