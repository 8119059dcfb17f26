"""Backbones: features lie where they say, layers are the published ones, "tiny" mirrors exactly."""

from functools import cache
from typing import get_args, get_type_hints

import keras
import numpy as np
import pytest
from keras import ops

from posepile.names import UnknownNameError
from training.backbones import BACKBONES, build_backbone
from training.config import ModelConfig

SIDE = 192
# Parameters, moving statistics included, and channels of the features. Without classifier, as built by
# keras.applications; EfficientNet-Lite: 4.65, 5.42, 6.09 M (its authors' table) less 1.28 M of the classifier,
# plus moving statistics; resnet50v1.5: torchvision's 25.56 M less 2.05 M, plus moving statistics.
PUBLISHED = {
    "tiny": (305_952, 96),
    "mobilenetv3-small": (939_120, 576),
    "mobilenetv3-large": (2_996_352, 960),
    "efficientnet-lite0": (4_652_008 - 1_281_000 + 42_016, 1280),
    "efficientnet-lite1": (5_416_680 - 1_281_000 + 53_664, 1280),
    "efficientnet-lite2": (6_092_072 - 1_281_000 + 58_096, 1280),
    "efficientnetv2-b0": (5_919_312, 1280),
    "efficientnetv2-b1": (6_931_124, 1280),
    "efficientnetv2-b2": (8_769_374, 1408),
    "efficientnetv2-b3": (12_930_622, 1536),
    "efficientnetv2-s": (20_331_360, 1280),
    "efficientnetv2-m": (53_150_388, 1280),
    "efficientnetv2-l": (117_746_848, 1280),
    "resnet50": (23_587_712, 2048),
    "resnet50v1.5": (25_557_032 - 2_049_000 + 53_120, 2048),
    "resnet50v2": (23_564_800, 2048),
}
# One of every structure: the larger ones of a family are made by the same lines.
DIFFERENT = (
    "tiny",
    "mobilenetv3-small",
    "mobilenetv3-large",
    "efficientnet-lite0",
    "efficientnetv2-b0",
    "efficientnetv2-s",
    "resnet50",
    "resnet50v1.5",
    "resnet50v2",
)


@cache
def made(name):
    return build_backbone(name, SIDE, ghost_group_size=2)


@pytest.mark.parametrize("name", BACKBONES)
def test_parameters_and_features_are_the_published_ones(name):
    backbone = made(name) if name in DIFFERENT else build_backbone(name, 64)
    side, stride = backbone.input_shape[1], BACKBONES[name].stride
    assert backbone.stride == stride == (16 if name == "tiny" else 32)
    assert (backbone.count_params(), backbone.output_shape[-1]) == PUBLISHED[name]
    assert backbone.output_shape[:3] == (None, side // stride, side // stride)


@pytest.mark.parametrize("name", DIFFERENT)
def test_feature_is_centred_where_the_backbone_says(name):
    """A network of averages sees no difference when the image is mirrored about the stated centre."""
    backbone, row, column = made(name), 2, 3
    before = backbone.get_weights()
    make_averaging(backbone)
    image = positive_image(backbone)
    twice = [int(2 * (backbone.stride * k + backbone.first_centre)) for k in (row, column)]
    images = [image] + [
        mirrored(image, axis, twice[axis] + half_pixels) for half_pixels in (0, 1, -1) for axis in (0, 1)
    ]
    first, *others = ops.convert_to_numpy(backbone(np.stack(images)))[:, row, column, 0]
    change = np.abs(np.array(others) / first - 1)
    assert change[:2].max() < 1e-4  # float32, some hundred sums of thousands of terms in another order
    for axis in (0, 1):  # half a pixel beside it
        assert change[2 + axis :: 2].max() > max(4e-4, 10 * change[:2].max())
    backbone.set_weights(before)


def test_mirrored_image_gives_mirrored_features():
    backbone = build_backbone("tiny", 64)
    for weight in backbone.weights:
        if weight.name == "kernel":  # symmetric along the width
            weight.assign((weight + ops.flip(weight, axis=1)) / 2)
    image = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    features = ops.convert_to_numpy(backbone(image))
    assert features.std() > 0.05
    np.testing.assert_allclose(backbone(image[:, :, ::-1])[:, :, ::-1], features, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "precision"),
    [("tiny", "float16"), ("mobilenetv3-small", "bfloat16"), ("efficientnet-lite0", "bfloat16"),
     ("resnet50v2", "bfloat16")],
)  # fmt: skip
def test_computes_in_half_precision_and_keeps_whole_weights(name, precision, tmp_path):
    """A float32 network takes its saved weights over."""
    keras.config.set_dtype_policy(f"mixed_{precision}")
    try:
        half = build_backbone(name, 64, drop_connect=0)
    finally:
        keras.config.set_dtype_policy("float32")
    assert {w.dtype for w in half.weights} == {"float32"}
    features = half(np.random.default_rng(0).random((2, 64, 64, 3), np.float32), training=True)
    assert keras.backend.standardize_dtype(features.dtype) == precision
    features = ops.convert_to_numpy(ops.cast(features, "float32"))
    assert np.isfinite(features).all() and 0.1 < features.std() < 10
    half.save_weights(tmp_path / "half.weights.h5")
    whole = made(name)
    before = whole.get_weights()
    whole.load_weights(tmp_path / "half.weights.h5")
    for saved, loaded in zip(half.weights, whole.weights, strict=True):
        np.testing.assert_array_equal(saved, loaded)
    whole.set_weights(before)


def test_max_norm_is_on_convolutions_of_efficientnet_v2_only():
    backbone = made("efficientnetv2-s")
    for layer in backbone.layers:
        for weight in layer.weights:
            convolution = weight.name == "kernel" and "_se_" not in layer.name
            assert (weight.constraint is not None) == convolution, weight.path
    kernel = backbone.get_layer("block4a_depthwise").kernel
    assert kernel.shape[2:] == (256, 1)
    kept = np.asarray(kernel.constraint(np.full(kernel.shape, 10, np.float32)))  # norms of 30
    np.testing.assert_allclose(np.linalg.norm(kept, axis=(0, 1)), 20, rtol=1e-5)
    for name in ("mobilenetv3-small", "efficientnet-lite0", "resnet50"):
        assert all(weight.constraint is None for weight in made(name).weights)


@pytest.mark.parametrize(
    ("name", "last"),
    [("efficientnetv2-s", 39 / 40), ("efficientnet-lite0", 14 / 16), ("resnet50", 0), ("tiny", 0)],
)
def test_drop_connect_grows_along_the_blocks(name, last):
    rates = [layer.rate for layer in made(name).layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == sorted(rates) and max(rates, default=0) == pytest.approx(0.2 * last)


@pytest.mark.parametrize(
    ("name", "momentum", "epsilon"),
    [
        ("efficientnetv2-b0", 0.9, 1e-3),
        ("efficientnet-lite0", 0.9, 1e-3),
        ("mobilenetv3-large", 0.999, 1e-3),
        ("resnet50v1.5", 0.997, 1e-5),
    ],
)
def test_norms_are_in_groups_and_have_the_published_constants(name, momentum, epsilon):
    norms = [layer for layer in made(name).layers if hasattr(layer, "group_size")]
    assert len(norms) > 30 and not any(
        isinstance(layer, keras.layers.BatchNormalization) for layer in made(name).layers
    )
    assert {(n.group_size, n.momentum, n.epsilon) for n in norms} == {(2, momentum, epsilon)}


@pytest.mark.parametrize(
    ("name", "grey", "expected"),
    [
        ("efficientnetv2-s", 1.0, (1.0, 1.0, 1.0)),
        ("efficientnetv2-b0", 0.5, (0.0655, 0.1964, 0.4178)),  # (0.5 - mean) / deviation
        ("efficientnet-lite0", 1.0, (1.0, 1.0, 1.0)),
        ("resnet50v1.5", 0.5, (0.0655, 0.1964, 0.4178)),
        ("resnet50", 1.0, (131.32, 138.221, 151.061)),
        ("resnet50v2", 0.0, (-1.0, -1.0, -1.0)),
    ],
)
def test_input_is_normalised_inside(name, grey, expected):
    image = np.full((1, SIDE, SIDE, 3), grey, np.float32)
    normalised = ops.convert_to_numpy(made(name).get_layer("rescale")(image))[0, 0, 0]
    np.testing.assert_allclose(normalised, expected, rtol=1e-3)


def test_errors_name_the_expectation():
    with pytest.raises(UnknownNameError, match="efficientnetv2-s"):
        build_backbone("efficientnetv2-xs", 128)
    with pytest.raises(ValueError, match="100 px, expected a multiple of 32"):
        build_backbone("mobilenetv3-small", 100)


def test_all_can_be_configured():
    assert get_args(get_type_hints(ModelConfig)["backbone"]) == tuple(BACKBONES)


def make_averaging(backbone):
    """Strided kernels become averages, the others plain copies of the mean channel; gates are constant."""
    for layer in backbone.layers:
        for weight in layer.weights:
            if weight.name != "kernel":
                continue
            height, width, channels_in = weight.shape[:3]
            if "_se_" in layer.name:
                value = np.zeros(weight.shape)
            elif layer.strides[0] > 1:
                value = np.full(weight.shape, 1 / (height * width))
            else:
                value = np.zeros(weight.shape)
                value[height // 2, width // 2] = 1
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            weight.assign(value if depthwise else value / channels_in)


def positive_image(backbone):
    """A slope with noise that is positive behind the normalisation, and small: ReLU6 must not saturate."""
    slope = np.add.outer(np.arange(SIDE), np.arange(SIDE))[..., None] / (2 * SIDE)
    wanted = 0.004 * (slope + np.random.default_rng(0).random((SIDE, SIDE, 3)))
    rescale = backbone.get_layer("rescale")
    return ((wanted - np.array(rescale.offset)) / np.array(rescale.scale)).astype(np.float32)


def mirrored(image, axis, twice_centre):
    """The image mirrored about pixel twice_centre / 2 of an axis; what is beyond its borders stays."""
    image = np.moveaxis(image, axis, 0)
    source = twice_centre - np.arange(len(image))
    inside = (source >= 0) & (source < len(image))
    new = image.copy()
    new[inside] = image[source[inside]]
    return np.moveaxis(new, 0, axis)
