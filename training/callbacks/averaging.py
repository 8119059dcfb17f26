"""Averaged weights (EMA): kept beside the trained ones, put in their place for looking and at the end."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from training.optimizer import adam_of


class PostponeAverage(keras.callbacks.Callback):
    """Keeps Keras from putting the averaged weights in place after each call of `fit`; a run has many."""

    def on_epoch_begin(self, epoch, logs=None):
        adam_of(self.model.optimizer).use_ema = True

    def on_epoch_end(self, epoch, logs=None):
        adam_of(self.model.optimizer).use_ema = False


class AverageSwap(keras.callbacks.Callback):
    """Puts the averaged weights in place while the network is validated or looked at.

    Batch norm's moving statistics are averages already and stay. Without averages it does nothing.
    """

    def __init__(self, enabled: bool):
        super().__init__()
        self.enabled = enabled

    @contextmanager
    def swapped(self, model: keras.Model) -> Iterator[None]:
        """The averaged weights within, the trained ones again after, bit by bit."""
        if not self.enabled:
            yield
            return
        optimizer = adam_of(model.optimizer)
        variables = model.trainable_variables
        trained = [keras.ops.convert_to_numpy(variable) for variable in variables]
        for variable, average in zip(variables, optimizer._model_variables_moving_average, strict=True):
            variable.assign(average)
        try:
            yield
        finally:
            for variable, value in zip(variables, trained, strict=True):
                variable.assign(value)
