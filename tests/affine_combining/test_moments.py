"""The loss from second moments equals its definition; derivatives equal difference quotients and autodiff."""

import numpy as np
import pytest
import tensorflow as tf

from affine_combining.autoencoder import metric_loss, projected_loss
from affine_combining.moments import (
    LEAST_VARIANCE,
    Moments,
    loss_and_gradients,
    moments_of,
    robust_weights,
)

N_JOINTS, N_LATENTS = 6, 3
WEIGHTS = np.float32([0.5, 1.5, 1, 1, 1, 1])


@pytest.mark.parametrize("loss", ["projected", "metric"])
def test_moments_loss_equals_deviations_of_errors(loss):
    poses, (w1, w2) = people(400), matrices()
    value, *_ = moments_of(poses, WEIGHTS, loss).loss_and_gradients(w1, w2)
    error = (poses - poses @ w1 @ w2) / 1000  # [n, 3, J]: translations cancel
    squares = np.square(error).mean(axis=0)
    if loss == "metric":
        variance = squares.mean(axis=0)
    else:
        middle = poses.mean(axis=2, keepdims=True)
        seen = error[:, :2] - middle[:, :2] / middle[:, 2:] * error[:, 2:]
        relative = poses - middle
        slope = (relative[:, :2] - middle[:, :2] / middle[:, 2:] * relative[:, 2:]) / middle[:, 2:]
        variance = np.square(seen).mean(axis=(0, 1)) + squares[2] * np.square(slope).mean()
    expected = 0.8 * np.mean(WEIGHTS * np.sqrt(variance))
    assert value == pytest.approx(expected, rel=1e-4)  # float32 products


@pytest.mark.parametrize("loss", ["projected", "metric"])
def test_moments_loss_is_near_the_loss_it_stands_for(loss):
    poses, (w1, w2) = people(2000), matrices()
    value, *_ = moments_of(poses, np.ones(N_JOINTS), loss).loss_and_gradients(w1, w2)
    true, *_ = loss_and_gradients(poses, w1, w2, np.ones(N_JOINTS, np.float32), loss)
    assert value == pytest.approx(true, rel=0.1)  # errors are normal here; perspective is of first order


def test_derivatives_of_the_moments_loss_match_difference_quotients():
    exact = moments_of(people(50), WEIGHTS)
    moments = Moments(exact.products.astype(np.float64), exact.joint_weights.astype(np.float64))
    w1, w2 = (w.astype(np.float64) for w in matrices())
    _, *gradients = moments.loss_and_gradients(w1, w2)
    for which, (row, column) in [(0, (0, 0)), (0, (4, 2)), (1, (0, 5)), (1, (2, 1))]:
        values = []
        for step in (1e-6, -1e-6):
            moved = [w1.copy(), w2.copy()]
            moved[which][row, column] += step
            values.append(moments.loss_and_gradients(*moved)[0])
        quotient = (values[0] - values[1]) / 2e-6
        assert gradients[which][row, column] == pytest.approx(quotient, rel=1e-4, abs=1e-8)


def test_a_perfect_joint_has_a_finite_derivative():
    moments = moments_of(people(50), np.ones(N_JOINTS))
    value, *gradients = moments.loss_and_gradients(np.eye(N_JOINTS, dtype="f"), np.eye(N_JOINTS, dtype="f"))
    assert 0 < value < 100 * np.sqrt(LEAST_VARIANCE)
    assert all(np.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("loss", ["projected", "metric"])
def test_loss_on_poses_and_its_derivatives_equal_the_model_s(loss):
    poses, (w1, w2) = people(7), matrices()
    joints = tf.constant(poses.swapaxes(1, 2))
    w1, w2 = tf.Variable(w1), tf.Variable(w2)
    with tf.GradientTape() as tape:
        back = tf.einsum("blc,lj->bjc", tf.einsum("bjc,jl->blc", joints, w1), w2)
        value = {"projected": projected_loss, "metric": metric_loss}[loss](joints, back, WEIGHTS)
    expected = tape.gradient(value, [w1, w2])
    ours, *gradients = loss_and_gradients(poses, w1.numpy(), w2.numpy(), WEIGHTS, loss)
    assert ours == pytest.approx(float(value), rel=1e-5)
    for gradient, other in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, other, rtol=1e-3, atol=1e-4)  # sums of metres times slopes


@pytest.mark.parametrize("loss", ["projected", "metric"])
def test_robust_weights_are_inverse_to_a_pose_s_error(loss):
    poses, (w1, w2) = people(20), matrices()
    poses[7] = np.random.default_rng(5).normal(size=(3, N_JOINTS)) * 2000 + [[0], [0], [20_000]]  # wild
    alone = np.ones(N_JOINTS, np.float32)
    errors = np.array([loss_and_gradients(poses[i : i + 1], w1, w2, alone, loss)[0] for i in range(20)])
    errors = np.maximum(errors, np.median(errors) / 2)
    weights = robust_weights(poses, w1, w2, loss)
    np.testing.assert_allclose(weights, errors.mean() / errors, rtol=1e-4)
    assert weights.argmin() == 7


def test_pose_weights_count_poses_several_times():
    poses, weights = people(5), np.array([1, 2, 0, 1, 1])
    repeated = poses[np.repeat(np.arange(5), weights)]
    weighted = moments_of(poses, WEIGHTS, "metric", weights).products
    np.testing.assert_allclose(
        weighted, moments_of(repeated, WEIGHTS, "metric").products, rtol=1e-4, atol=1e-6
    )


def people(n):
    """[n, 3, J]"""
    rng = np.random.default_rng(0)
    rest = rng.normal(size=(N_JOINTS, 3)) * [100, 400, 100]
    place = rng.normal(size=(n, 1, 3)) * [600, 200, 300] + [0, 0, 5000]
    return (rest + rng.normal(size=(n, N_JOINTS, 3)) * 80 + place).swapaxes(1, 2).astype(np.float32).copy()


def matrices():
    rng = np.random.default_rng(1)
    w1, w2 = rng.uniform(-0.1, 1, (N_JOINTS, N_LATENTS)), rng.uniform(-0.1, 1, (N_LATENTS, N_JOINTS))
    return (w1 / w1.sum(axis=0)).astype(np.float32), (w2 / w2.sum(axis=0)).astype(np.float32)
