"""Stops a run whose loss is not finite, and says which step and which examples it was."""

import math
from pathlib import Path

import keras
import numpy as np

from posepile.mixture import Mixture
from training import checkpoint
from training.callbacks.progress import Progressed


class NonFiniteLossError(ValueError):
    """The loss became NaN or infinite; names the step, the losses and the examples."""


class NonFiniteGuard(keras.callbacks.Callback):
    """Stops at the first loss that is not finite, before a checkpoint could be made of it."""

    def __init__(self, progressed: Progressed, mixture: Mixture, run: Path):
        super().__init__()
        self.progressed, self.mixture, self.run = progressed, mixture, run
        self.before: dict[str, float] = {}

    def on_train_batch_end(self, batch, logs=None):
        before, self.before = self.before if batch else {}, logs
        if math.isfinite(logs["loss"]):
            return
        # Logs are means over the batches of the epoch so far; their sums' growth is what this one contributed
        found = {name: value * (batch + 1) - before.get(name, 0.0) * batch for name, value in logs.items()}
        step, folder = self.progressed.current, self.run / checkpoint.FOLDER
        losses = ", ".join(f"{name} {value:.4g}" for name, value in found.items())
        examples = "\n  ".join(example_ids(self.mixture, step))
        raise NonFiniteLossError(
            f"the loss of step {step} is not finite: {losses}\n"
            f"the last good checkpoint stays in {folder}\nexamples of the step:\n  {examples}"
        )


def example_ids(mixture: Mixture, step: int) -> list[str]:
    """ "store: key" of every example of a step's batch, looked up in the mixture."""
    store_of, rows = mixture.rows(step)
    ids = []
    for k, row in zip(np.asarray(store_of).tolist(), np.asarray(rows).tolist(), strict=True):
        store = mixture.stores[k]
        ids.append(f"{store.id}: {store.index['key'][row].as_py()}")
    return ids
