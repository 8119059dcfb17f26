"""`dozens predict` sends images, cameras and boxes to a SavedModel and writes what it answers."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import small_benchmarks
import small_h36m
from fakes import mupots
from fakes.scene import write_image

from evaluation.commands import evaluate as evaluate_command
from evaluation.commands import predict as predict_command
from evaluation.evaluate import evaluate
from evaluation.predict import Predicted, predict, run_of
from evaluation.prediction_file import PredictionError, open_predictions
from evaluation.protocols import load
from evaluation.saved_model import load_model, poses_method
from posepile import skeletons

tf = pytest.importorskip("tensorflow")
from oracle_model import SingleOracle, save_oracle  # noqa: E402

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
    assert predict(model, protocol, h36m, tmp_path / "p.h5", run, META).rows == 6
    (result,) = evaluate(protocol, h36m, [tmp_path / "p.h5"])
    assert result.tally.mean("mpjpe") == pytest.approx(0, abs=1e-3)
    file = open_predictions(tmp_path / "p.h5")
    for labelled in truth:
        in_camera = file.poses(file.rows_of(labelled.image_paths), "coords3d_pred_cam")
        np.testing.assert_allclose(in_camera, labelled.in_camera_frame(), atol=0.01)
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
    assert predict(model, protocol, root, tmp_path / "p.npz", run, META).rows == n_people
    (result,) = evaluate(protocol, root, [tmp_path / "p.npz"])
    assert result.tally.mean("recall") == 1 and result.tally.mean("a_mpjpe") == pytest.approx(0, abs=1e-2)
    assert result.meta == {
        "model": "m", "skeleton": "mpi_inf_3dhp_17", "benchmark": "mupots", "detects": True, "num_aug": 5,
        "detector_threshold": 0.2, "max_detections": -1, "antialias_factor": 2, "options": {},
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
    assert predict(model, protocol, h36m, tmp_path / "p.npz", run, META).rows == 6
    file = open_predictions(tmp_path / "p.npz")
    assert np.isnan(file.poses(np.arange(6))).all()


def test_a_model_without_the_skeleton(h36m, tmp_path):
    model = StandIn("smpl_24", [])
    with pytest.raises(ValueError, match="answers in smpl_24; the benchmark needs 'h36m_17'"):
        predict(model, load("h36m")(), h36m, tmp_path / "p.npz", run_of(load("h36m")(), None, False), META)
    assert not list(tmp_path.iterdir())


class Unfinished(RuntimeError):
    pass


def break_after(model, calls):
    """The model fails once it has answered so often."""
    answer = model._answer

    def failing(images, arguments):
        if len(model.calls) == calls:
            raise Unfinished
        return answer(images, arguments)

    model._answer = failing
    return model


def true_model(protocol, root):
    return StandIn(
        protocol.skeleton_name, [pose[None] for part in protocol.labelled(root) for pose in part.joints]
    )


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_a_broken_run_goes_on_and_predicts_no_image_twice(h36m, tmp_path, suffix):
    protocol, out = load("h36m")(), tmp_path / f"p.{suffix}"
    run = run_of(protocol, None, False, batch_size=1)
    with pytest.raises(Unfinished) as caught:
        predict(break_after(true_model(protocol, h36m), 4), protocol, h36m, out, run, META)
    assert "keeps 4 images; the same command goes on" in caught.value.__notes__[0] and not out.exists()
    rest = true_model(protocol, h36m)
    rest._poses = rest._poses[4:]  # asked for a fifth, it would answer with another image's pose, or none
    done = predict(rest, protocol, h36m, out, run, META | {"model": "moved elsewhere"})
    assert done == Predicted(rows=6, images=2, images_before=4) and len(rest.calls) == 2
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    (result,) = evaluate(protocol, h36m, [out])
    assert result.tally.mean("a_mpjpe") == pytest.approx(0, abs=1e-3)
    # Complete: nothing is predicted, nor is it with other settings
    idle = StandIn("h36m_17", [])
    assert predict(idle, protocol, h36m, out, run, META) == Predicted(rows=6, images=0, images_before=6)
    with pytest.raises(PredictionError, match=r"exists, with other settings \(num_aug\)"):
        predict(idle, protocol, h36m, out, run_of(protocol, 5, False), META)


def test_images_in_which_nobody_was_found_are_done_too(tmp_path):
    mupots.write(tmp_path / "raw")
    protocol, root, out = load("mupots")(), tmp_path / "raw", tmp_path / "p.h5"
    run = run_of(protocol, None, False, batch_size=1)
    nobody = [np.zeros((0, 17, 3))] * 6
    with pytest.raises(Unfinished):
        predict(break_after(StandIn("mpi_inf_3dhp_17", nobody), 3), protocol, root, out, run, META)
    rest = StandIn("mpi_inf_3dhp_17", nobody)
    assert predict(rest, protocol, root, out, run, META) == Predicted(rows=0, images=3, images_before=3)
    assert len(open_predictions(out)) == 0


def test_another_run_does_not_go_on(h36m, tmp_path):
    protocol, out = load("h36m")(), tmp_path / "p.h5"
    run = run_of(protocol, None, False, batch_size=1)
    with pytest.raises(Unfinished):
        predict(break_after(true_model(protocol, h36m), 1), protocol, h36m, out, run, META)
    with pytest.raises(PredictionError, match=r"p.h5.unfinished: left by .* \(num_aug: 1 then, 5 now\)"):
        predict(true_model(protocol, h36m), protocol, h36m, out, run_of(protocol, 5, False), META)
    (tmp_path / "p.h5.unfinished").write_bytes(b"something else")
    with pytest.raises(PredictionError, match="not written by `dozens predict`"):
        predict(true_model(protocol, h36m), protocol, h36m, out, run, META)


# Real SavedModels, through both commands


@pytest.mark.parametrize("id", small_benchmarks.IMAGE_SETS)
def test_a_perfect_model_is_perfect(id, tmp_path, capsys):
    small = small_benchmarks.SMALL[id]
    root = small.write(tmp_path / "raw")
    model = save_oracle(tmp_path / "model", small.protocol(root), root)
    found = predict_and_evaluate(small, root, model, tmp_path)
    lengths = {"mpjpe": 0, "p_mpjpe": 0, "a_mpjpe": 0}
    wanted = lengths | {name: 100 for name in ("pck@50", "cps@100", "apck@150")}
    figures = {name: found["figures"][name]["value"] for name in wanted}
    assert figures == pytest.approx(wanted, abs=0.02)  # float32 of metres, moved to a world and back
    assert found["coverage"]["fraction"] == 1
    detects = small.protocol(root).inference.detects
    boxes = "detected" if detects else "the data set's"
    run = {"model_sha256": found["meta"]["model_sha256"], "num_aug": 1, "antialias_factor": 2, "boxes": boxes}
    assert found["meta"]["benchmark"] == id and found["run"] == run and len(run["model_sha256"]) == 64
    printed = capsys.readouterr()
    assert f"people of {small.protocol(root).title}" in printed.out and "frames/s" in printed.err


@pytest.mark.parametrize("id", ["h36m", "mupots"])
def test_a_model_for_single_images(id, tmp_path):
    small = small_benchmarks.SMALL[id]
    root = small.write(tmp_path / "raw")
    model = save_oracle(tmp_path / "model", small.protocol(root), root, SingleOracle)
    figures = predict_and_evaluate(small, root, model, tmp_path)["figures"]
    assert figures["a_mpjpe"]["value"] == pytest.approx(0, abs=0.02) and figures["pck@50"]["value"] == 100


def predict_and_evaluate(small, root, model, folder):
    options = [
        part for name, value in small.options(root).items() for part in (f"--{name.replace('_', '-')}", value)
    ]
    common = ["--benchmark", small.id, "--root", str(root), *options]
    out = str(folder / "p.h5")
    assert predict_command.main([*common, "--model", str(model), "--out", out]) == 0
    assert evaluate_command.main([*common, "--predictions", out, "--json", str(folder / "r.json")]) == 0
    return json.loads((folder / "r.json").read_text())["models"]["p"]


KILLED = """
import os, signal, sys
from evaluation import predict
from evaluation.commands import predict as command
rows, count = predict._rows, 0
def killing(*arguments):
    global count
    if count == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    count += 1
    return rows(*arguments)
predict._rows = killing
command.main(sys.argv[1:])
"""


def test_a_killed_command_goes_on(tmp_path, capsys):
    small = small_benchmarks.SMALL["tdpw"]
    root = small.write(tmp_path / "raw")
    model = save_oracle(tmp_path / "model", small.protocol(root), root)
    command = [
        "--benchmark",
        "tdpw",
        "--root",
        str(root),
        "--model",
        str(model),
        "--out",
        str(tmp_path / "p.npz"),
    ]
    command += ["--batch-size", "2"]
    killed = subprocess.run([sys.executable, "-c", KILLED, *command], capture_output=True)
    assert killed.returncode == -signal.SIGKILL and (tmp_path / "p.npz.unfinished").exists()
    assert predict_command.main(command) == 0
    assert "10 people of 3DPW, 6 images of them from a former run" in capsys.readouterr().out
    (result,) = evaluate(small.protocol(root), root, [tmp_path / "p.npz"])
    assert result.tally.mean("a_mpjpe") == pytest.approx(0, abs=0.02)


def test_usage_and_models_that_are_none(h36m, tmp_path):
    files = ["--root", str(h36m), "--model", str(tmp_path / "model"), "--out", str(tmp_path / "p.npz")]
    assert predict_command.main(["--benchmark", "synthetic", *files]) == 2
    with pytest.raises(ValueError, match="no saved_model.pb"):
        load_model(tmp_path)
    tf.saved_model.save(tf.Module(), str(tmp_path / "model"))
    with pytest.raises(ValueError, match="answers in no skeleton; the benchmark needs 'h36m_17'"):
        predict_command.main(["--benchmark", "h36m", *files])
    with pytest.raises(ValueError, match="neither 'detect_poses_batched' nor 'detect_poses'"):
        poses_method(tf.Module(), "detect_poses")
