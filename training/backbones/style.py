"""What the layers of one network share, and the padding that centres its strides."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from keras import layers

from training.ghost_norm import GhostNorm
from training.max_norm import MaxNorm

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the photographs of ImageNet, RGB in 0..1."""
CENTRED, LATE = 0, 1
"""Which input pixel the output of a stride of 2 is centred on: 2k or 2k + 1."""


@dataclass(frozen=True)
class Style:
    """Makes the convolutions and norms of one network.

    Attributes:
        group_size: examples normalised together, see GhostNorm.
        initializer: makes an initializer; every kernel gets one of its own.
        momentum, epsilon: of the norms.
        max_norm: largest L2 norm of a convolution filter; 0 for no such constraint.
        use_bias: whether convolutions have a bias by default.
    """

    group_size: int
    initializer: Callable
    momentum: float = 0.9
    epsilon: float = 1e-3
    max_norm: float = 0.0
    use_bias: bool = False

    def conv(self, x, filters, kernel, name, stride=1, shift=CENTRED, use_bias=None):
        return layers.Conv2D(
            filters,
            kernel,
            stride,
            "same" if stride == 1 else "valid",
            use_bias=self.use_bias if use_bias is None else use_bias,
            kernel_initializer=self.initializer(),
            kernel_constraint=self._max_norm(axis=[0, 1, 2]),
            name=name,
        )(centre(x, kernel, stride, shift, name))

    def depthwise(self, x, kernel, name, stride=1, shift=CENTRED):
        return layers.DepthwiseConv2D(
            kernel,
            stride,
            "same" if stride == 1 else "valid",
            use_bias=False,
            depthwise_initializer=self.initializer(),
            depthwise_constraint=self._max_norm(axis=[0, 1]),
            name=name,
        )(centre(x, kernel, stride, shift, name))

    def norm(self, x, name, activation=None):
        x = GhostNorm(self.group_size, self.momentum, self.epsilon, name=name)(x)
        return x if activation is None else layers.Activation(activation, name=f"{name}_act")(x)

    def _max_norm(self, axis):
        return MaxNorm(self.max_norm, axis) if self.max_norm else None


def centre(x, kernel: int, stride: int, shift: int, name: str):
    """Pads or crops `x`, of even sides, before a "valid" operation of an odd kernel and stride 2.

    Output k of the operation is then centred on input 2k + shift, and there are half as many outputs as
    inputs. Before a stride of 1 there is nothing to do.
    """
    if stride == 1:
        return x
    before, after = kernel // 2 - shift, kernel // 2 + shift
    if before < 0:
        return layers.Cropping2D(((-before, 0), (-before, 0)), name=f"{name}_crop")(x)
    if kernel == 1:
        return x
    return layers.ZeroPadding2D(((before, after), (before, after)), name=f"{name}_pad")(x)


def normalise(image, mean=0.5, deviation=0.5):
    """(image - mean) / deviation, of an image in 0..1; one number each, or one for each channel."""
    mean, deviation = np.asarray(mean), np.asarray(deviation)
    return layers.Rescaling((1 / deviation).tolist(), (-mean / deviation).tolist(), name="rescale")(image)
