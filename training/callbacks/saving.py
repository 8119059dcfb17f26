"""Checkpoints, and a last one when a signal asks the run to stop."""

import signal
from pathlib import Path

from training import checkpoint
from training.callbacks.progress import AfterStep, Progressed


class RunStopped(InterruptedError):
    """A signal asked the run to stop; its checkpoint is saved.

    Attributes:
        signal: which.
    """

    def __init__(self, message: str, signal: signal.Signals):
        super().__init__(message)
        self.signal = signal


class Checkpoints(AfterStep):
    """Saves every so many steps and at the given steps; the latter are kept. Between whole steps only."""

    def __init__(
        self,
        progressed: Progressed,
        run: Path,
        every: int,
        at: tuple[int, ...],
        fingerprint: str,
        is_writer: bool = True,
    ):
        super().__init__(progressed)
        self.run, self.every, self.at = run, every, at
        self.fingerprint, self.is_writer = fingerprint, is_writer

    def after_step(self, step, logs):
        if step % self.every == 0 or step in self.at:
            self.save()

    def save(self) -> Path:
        step = self.progressed.step
        if not self.is_writer:
            return checkpoint.path_of(self.run, step)
        return checkpoint.save(self.run, self.model, step, self.fingerprint, protect=self.at)


class StopOnSignal(AfterStep):
    """On SIGTERM or Ctrl-C: finishes the step, saves a checkpoint and raises RunStopped. Main thread only.

    Signals are caught while the context is entered, also while the first step is being compiled.
    """

    def __init__(self, progressed: Progressed, checkpoints: Checkpoints):
        super().__init__(progressed)
        self.checkpoints = checkpoints
        self.received: signal.Signals | None = None
        self.before = {}

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                self.before[number] = signal.signal(number, self._receive)
            except ValueError:  # not in the main thread: signals stay as they are
                break
        return self

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before = {}

    def after_step(self, step, logs):
        if self.received is None:
            return
        path = self.checkpoints.save()
        raise RunStopped(f"stopped by {self.received.name} after step {step}; saved {path}", self.received)

    def _receive(self, number, frame):
        self.received = signal.Signals(number)
