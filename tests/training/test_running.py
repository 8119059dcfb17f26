"""Beside the steps: looking at a run never changes it; logs, cost, ends of a command."""

import csv
import signal
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from stand_ins import make_stores
from tiny_run import IN_PARTS

from posepile.store import Store
from training import callbacks, checkpoint, cost, fit, run_folder, validation
from training.batch_parts import in_parts
from training.build import build_model
from training.commands.running import EXIT_OUT_OF_MEMORY, to_its_end
from training.config import ConfigError, RuntimeConfig
from training.cost import OutOfMemory

LOOKING = RuntimeConfig(
    checkpoint_every=100, log_every=2, validate_every=2, sample_every=2, validation=("tiny_h36m",)
)
BLIND = replace(LOOKING, validate_every=0, sample_every=0, validation=())
SHORT = replace(IN_PARTS, steps=4, inference_mode_steps=2, runtime=LOOKING)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    make_stores(folder, val_every=3)
    return [Store.open(path) for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def runs(stores, tmp_path_factory):
    """One run that is validated and pictured every other step, and one that nobody looks at."""
    folder = tmp_path_factory.mktemp("runs")
    looked_at = fit.train(SHORT, stores, folder / "looked at")
    blind = fit.train(replace(SHORT, runtime=BLIND), stores, folder / "blind")
    return looked_at, blind


def test_looking_does_not_change_the_weights(runs):
    a, b = (checkpoint.latest(run).variables for run in runs)
    for part in ("model", "optimizer"):
        for (name, x), (_, y) in zip(a[part], b[part], strict=True):
            np.testing.assert_array_equal(x, y, err_msg=name)
    for x, y in zip(*(run_folder.load_model(run).weights for run in runs), strict=True):
        np.testing.assert_array_equal(x, y, err_msg=x.path)


def test_final_weights_are_the_averages(runs):
    model, saved = run_folder.load_model(runs[0]), checkpoint.latest(runs[0])
    averages = {name: value for name, value in saved.variables["optimizer"] if "average" in name}
    assert len(averages) == len(model.trainable_variables)
    for variable, value in zip(model.trainable_variables, averages.values(), strict=True):
        np.testing.assert_array_equal(variable, value, err_msg=variable.path)


def test_validation_table(runs, stores):
    with open(runs[0] / callbacks.VALIDATION_FILE, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["store"]) for row in rows] == [("2", "tiny_h36m"), ("4", "tiny_h36m")]
    assert 0 < float(rows[0]["procrustes"]) <= float(rows[0]["absolute"]) and float(rows[0]["pixels"]) > 0
    # The last row is that of the averaged weights, which are the final ones.
    model, mixture = run_folder.load_model(runs[0]), fit.build_mixture(SHORT, stores)
    [found] = validation.validate(model, validation.validation_sets(SHORT, mixture, stores)).values()
    assert float(rows[1]["mean_relative"]) == pytest.approx(found["mean_relative"], rel=1e-4)
    assert not (runs[1] / callbacks.VALIDATION_FILE).exists()


def test_validation_takes_only_what_is_not_trained_on(stores):
    mixture = fit.build_mixture(SHORT, stores)
    without_names = replace(SHORT, runtime=replace(LOOKING, validation=(), validation_examples=3))
    sets = validation.validation_sets(without_names, mixture, stores)
    assert [part.store.id for part in sets] == ["tiny_h36m", "tiny_smpl"]
    for part in sets:
        assert part.rows.tolist() == [0, 6, 9]  # three of 0, 3, 6, 9
        assert {part.store.index["split"][row].as_py() for row in part.rows} == {"val"}
    trained = replace(SHORT, data=replace(SHORT.data, with_validation_split=("tiny_h36m",)))
    with pytest.raises(ValueError, match="tiny_h36m.*not trained on"):
        validation.validation_sets(trained, mixture, stores)


def test_pictures_and_logs(runs):
    looked_at, blind = runs
    pictures = sorted(path.name for path in (looked_at / "samples").iterdir())
    assert pictures == ["00000002.jpg", "00000004.jpg"] and not (blind / "samples").exists()
    [events] = (looked_at / "tensorboard").iterdir()
    found = {}
    for record in tf.data.TFRecordDataset(str(events)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.metadata.plugin_data.plugin_name))
    assert found["loss"] == [(2, "scalars"), (3, "scalars"), (4, "scalars")]
    assert found["samples"] == [(2, "images"), (4, "images")]
    assert "validation/tiny_h36m/procrustes" in found


def test_loss_of_every_data_set(runs):
    with open(runs[0] / callbacks.METRICS_FILE, newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        parts = [float(row[f"relative_{name}"]) for name in ("tiny_h36m", "tiny_smpl")]
        # The whole is a mean over coordinates, so it lies between the parts; it is a mean over half batches.
        assert min(parts) - 1e-3 < float(row["relative"]) < max(parts) + 1e-3


def test_a_run_in_parts_gives_the_gradient_of_the_average(stores):
    """One plain step of two half batches against the same done by hand."""
    config = replace(SHORT, loss=replace(SHORT.loss, weak_perspective_steps=0))
    loader = fit.BatchLoader(config, fit.build_mixture(config, stores))
    whole = fit.dataset(loader, 0)
    model = build_model(config, loader.mixture.skeleton)
    model.train_in_inference_mode = True
    halves = list(in_parts(whole.take(1), loader.n_3d, loader.n_2d, 2))
    gradients = [_gradients(model, x, y) for x, y in halves]
    expected = [np.mean(pair, axis=0) for pair in zip(*gradients, strict=True)]
    optimizer = fit.build_optimizer(config.optimizer, config.steps, "float32")
    for each in gradients:
        optimizer.apply(each, model.trainable_variables)
    for moment, gradient in zip(optimizer._momentums, expected, strict=True):
        np.testing.assert_allclose(moment, 0.1 * gradient, rtol=1e-5, atol=1e-9)  # Adam's first moment


def _gradients(model, x, y):
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y, model(x, training=True))
    return [g.numpy() for g in tape.gradient(loss, [v.value for v in model.trainable_variables])]


@pytest.mark.parametrize(
    "error", [tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"), MemoryError("host")]
)
def test_out_of_memory_has_an_exit_code_and_names_the_smallest_change(
    stores, tmp_path, monkeypatch, capsys, error
):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(fit.PoseEstimator, "fit", fail)
    config = replace(SHORT, optimizer=replace(SHORT.optimizer, accumulate=1))
    assert to_its_end(lambda: fit.train(config, stores, tmp_path / "run")) == EXIT_OUT_OF_MEMORY == 3
    message = capsys.readouterr().err
    assert "--optimizer.accumulate 2 computes 4 of the 8 examples" in message and "parameters" in message


def test_other_errors_are_not_taken_for_memory():
    assert not fit.is_out_of_memory(tf.errors.InternalError(None, None, "no"))

    class XlaRuntimeError(RuntimeError):
        pass

    assert fit.is_out_of_memory(XlaRuntimeError("RESOURCE_EXHAUSTED: Out of memory"))
    assert not fit.is_out_of_memory(XlaRuntimeError("INTERNAL"))


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_stopped_command_has_saved(number, code, capsys):
    def stopped():
        raise callbacks.RunStopped("stopped after step 3; saved x.ckpt", signal.Signals(number))

    assert to_its_end(stopped) == code
    assert "saved x.ckpt" in capsys.readouterr().out


def test_cost_counts_and_scales(stores):
    config = replace(SHORT, optimizer=replace(SHORT.optimizer, accumulate=1, ema_momentum=0.0))
    model = build_model(config, fit.build_mixture(config, stores).skeleton)
    found = cost.estimate(model, config)
    trainable = sum(v.numpy().size for v in model.trainable_variables)
    assert found.parameters == trainable and found.optimizer == 2 * 4 * trainable
    halves = replace(config, optimizer=replace(config.optimizer, accumulate=2, ema_momentum=0.9))
    assert cost.estimate(model, halves).activations * 2 == found.activations
    assert cost.estimate(model, halves).optimizer == 2 * found.optimizer
    half = build_model(
        replace(config, precision="mixed_bfloat16"), fit.build_mixture(config, stores).skeleton
    )
    assert 0.4 < cost.estimate(half, config).activations / found.activations < 1
    assert "--optimizer.accumulate 2" in cost.advice(model, config, (6, 2))
    assert "mixed_bfloat16" in cost.advice(model, config, (7, 1))
    assert isinstance(OutOfMemory("x"), MemoryError)


def test_weights_and_biases_when_asked(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ConfigError, match=r"dozens\[wandb\]"):
        callbacks.WeightsAndBiases("poses", tmp_path, {})
    rows, begun = [], []
    fake = SimpleNamespace(
        init=lambda **kwargs: begun.append(kwargs) or SimpleNamespace(log=rows.append),
        util=SimpleNamespace(generate_id=lambda: "abc"),
        Image=lambda rgb: ("image", rgb.shape),
    )
    monkeypatch.setitem(sys.modules, "wandb", fake)
    for _ in range(2):  # resumed: the same id
        log = callbacks.WeightsAndBiases("poses", tmp_path, {"steps": 4})
    log.scalars(3, {"loss": 0.5})
    log.image(3, "samples", np.zeros((2, 4, 3), np.uint8))
    assert rows == [{"step": 3, "loss": 0.5}, {"step": 3, "samples": ("image", (2, 4, 3))}]
    assert {run["id"] for run in begun} == {"abc"} and begun[1]["resume"] == "allow"


@pytest.mark.parametrize(
    "seconds, text", [(20, "20 s"), (240, "4 min"), (12_000, "3 h 20 min"), (400_000, "4 days 15 h")]
)
def test_durations(seconds, text):
    from training.callbacks.progress import duration

    assert duration(seconds) == text
