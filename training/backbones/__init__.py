"""Feature extractors by name, all with ghost batch norm and with known feature centres.

Where a feature looks. With pixel centres at integers, features of stride s that lie symmetrically in an
even-sided image are centred on pixels s k + (s-1)/2. "tiny" has them there, because its strided kernels are
even (8, 4); mirroring the image then mirrors the features exactly. The odd strided kernels of the published
networks centre on whole pixels and cannot: rebuilt here with explicit padding, output k of every stride is
centred on input 2k, and of the last stride on 2k + 1, so features are centred on 32 k + 16, half a pixel from
symmetry. (Keras' own EfficientNetV2 and MobileNetV3 pad differently: 32 k + 31. Their weights fit, their
padding is not used.)
The heads take the centre from `backbone.first_centre`.

Files: the networks in tiny.py, efficientnet.py, mobilenet.py and resnet.py, of parts in blocks.py and style.py;
weights from ImageNet in pretrained.py, made by convert_lite.py from a file that torch_file.py reads.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from posepile.names import unknown_name
from training.backbones.efficientnet import efficientnet_lite, efficientnet_v2
from training.backbones.mobilenet import mobilenet_v3
from training.backbones.resnet import resnet50
from training.backbones.tiny import tiny


@dataclass(frozen=True)
class Backbone:
    """How a backbone is made and where its features lie."""

    build: Callable
    stride: int = 32
    first_centre: float = 16.0


BACKBONES = {
    "tiny": Backbone(tiny, stride=16, first_centre=7.5),
    "mobilenetv3-small": Backbone(mobilenet_v3("small")),
    "mobilenetv3-large": Backbone(mobilenet_v3("large")),
    "efficientnet-lite0": Backbone(efficientnet_lite(0)),
    "efficientnet-lite1": Backbone(efficientnet_lite(1)),
    "efficientnet-lite2": Backbone(efficientnet_lite(2)),
    "efficientnetv2-b0": Backbone(efficientnet_v2("b0")),
    "efficientnetv2-b1": Backbone(efficientnet_v2("b1")),
    "efficientnetv2-b2": Backbone(efficientnet_v2("b2")),
    "efficientnetv2-b3": Backbone(efficientnet_v2("b3")),
    "efficientnetv2-s": Backbone(efficientnet_v2("s")),
    "efficientnetv2-m": Backbone(efficientnet_v2("m")),
    "efficientnetv2-l": Backbone(efficientnet_v2("l")),
    "resnet50": Backbone(resnet50("v1")),
    "resnet50v1.5": Backbone(resnet50("v1.5")),
    "resnet50v2": Backbone(resnet50("v2")),
}


def build_backbone(
    name: str, crop_side: int, ghost_group_size: int = 0, max_norm: float = 20.0, drop_connect: float = 0.2
) -> keras.Model:
    """Makes a backbone with random weights.

    Args:
        name: one of BACKBONES.
        crop_side: R, px; a multiple of the stride.
        ghost_group_size: examples normalised together in training; 0 for the whole batch.
        max_norm: largest L2 norm of a convolution filter, kept by the optimizer after every step
            (EfficientNetV2 only, squeeze-and-excitation excepted); 0 for none.
        drop_connect: largest probability with which a residual branch is dropped (EfficientNetV2 and -Lite).

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
    model = keras.Model(image, features, name=name.replace("-", "_").replace(".", "_"))
    model.stride, model.first_centre = backbone.stride, backbone.first_centre
    return model
