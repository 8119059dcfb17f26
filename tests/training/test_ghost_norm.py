"""GhostNorm promises: what a plain loop over groups of batch norm computes, in float32."""

import keras
import numpy as np
import pytest
from keras import ops

from training.ghost_norm import GhostNorm

SHAPE = (12, 3, 2, 5)


def test_training_equals_a_loop_over_groups():
    layer, x = make_layer(group_size=4), random_images()
    gamma, beta, mean, variance = (w.astype(np.float64) for w in layer.get_weights())
    expected = []
    for group in np.split(x.astype(np.float64), 3):
        group_mean, group_variance = group.mean((0, 1, 2)), group.var((0, 1, 2))
        expected.append(gamma * (group - group_mean) / np.sqrt(group_variance + 1e-3) + beta)
        mean = 0.9 * mean + 0.1 * group_mean
        variance = 0.9 * variance + 0.1 * group.var((0, 1, 2), ddof=1)

    output = ops.convert_to_numpy(layer(x, training=True))

    # Values of a few units in float32.
    np.testing.assert_allclose(output, np.concatenate(expected), rtol=0, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=0, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-6)


def test_one_group_equals_keras_batch_normalization():
    layer, x = make_layer(group_size=0), random_images()
    reference = keras.layers.BatchNormalization(momentum=0.9)
    reference.build(SHAPE)
    reference.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(x, training=True), reference(x, training=True), rtol=0, atol=1e-5)


def test_inference_uses_moving_statistics_and_no_groups():
    layer, x = make_layer(group_size=4), random_images()[:5]  # 5 is no multiple of 4
    before = layer.get_weights()
    gamma, beta, mean, variance = before
    expected = gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta
    np.testing.assert_allclose(layer(x, training=False), expected, rtol=0, atol=1e-5)
    for weight, old in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_refuses_a_batch_that_is_no_multiple():
    with pytest.raises(ValueError, match="5 examples, expected a multiple of group_size, 4"):
        make_layer(group_size=4)(random_images()[:5], training=True)


def test_float16_policy_keeps_statistics_in_float32():
    layer = GhostNorm(4, dtype="mixed_float16")
    # A mean of 300 with a spread of 1: squares overflow and sums lose everything in float16.
    x = (300 + random_images()).astype(np.float16)
    output = layer(x, training=True)
    assert keras.backend.standardize_dtype(output.dtype) == "float16"
    assert {w.dtype for w in layer.weights} == {"float32"}
    spread = ops.convert_to_numpy(output).astype(np.float32).reshape(3, -1, 5).std(axis=1)
    np.testing.assert_allclose(spread, 1, atol=0.03)  # float16 steps of the input are 0.25


def make_layer(group_size):
    layer = GhostNorm(group_size)
    layer.build(SHAPE)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.uniform(0.5, 2, w.shape).astype(np.float32) for w in layer.weights])
    return layer


def random_images():
    rng = np.random.default_rng(0)
    # Another mean and spread in each group of 4, so that groups matter.
    scale, shift = np.repeat(rng.uniform(0.5, 2, (2, 3, 1, 1, 1)), 4, axis=1)
    return (rng.normal(size=SHAPE) * scale + shift).astype(np.float32)
