"""Ghost batch normalisation: batch norm over fixed groups of consecutive examples of a batch."""

import keras
from keras import ops


class GhostNorm(keras.layers.Layer):
    """Normalises every group of `group_size` consecutive examples with its own mean and variance.

    One gamma and beta serve all groups. The moving statistics are updated once per group, in order, as if the
    groups came one after the other: with momentum 0.9 and 8 groups, a step keeps 0.9^8 = 43 % of them. The
    output uses the biased variance, the moving variance the unbiased one. Everything is computed in float32,
    whatever the mixed-precision policy. At inference the moving statistics are used, and no groups.

    The sequential update m <- r m + (1 - r) m_g has the closed form r^G m + (1 - r) sum_g r^(G-1-g) m_g, so
    all groups are handled by one operation.

    Args:
        group_size: examples in a group; the batch must be a multiple of it. 0: the whole batch is one group.
        momentum: share of the moving statistics that one group's update keeps.
        epsilon: added to the variance.

    Source: training sheet, §9.
    """

    def __init__(self, group_size: int = 0, momentum: float = 0.9, epsilon: float = 1e-3, **kwargs):
        super().__init__(**kwargs)
        self.group_size = group_size
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape):
        def add(name, initializer, trainable):
            return self.add_weight(
                name=name,
                shape=(input_shape[-1],),
                initializer=initializer,
                trainable=trainable,
                dtype="float32",
                autocast=False,
                # Several TensorFlow replicas: each updates by its own groups, and the results are averaged
                aggregation="none" if trainable else "mean",
            )

        self.gamma = add("gamma", "ones", True)
        self.beta = add("beta", "zeros", True)
        self.moving_mean = add("moving_mean", "zeros", False)
        self.moving_variance = add("moving_variance", "ones", False)

    def call(self, inputs, training=False):
        """[N, ..., C] in any float type -> the same shape and type."""
        x = ops.cast(inputs, "float32")
        if not training:
            scale, shift = self._scale_and_shift(self.moving_mean, self.moving_variance)
            return ops.cast(x * scale + shift, inputs.dtype)
        shape = ops.shape(x)
        x = ops.reshape(x, (self._count_groups(shape[0]), -1, shape[-1]))  # [G, values, C]
        mean = ops.mean(x, axis=1, keepdims=True)  # [G, 1, C]
        variance = ops.mean(ops.square(x - ops.stop_gradient(mean)), axis=1, keepdims=True)
        self._update_moving_statistics(mean, variance, ops.shape(x)[1])
        scale, shift = self._scale_and_shift(mean, variance)
        return ops.cast(ops.reshape(x * scale + shift, shape), inputs.dtype)

    def _scale_and_shift(self, mean, variance):
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        return scale, self.beta - mean * scale

    def _count_groups(self, batch_size):
        if not self.group_size:
            return 1
        if isinstance(batch_size, int) and batch_size % self.group_size:
            raise ValueError(
                f"{self.path}: a batch of {batch_size} examples, expected a multiple of group_size, "
                f"{self.group_size}"
            )
        return batch_size // self.group_size

    def _update_moving_statistics(self, mean, variance, n):
        groups = ops.shape(mean)[0]
        n = ops.cast(n, "float32")
        unbiased = variance * (n / ops.maximum(n - 1.0, 1.0))
        # Weight of every group's statistics after all later groups have decayed it. [G, 1]
        later = ops.cast(groups - 1 - ops.arange(groups), "float32")[:, None]
        weights = (1.0 - self.momentum) * ops.power(self.momentum, later)
        kept = ops.power(self.momentum, ops.cast(groups, "float32"))
        for moving, new in ((self.moving_mean, mean), (self.moving_variance, unbiased)):
            moving.assign(kept * moving + ops.stop_gradient(ops.sum(weights * new[:, 0], axis=0)))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = {"group_size": self.group_size, "momentum": self.momentum, "epsilon": self.epsilon}
        return {**super().get_config(), **config}
