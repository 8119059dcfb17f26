"""Where the figures of a run go: metrics.csv and TensorBoard always, Weights & Biases when asked."""

import csv
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from training.atomic_write import write_atomically
from training.callbacks.progress import Progressed
from training.config import ConfigError

METRICS_FILE = "metrics.csv"
TENSORBOARD_FOLDER = "tensorboard"
SPEED_COLUMNS = ("images_per_second", "data_wait_share")


class Log(Protocol):
    """Takes figures and pictures, beside the files of the run."""

    def scalars(self, step: int, values: dict[str, float]) -> None: ...

    def image(self, step: int, name: str, rgb: np.ndarray) -> None: ...


class MetricsFile(keras.callbacks.Callback):
    """RUN/metrics.csv: a row every Keras epoch, which is a window of `log_every` steps.

    Columns: step (done), the losses (means over the window), the mean-relative loss of every data set, the
    learning rate, images/s, and the share of the time that the network waited for data. Rows after the step
    that a resumed run starts from are dropped. The same figures go to further logs.
    """

    def __init__(self, progressed: Progressed, run: Path, batch_size: int, logs: Sequence[Log] = ()):
        super().__init__()
        self.progressed, self.path, self.batch_size = progressed, run / METRICS_FILE, batch_size
        self.logs = logs
        cut_rows(self.path, progressed.step)

    def on_epoch_begin(self, epoch, logs=None):
        self.began, self.first = time.monotonic(), self.progressed.step

    def on_epoch_end(self, epoch, logs=None):
        seconds = max(time.monotonic() - self.began, 1e-9)
        images = (self.progressed.step - self.first) * self.batch_size
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        values = {**logs, **self.model.by_store.metric.values()}
        row = {
            "step": self.progressed.step,
            **{name: f"{float(value):.6g}" for name, value in values.items()},
        }
        row["learning_rate"] = f"{rate:.6g}"
        speeds = (f"{images / seconds:.1f}", f"{min(1.0, self.progressed.waited / seconds):.3f}")
        row |= dict(zip(SPEED_COLUMNS, speeds, strict=True))
        append_rows(self.path, [row])
        for log in self.logs:
            log.scalars(self.progressed.step, {k: float(v) for k, v in row.items() if k != "step"})


class TensorBoard:
    """RUN/tensorboard: event files of TensorFlow, on JAX too. Reading them takes the package `tensorboard`."""

    def __init__(self, run: Path):
        self.writer = tf.summary.create_file_writer(str(run / TENSORBOARD_FOLDER))

    def scalars(self, step: int, values: dict[str, float]) -> None:
        with self.writer.as_default():
            for name, value in values.items():
                tf.summary.write(name, tf.constant(value, tf.float32), step, _metadata("scalars"))
        self.writer.flush()

    def image(self, step: int, name: str, rgb: np.ndarray) -> None:
        height, width = rgb.shape[:2]
        encoded = tf.io.encode_png(rgb)
        with self.writer.as_default():
            value = tf.stack([tf.constant(str(width)), tf.constant(str(height)), encoded])
            tf.summary.write(name, value, step, _metadata("images"))
        self.writer.flush()


class WeightsAndBiases:
    """Logs to a project of Weights & Biases; a resumed run goes on in the same place.

    Raises:
        ConfigError: without the package; names the extra.
    """

    def __init__(self, project: str, run: Path, config: dict[str, Any]):
        try:
            import wandb
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"runtime.wandb is {project!r}, expected the package wandb: pip install 'dozens[wandb]'"
            ) from error
        self._wandb = wandb
        path = run / "wandb_id.txt"
        if not path.exists():
            path.write_text(wandb.util.generate_id() + "\n")
        self._run = wandb.init(
            project=project,
            name=run.name,
            id=path.read_text().strip(),
            resume="allow",
            dir=str(run),
            config=config,
        )

    def scalars(self, step: int, values: dict[str, float]) -> None:
        self._run.log({"step": step, **values})

    def image(self, step: int, name: str, rgb: np.ndarray) -> None:
        self._run.log({"step": step, name: self._wandb.Image(rgb)})


def append_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Adds rows to a CSV file, with their keys as the first line of a new one."""
    lines = [row.values() for row in rows] if path.exists() else [rows[0], *(row.values() for row in rows)]
    with open(path, "a", newline="") as file:
        csv.writer(file).writerows(lines)


def cut_rows(path: Path, step: int) -> None:
    """Drops the rows after a step (the first column), and a last row that a crash cut off."""
    if not path.exists():
        return
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    if not rows:
        path.unlink()  # a crash before its first line
        return
    header, *rows = rows
    kept = [row for row in rows if len(row) == len(header) and row[0].isdigit() and int(row[0]) <= step]
    buffer = io.StringIO()
    csv.writer(buffer).writerows([header, *kept])
    write_atomically(path, buffer.getvalue().encode())


def _metadata(plugin: str):
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = plugin
    return metadata
