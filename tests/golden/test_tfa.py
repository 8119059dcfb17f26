"""What replaces tensorflow-addons computes the same numbers (tfa.npz, written by make_tfa_golden.py)."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from training.config import OptimizerConfig
from training.optimizer import build_optimizer


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).with_name("tfa.npz"), allow_pickle=False) as file:
        return dict(file)


def test_adamw(golden):
    """tfa.optimizers.AdamW under the two-phase schedule, decay following the rate."""
    steps, rate, fraction, decay = golden["adamw_settings"].tolist()
    config = OptimizerConfig(rate, phase_fraction=fraction, weight_decay=decay)
    optimizer, weight = build_optimizer(config, int(steps), "float32"), keras.Variable(golden["adamw_start"])
    for gradient, expected in zip(golden["adamw_gradients"], golden["adamw_path"], strict=True):
        optimizer.apply([gradient], [weight])
        # Weights are around 1; the same formula with float32 operations in another order.
        np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-6)
    assert np.abs(golden["adamw_path"][-1] - golden["adamw_start"]).max() > 0.1


def test_transform(golden):
    """tfa.image.transform against the TensorFlow operation under it."""
    tf = pytest.importorskip("tensorflow")
    result = tf.raw_ops.ImageProjectiveTransformV3(
        images=golden["transform_images"],
        transforms=golden["transform_matrices"],
        output_shape=np.int32(golden["transform_result"].shape[1:3]),
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )
    assert 0.1 < np.mean(golden["transform_result"] == 0) < 0.5  # some of it lies outside
    np.testing.assert_allclose(result, golden["transform_result"], rtol=0, atol=1e-5)


def test_interpolate_bilinear(golden):
    """tfa.image.interpolate_bilinear against keras.ops.image.map_coordinates."""
    for grid, points, expected in zip(
        golden["bilinear_grid"], golden["bilinear_points"], golden["bilinear_result"], strict=True
    ):
        channels = [
            ops.image.map_coordinates(grid[..., c], points.T, order=1, fill_mode="nearest")
            for c in range(grid.shape[-1])
        ]
        np.testing.assert_allclose(np.stack(channels, axis=-1), expected, rtol=0, atol=1e-5)
