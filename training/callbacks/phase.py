"""The last phase of a run, which trains with the network in inference mode."""

import keras

from training.callbacks.progress import Progressed


class InferenceModeSwitch(keras.callbacks.Callback):
    """Puts the network into inference mode for the steps from `step` on; `fit` is not called across it.

    Source: training sheet, §10.
    """

    def __init__(self, progressed: Progressed, step: int):
        super().__init__()
        self.progressed, self.step = progressed, step

    def on_train_begin(self, logs=None):
        last_phase = self.progressed.step >= self.step
        if last_phase != self.model.train_in_inference_mode:
            self.model.train_in_inference_mode = last_phase
            self.model.make_train_function(force=True)  # the compiled step has the old mode in it
