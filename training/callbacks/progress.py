"""Where a run is: counting steps, waiting for data, the progress bar and the time that is left."""

import sys
import time
from dataclasses import dataclass

import keras
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from training.input_pipeline import BatchLoader

WARM_UP_STEPS = 10
MEASURED_STEPS = 50


@dataclass
class Progressed:
    """Where the run is; shared by the callbacks.

    Attributes:
        step: training steps done.
        parts: Keras batches that make a step: more than one where gradients are accumulated.
        part: how many of them are done of the step that has begun; 0 between steps.
        waited: seconds that steps waited for their batch, since the last row of the metrics file.
    """

    step: int
    parts: int = 1
    part: int = 0
    waited: float = 0.0

    @property
    def current(self) -> int:
        """The step (from 0) that the Keras batch which has just ended belongs to."""
        return self.step if self.part else self.step - 1


class AfterStep(keras.callbacks.Callback):
    """A callback that acts after whole steps only: `after_step(step, logs)`, `step` being the steps done."""

    def __init__(self, progressed: Progressed):
        super().__init__()
        self.progressed = progressed

    def on_train_batch_end(self, batch, logs=None):
        if self.progressed.part == 0:
            self.after_step(self.progressed.step, logs)

    def after_step(self, step: int, logs: dict) -> None:
        raise NotImplementedError


class StepCounter(keras.callbacks.Callback):
    """Counts steps; stands before the callbacks that read the count."""

    def __init__(self, progressed: Progressed):
        super().__init__()
        self.progressed = progressed

    def on_train_batch_end(self, batch, logs=None):
        self.progressed.part = (self.progressed.part + 1) % self.progressed.parts
        if self.progressed.part == 0:
            self.progressed.step += 1


class StallMeter(keras.callbacks.Callback):
    """Measures how long steps waited for their batch: `Progressed.waited`. Stands before the step counter."""

    def __init__(self, progressed: Progressed, loader: BatchLoader):
        super().__init__()
        self.progressed, self.loader = progressed, loader

    def on_epoch_begin(self, epoch, logs=None):
        self.progressed.waited = 0.0

    def on_train_batch_begin(self, batch, logs=None):
        self.began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        if self.progressed.part:
            return  # the whole batch was there with its first part
        # Loading that began after the step did counts from there: tracing the step comes first
        start, ready = self.loader.times.pop(self.progressed.step, (0.0, 0.0))
        self.progressed.waited += max(0.0, ready - max(start, self.began))


class TimeEstimate(AfterStep):
    """Prints once how long the rest of the run will take, from 50 measured steps."""

    def __init__(self, progressed: Progressed, steps: int, title: str):
        super().__init__(progressed)
        self.steps, self.title, self.begin_at = steps, title, progressed.step + WARM_UP_STEPS

    def after_step(self, step, logs):
        if step == self.begin_at:
            self.began = time.monotonic()
        if step == self.begin_at + MEASURED_STEPS:
            each = (time.monotonic() - self.began) / MEASURED_STEPS
            left = duration(each * (self.steps - step))
            print(f"{self.title}: {each:.3g} s a step, {left} to the end, by {MEASURED_STEPS} measured steps")


class ProgressBar(AfterStep):
    """One line for the whole run; where the output is no terminal, ten lines."""

    def __init__(self, progressed: Progressed, steps: int, title: str):
        super().__init__(progressed)
        self.steps = steps
        columns = [TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn()]
        columns += [TextColumn("loss {task.fields[loss]}"), TimeRemainingColumn(compact=True)]
        self.bar = Progress(*columns, transient=False) if sys.stdout.isatty() else None
        self.task = self.bar.add_task(title, total=steps, loss="-") if self.bar else None
        self.title = title

    def after_step(self, step, logs):
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


def duration(seconds: float) -> str:
    """ "3 h 20 min", "4 min", "20 s": rounded for people."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{round(seconds)} s"
    if minutes < 90:
        return f"{minutes} min"
    hours = round(seconds / 3600)
    return f"{minutes // 60} h {minutes % 60} min" if hours < 48 else f"{hours // 24} days {hours % 24} h"
