"""A run promises: killed at any moment and started again it ends bit for bit as if it had not been."""

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stand_ins import make_stores
from tiny_run import CONFIG

from posepile.names import UnknownNameError
from posepile.store import Store
from training import callbacks, checkpoint, config_files, fit, pseudo_labels, run_folder
from training.config import ConfigError, DataConfig, RuntimeConfig
from training.presets import finetuned

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    make_stores(folder)
    return folder


@pytest.fixture(scope="module")
def finished(stores, tmp_path_factory):
    """The uninterrupted run that others are compared with."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    finish(stores, run)
    return run


def start(stores, run, backend="tensorflow", steps=24):
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
    environment["PYTHONPATH"] = str(HERE.parent.parent)
    command = [sys.executable, str(HERE / "tiny_run.py"), str(stores), str(run), str(steps)]
    return subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def finish(stores, run, **options):
    process = start(stores, run, **options)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def final_state(run):
    return checkpoint.read(checkpoint.path_of(run, CONFIG.steps)).variables


def assert_same_run(a, b):
    for part, variables in final_state(a).items():
        for (name, x), (_, y) in zip(variables, final_state(b)[part], strict=True):
            np.testing.assert_array_equal(x, y, err_msg=f"{part}: {name}")


def test_run_folder_has_everything(finished):
    assert config_files.load(finished) == CONFIG
    environment = json.loads((finished / run_folder.ENVIRONMENT_FILE).read_text())
    assert environment["packages"]["tensorflow"] and environment["machine"]["cpus"]
    facts = json.loads((finished / run_folder.MODEL_FILE).read_text())
    assert len(facts["joint_names"]) == 49 and facts["joint_names"][0].endswith("_h36m")
    with open(finished / callbacks.METRICS_FILE, newline="") as file:
        rows = list(csv.DictReader(file))
    # windows of 5 steps, cut by the switch to the last phase after 19 steps
    assert [int(row["step"]) for row in rows] == [5, 10, 15, 19, 20, 24]
    for row in rows:
        assert float(row["images_per_second"]) > 0 and 0 <= float(row["data_wait_share"]) <= 1
        assert all(np.isfinite(float(row[name])) for name in ("loss", "relative", "weak_2d", "learning_rate"))
    steps = sorted(int(p.stem) for p in (finished / checkpoint.FOLDER).iterdir())
    assert steps == [19, 20, 24]  # the one before the last phase is kept


def test_sigterm_saves_and_a_resumed_run_is_the_same(stores, finished, tmp_path):
    run = tmp_path / "run"
    process = start(stores, run)
    wait_for_first_step(process, run)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0 and "RunStopped: stopped by SIGTERM after step" in errors
    assert checkpoint.latest(run) is not None
    fit.resume(run)
    assert_same_run(finished, run)
    assert (run / callbacks.METRICS_FILE).read_text().count("step") == 1  # one header


def wait_for_first_step(process, run):
    """Until the first row of the metrics exists, or a checkpoint of an earlier process and a moment more."""
    metrics = run / callbacks.METRICS_FILE
    before = metrics.read_bytes() if metrics.exists() else b""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if metrics.exists() and metrics.read_bytes() != before:
            return
        time.sleep(0.02)


def test_a_finished_run_is_left_alone(stores, finished):
    before = (finished / run_folder.WEIGHTS_FILE).stat().st_mtime_ns
    fit.resume(finished)
    assert (finished / run_folder.WEIGHTS_FILE).stat().st_mtime_ns == before


def test_another_configuration_is_refused(stores, finished):
    other = replace(CONFIG, seed=9, loss=replace(CONFIG.loss, absolute=0.3))
    with pytest.raises(ConfigError, match="loss.absolute: 0.1 -> 0.3; seed: 3 -> 9"):
        fit.train(other, list(stores.iterdir()), finished)
    assert config_files.load(finished) == CONFIG


def test_other_data_is_refused(finished, tmp_path):
    make_stores(tmp_path, n_examples=9)
    with pytest.raises(ConfigError, match="tiny_h36m has 9 examples, expected 12"):
        fit.resume(finished, list(tmp_path.iterdir()))


def test_unknown_store_lists_the_nearest(stores, tmp_path):
    config = replace(CONFIG, data=DataConfig(shares=(("tiny_h36n", 4),)))
    with pytest.raises(UnknownNameError, match="tiny_h36m"):
        fit.train(config, list(stores.iterdir()), tmp_path / "run")


def test_two_processes_may_not_share_a_folder(stores, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with fit._lock(run), pytest.raises(ConfigError, match="another process"):
        fit.train(CONFIG, list(stores.iterdir()), run)


def test_non_finite_loss_stops_with_step_losses_and_examples(stores, tmp_path, monkeypatch):
    config = replace(CONFIG, runtime=RuntimeConfig(checkpoint_every=2, log_every=5))
    labels = fit.BatchLoader._labels_3d

    def poisoned(self, examples, store_of, cameras):
        joints, valid = labels(self, examples, store_of, cameras)
        poisoned.calls += 1
        return (np.where(valid[..., None], np.nan, joints), valid) if poisoned.calls > 5 else (joints, valid)

    poisoned.calls = 0
    config = replace(config, runtime=replace(config.runtime, loader_threads=1))
    monkeypatch.setattr(fit.BatchLoader, "_labels_3d", poisoned)
    with pytest.raises(callbacks.NonFiniteLossError) as caught:
        fit.train(config, list(stores.iterdir()), tmp_path / "run")
    message = str(caught.value)
    assert "loss of step 5 is not finite" in message and "relative nan" in message
    mixture = fit.build_mixture(config, list(stores.iterdir()))
    for example in callbacks.example_ids(mixture, 5):
        assert example in message
    saved = checkpoint.latest(tmp_path / "run")
    assert saved.step == 4
    assert all(np.isfinite(a).all() for _, a in saved.variables["model"])


def test_fine_tuning_starts_before_the_last_phase(stores, finished):
    source = checkpoint.read(checkpoint.path_of(finished, CONFIG.switch_step))
    model = fit.load_initial(finished)
    for variable, (name, value) in zip(model.variables, source.variables["model"], strict=True):
        np.testing.assert_array_equal(np.array(variable), value, err_msg=name)


def test_continued_run_trains_from_there(stores, finished, tmp_path):
    config = finetuned(CONFIG, init_from=str(finished), variant="separate", steps=4)
    run = fit.train(config, list(stores.iterdir()), tmp_path / "more")
    model, before = run_folder.load_model(run), fit.load_initial(finished)
    change = [np.abs(np.array(a) - np.array(b)).max() for a, b in
              zip(model.trainable_variables, before.trainable_variables, strict=True)]  # fmt: skip
    assert 0 < max(change) < 0.01  # four steps at rates below 3e-4


def test_pseudo_labels_of_a_run(stores, finished, tmp_path):
    model, skeleton = run_folder.load_model(finished), run_folder.load_skeleton(finished)
    store = Store.open(stores / "tiny_h36m")
    found = pseudo_labels.predict_store(model, store, skeleton)
    assert found.poses.shape == (12, 49, 3) and found.keys[3] == "tiny_h36m:tiny_h36m/0003"
    again = pseudo_labels.predict_store(model, store, skeleton, rows=[3])
    np.testing.assert_allclose(
        again.poses[0], found.poses[3], rtol=0, atol=0.05
    )  # mm; other batch, other sums
    camera = store.examples([3])[0].camera
    distance = np.linalg.norm(found.world[3] - camera.position, axis=-1)
    np.testing.assert_allclose(distance, np.linalg.norm(found.poses[3], axis=-1), rtol=1e-4)
    found.save(tmp_path / "poses.npz", run="x")
    with np.load(tmp_path / "poses.npz", allow_pickle=False) as file:
        assert set(file) == {"key", "poses", "coords3d_pred_world", "joint_names", "meta"}


@pytest.mark.slow
def test_the_same_code_trains_on_jax(stores, tmp_path):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed (extra `jax`)")
    finish(stores, tmp_path / "run", backend="jax", steps=1)
    assert json.loads((tmp_path / "run" / run_folder.ENVIRONMENT_FILE).read_text())["backend"] == "jax"
    assert (tmp_path / "run" / run_folder.WEIGHTS_FILE).exists()
    [row] = csv.DictReader((tmp_path / "run" / callbacks.METRICS_FILE).read_text().splitlines())
    assert row["step"] == "1" and np.isfinite(float(row["loss"]))


def test_chunks_cover_the_run_and_stop_at_the_switch():
    config = replace(CONFIG, steps=100, inference_mode_steps=11, runtime=RuntimeConfig(log_every=30))
    assert list(fit.chunks(0, config)) == [(0, 90, 30), (90, 100, 10)]
    assert list(fit.chunks(7, config)) == [(7, 30, 23), (30, 90, 30), (90, 100, 10)]
