"""EfficientNetV2 and MobileNetV3 with centred strides and ghost batch norm.

Layers, shapes and order of the weights are those of keras.applications (without the classifier), so weights
trained there can be copied one by one. Padding of strided convolutions is explicit: see
training/backbones.py.

Source: Tan and Le, ICML 2021; Howard et al., ICCV 2019; training sheet, §3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import keras
from keras import layers

from training.ghost_norm import GhostNorm

# Blocks: repeats, kernel, stride, expansion, output channels, squeeze ratio (0: a fused block without one).
EFFICIENTNET_V2 = {
    "s": [
        (2, 3, 1, 1, 24, 0),
        (4, 3, 2, 4, 48, 0),
        (4, 3, 2, 4, 64, 0),
        (6, 3, 2, 4, 128, 0.25),
        (9, 3, 1, 6, 160, 0.25),
        (15, 3, 2, 6, 256, 0.25),
    ],
    "l": [
        (4, 3, 1, 1, 32, 0),
        (7, 3, 2, 4, 64, 0),
        (7, 3, 2, 4, 96, 0),
        (10, 3, 2, 4, 192, 0.25),
        (19, 3, 1, 6, 224, 0.25),
        (25, 3, 2, 6, 384, 0.25),
        (7, 3, 1, 6, 640, 0.25),
    ],
}
# Blocks: kernel, stride, expanded channels, output channels, squeezed channels (0: none), activation.
MOBILENET_V3_SMALL = [
    (3, 2, 16, 16, 8, "relu"),
    (3, 2, 72, 24, 0, "relu"),
    (3, 1, 88, 24, 0, "relu"),
    (5, 2, 96, 40, 24, "hard_swish"),
    (5, 1, 240, 40, 64, "hard_swish"),
    (5, 1, 240, 40, 64, "hard_swish"),
    (5, 1, 120, 48, 32, "hard_swish"),
    (5, 1, 144, 48, 40, "hard_swish"),
    (5, 2, 288, 96, 72, "hard_swish"),
    (5, 1, 576, 96, 144, "hard_swish"),
    (5, 1, 576, 96, 144, "hard_swish"),
]
CENTRED, LATE = 0, 1
"""Which input pixel the output of a stride is centred on: 2k or 2k + 1."""


@dataclass(frozen=True)
class _Style:
    """What all layers of one network share."""

    group_size: int
    momentum: float
    max_norm: float
    initializer: Callable

    def conv(self, x, filters, kernel, name, stride=1, shift=CENTRED):
        constraint = keras.constraints.MaxNorm(self.max_norm, axis=[0, 1, 2]) if self.max_norm else None
        return layers.Conv2D(
            filters,
            kernel,
            stride,
            "same" if stride == 1 else "valid",
            use_bias=False,
            kernel_initializer=self.initializer(),
            kernel_constraint=constraint,
            name=name,
        )(_pad(x, kernel, stride, shift, name))

    def depthwise(self, x, kernel, name, stride=1, shift=CENTRED):
        constraint = keras.constraints.MaxNorm(self.max_norm, axis=[0, 1]) if self.max_norm else None
        return layers.DepthwiseConv2D(
            kernel,
            stride,
            "same" if stride == 1 else "valid",
            use_bias=False,
            depthwise_initializer=self.initializer(),
            depthwise_constraint=constraint,
            name=name,
        )(_pad(x, kernel, stride, shift, name))

    def norm(self, x, name, activation=None):
        x = GhostNorm(self.group_size, momentum=self.momentum, name=name)(x)
        return x if activation is None else layers.Activation(activation, name=f"{name}_act")(x)


def efficientnet_v2(size: str) -> Callable:
    """A function (image, group size, max_norm, drop_connect) -> features of 1280 channels, stride 32."""
    return partial(_efficientnet_v2, EFFICIENTNET_V2[size])


def _efficientnet_v2(stages, image, group_size, max_norm, drop_connect):
    style = _Style(group_size, 0.9, max_norm, _fan_out_initializer)
    x = layers.Rescaling(2.0, -1.0, name="rescale")(image)
    x = style.norm(style.conv(x, stages[0][4], 3, "stem_conv", stride=2), "stem_bn", "swish")
    n_blocks, block = sum(stage[0] for stage in stages), 0
    last_strided = max(i for i, stage in enumerate(stages) if stage[2] == 2)
    for i, (repeats, kernel, stride, expansion, filters, squeeze) in enumerate(stages):
        for repeat in range(repeats):
            name = f"block{i + 1}{chr(ord('a') + repeat)}"
            make = _inverted_residual if squeeze else _fused_inverted_residual
            y = make(
                x,
                style,
                kernel,
                stride if repeat == 0 else 1,
                LATE if i == last_strided else CENTRED,
                x.shape[-1] * expansion,
                filters,
                max(1, int(x.shape[-1] * squeeze)),
                name,
            )
            x = _add(x, y, drop_connect * block / n_blocks, name) if y.shape == x.shape else y
            block += 1
    return style.norm(style.conv(x, 1280, 1, "top_conv"), "top_bn", "swish")


def mobilenet_v3_small(image, group_size, **_):
    """(image, group size) -> features of 576 channels, stride 32."""
    style = _Style(group_size, 0.999, 0.0, keras.initializers.GlorotUniform)
    x = layers.Rescaling(2.0, -1.0, name="rescale")(image)
    x = style.norm(style.conv(x, 16, 3, "stem_conv", stride=2), "stem_bn", "hard_swish")
    last_strided = max(i for i, block in enumerate(MOBILENET_V3_SMALL) if block[1] == 2)
    for i, (kernel, stride, expanded, filters, squeezed, activation) in enumerate(MOBILENET_V3_SMALL):
        shift = LATE if i == last_strided else CENTRED
        y, name = x, f"block{i}"
        if i > 0:
            y = style.norm(style.conv(y, expanded, 1, f"{name}_expand"), f"{name}_expand_bn", activation)
        y = style.depthwise(y, kernel, f"{name}_depthwise", stride, shift)
        y = style.norm(y, f"{name}_depthwise_bn", activation)
        if squeezed:
            y = _squeeze_excite(y, squeezed, "relu", "hard_sigmoid", name)
        y = style.norm(style.conv(y, filters, 1, f"{name}_project"), f"{name}_project_bn")
        x = layers.Add(name=f"{name}_add")([x, y]) if y.shape == x.shape else y
    return style.norm(style.conv(x, 576, 1, "top_conv"), "top_bn", "hard_swish")


def _inverted_residual(x, style, kernel, stride, shift, expanded, filters, squeezed, name):
    x = style.norm(style.conv(x, expanded, 1, f"{name}_expand"), f"{name}_expand_bn", "swish")
    x = style.depthwise(x, kernel, f"{name}_depthwise", stride, shift)
    x = style.norm(x, f"{name}_depthwise_bn", "swish")
    x = _squeeze_excite(x, squeezed, "swish", "sigmoid", name)
    return style.norm(style.conv(x, filters, 1, f"{name}_project"), f"{name}_project_bn")


def _fused_inverted_residual(x, style, kernel, stride, shift, expanded, filters, _, name):
    if expanded == x.shape[-1]:
        x = style.conv(x, filters, kernel, f"{name}_project", stride, shift)
        return style.norm(x, f"{name}_project_bn", "swish")
    x = style.norm(
        style.conv(x, expanded, kernel, f"{name}_expand", stride, shift), f"{name}_expand_bn", "swish"
    )
    return style.norm(style.conv(x, filters, 1, f"{name}_project"), f"{name}_project_bn")


def _squeeze_excite(x, squeezed, activation, gate, name):
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    y = layers.Conv2D(squeezed, 1, activation=activation, name=f"{name}_se_reduce")(y)
    y = layers.Conv2D(x.shape[-1], 1, activation=gate, name=f"{name}_se_expand")(y)
    return layers.Multiply(name=f"{name}_excite")([x, y])


def _add(x, y, drop_rate, name):
    if drop_rate > 0:
        y = layers.Dropout(drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(y)
    return layers.Add(name=f"{name}_add")([x, y])


def _pad(x, kernel, stride, shift, name):
    """Explicit padding, so that output k of a stride of 2 is centred on input 2k + shift."""
    if stride == 1:
        return x
    reach = (kernel - 1) // 2
    before, after = reach - shift, reach + shift
    return layers.ZeroPadding2D(((before, after), (before, after)), name=f"{name}_pad")(x)


def _fan_out_initializer():
    return keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="truncated_normal")
