"""ResNet-50 in three forms, with centred strides and ghost batch norm.

"v1" and "v2" have the layers, names and shapes of keras.applications (without the classifier), so their weights
fit. "v1.5" strides in the 3x3 convolution of a block, "v1" in the 1x1 convolution before it; "v2" normalises
before it convolves, and strides in the last block of a stage instead of the first block of the next.

Source: He et al., CVPR 2016 and ECCV 2016; training sheet, §2 (input) and §3.
"""

from collections.abc import Callable
from functools import partial

import keras
from keras import layers

from training.backbones.style import (
    CENTRED,
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    LATE,
    Style,
    centre,
    normalise,
)

STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
"""Inner channels and number of blocks."""
CAFFE_MEAN = tuple(mean / 255 for mean in (123.68, 116.779, 103.939))
"""RGB. The published networks saw BGR: their first kernels are turned when they are loaded."""


def resnet50(form: str) -> Callable:
    """A function (image, group_size) -> features of 2048 channels, stride 32; `form`: "v1", "v1.5", "v2"."""
    return partial(_resnet_v2 if form == "v2" else _resnet_v1, form)


def _resnet_v1(form, image, group_size, **_):
    style = _style(group_size, use_bias=form == "v1")
    if form == "v1":
        x = normalise(image, CAFFE_MEAN, 1 / 255)
    else:
        x = normalise(image, IMAGENET_MEAN, IMAGENET_DEVIATION)
    x = style.norm(style.conv(x, 64, 7, "conv1_conv", stride=2), "conv1_bn", "relu")
    x = _pool(x)
    for i, (filters, repeats) in enumerate(STAGES):
        stride, shift = 1 if i == 0 else 2, LATE if i == len(STAGES) - 1 else CENTRED
        for repeat in range(repeats):
            name = f"conv{i + 2}_block{repeat + 1}"
            strides = (1, 1) if repeat else (stride, 1) if form == "v1" else (1, stride)
            shortcut = x
            if repeat == 0:
                shortcut = style.conv(x, 4 * filters, 1, f"{name}_0_conv", stride, shift)
                shortcut = style.norm(shortcut, f"{name}_0_bn")
            y = style.conv(x, filters, 1, f"{name}_1_conv", strides[0], shift)
            y = style.conv(
                style.norm(y, f"{name}_1_bn", "relu"), filters, 3, f"{name}_2_conv", strides[1], shift
            )
            y = style.conv(style.norm(y, f"{name}_2_bn", "relu"), 4 * filters, 1, f"{name}_3_conv")
            x = layers.Add(name=f"{name}_add")([shortcut, style.norm(y, f"{name}_3_bn")])
            x = layers.ReLU(name=f"{name}_out")(x)
    return x


def _resnet_v2(_, image, group_size, **__):
    style = _style(group_size, use_bias=False)
    x = _pool(style.conv(normalise(image), 64, 7, "conv1_conv", stride=2, use_bias=True))
    for i, (filters, repeats) in enumerate(STAGES):
        shift = LATE if i == len(STAGES) - 2 else CENTRED
        for repeat in range(repeats):
            name = f"conv{i + 2}_block{repeat + 1}"
            stride = 2 if repeat == repeats - 1 and i < len(STAGES) - 1 else 1
            y = style.norm(x, f"{name}_preact_bn", "relu")
            if repeat == 0:
                x = style.conv(y, 4 * filters, 1, f"{name}_0_conv", use_bias=True)
            elif stride == 2:
                x = layers.MaxPooling2D(1, 2, name=f"{name}_0_pool")(centre(x, 1, 2, shift, f"{name}_0"))
            y = style.norm(style.conv(y, filters, 1, f"{name}_1_conv"), f"{name}_1_bn", "relu")
            y = style.conv(y, filters, 3, f"{name}_2_conv", stride, shift)
            y = style.conv(
                style.norm(y, f"{name}_2_bn", "relu"), 4 * filters, 1, f"{name}_3_conv", use_bias=True
            )
            x = layers.Add(name=f"{name}_out")([x, y])
    return style.norm(x, "post_bn", "relu")


def _style(group_size, use_bias):
    return Style(group_size, keras.initializers.HeNormal, momentum=0.997, epsilon=1e-5, use_bias=use_bias)


def _pool(x):
    """Padded with zeros, as published; after a ReLU that is as if there was no padding."""
    return layers.MaxPooling2D(3, 2, name="pool1_pool")(centre(x, 3, 2, CENTRED, "pool1"))
