"""The autoencoder's losses equal their formulas, and the model trains on both backends."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from affine_combining.autoencoder import (
    AffineAutoencoder,
    mean_magnitude,
    metric_loss,
    projected_loss,
    splat,
)

RNG = np.random.default_rng(0)


def test_splat_of_a_fronto_parallel_pose_is_metric():
    points = np.float32([[(100, -200, 4000), (300, 50, 4000)]])
    np.testing.assert_allclose(splat(points, np.float32([[[4000]]])), points[..., :2] / 1000, rtol=1e-6)


def test_projected_loss_equals_a_loop():
    joints, reconstructed = person(3), person(3)
    weights = np.array([0.5, 1.5, 1.0, 1.0])
    total = 0.0
    for pose, other in zip(joints, reconstructed, strict=True):
        depth = pose[:, 2].mean()
        for a, b, weight in zip(pose, other, weights, strict=True):
            total += weight * sum(abs(a[i] / a[2] - b[i] / b[2]) * depth / 1000 for i in (0, 1))
    loss = projected_loss(joints, reconstructed, weights.astype(np.float32))
    np.testing.assert_allclose(float(loss), total / (3 * 4 * 2), rtol=1e-5)  # float32 sums of 24 terms


def test_projected_loss_ignores_depth_along_the_ray():
    joints = person(2)
    assert float(projected_loss(joints, joints * 1.2)) < 1e-6  # metres; float32 rounding only
    assert float(metric_loss(joints, joints * 1.2)) > 0.1


def test_metric_loss_is_in_metres():
    joints = person(2)
    np.testing.assert_allclose(float(metric_loss(joints, joints + 250)), 0.25, rtol=1e-5)


def test_losses_have_an_axis_of_seeds():
    joints, many = person(3), np.stack([person(3), person(3)])
    losses = np.asarray(projected_loss(joints, many))
    assert losses.shape == (2,)
    np.testing.assert_allclose(losses[1], float(projected_loss(joints, many[1])), rtol=1e-6)


def test_sparsity_counts_negative_weights_only():
    matrix = np.float32([[0.5, 1.5], [0.5, -0.5]])
    # Column sums are one, so the magnitudes sum to 1 + 2 * (negative mass): 1 + 2, over 4 entries.
    assert float(mean_magnitude(matrix)) == pytest.approx((1 + 2) / 4)


def test_loss_is_the_sum_of_independent_losses():
    joints = person(5, n_joints=5)
    both = AffineAutoencoder((2, 1), (1, 1), seeds=(3, 8))
    total = float(both.compute_loss(joints, None, both(joints)))
    parts = []
    for seed in (3, 8):
        alone = AffineAutoencoder((2, 1), (1, 1), seeds=(seed,))
        parts.append(float(alone.compute_loss(joints, None, alone(joints))))
    assert total == pytest.approx(sum(parts), rel=1e-5)


def test_a_step_on_jax_gives_the_same_weights():
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed (pip install .[jax])")
    sums = []
    for backend in ("tensorflow", "jax"):
        environment = os.environ | {
            "KERAS_BACKEND": backend,
            "JAX_PLATFORMS": "cpu",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        done = subprocess.run(
            [sys.executable, "-c", TWO_STEPS], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        sums.append(np.fromstring(done.stdout.strip().splitlines()[-1], sep=" "))
    # Adam divides by gradients' magnitudes, which amplifies the backends' float32 rounding.
    np.testing.assert_allclose(sums[0], sums[1], rtol=0, atol=1e-4)


TWO_STEPS = """
import keras, numpy as np
from affine_combining.autoencoder import AffineAutoencoder
poses = np.random.default_rng(0).normal(size=(8, 5, 3)).astype("float32") * 300 + [0, 0, 4000]
model = AffineAutoencoder((2, 1), (1, 1), seeds=(0, 1))
model.compile(optimizer=keras.optimizers.Adam(0.03))
model.fit(poses.astype("float32"), batch_size=4, epochs=1, shuffle=False, verbose=0)
print(*np.asarray(model.encoder.matrix()).ravel(), *np.asarray(model.decoder.matrix()).ravel())
"""


def person(n, n_joints=4):
    return (RNG.normal(size=(n, n_joints, 3)) * 300 + [0, 0, 4000]).astype(np.float32)
