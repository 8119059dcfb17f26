"""From features to points: 2D and volumetric heat maps, read out by soft-argmax."""

import keras
import numpy as np
from keras import ops

from training.grid import CropGrid


class PoseHead(keras.layers.Layer):
    """One 1x1 convolution that gives every point a 2D heat map and a volumetric one, and their soft-argmax.

    Channels: the first N are the 2D logits, channel N + d N + j is depth bin d of point j. No loss acts on a
    head directly; both are supervised through the reconstructed absolute pose.

    Call: features [B, h, w, C] -> (pixels [B, N, 2] px of the crop, metric [B, N, 3] mm in the box frame, of
    which only relative positions mean something). Computed in float32 from the logits on.

    Source: training sheet, §4.
    """

    def __init__(self, n_points: int, depth_bins: int, grid: CropGrid, **kwargs):
        super().__init__(**kwargs)
        self.n_points, self.depth_bins, self.grid = n_points, depth_bins, grid
        self.logits = keras.layers.Conv2D(
            n_points * (1 + depth_bins), 1, name="logits", dtype=self.dtype_policy
        )

    def build(self, input_shape):
        self.logits.build(input_shape)

    def call(self, features):
        logits = ops.cast(self.logits(features), "float32")
        height, width = features.shape[1:3]
        unit2d, unit3d = soft_argmax(
            ops.reshape(logits, (-1, height * width, 1 + self.depth_bins, self.n_points)), height, width
        )
        return self.grid.unit_to_pixels(unit2d), self.grid.unit_to_metric(unit3d)

    def compute_output_spec(self, features):
        batch = features.shape[0]
        return (
            keras.KerasTensor((batch, self.n_points, 2), "float32"),
            keras.KerasTensor((batch, self.n_points, 3), "float32"),
        )


def soft_argmax(logits, height: int, width: int):
    """Expected positions under the softmax of a 2D and of a volumetric heat map of every point.

    Args:
        logits: [B, height * width, 1 + D, N] float32. Slice 0 of axis 2 is the 2D heat map (softmax over the
            image plane), slices 1.. are the depth bins of the volumetric one (softmax over plane and depth).

    Returns:
        ([B, N, 2] as (u, v), [B, N, 3] as (u, v, depth)), each axis 0 at the first cell and 1 at the last.

    The sums over cells of both softmaxes and of both expectations are one matrix product with a constant
    basis, which keeps the passes over the logits (the largest array of the network) few.
    """
    depth_bins, n_points = logits.shape[2] - 1, logits.shape[3]
    peaks = ops.max(
        ops.stop_gradient(logits), axis=1
    )  # [B, 1 + D, N]; each softmax is shifted by its own peak
    peak3d = ops.broadcast_to(ops.max(peaks[:, 1:], axis=1, keepdims=True), ops.shape(peaks[:, 1:]))
    peaks = ops.reshape(ops.concatenate([peaks[:, :1], peak3d], axis=1), (-1, 1, (1 + depth_bins) * n_points))
    logits = ops.reshape(logits, (-1, height * width, (1 + depth_bins) * n_points))
    weights = ops.reshape(ops.exp(logits - peaks), (-1, height * width * (1 + depth_bins), n_points))
    basis = ops.convert_to_tensor(_basis(height, width, depth_bins))
    sums = ops.matmul(ops.broadcast_to(basis, (ops.shape(weights)[0], *basis.shape)), weights)  # [B, 7, N]
    steps = np.float32([[width - 1], [height - 1], [depth_bins - 1]])
    unit2d = sums[:, 1:3] / sums[:, 0:1] / steps[:2] + 0.5
    unit3d = sums[:, 4:7] / sums[:, 3:4] / steps + 0.5
    return ops.transpose(unit2d, (0, 2, 1)), ops.transpose(unit3d, (0, 2, 1))


def _basis(height: int, width: int, depth_bins: int) -> np.ndarray:
    """[7, cells]: for the 2D heat map 1, column, row; for the volumetric one 1, column, row, bin.

    Counted from the middle, in whole or half cells: exact even where a GPU multiplies in TF32, and symmetric.
    """
    row, column, layer = np.meshgrid(
        np.arange(height) - (height - 1) / 2,
        np.arange(width) - (width - 1) / 2,
        np.arange(1 + depth_bins),
        indexing="ij",
    )
    flat, bin_ = layer == 0, layer - 1 - (depth_bins - 1) / 2
    rows = [flat, flat * column, flat * row, ~flat, ~flat * column, ~flat * row, ~flat * bin_]
    return np.stack([each.reshape(-1) for each in rows]).astype(np.float32)
