"""The losses agree with slow loops in float64, and an empty mask gives 0 with finite gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from training import losses
from training.grid import CropGrid

GRID = CropGrid(crop_side=256, stride=32, first_centre=15.5)
KPX = 2200 / (1000 * 256)
TOLERANCE = {"rtol": 2e-5, "atol": 1e-7}  # sums of a few hundred float32 terms


def test_mean_relative():
    predicted, labelled, valid, _ = make_batch()
    errors = []
    for p, g, v in zip(predicted, labelled, valid, strict=True):
        if v.any():
            errors.append(np.abs((p[v] - p[v].mean(0)) - (g[v] - g[v].mean(0))))
    result = losses.mean_relative_loss(*as_float32(predicted, labelled), valid)
    np.testing.assert_allclose(result, np.concatenate(errors).mean() / 1000, **TOLERANCE)


def test_projection():
    predicted, labelled, valid, intrinsics = make_batch()
    errors, reasons = [], set()
    for p, g, v, k in zip(predicted, labelled, valid, intrinsics, strict=True):
        for j in range(len(p)):
            p2, g2 = (project_slowly(point, k) for point in (p[j], g[j]))
            tests = {
                "label": v[j],
                "label near": g[j, 2] > 300,
                "behind": p[j, 2] > 1,
                "prediction outside": np.all((p2 >= 23.5) & (p2 <= 231.5)),
                "label outside": np.all((g2 >= -640.5) & (g2 <= 895.5)),
            }
            reasons |= {name for name, passed in tests.items() if not passed and sum(tests.values()) == 4}
            if all(tests.values()):
                errors.append(np.abs(p2 - g2))
    assert reasons == {"label near", "behind", "prediction outside", "label outside"}
    result = losses.projection_loss(*as_float32(predicted, labelled), valid, *as_float32(intrinsics), GRID)
    np.testing.assert_allclose(result, np.mean(errors) * KPX, **TOLERANCE)


def test_absolute():
    predicted, labelled, valid, _ = make_batch()
    errors = []
    for p, g in zip(predicted[valid], labelled[valid], strict=True):
        if g[2] > 300:
            dx, dy, dz = np.abs(p - g)
            errors.append((dx + dy + min(1, 10000 / abs(g[2])) * dz) / 3)
    assert (labelled[valid][:, 2] > 10000).any()
    result = losses.absolute_loss(*as_float32(predicted, labelled), valid)
    np.testing.assert_allclose(result, np.mean(errors) / 1000, **TOLERANCE)


def test_weak_2d():
    predicted, _, _, intrinsics = make_batch()
    prefixes, names = ("lsho", "nose", "rank"), ("lsho", "lsho_h36m", "lshom_bmlmovi", "rank_a", "mlsho")
    names += tuple(f"other{i}" for i in range(predicted.shape[1] - len(names)))
    rng = np.random.default_rng(1)
    labelled2d, valid2d = rng.uniform(0, 255, (4, 3, 2)), rng.random((4, 3)) < 0.8
    labelled2d[0, 0], valid2d[0, 0] = [2000, 0], True
    members = ([0, 1, 2], [], [3])
    errors = []
    for p, g, v, k in zip(predicted, labelled2d, valid2d, intrinsics, strict=True):
        for i in range(3):
            if not members[i] or not v[i]:
                continue
            p2 = np.mean([project_slowly(p[j], k) for j in members[i]], axis=0)
            if np.all((p2 >= 23.5) & (p2 <= 231.5)) and np.all((g[i] >= -640.5) & (g[i] <= 895.5)):
                errors.append(np.abs(p2 - g[i]))
    assert errors
    groups = losses.prefix_groups(names, prefixes)
    result = losses.weak_2d_loss(
        *as_float32(predicted, labelled2d), valid2d, *as_float32(intrinsics), groups, GRID
    )
    np.testing.assert_allclose(result, np.mean(errors) * KPX, **TOLERANCE)


def test_prefix_groups_average_and_may_be_empty():
    groups = losses.prefix_groups(("lsho", "lshom_x", "slsho", "nose"), ("lsho", "nose", "rear"))
    np.testing.assert_array_equal(groups, [[0.5, 0.5, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]])


def test_consistency():
    a, b, _, _ = make_batch()
    result = losses.consistency_loss(*as_float32(a, b))
    np.testing.assert_allclose(result, np.abs(a - b).mean() / 1000, **TOLERANCE)


@pytest.mark.parametrize("name", ["mean_relative", "projection", "absolute", "weak_2d"])
def test_empty_mask_gives_zero_and_zero_gradient(name):
    predicted, labelled, valid, intrinsics = make_batch()
    predicted[0, 0] = 0  # projects through the clamped depth
    predicted, labelled, intrinsics = as_float32(predicted, labelled, intrinsics)
    none = np.zeros_like(valid)
    groups = losses.prefix_groups(["lsho"] * predicted.shape[1], ["lsho"])

    def loss(p):
        return {
            "mean_relative": lambda: losses.mean_relative_loss(p, labelled, none),
            "projection": lambda: losses.projection_loss(p, labelled, none, intrinsics, GRID),
            "absolute": lambda: losses.absolute_loss(p, labelled, none),
            "weak_2d": lambda: losses.weak_2d_loss(
                p, np.zeros((4, 1, 2), np.float32), none[:, :1], intrinsics, groups, GRID
            ),
        }[name]()

    value, gradient = value_and_gradient(loss, predicted)
    assert value == 0
    np.testing.assert_array_equal(gradient, np.zeros_like(gradient))


def make_batch(n=4, joints=30):
    """Predictions and labels in which every reason to leave a joint out occurs; example 2 has no label."""
    rng = np.random.default_rng(0)
    labelled = rng.normal(size=(n, joints, 3)) * [300, 300, 200] + [0, 0, 3000]
    labelled[3, :, 2] += 9000
    labelled[0, :3, 2] = 200
    labelled[0, 3:5, 0] = 9000
    predicted = labelled + rng.normal(size=labelled.shape) * 100
    predicted[0, :5] = [0, 0, 3000]
    predicted[1, 0] = [0, 0, -50]
    valid = rng.random((n, joints)) < 0.7
    valid[0, :5], valid[1, 0], valid[2] = True, True, False
    intrinsics = np.tile(np.array([[700, 2, 127.5], [0, 690, 127.5], [0, 0, 1.0]]), (n, 1, 1))
    intrinsics[3, :2, :2] *= 3
    return predicted, np.where(valid[..., None], labelled, 0), valid, intrinsics


def project_slowly(point, intrinsics):
    u, v, _ = intrinsics @ np.array([*(point[:2] / max(1.0, point[2])), 1.0])
    return np.array([u, v])


def as_float32(*arrays):
    return [a.astype(np.float32) for a in arrays]


def value_and_gradient(function, array):
    if keras.backend.backend() == "jax":
        import jax

        return jax.value_and_grad(function)(array)
    import tensorflow as tf

    tensor = tf.constant(array)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        value = function(tensor)
    return ops.convert_to_numpy(value), ops.convert_to_numpy(tape.gradient(value, tensor))
