"""Backbones: features lie where the heads say, shapes fit published weights, "tiny" mirrors exactly."""

import keras
import numpy as np
import pytest
from keras import ops

from posepile.names import UnknownNameError
from training.backbones import BACKBONES, build_backbone

SMALL = ("tiny", "mobilenetv3-small", "efficientnetv2-s")


@pytest.mark.parametrize("name", SMALL)
def test_feature_is_centred_where_the_backbone_says(name):
    """The centroid of what a feature looks at, in a network of averaging strides."""
    side = 192 if name == "tiny" else 320
    backbone = build_backbone(name, side)
    make_averaging(backbone)
    column, row = 4, 5
    image = np.ones((1, side, side, 3), np.float32)
    weights = np.abs(input_gradient(backbone, image, row, column)).sum(-1)[0]
    expected = [backbone.stride * k + backbone.first_centre for k in (column, row)]
    centroid = [weights.sum(0) @ np.arange(side), weights.sum(1) @ np.arange(side)] / weights.sum()
    np.testing.assert_allclose(centroid, expected, atol=0.02)  # px


def test_mirrored_image_gives_mirrored_features():
    backbone = build_backbone("tiny", 64)
    for weight in backbone.weights:
        if weight.name == "kernel":  # symmetric along the width
            weight.assign((weight + ops.flip(weight, axis=1)) / 2)
    image = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    features = ops.convert_to_numpy(backbone(image))
    assert features.std() > 0.05
    np.testing.assert_allclose(backbone(image[:, :, ::-1])[:, :, ::-1], features, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_shape_of_features(name):
    backbone = build_backbone(name, 128, ghost_group_size=2)
    cells = 128 // backbone.stride
    channels = {"tiny": 96, "mobilenetv3-small": 576, "efficientnetv2-s": 1280}[name]
    assert backbone.output_shape == (None, cells, cells, channels)


@pytest.mark.parametrize(
    ("name", "reference"),
    [("mobilenetv3-small", "MobileNetV3Small"), ("efficientnetv2-s", "EfficientNetV2S")],
)
def test_weights_are_those_of_keras_applications(name, reference):
    ours = build_backbone(name, 128)
    theirs = getattr(keras.applications, reference)(
        include_top=False, weights=None, input_shape=(128, 128, 3)
    )
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]


def test_max_norm_is_on_convolutions_of_efficientnet_only():
    backbone = build_backbone("efficientnetv2-s", 64)
    for layer in backbone.layers:
        for weight in layer.weights:
            convolution = weight.name == "kernel" and "_se_" not in layer.name
            assert (weight.constraint is not None) == convolution, weight.path
    kernel = backbone.get_layer("block4a_depthwise").kernel
    assert kernel.shape[2:] == (256, 1)
    kept = np.asarray(kernel.constraint(np.full(kernel.shape, 10, np.float32)))  # norms of 30
    np.testing.assert_allclose(np.linalg.norm(kept, axis=(0, 1)), 20, rtol=1e-5)
    assert build_backbone("mobilenetv3-small", 64).get_layer("stem_conv").kernel.constraint is None


def test_drop_connect_grows_along_the_blocks():
    backbone = build_backbone("efficientnetv2-s", 64)
    rates = [layer.rate for layer in backbone.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == sorted(rates) and rates[-1] == pytest.approx(0.2 * 39 / 40)
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in build_backbone("tiny", 64).layers)


def test_errors_name_the_expectation():
    with pytest.raises(UnknownNameError, match="efficientnetv2-s"):
        build_backbone("efficientnetv2-xs", 128)
    with pytest.raises(ValueError, match="100 px, expected a multiple of 32"):
        build_backbone("mobilenetv3-small", 100)
    assert "tiny" in BACKBONES


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


def input_gradient(backbone, image, row, column):
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(lambda x: ops.sum(backbone(x)[:, row, column]))(image))
    import tensorflow as tf

    image = tf.constant(image)
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = tf.reduce_sum(backbone(image)[:, row, column])
    return tape.gradient(value, image).numpy()
