"""The network of YOLOv4 (CSPDarknet53, SPP, PAN) in Keras, and darknet's weights in it.

Source: Bochkovskiy et al., arXiv:2004.10934; serving sheet, section 5.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
from keras import layers, ops

from posepile.people.darknet import ConvShape, read_weights

CLASSES = 80  # of COCO; the first is a person
ANCHORS_PER_CELL = 3
HEAD_CHANNELS = ANCHORS_PER_CELL * (5 + CLASSES)
BN_EPSILON = 1e-5
LEAKY_SLOPE = 0.1
STAGES = ((64, 1, 64, 32), (128, 2, 64, 64), (256, 8, 128, 128), (512, 8, 256, 256), (1024, 4, 512, 512))
"""(channels, residual blocks, channels of a branch, channels within a block) of the backbone."""


@dataclass(frozen=True, eq=False)
class Conv:
    """A convolution of the network; `norm` is None where it has a bias."""

    layer: layers.Conv2D
    norm: layers.BatchNormalization | None

    def shape(self) -> ConvShape:
        """How it lies in darknet's file."""
        kernel, _, inputs, outputs = self.layer.kernel.shape
        return ConvShape(outputs, inputs, kernel, self.norm is not None)


def build_network(
    upsampling: Literal["nearest", "bilinear"] = "nearest", bn_epsilon: float = BN_EPSILON
) -> tuple[keras.Model, list[Conv]]:
    """Builds the network, weights random.

    Args:
        upsampling: of the neck; darknet's is "nearest", the port behind published results took "bilinear".
        bn_epsilon: of the batch norms; darknet's is 1e-5, the port's 1e-3.

    Returns:
        The model: images [N, h, w, 3] in 0..1, h and w divisible by 32, to three maps [N, h/s, w/s, 255] of raw
        numbers, s = 8, 16, 32. And its 110 convolutions in the order of darknet's configuration.
    """
    net = _Builder(upsampling, bn_epsilon)
    inputs = keras.Input((None, None, 3))
    b3, b4, b5 = _backbone(net, inputs)
    return keras.Model(inputs, _neck_and_heads(net, b3, b4, b5), name="yolov4"), net.convs


def load_darknet(path: Path, convs: Sequence[Conv]) -> str:
    """Sets the weights from darknet's file; gives the file's CRC-32. Raises ValueError (`read_weights`)."""
    weights, crc = read_weights(path, [conv.shape() for conv in convs])
    for conv, read in zip(convs, weights, strict=True):
        if conv.norm is None:
            conv.layer.set_weights([read.kernel, *read.vectors])
        else:
            beta, gamma, mean, variance = read.vectors
            conv.layer.set_weights([read.kernel])
            conv.norm.set_weights([gamma, beta, mean, variance])
    return crc


class _Builder:
    """Makes the blocks and lists their convolutions as they come."""

    def __init__(self, upsampling: str, bn_epsilon: float):
        self.convs: list[Conv] = []
        self._upsampling, self._bn_epsilon = upsampling, bn_epsilon

    def conv(self, x, filters, kernel, activation, stride=1):
        if (
            stride == 2
        ):  # darknet pads both sides evenly; on even sizes the lower right padding is not reached
            x = layers.ZeroPadding2D(((1, 0), (1, 0)))(x)
        # The weights are darknet's: zeros spare the time of drawing 64 M random numbers
        layer = layers.Conv2D(
            filters,
            kernel,
            strides=stride,
            padding="same" if stride == 1 else "valid",
            use_bias=activation is None,
            kernel_initializer="zeros",
        )
        norm = None if activation is None else layers.BatchNormalization(epsilon=self._bn_epsilon)
        self.convs.append(Conv(layer, norm))
        x = layer(x)
        return x if norm is None else layers.Activation(activation)(norm(x))

    def mish(self, x, filters, kernel, stride=1):
        return self.conv(x, filters, kernel, _mish, stride)

    def leaky(self, x, *filters_and_kernels, stride=1):
        """Convolutions one after the other, as pairs (filters, kernel); the stride is the last one's."""
        for i, (filters, kernel) in enumerate(filters_and_kernels, start=1):
            x = self.conv(x, filters, kernel, _leaky, stride if i == len(filters_and_kernels) else 1)
        return x

    def head(self, x, filters):
        return self.conv(self.leaky(x, (filters, 3)), HEAD_CHANNELS, 1, None)

    def upsampled(self, x):
        return layers.UpSampling2D(2, interpolation=self._upsampling)(x)


def _backbone(net: _Builder, x):
    x = net.mish(x, 32, 3)
    outputs = []
    for channels, blocks, branch, inner in STAGES:
        x = net.mish(x, channels, 3, stride=2)
        route = net.mish(x, branch, 1)
        main = net.mish(x, branch, 1)
        for _ in range(blocks):
            main = layers.Add()([main, net.mish(net.mish(main, inner, 1), branch, 3)])
        main = net.mish(main, branch, 1)
        x = net.mish(layers.Concatenate()([main, route]), channels, 1)
        outputs.append(x)
    return outputs[2:]


def _neck_and_heads(net: _Builder, b3, b4, b5):
    x = net.leaky(b5, (512, 1), (1024, 3), (512, 1))
    pools = [layers.MaxPooling2D(side, strides=1, padding="same")(x) for side in (13, 9, 5)]
    p5 = net.leaky(layers.Concatenate()([*pools, x]), (512, 1), (1024, 3), (512, 1))
    p4 = _merged_upwards(net, p5, b4, 256)
    p3 = _merged_upwards(net, p4, b3, 128)
    head8 = net.head(p3, 256)
    n4 = _merged_downwards(net, p3, p4, 256)
    head16 = net.head(n4, 512)
    n5 = _merged_downwards(net, n4, p5, 512)
    return [head8, head16, net.head(n5, 1024)]


def _merged_upwards(net: _Builder, coarse, fine, filters):
    up = net.upsampled(net.leaky(coarse, (filters, 1)))
    x = layers.Concatenate()([net.leaky(fine, (filters, 1)), up])
    return net.leaky(x, *_five(filters))


def _merged_downwards(net: _Builder, fine, coarse, filters):
    down = net.leaky(fine, (filters, 3), stride=2)
    return net.leaky(layers.Concatenate()([down, coarse]), *_five(filters))


def _five(filters):
    return (filters, 1), (2 * filters, 3), (filters, 1), (2 * filters, 3), (filters, 1)


def _mish(x):
    return x * ops.tanh(ops.softplus(x))


def _leaky(x):
    return ops.leaky_relu(x, LEAKY_SLOPE)
