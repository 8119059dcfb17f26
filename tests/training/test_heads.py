"""Heads promise: the expected position under each softmax, channels in the sheet's order, an exact mirror."""

import numpy as np
from keras import ops

from training.grid import CropGrid
from training.heads import PoseHead, soft_argmax

GRID = CropGrid(crop_side=64, stride=16, first_centre=7.5)


def test_soft_argmax_equals_a_plain_softmax():
    logits = np.random.default_rng(0).normal(size=(2, 3 * 4, 1 + 5, 7)).astype(np.float32) * 3
    unit2d, unit3d = (ops.convert_to_numpy(a) for a in soft_argmax(logits, 3, 4))
    volume = logits.astype(np.float64).reshape(2, 3, 4, 6, 7)
    v, u, q = np.meshgrid(np.linspace(0, 1, 3), np.linspace(0, 1, 4), np.linspace(0, 1, 5), indexing="ij")
    for b in range(2):
        for j in range(7):
            p = softmax(volume[b, :, :, 0, j])
            np.testing.assert_allclose(
                unit2d[b, j], [(p * u[..., 0]).sum(), (p * v[..., 0]).sum()], atol=1e-6
            )
            p = softmax(volume[b, :, :, 1:, j])
            np.testing.assert_allclose(unit3d[b, j], [(p * a).sum() for a in (u, v, q)], atol=1e-6)


def test_soft_argmax_survives_large_and_different_logits():
    """A peak of 3,000 in the volume and one of -3,000 in the plane: both are read, to the cell."""
    logits = np.full((1, 16, 3, 1), -9000, np.float32)
    logits[0, 5, 0, 0], logits[0, 6, 2, 0] = -3000, 3000
    unit2d, unit3d = soft_argmax(logits, 4, 4)
    np.testing.assert_allclose(unit2d[0, 0], [1 / 3, 1 / 3], atol=1e-6)
    np.testing.assert_allclose(unit3d[0, 0], [2 / 3, 1 / 3, 1], atol=1e-6)


def test_channels_are_2d_first_then_bins_of_all_points():
    head = make_head(n_points=3, depth_bins=4)
    kernel, bias = (np.zeros(w.shape, np.float32) for w in head.logits.get_weights())
    kernel[0, 0, 0, 1] = 1  # 2D logit of point 1 follows feature channel 0
    kernel[0, 0, 0, 3 + 2 * 3 + 1] = 1  # so does depth bin 2 of point 1
    head.logits.set_weights([kernel, bias])
    features = np.zeros((1, 4, 4, 2), np.float32)
    features[0, 3, 0, 0] = 100  # row 3, column 0
    pixels, metric = (ops.convert_to_numpy(a)[0] for a in head(features))
    centre = 31.5
    np.testing.assert_allclose(pixels, [[centre] * 2, [7.5, 55.5], [centre] * 2], atol=1e-4)
    mm_per_px = 2200 / 64
    expected = [-24 * mm_per_px, 24 * mm_per_px, 2 / 3 * 2200]
    np.testing.assert_allclose(metric[1], expected, atol=0.01)  # mm, float32 at 2 m
    np.testing.assert_allclose(metric[0], [0, 0, 1100], atol=0.01)


def test_mirrored_features_give_mirrored_points():
    head = make_head(n_points=5, depth_bins=8)
    features = np.random.default_rng(0).normal(size=(2, 4, 4, 2)).astype(np.float32)
    pixels, metric = head(features)
    mirrored_pixels, mirrored_metric = (ops.convert_to_numpy(a) for a in head(features[:, :, ::-1]))
    np.testing.assert_allclose(mirrored_pixels * [-1, 1] + [63, 0], pixels, atol=1e-4)
    np.testing.assert_allclose(mirrored_metric * [-1, 1, 1], metric, atol=0.01)


def test_float16_policy_keeps_positions_in_float32():
    head = make_head(n_points=5, depth_bins=8, dtype="mixed_float16")
    pixels, metric = head(np.ones((1, 4, 4, 2), np.float16))
    assert ops.dtype(pixels) == ops.dtype(metric) == "float32"


def make_head(n_points, depth_bins, **kwargs):
    head = PoseHead(n_points, depth_bins, GRID, **kwargs)
    head.build((None, 4, 4, 2))
    return head


def softmax(logits):
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()
