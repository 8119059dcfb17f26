"""PoseEstimator: the total loss, step switches in compiled runs, precision, mirroring, the last phase."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops
from model_inputs import JOINTS, SIDE, make_batch, make_poses

from training import losses
from training.build import build_model
from training.config import DataConfig, LossConfig, ModelConfig, TrainConfig


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_steps_switch_terms_in_a_compiled_run(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    result = run_script("step_switches.py", backend)
    frozen, training = result["frozen"], result["training"]
    for run in (frozen, training):
        assert run["step"] == 6
        for step, row in enumerate(run["rows"]):
            expected = row["relative"] + row["projection"] + 0.2 * row["weak_2d"]
            expected += 0.1 * row["absolute"] if step > 4 else 0
            assert row["loss"] == pytest.approx(expected, rel=1e-5)
    # Weak perspective for the first three steps; nothing else changes in a frozen network.
    absolute = [row["absolute"] for row in frozen["rows"]]
    assert absolute[:3] == pytest.approx([absolute[0]] * 3, rel=1e-6)
    assert absolute[3:] == pytest.approx([absolute[3]] * 3, rel=1e-6)
    assert abs(absolute[3] / absolute[0] - 1) > 0.01
    assert frozen["draws"] == 0 and training["draws"] == 6
    assert training["moved"] == training["all"]
    assert frozen["moved"] and not any("moving" in path for path in frozen["moved"])


def test_total_is_the_weighted_sum_of_the_terms():
    model, (x, y) = make_model(), make_batch()
    model.step.assign(6000)
    predicted = make_poses()
    part3d = (predicted[:4], y["joints3d"], y["valid3d"])
    expected = losses.mean_relative_loss(*part3d)
    expected += losses.projection_loss(*part3d, x["intrinsics"][:4], model.grid)
    expected += 0.1 * losses.absolute_loss(*part3d)
    weak = losses.weak_2d_loss(
        predicted[4:], y["joints2d"], y["valid2d"], x["intrinsics"][4:], model.groups_2d, model.grid
    )
    assert float(weak) > 0
    total = model.compute_loss(x, y, {"joints": predicted}, training=False)
    np.testing.assert_allclose(total, expected + 0.2 * weak, rtol=1e-5)
    assert int(model.step) == 6000  # validation does not count
    without_2d = {k: v for k, v in y.items() if "3d" in k}
    x3d = {k: v[:4] for k, v in x.items()}
    total = model.compute_loss(x3d, without_2d, {"joints": predicted[:4]}, training=False)
    np.testing.assert_allclose(total, expected, rtol=1e-5)


def test_validation_is_by_full_perspective_from_the_start():
    model, (x, _) = make_model(), make_batch()
    first = ops.convert_to_numpy(model(x)["joints"])
    model.step.assign(10_000)
    np.testing.assert_array_equal(model(x)["joints"], first)


def test_mirrored_image_gives_mirrored_pose():
    model, (x, _) = make_model(), make_batch()
    for weight in model.backbone.weights:
        if weight.name == "kernel":
            weight.assign((weight + ops.flip(weight, axis=1)) / 2)
    sharpen(model)
    joints = ops.convert_to_numpy(model.predict_joints(x["image"], x["intrinsics"]))
    mirrored = model.predict_joints(x["image"][:, :, ::-1], x["intrinsics"])
    assert np.abs(joints[..., 0]).max() > 20
    np.testing.assert_allclose(mirrored * np.float32([-1, 1, 1]), joints, rtol=0, atol=0.5)  # mm at metres


@pytest.mark.parametrize("precision", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_geometry_is_float32_under_any_policy(precision):
    model, (x, y) = make_model(precision=precision), make_batch()
    assert keras.config.dtype_policy().name == "float32"  # the policy does not leak
    assert model.backbone.layers[-1].compute_dtype == precision.removeprefix("mixed_")
    assert {ops.dtype(w) for w in model.trainable_variables} == {"float32"}
    x["intrinsics"] = x["intrinsics"] + np.float32(1e-4)  # lost in half precision
    outputs = model(x, training=True)
    assert ops.dtype(outputs["joints"]) == ops.dtype(model.compute_loss(x, y, outputs)) == "float32"
    reference = make_model()
    reference.set_weights(model.get_weights())
    difference = ops.convert_to_numpy(model(x)["joints"] - reference(x)["joints"])
    relative = difference - difference.mean(axis=1, keepdims=True)
    assert (
        np.abs(relative).max() < {"float32": 0.5, "mixed_float16": 5, "mixed_bfloat16": 50}[precision]
    )  # mm


def test_same_seed_same_weights():
    first, second, other = make_model(seed=3), make_model(seed=3), make_model(seed=4)
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.any(first.joint_head.logits.kernel != other.joint_head.logits.kernel)


def test_weights_file_round_trip(tmp_path):
    model, (x, _) = make_model(seed=1), make_batch()
    model.step.assign(7)
    model.save_weights(tmp_path / "model.weights.h5")
    other = make_model(seed=2)
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other(x)["joints"], model(x)["joints"])
    assert int(other.step) == 7


def make_model(precision="float32", seed=1):
    config = TrainConfig(
        model=ModelConfig("tiny", crop_side=SIDE, ghost_group_size=2),
        data=DataConfig(shares=(("a", 4), ("b", 2))),
        loss=LossConfig(),
        precision=precision,
        seed=seed,
    )
    return build_model(config, SimpleNamespace(joints=JOINTS))


def sharpen(model):
    """Gives an untrained network heat maps with peaks, so that its poses spread out."""
    kernel = model.joint_head.logits.kernel
    kernel.assign(kernel * 20)


def run_script(name, backend):
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": str(root),
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, str(Path(__file__).with_name(name))]
    process = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr[-3000:]
    return json.loads(process.stdout.splitlines()[-1])
