"""Feature extractors by name, all with ghost batch norm and with known feature centres.

Where a feature looks. With pixel centres at integers, features of stride s that lie symmetrically in an
even-sided image are centred on pixels s k + (s-1)/2. "tiny" has them there, because its strided kernels are
even (8, 4); mirroring the image then mirrors the features exactly. The 3x3 strided kernels of the published
networks centre on whole pixels and cannot: rebuilt here with explicit padding, output k of every stride is
centred on input 2k, and of the last stride on 2k + 1, so features are centred on 32 k + 16, half a pixel from
symmetry. (Keras' own EfficientNetV2 and MobileNetV3 pad differently: 32 k + 31. Their weights fit, their
padding is not used.)
The heads take the centre from `backbone.first_centre`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import layers

from posepile.names import unknown_name
from training.ghost_norm import GhostNorm
from training.mbconv import efficientnet_v2, mobilenet_v3_small


@dataclass(frozen=True)
class Backbone:
    """How a backbone is made and where its features lie."""

    build: Callable
    stride: int
    first_centre: float


def build_backbone(
    name: str, crop_side: int, ghost_group_size: int = 0, max_norm: float = 20.0, drop_connect: float = 0.2
) -> keras.Model:
    """Makes a backbone with random weights.

    Args:
        name: "tiny" (for demonstrations on a CPU), "mobilenetv3-small", "efficientnetv2-s",
            "efficientnetv2-l".
        crop_side: R, px; a multiple of the stride.
        ghost_group_size: examples normalised together in training; 0 for the whole batch.
        max_norm: largest L2 norm of a convolution filter, kept by the optimizer after every step
            (EfficientNetV2 only, squeeze-and-excitation excepted); 0 for none.
        drop_connect: largest probability with which a residual branch is dropped (EfficientNetV2 only).

    Returns:
        image [B, R, R, 3] in 0..1 -> features [B, R / stride, R / stride, C], with attributes `stride` (px)
        and `first_centre` (px): feature k is centred on pixel stride * k + first_centre.

    Raises:
        UnknownNameError, or ValueError for a side that is not a multiple of the stride.

    Source: training sheet, §3.
    """
    if name not in BACKBONES:
        raise unknown_name("backbone", name, BACKBONES)
    backbone = BACKBONES[name]
    if crop_side % backbone.stride:
        raise ValueError(
            f"crop_side is {crop_side} px, expected a multiple of {backbone.stride}, {name}'s stride"
        )
    image = keras.Input((crop_side, crop_side, 3), name="image")
    features = backbone.build(image, ghost_group_size, max_norm=max_norm, drop_connect=drop_connect)
    model = keras.Model(image, features, name=name.replace("-", "_"))
    model.stride, model.first_centre = backbone.stride, backbone.first_centre
    return model


def _tiny(image, group_size: int, channels=(24, 48, 96), blocks=(0, 1, 1), **_):
    """A small residual network: even strided convolutions, residual blocks of 3x3 ones between."""

    def conv_norm(x, filters, kernel, stride, name):
        if stride > 1:
            x = layers.ZeroPadding2D((kernel - stride) // 2, name=f"{name}_pad")(x)
        padding = "same" if stride == 1 else "valid"
        x = layers.Conv2D(
            filters,
            kernel,
            stride,
            padding,
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"{name}_conv",
        )(x)
        return GhostNorm(group_size, name=f"{name}_norm")(x)

    x = layers.Rescaling(2.0, -1.0, name="rescale")(image)
    for stage, (filters, n_blocks) in enumerate(zip(channels, blocks, strict=True)):
        kernel, stride = (8, 4) if stage == 0 else (4, 2)
        x = layers.ReLU(name=f"down{stage}_relu")(conv_norm(x, filters, kernel, stride, f"down{stage}"))
        for block in range(n_blocks):
            name = f"block{stage}{block}"
            y = layers.ReLU(name=f"{name}a_relu")(conv_norm(x, filters, 3, 1, f"{name}a"))
            y = conv_norm(y, filters, 3, 1, f"{name}b")
            x = layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))
    return x


BACKBONES = {
    "tiny": Backbone(_tiny, stride=16, first_centre=7.5),
    "mobilenetv3-small": Backbone(mobilenet_v3_small, stride=32, first_centre=16.0),
    "efficientnetv2-s": Backbone(efficientnet_v2("s"), stride=32, first_centre=16.0),
    "efficientnetv2-l": Backbone(efficientnet_v2("l"), stride=32, first_centre=16.0),
}
