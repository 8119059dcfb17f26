"""Learning rates as functions of the step."""

import math

import keras
from keras import ops

DROP = 30.0
"""The second phase starts at the base rate divided by this."""
PAPER_WEIGHT_DECAY = 3e-3


@keras.saving.register_keras_serializable(package="dozens")
class TwoPhase(keras.optimizers.schedules.LearningRateSchedule):
    """Falls exponentially by 3, drops tenfold, falls exponentially by 0.3.

    With base rate b, T steps and the first phase's share f of them:
        t < f T:    b (1/3)^(t / (f T))
        t >= f T:   (b/30) 0.3^((t - f T) / ((1 - f) T))

    Args:
        base_rate: b, the rate of step 0.
        steps: T.
        phase_fraction: f: 0.92 in training, 0.5 for the heads in fine-tuning, 0 for the backbone in
            fine-tuning.

    Source: training sheet, §8; finetuning sheet, §2.
    """

    def __init__(self, base_rate: float, steps: int, phase_fraction: float = 0.92):
        super().__init__()
        self.base_rate, self.steps, self.phase_fraction = base_rate, steps, phase_fraction

    def __call__(self, step):
        step = ops.cast(step, "float32")
        boundary = self.phase_fraction * self.steps
        second = self.base_rate / DROP * 0.3 ** ((step - boundary) / (self.steps - boundary))
        if not boundary:
            return second
        first = self.base_rate * (1.0 / 3.0) ** (step / boundary)
        return ops.where(step < boundary, first, second)

    def value(self, step: int) -> float:
        """The rate of a step as a number, in double precision."""
        boundary = self.phase_fraction * self.steps
        if step < boundary:
            return self.base_rate * (1.0 / 3.0) ** (step / boundary)
        return self.base_rate / DROP * 0.3 ** ((step - boundary) / (self.steps - boundary))

    def get_config(self):
        return {"base_rate": self.base_rate, "steps": self.steps, "phase_fraction": self.phase_fraction}


def decay_coefficient(base_rate: float, steps: int, weight_decay: float = PAPER_WEIGHT_DECAY) -> float:
    """Coefficient of decoupled weight decay, by which a step shrinks weights by `lr * coefficient`.

    3e-3 / sqrt(T) / b, so that the shrink per step starts at 3e-3 / sqrt(T) and follows the learning rate.

    Source: training sheet, §8.
    """
    return weight_decay / math.sqrt(steps) / base_rate
