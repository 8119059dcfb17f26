"""Scale recovery: agrees with a plain least-squares solver, recovers known poses, has gradients."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from training.absolute import (
    full_perspective_translation,
    image_to_ray,
    project,
    reconstruct_absolute,
    weak_perspective_translation,
)
from training.grid import CropGrid

GRID = CropGrid(crop_side=256, stride=32, first_centre=15.5)
INTRINSICS = np.float32([[[900, 3, 127.5], [0, 880, 127.5], [0, 0, 1]]])
FEW = settings(max_examples=20, deadline=None)


@FEW
@given(seed=st.integers(0, 10_000), shift=st.floats(-0.5, 0.5))
def test_full_perspective_equals_the_normal_equations(seed, shift):
    rng = np.random.default_rng(seed)
    rays = (rng.normal(size=(3, 30, 2)) * 0.1 + shift).astype(np.float32)
    metric = rng.uniform(0, 2200, (3, 30, 3)).astype(np.float32)
    inside = (rng.random((3, 30, 1)) < 0.7).astype(np.float32)
    inside[2] = 0  # nobody visible
    result = ops.convert_to_numpy(full_perspective_translation(rays, metric, inside))
    expected = [
        solve_normal_equations(*(a.astype(np.float64) for a in e))
        for e in zip(rays, metric, inside, strict=True)
    ]
    # mm at several metres; float32 holds seven digits, the depth of a narrow bundle of rays fewer.
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=0.5)


@FEW
@given(seed=st.integers(0, 10_000))
def test_weak_perspective_equals_the_sheet(seed):
    rng = np.random.default_rng(seed)
    rays, metric = rng.normal(size=(2, 12, 2)) * 0.1 + 0.2, rng.uniform(0, 2200, (2, 12, 3))
    inside = (rng.random((2, 12, 1)) < 0.7).astype(np.float64)
    inside[:, :2] = 1
    result = weak_perspective_translation(*(a.astype(np.float32) for a in (rays, metric, inside)))
    for t, x, points, mask in zip(np.asarray(result), rays, metric, inside[..., 0] > 0, strict=True):
        x, points = x[mask], points[mask]
        n, mean2, mean3 = len(x), x.mean(axis=0), points.mean(axis=0)
        spread2 = np.sqrt(np.sum((x - mean2) ** 2) / n + 1e-10)
        spread3 = np.sqrt(np.sum((points[:, :2] - mean3[:2]) ** 2) / n + 1e-10)
        expected = np.array([*mean2, 1]) * max(spread3, 1e-5) / max(spread2, 1e-5) - mean3
        np.testing.assert_allclose(t, expected, rtol=1e-4, atol=0.05)  # mm


@FEW
@given(seed=st.integers(0, 10_000), distance=st.floats(2500, 8000))
def test_recovers_a_known_pose(seed, distance):
    pose, pixels = make_pose(seed, distance)
    relative = pose - pose[:, :1] + 1000  # any translation
    result = reconstruct_absolute(pixels, relative, INTRINSICS, GRID, weak=False, mix=0.5)
    # The ridge pulls the depth by less than 0.1 % at 40 joints, which moves whole poses, not joints.
    np.testing.assert_allclose(result, pose, rtol=0, atol=distance * 1e-3)


@FEW
@given(seed=st.integers(0, 10_000))
def test_weak_perspective_recovers_a_flat_pose(seed):
    pose, _ = make_pose(seed, 4000)
    pose[..., 2] = 4000
    pixels = ops.convert_to_numpy(project(pose, INTRINSICS))
    result = reconstruct_absolute(pixels, pose - 500, INTRINSICS, GRID, weak=True, mix=0.5)
    np.testing.assert_allclose(result, pose, rtol=0, atol=0.2)  # mm


def test_result_does_not_depend_on_the_rest_of_the_batch():
    pose, pixels = make_pose(0, 3000)
    other = pose * 30
    both = reconstruct_absolute(
        np.concatenate([pixels, pixels * 0.5]), np.concatenate([pose, other]), INTRINSICS, GRID, False, 0.5
    )
    alone = reconstruct_absolute(pixels, pose, INTRINSICS, GRID, False, 0.5)
    np.testing.assert_allclose(both[:1], alone, rtol=0, atol=0.01)  # mm; order of sums


def test_mix_acts_inside_the_field_of_view_only():
    pose, pixels = make_pose(0, 3000)
    pixels = pixels + 3  # the heads disagree
    pixels[0, 0] = [5, 100]  # outside
    only_3d, only_2d, half = (
        ops.convert_to_numpy(reconstruct_absolute(pixels, pose, INTRINSICS, GRID, False, m))
        for m in (1.0, 0.0, np.float32([[[0.5]]]))
    )
    np.testing.assert_allclose(half, (only_3d + only_2d) / 2, rtol=0, atol=0.01)
    np.testing.assert_array_equal(only_3d[0, 0], only_2d[0, 0])
    np.testing.assert_allclose(project(only_2d, INTRINSICS)[0, 1:], pixels[0, 1:], rtol=0, atol=1e-3)
    relative = only_3d - pose
    np.testing.assert_allclose(relative, np.broadcast_to(relative[:, :1], relative.shape), rtol=0, atol=0.01)


@pytest.mark.parametrize("weak", [False, True])
@pytest.mark.parametrize("case", ["usual", "nobody inside", "all in one place"])
def test_gradients_are_finite_and_right(case, weak):
    pose, pixels = make_pose(0, 3000)
    pixels += np.random.default_rng(1).normal(size=pixels.shape).astype(np.float32)
    if case == "nobody inside":
        pixels += 1000
    if case == "all in one place":
        pixels[:], pose[:] = 127.5, 1000
    weights = np.random.default_rng(2).normal(size=pose.shape).astype(np.float32)

    def total(pixels, pose):
        return ops.sum(weights * reconstruct_absolute(pixels, pose, INTRINSICS, GRID, weak, 0.3))

    gradients = gradient_of(total, pixels, pose)
    assert all(np.isfinite(g).all() for g in gradients)
    if case == "usual":
        direction = np.random.default_rng(3).normal(size=pixels.shape).astype(np.float32)
        h = 0.05  # px: large enough that float32 differences keep three digits
        slope = (total(pixels + h * direction, pose) - total(pixels - h * direction, pose)) / (2 * h)
        np.testing.assert_allclose(np.sum(gradients[0] * direction), slope, rtol=0.02)


def test_image_to_ray_inverts_project():
    pose, pixels = make_pose(3, 2500)
    rays = ops.convert_to_numpy(image_to_ray(pixels, INTRINSICS))
    np.testing.assert_allclose(rays, pose[..., :2] / pose[..., 2:], rtol=0, atol=1e-6)


def solve_normal_equations(rays, metric, inside):
    """The training sheet's §5 as it is written, in float64."""
    x, y, (big_x, big_y, z) = rays[:, 0], rays[:, 1], metric.T
    one, zero = np.ones_like(x), np.zeros_like(x)
    a = np.concatenate([np.stack([one, zero, -x], axis=1), np.stack([zero, one, -y], axis=1)])
    b = np.concatenate([x * z - big_x, y * z - big_y])
    scale_x, scale_b = np.sqrt(np.mean(rays**2)), np.sqrt(np.mean(b**2))
    w = np.tile(inside[:, 0] + 1e-4, 2)
    a, b = a * [1, 1, 1 / scale_x] * w[:, None], b / scale_b * w
    solution = np.linalg.solve(a.T @ a + 0.01 * np.eye(3), a.T @ b)
    return scale_b * solution / [1, 1, scale_x]


def make_pose(seed, distance, joints=40):
    """A pose [1, J, 3] about a metre wide whose joints all project into the crop's field of view."""
    rng = np.random.default_rng(seed)
    z = rng.uniform(-300, 300, (1, joints)) + distance
    pixels = rng.uniform(30, 225, (1, joints, 2)).astype(np.float32)
    rays = ops.convert_to_numpy(image_to_ray(pixels, INTRINSICS))
    pose = np.concatenate([rays * z[..., None], z[..., None]], axis=-1).astype(np.float32)
    return pose, pixels


def gradient_of(function, *arrays):
    """Gradients with respect to all arguments, on either backend."""
    if keras.backend.backend() == "jax":
        import jax

        return [np.asarray(g) for g in jax.grad(function, argnums=tuple(range(len(arrays))))(*arrays)]
    import tensorflow as tf

    tensors = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
    return [g.numpy() for g in tape.gradient(value, tensors)]
