"""The callbacks of a training run, in their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from posepile.mixture import Mixture
from posepile.store import Store
from training import callbacks, config_files, devices
from training.config import TrainConfig
from training.input_pipeline import BatchLoader
from training.validation import sample_sets, validation_sets

SAMPLES_PER_STORE, SAMPLED_STORES = 4, 4


@dataclass(frozen=True)
class RunParts:
    """`bar` and `stopping` are contexts, too, to be entered around the calls of `fit`."""

    callbacks: list[keras.callbacks.Callback]
    bar: callbacks.ProgressBar
    stopping: callbacks.StopOnSignal


def run_parts(
    config: TrainConfig,
    model: keras.Model,
    mixture: Mixture,
    stores: Sequence[Store],
    loader: BatchLoader,
    run: Path,
    step: int,
) -> RunParts:
    """Everything that happens beside the steps of a run that has done `step` of them."""
    runtime, averaged = config.runtime, config.optimizer.ema_momentum > 0
    progressed = callbacks.Progressed(step, parts=config.optimizer.accumulate)
    at = (config.switch_step, config.steps)
    saving = callbacks.Checkpoints(
        progressed,
        run,
        runtime.checkpoint_every,
        at,
        config_files.fingerprint(config),
        is_writer=devices.is_first_host(),
    )
    bar = callbacks.ProgressBar(progressed, config.steps, run.name)
    stopping = callbacks.StopOnSignal(progressed, saving)
    parts: list[keras.callbacks.Callback] = [
        callbacks.StallMeter(progressed, loader),
        callbacks.StepCounter(progressed),
        callbacks.InferenceModeSwitch(progressed, config.switch_step),
        callbacks.NonFiniteGuard(progressed, mixture, run),
        saving,
    ]
    if averaged:
        parts.append(callbacks.PostponeAverage())
    if devices.is_first_host():
        parts += _for_people(config, mixture, stores, run, progressed, averaged)
        parts += [callbacks.TimeEstimate(progressed, config.steps, run.name), bar]
    return RunParts([*parts, stopping], bar, stopping)


def _for_people(config, mixture, stores, run, progressed, averaged) -> list[keras.callbacks.Callback]:
    """What only shows how the run is going."""
    runtime, logs = config.runtime, [callbacks.TensorBoard(run)]
    if runtime.wandb:
        logs.append(callbacks.WeightsAndBiases(runtime.wandb, run, config_files.to_json(config)))
    average = callbacks.AverageSwap(averaged)
    metrics = callbacks.MetricsFile(progressed, run, mixture.batch_size, logs)
    if devices.host_count() > 1:
        return [metrics]  # all hosts would have to predict, and this is one of them
    sets = validation_sets(config, mixture, stores)
    samples = sample_sets(sets, mixture, SAMPLES_PER_STORE, SAMPLED_STORES)
    return [
        metrics,
        callbacks.Validation(progressed, run, sets, runtime.validate_every, config.steps, average, logs),
        callbacks.SampleImages(progressed, run, samples, runtime.sample_every, average, logs),
    ]
