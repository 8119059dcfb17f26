"""What happens beside the training steps: one Keras callback each, and the progress that they share."""

import csv
import io
import math
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from posepile.mixture import Mixture
from training import checkpoint
from training.input_pipeline import BatchLoader

METRICS_FILE = "metrics.csv"
SPEED_COLUMNS = ("images_per_second", "data_wait_share")


class NonFiniteLossError(ValueError):
    """The loss became NaN or infinite; names the step, the losses and the examples."""


class RunStopped(InterruptedError):
    """A signal asked the run to stop; its checkpoint is saved."""


@dataclass
class Progressed:
    """Where the run is; shared by the callbacks.

    Attributes:
        step: training steps done.
        waited: seconds that steps waited for their batch, since the last row of the metrics file.
    """

    step: int
    waited: float = 0.0


class StepCounter(keras.callbacks.Callback):
    """Counts steps, before other callbacks see their end; measures how long each waited for its batch."""

    def __init__(self, progressed: Progressed, loader: BatchLoader):
        super().__init__()
        self.progressed, self.loader = progressed, loader

    def on_train_batch_begin(self, batch, logs=None):
        self.began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        # Loading that began after the step did counts from there: tracing the step comes first
        start, ready = self.loader.times.pop(self.progressed.step, (0.0, 0.0))
        self.progressed.waited += max(0.0, ready - max(start, self.began))
        self.progressed.step += 1


class NonFiniteGuard(keras.callbacks.Callback):
    """Stops at the first loss that is not finite, before a checkpoint could be made of it."""

    def __init__(self, progressed: Progressed, mixture: Mixture, run: Path):
        super().__init__()
        self.progressed, self.mixture, self.run = progressed, mixture, run
        self.sums: dict[str, float] = {}

    def on_train_batch_end(self, batch, logs=None):
        # Logs are means over the steps of the epoch so far; their sums' growth is what this step contributed
        before = self.sums if batch else {}
        self.sums = {name: float(value) * (batch + 1) for name, value in logs.items()}
        if math.isfinite(self.sums["loss"]):
            return
        step, folder = self.progressed.step - 1, self.run / checkpoint.FOLDER
        losses = ", ".join(f"{name} {value - before.get(name, 0.0):.4g}" for name, value in self.sums.items())
        examples = "\n  ".join(example_ids(self.mixture, step))
        raise NonFiniteLossError(
            f"the loss of step {step} is not finite: {losses}\n"
            f"the last good checkpoint stays in {folder}\nexamples of the step:\n  {examples}"
        )


class Checkpoints(keras.callbacks.Callback):
    """Saves every so many steps and at the given steps; the latter are kept."""

    def __init__(self, progressed: Progressed, run: Path, every: int, at: tuple[int, ...], fingerprint: str):
        super().__init__()
        self.progressed, self.run, self.every, self.at = progressed, run, every, at
        self.fingerprint = fingerprint

    def on_train_batch_end(self, batch, logs=None):
        if self.progressed.step % self.every == 0 or self.progressed.step in self.at:
            self.save()

    def save(self) -> Path:
        step = self.progressed.step
        return checkpoint.save(self.run, self.model, step, self.fingerprint, protect=self.at)


class StopOnSignal(keras.callbacks.Callback):
    """On SIGTERM or Ctrl-C: finishes the step, saves a checkpoint and raises RunStopped. Main thread only."""

    def __init__(self, progressed: Progressed, checkpoints: Checkpoints):
        super().__init__()
        self.progressed, self.checkpoints = progressed, checkpoints
        self.received: signal.Signals | None = None
        self.before = {}

    def on_train_begin(self, logs=None):
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                self.before[number] = signal.signal(number, self._receive)
            except ValueError:  # not in the main thread: signals stay as they are
                return

    def on_train_batch_end(self, batch, logs=None):
        if self.received is None:
            return
        path = self.checkpoints.save()
        raise RunStopped(f"stopped by {self.received.name} after step {self.progressed.step}; saved {path}")

    def on_train_end(self, logs=None):
        self.restore_handlers()

    def restore_handlers(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before = {}

    def _receive(self, number, frame):
        self.received = signal.Signals(number)


class MetricsFile(keras.callbacks.Callback):
    """RUN/metrics.csv: a row every Keras epoch, which is a window of `log_every` steps.

    Columns: step (done), the losses (means over the window), the learning rate, images/s, and the share of
    the time that the network waited for data. Rows after the step that a resumed run starts from are dropped.
    """

    def __init__(self, progressed: Progressed, run: Path, batch_size: int):
        super().__init__()
        self.progressed, self.path, self.batch_size = progressed, run / METRICS_FILE, batch_size
        _cut_rows(self.path, progressed.step)

    def on_epoch_begin(self, epoch, logs=None):
        self.began, self.first = time.monotonic(), self.progressed.step
        self.progressed.waited = 0.0

    def on_epoch_end(self, epoch, logs=None):
        seconds = max(time.monotonic() - self.began, 1e-9)
        images = (self.progressed.step - self.first) * self.batch_size
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row = {"step": self.progressed.step, **{name: f"{float(value):.6g}" for name, value in logs.items()}}
        row["learning_rate"] = f"{rate:.6g}"
        speeds = (f"{images / seconds:.1f}", f"{min(1.0, self.progressed.waited / seconds):.3f}")
        row |= dict(zip(SPEED_COLUMNS, speeds, strict=True))
        lines = [row.values()] if self.path.exists() else [row, row.values()]
        with open(self.path, "a", newline="") as file:
            csv.writer(file).writerows(lines)


class PostponeAverage(keras.callbacks.Callback):
    """Keeps Keras from putting the averaged weights in place after each call of `fit`; a run has many."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.use_ema = True

    def on_epoch_end(self, epoch, logs=None):
        self.model.optimizer.use_ema = False


class ProgressBar(keras.callbacks.Callback):
    """One line for the whole run; where the output is no terminal, ten lines."""

    def __init__(self, progressed: Progressed, steps: int, title: str):
        super().__init__()
        self.progressed, self.steps = progressed, steps
        columns = [TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn()]
        columns += [TextColumn("loss {task.fields[loss]}"), TimeRemainingColumn(compact=True)]
        self.bar = Progress(*columns, transient=False) if sys.stdout.isatty() else None
        self.task = self.bar.add_task(title, total=steps, loss="-") if self.bar else None
        self.title = title

    def on_train_batch_end(self, batch, logs=None):
        step = self.progressed.step
        if self.bar:
            self.bar.update(self.task, completed=step, loss=f"{float(logs['loss']):.4f}")
        elif step * 10 // self.steps > (step - 1) * 10 // self.steps:
            print(f"{self.title}: step {step} of {self.steps}, loss {float(logs['loss']):.4f}", flush=True)

    def __enter__(self):
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, *_):
        if self.bar:
            self.bar.stop()


def example_ids(mixture: Mixture, step: int) -> list[str]:
    """ "store: key" of every example of a step's batch, looked up in the mixture."""
    store_of, rows = mixture.rows(step)
    ids = []
    for k, row in zip(np.asarray(store_of).tolist(), np.asarray(rows).tolist(), strict=True):
        store = mixture.stores[k]
        ids.append(f"{store.id}: {store.index['key'][row].as_py()}")
    return ids


def _cut_rows(path: Path, step: int) -> None:
    """Drops the rows after a step, and a last row that a crash cut off."""
    if not path.exists():
        return
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    kept = [row for row in rows if len(row) == len(header) and int(row[0]) <= step]
    buffer = io.StringIO()
    csv.writer(buffer).writerows([header, *kept])
    checkpoint.write_atomically(path, buffer.getvalue().encode())
