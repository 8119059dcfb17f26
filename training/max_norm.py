"""The largest norm that a convolution filter may have."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="dozens")
class MaxNorm(keras.constraints.Constraint):
    """Scales filters whose L2 norm is above `limit` down to it, and leaves all others as they are, bit by bit.

    Keras' own divides every filter by its norm plus 1e-7, which shrinks those of norm 0.1 by a millionth in every
    step: in 400,000 steps as much as weight decay does at its end.

    Args:
        limit: largest norm.
        axis: axes of the kernel that make up a filter.

    Source: training sheet, §8.
    """

    def __init__(self, limit: float, axis):
        self.limit, self.axis = limit, axis

    def __call__(self, w):
        norm = ops.sqrt(ops.sum(ops.square(w), axis=self.axis, keepdims=True))
        return w * (self.limit / ops.maximum(norm, self.limit))  # exactly 1 for small filters

    def get_config(self):
        return {"limit": self.limit, "axis": self.axis}
