"""EfficientNetV2 and EfficientNet-Lite with centred strides and ghost batch norm.

Layers and shapes are those of keras.applications (V2) and of the published Lite networks, without the
classifier, so their weights fit (training/backbones/pretrained.py).

Source: Tan and Le, ICML 2021; EfficientNet-Lite: Tan and Le, ICML 2019, with the changes of TensorFlow's TPU
models (no squeeze-and-excitation, ReLU6, stem and head not scaled); training sheet, §3.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import keras

from training.backbones.blocks import add, fused_inverted_residual, inverted_residual
from training.backbones.style import CENTRED, IMAGENET_DEVIATION, IMAGENET_MEAN, LATE, Style, normalise

FUSED, GATED, PLAIN = "fused", "gated", "plain"
"""Kinds of blocks: one convolution for two; with squeeze-and-excitation; without."""


@dataclass(frozen=True)
class Stage:
    """Blocks of one kind in a row, the first of which may have a stride."""

    kind: str
    repeats: int
    kernel: int
    stride: int
    expansion: int
    filters: int


@dataclass(frozen=True)
class Design:
    """All that one network of the family differs in."""

    stem: int
    stages: Sequence[Stage]
    top: int = 1280
    activation: str = "swish"
    mean: float | tuple[float, ...] = 0.5
    deviation: float | tuple[float, ...] = 0.5
    max_norm: bool = True


V2 = {
    "s": Design(24, [
        Stage(FUSED, 2, 3, 1, 1, 24), Stage(FUSED, 4, 3, 2, 4, 48), Stage(FUSED, 4, 3, 2, 4, 64),
        Stage(GATED, 6, 3, 2, 4, 128), Stage(GATED, 9, 3, 1, 6, 160), Stage(GATED, 15, 3, 2, 6, 256),
    ]),
    "m": Design(24, [
        Stage(FUSED, 3, 3, 1, 1, 24), Stage(FUSED, 5, 3, 2, 4, 48), Stage(FUSED, 5, 3, 2, 4, 80),
        Stage(GATED, 7, 3, 2, 4, 160), Stage(GATED, 14, 3, 1, 6, 176), Stage(GATED, 18, 3, 2, 6, 304),
        Stage(GATED, 5, 3, 1, 6, 512),
    ]),
    "l": Design(32, [
        Stage(FUSED, 4, 3, 1, 1, 32), Stage(FUSED, 7, 3, 2, 4, 64), Stage(FUSED, 7, 3, 2, 4, 96),
        Stage(GATED, 10, 3, 2, 4, 192), Stage(GATED, 19, 3, 1, 6, 224), Stage(GATED, 25, 3, 2, 6, 384),
        Stage(GATED, 7, 3, 1, 6, 640),
    ]),
    "b0": Design(32, [
        Stage(FUSED, 1, 3, 1, 1, 16), Stage(FUSED, 2, 3, 2, 4, 32), Stage(FUSED, 2, 3, 2, 4, 48),
        Stage(GATED, 3, 3, 2, 4, 96), Stage(GATED, 5, 3, 1, 6, 112), Stage(GATED, 8, 3, 2, 6, 192),
    ], mean=IMAGENET_MEAN, deviation=IMAGENET_DEVIATION),
}  # fmt: skip
LITE0 = Design(32, [
    Stage(PLAIN, 1, 3, 1, 1, 16), Stage(PLAIN, 2, 3, 2, 6, 24), Stage(PLAIN, 2, 5, 2, 6, 40),
    Stage(PLAIN, 3, 3, 2, 6, 80), Stage(PLAIN, 3, 5, 1, 6, 112), Stage(PLAIN, 4, 5, 2, 6, 192),
    Stage(PLAIN, 1, 3, 1, 6, 320),
], activation="relu6", mean=127 / 255, deviation=128 / 255, max_norm=False)  # fmt: skip
SCALES = {"b0": (1.0, 1.0), "b1": (1.0, 1.1), "b2": (1.1, 1.2), "b3": (1.2, 1.4)}
"""Factors of widths and depths."""


def efficientnet_v2(size: str) -> Callable:
    """A function (image, group_size, max_norm, drop_connect) -> features, stride 32."""
    if size not in SCALES:
        return partial(_efficientnet, V2[size])
    base, (width, depth) = V2["b0"], SCALES[size]
    stages = [
        replace(stage, filters=_scaled(stage.filters, width), repeats=math.ceil(stage.repeats * depth))
        for stage in base.stages
    ]
    return partial(
        _efficientnet,
        replace(base, stem=_scaled(base.stem, width), stages=stages, top=_scaled(base.top, width)),
    )


def efficientnet_lite(size: int) -> Callable:
    """A function (image, group_size, max_norm, drop_connect) -> features of 1280 channels, stride 32.

    Stem and head, and the numbers of first and last blocks, are the same for all sizes.
    """
    width, depth = SCALES[f"b{size}"]
    first, *middle, last = (replace(s, filters=_scaled(s.filters, width)) for s in LITE0.stages)
    middle = [replace(stage, repeats=math.ceil(stage.repeats * depth)) for stage in middle]
    return partial(_efficientnet, replace(LITE0, stages=[first, *middle, last]))


def _efficientnet(design: Design, image, group_size, max_norm, drop_connect):
    style = Style(group_size, _fan_out_initializer, max_norm=max_norm if design.max_norm else 0.0)
    x = normalise(image, design.mean, design.deviation)
    x = style.norm(style.conv(x, design.stem, 3, "stem_conv", stride=2), "stem_bn", design.activation)
    n_blocks, block = sum(stage.repeats for stage in design.stages), 0
    last_strided = max(i for i, stage in enumerate(design.stages) if stage.stride == 2)
    for i, stage in enumerate(design.stages):
        for repeat in range(stage.repeats):
            name = f"block{i + 1}{chr(ord('a') + repeat)}"
            stride = stage.stride if repeat == 0 else 1
            y = _block(
                x, style, stage, design.activation, stride, LATE if i == last_strided else CENTRED, name
            )
            x = add(x, y, name, drop_connect * block / n_blocks) if y.shape == x.shape else y
            block += 1
    return style.norm(style.conv(x, design.top, 1, "top_conv"), "top_bn", design.activation)


def _block(x, style, stage, activation, stride, shift, name):
    channels = x.shape[-1]
    sizes = stage.filters, stage.kernel, channels * stage.expansion
    common = {"activation": activation, "stride": stride, "shift": shift}
    if stage.kind == FUSED:
        return fused_inverted_residual(x, style, *sizes, name, **common)
    squeeze = (channels // 4, activation, "sigmoid") if stage.kind == GATED else None
    return inverted_residual(x, style, *sizes, name, squeeze=squeeze, **common)


def _scaled(channels: int, factor: float) -> int:
    """The scaled number, rounded to a multiple of 8."""
    return int(channels * factor + 4) // 8 * 8


def _fan_out_initializer():
    return keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="truncated_normal")
