"""MobileNetV3, small and large, with centred strides and ghost batch norm.

Layers and shapes are those of keras.applications, without the classifier, so their weights fit.

Source: Howard et al., ICCV 2019; training sheet, §3.
"""

from collections.abc import Callable
from functools import partial

import keras

from training.backbones.blocks import add, inverted_residual
from training.backbones.style import CENTRED, LATE, Style, normalise

# Blocks: kernel, stride, expanded channels, output channels, squeezed channels (0: none), activation.
BLOCKS = {
    "small": [
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
    ],
    "large": [
        (3, 1, 16, 16, 0, "relu"),
        (3, 2, 64, 24, 0, "relu"),
        (3, 1, 72, 24, 0, "relu"),
        (5, 2, 72, 40, 24, "relu"),
        (5, 1, 120, 40, 32, "relu"),
        (5, 1, 120, 40, 32, "relu"),
        (3, 2, 240, 80, 0, "hard_swish"),
        (3, 1, 200, 80, 0, "hard_swish"),
        (3, 1, 184, 80, 0, "hard_swish"),
        (3, 1, 184, 80, 0, "hard_swish"),
        (3, 1, 480, 112, 120, "hard_swish"),
        (3, 1, 672, 112, 168, "hard_swish"),
        (5, 2, 672, 160, 168, "hard_swish"),
        (5, 1, 960, 160, 240, "hard_swish"),
        (5, 1, 960, 160, 240, "hard_swish"),
    ],
}


def mobilenet_v3(size: str) -> Callable:
    """A function (image, group_size) -> features of 576 ("small") or 960 channels ("large"), stride 32."""
    return partial(_mobilenet_v3, BLOCKS[size])


def _mobilenet_v3(blocks, image, group_size, **_):
    style = Style(group_size, keras.initializers.GlorotUniform, momentum=0.999)
    x = normalise(image)
    x = style.norm(style.conv(x, 16, 3, "stem_conv", stride=2), "stem_bn", "hard_swish")
    last_strided = max(i for i, block in enumerate(blocks) if block[1] == 2)
    for i, (kernel, stride, expanded, filters, squeezed, activation) in enumerate(blocks):
        name = f"block{i}"
        y = inverted_residual(
            x,
            style,
            filters,
            kernel,
            expanded,
            name,
            activation=activation,
            squeeze=(squeezed, "relu", "hard_sigmoid") if squeezed else None,
            stride=stride,
            shift=LATE if i == last_strided else CENTRED,
        )
        x = add(x, y, name) if y.shape == x.shape else y
    return style.norm(style.conv(x, x.shape[-1] * 6, 1, "top_conv"), "top_bn", "hard_swish")
