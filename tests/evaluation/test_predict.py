"""`dozens predict` sends images, cameras and boxes to a SavedModel and writes what it answers."""

import json

import numpy as np
import pytest
import small_h36m
from fakes import mupots
from fakes.scene import write_image

from evaluation.commands import predict as command
from evaluation.evaluate import evaluate
from evaluation.predict import load_model, predict, run_of
from evaluation.prediction_file import open_predictions
from evaluation.protocols import load
from posepile import skeletons

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.filterwarnings("ignore::evaluation.joint_columns.PredictionWarning")
META = {"model": "m"}


class StandIn:
    """Answers with poses that it is told, [people, J, 3] of each image in the order of calls; keeps the arguments."""

    def __init__(self, skeleton, poses):
        names = [name.encode() for name in skeletons.load(skeleton).joints]
        self.per_skeleton_joint_names = {skeleton: np.array(names)}
        self._poses, self.calls = list(poses), []

    def detect_poses_batched(self, images, **arguments):
        return self._answer(images, {"images": images, "detects": True, **arguments})

    def estimate_poses_batched(self, images, boxes, **arguments):
        return self._answer(images, {"images": images, "boxes": boxes, **arguments})

    def _answer(self, images, arguments):
        self.calls.append(arguments)
        answers = [self._poses.pop(0) for _ in images]
        flat = tf.constant(np.concatenate(answers), tf.float32)
        return {"poses3d": tf.RaggedTensor.from_row_lengths(flat, [len(answer) for answer in answers])}


@pytest.fixture(scope="module")
def h36m(tmp_path_factory):
    """With pixels of the evaluated frames."""
    root = small_h36m.write(tmp_path_factory.mktemp("h36m"))
    for path in [path for labelled in load("h36m")().labelled(root) for path in labelled.image_paths]:
        write_image(root / path.removeprefix("h36m/"), (64, 48), 90)
    return root


def test_given_boxes(h36m, tmp_path):
    protocol = load("h36m")()
    truth = list(protocol.labelled(h36m))
    model = StandIn("h36m_17", [pose[None] for labelled in truth for pose in labelled.joints])
    run = run_of(protocol, num_aug=None, use_data_set_boxes=False)
    assert predict(model, protocol, h36m, tmp_path / "p.h5", run, META) == 6
    (result,) = evaluate(protocol, h36m, [tmp_path / "p.h5"])
    assert result.tally.mean("mpjpe") == pytest.approx(0, abs=1e-3)
    call = model.calls[0]
    assert call["images"].shape == (2, 48, 64, 3) and call["images"].dtype == np.uint8
    np.testing.assert_allclose(call["boxes"].to_tensor()[0], truth[0].boxes[:1], rtol=1e-6)
    # The camera: what it makes of the truth is the truth in the camera's frame
    extrinsics = call["extrinsic_matrix"][0]
    in_camera = truth[0].joints[0] @ extrinsics[:3, :3].T + extrinsics[:3, 3]
    np.testing.assert_allclose(in_camera, truth[0].in_camera_frame()[0], atol=0.01)
    np.testing.assert_allclose(call["intrinsic_matrix"][0], truth[0].cameras[0].intrinsics, rtol=1e-6)
    assert call["distortion_coeffs"].shape == (2, 5) and call["world_up_vector"].tolist() == [0, 0, 1]
    assert {k: call[k] for k in ("num_aug", "antialias_factor", "skeleton")} == {
        "num_aug": 1, "antialias_factor": 2, "skeleton": "h36m_17",
    }  # fmt: skip


def test_detected_people(tmp_path):
    mupots.write(tmp_path / "raw")
    protocol, root = load("mupots")(), tmp_path / "raw"
    truth = list(protocol.labelled(root))
    images = {}
    for labelled in truth:
        for path, pose in zip(labelled.image_paths, labelled.joints, strict=True):
            images.setdefault(path, []).append(pose)
    model = StandIn("mpi_inf_3dhp_17", [np.array(poses[::-1]) for poses in images.values()])
    run = run_of(protocol, num_aug=5, use_data_set_boxes=False, batch_size=2)
    n_people = sum(len(labelled.people) for labelled in truth)
    assert predict(model, protocol, root, tmp_path / "p.npz", run, META) == n_people
    (result,) = evaluate(protocol, root, [tmp_path / "p.npz"])
    assert result.tally.mean("recall") == 1 and result.tally.mean("a_mpjpe") == pytest.approx(0, abs=1e-2)
    assert result.meta == {
        "model": "m", "skeleton": "mpi_inf_3dhp_17", "benchmark": "mupots", "detects": True, "num_aug": 5,
        "detector_threshold": 0.2, "max_detections": -1, "antialias_factor": 2,
    }  # fmt: skip
    call = model.calls[0]
    assert len(call["images"]) == 2 and call["num_aug"] == 5 and call["detector_flip_aug"] is True
    assert not call["suppress_implausible_poses"] and call["detector_threshold"] == 0.2
    assert open_predictions(tmp_path / "p.npz").read("person_id", np.array([0, 1])).tolist() == [0, 1]


def test_nobody_detected_gives_a_row_of_nan_where_one_person_is_expected(h36m, tmp_path):
    protocol = load("h36m")()
    model = StandIn("h36m_17", [np.zeros((0, 17, 3))] * 6)
    run = run_of(protocol, None, False)
    run = type(run)(type(run.inference)(detects=True))
    assert predict(model, protocol, h36m, tmp_path / "p.npz", run, META) == 6
    file = open_predictions(tmp_path / "p.npz")
    assert np.isnan(file.poses(np.arange(6))).all()


def test_a_model_without_the_skeleton(h36m, tmp_path):
    model = StandIn("smpl_24", [])
    with pytest.raises(ValueError, match="answers in smpl_24; the benchmark needs 'h36m_17'"):
        predict(model, load("h36m")(), h36m, tmp_path / "p.npz", run_of(load("h36m")(), None, False), META)
    assert not list(tmp_path.iterdir())


class Saved(tf.Module):
    """A real SavedModel with the methods' signatures, as far as they are used."""

    def __init__(self):
        self.per_skeleton_joint_names = {"h36m_17": tf.Variable(list(skeletons.load("h36m_17").joints))}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None, 3], tf.uint8),
            tf.RaggedTensorSpec([None, None, 4], tf.float32, 1, tf.int64),
            tf.TensorSpec([None, 3, 3], tf.float32),
            tf.TensorSpec([None, None], tf.float32),
            tf.TensorSpec([None, 4, 4], tf.float32),
            tf.TensorSpec([3], tf.float32),
            *[tf.TensorSpec([], tf.int32)] * 3,
            tf.TensorSpec([], tf.string),
        ]
    )
    def estimate_poses_batched(
        self, images, boxes, intrinsic_matrix, distortion_coeffs, extrinsic_matrix, world_up_vector,
        internal_batch_size, antialias_factor, num_aug, skeleton,
    ):  # fmt: skip
        poses = tf.repeat(boxes.flat_values[:, tf.newaxis, :3], 17, axis=1)
        return {"poses3d": boxes.with_flat_values(poses)}

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)])
    def detect_poses_batched(self, images):
        return {}


def test_command_with_a_real_saved_model(h36m, tmp_path, capsys):
    tf.saved_model.save(Saved(), str(tmp_path / "model"))
    out = tmp_path / "p.npz"
    files = ["--root", str(h36m), "--model", str(tmp_path / "model"), "--out", str(out)]
    assert command.main(["--benchmark", "h36m", *files, "--only-s11"]) == 0
    assert "2 people of Human3.6M" in capsys.readouterr().out
    file = open_predictions(out)
    assert len(file) == 2 and len(file.meta["model_sha256"]) == 64 and json.dumps(file.meta)
    assert command.main(["--benchmark", "synthetic", *files]) == 2
    with pytest.raises(ValueError, match="no saved_model.pb"):
        load_model(tmp_path)
