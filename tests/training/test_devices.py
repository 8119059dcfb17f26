"""Several devices: each replica gets its share of both kinds of labels; what cannot be cut is refused."""

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from stand_ins import make_stores
from tiny_run import CONFIG, IN_PARTS

from training import checkpoint, devices, fit, run_folder
from training.callbacks import METRICS_FILE
from training.config import ConfigError

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    "accumulate, wanted, n_3d, n_2d, message",
    [
        (1, 2, 6, 2, None),
        (2, 1, 6, 2, None),
        (1, 3, 6, 3, "parts? of the batch: 3 examples"),
        (1, 2, 5, 3, "5 3D-labelled examples, expected a multiple of 2"),
        (1, 2, 6, 3, "3 2D-labelled examples, expected a multiple of 2"),
        (2, 2, 12, 4, "expected 1 with TensorFlow"),
    ],
)
def test_batches_that_cannot_be_cut_are_refused(accumulate, wanted, n_3d, n_2d, message):
    config = replace(
        IN_PARTS,
        data=replace(CONFIG.data, shares=(("a", n_3d), ("b", n_2d))),
        model=replace(CONFIG.model, ghost_group_size=0),
        optimizer=replace(CONFIG.optimizer, accumulate=accumulate),
        runtime=replace(CONFIG.runtime, devices=wanted),
    )
    object.__setattr__(config.model, "ghost_group_size", 4)
    if message is None:
        devices.check_parts(config, n_3d, n_2d)
    else:
        with pytest.raises(ConfigError, match=message):
            devices.check_parts(config, n_3d, n_2d)


def test_more_devices_than_there_are():
    config = replace(CONFIG, runtime=replace(CONFIG.runtime, devices=99))
    with pytest.raises(ConfigError, match="asks for 99, found"), devices.placed(config):
        pass


def test_batches_are_trained_on_as_they_are_when_fetched_ahead(monkeypatch, tmp_path):
    make_stores(tmp_path / "stores")
    stores, config = sorted((tmp_path / "stores").iterdir()), replace(CONFIG, steps=4, inference_mode_steps=1)
    plain = fit.train(config, stores, tmp_path / "plain")
    found = tf.config.list_logical_devices
    stand_in = {"GPU": found("CPU")}  # a device that batches can be sent to
    with monkeypatch.context() as patch:
        patch.setattr(
            devices.tf.config, "list_logical_devices", lambda kind: stand_in.get(kind) or found(kind)
        )
        ahead = fit.train(config, stores, tmp_path / "ahead")
    for a, b in zip(run_folder.load_model(ahead).weights, run_folder.load_model(plain).weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_train_as_one(backend, tmp_path):
    """TensorFlow: as one device that computes the batch in two parts; JAX: as one that computes it whole."""
    pytest.importorskip(backend)
    make_stores(tmp_path / "stores")
    kinds = {"tensorflow": ("two devices", "in parts"), "jax": ("two devices", "whole")}[backend]
    for kind in kinds:
        run(tmp_path / "stores", tmp_path / kind, backend, kind)
    first, second = (losses(tmp_path / kind) for kind in kinds)
    # The same data and the same weights at first. On JAX only rounding differs; TensorFlow's replicas draw the
    # same mix of the heads where the parts of one device draw one after the other.
    assert first["loss"] == pytest.approx(second["loss"], rel={"tensorflow": 0.02, "jax": 1e-3}[backend])
    assert all(np.isfinite(value) for value in first.values())
    # Adam does not see a wrong factor of the gradients, but its moments have it.
    moments = [moment_norm(tmp_path / kind) for kind in kinds]
    assert moments[0] == pytest.approx(moments[1], rel={"tensorflow": 0.2, "jax": 0.01}[backend])


def run(stores, folder, backend, kind):
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
    environment["PYTHONPATH"] = str(HERE.parent.parent)
    environment["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    command = [sys.executable, str(HERE / "tiny_run.py"), str(stores), str(folder), "2", kind]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stderr[-3000:]


def losses(folder):
    with open(folder / METRICS_FILE, newline="") as file:
        [row] = csv.DictReader(file)
    return {name: float(value) for name, value in row.items()}


def moment_norm(folder):
    saved = checkpoint.latest(folder)
    assert saved.step == 2
    return np.sqrt(sum(np.sum(a**2) for name, a in saved.variables["optimizer"] if "momentum" in name))
