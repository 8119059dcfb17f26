"""The affine-combining autoencoder as a Keras model, and its losses."""

from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np
from keras import ops

from affine_combining.layer import AffineCombination

MM_PER_M = 1000.0


class AffineAutoencoder(keras.Model):
    """Joints -> few latent points -> joints, by affine combinations; encoder and decoder are independent.

    Points lie as [left | right | centre], absolute camera frame, mm. With K seeds the model holds K
    independent autoencoders, trained at once: outputs and losses have a leading axis [K].

    Args:
        pairs: number of left (and of right) joints, and of left (and right) latents.
        centres: number of centre joints, and of centre latents.
        chiral: whether mirroring the person mirrors the latents.
        seeds: one seed for each autoencoder.
        joint_weights: [J] weight of each joint in the reconstruction loss, mean 1; None weighs all alike.
        loss: "projected" compares on the image plane, "metric" in all three coordinates.
        sparsity: factor of mean|w1| + mean|w2|.

    Source: Sárándi et al., WACV 2023; autoencoder sheet, sections 1 to 6.
    """

    def __init__(
        self,
        pairs: tuple[int, int],
        centres: tuple[int, int],
        chiral: bool = True,
        seeds: Sequence[int] = (0,),
        joint_weights: np.ndarray | None = None,
        loss: Literal["projected", "metric"] = "projected",
        sparsity: float = 0.6,
        **kwargs,
    ):
        super().__init__(**kwargs)
        seeds = tuple(seeds)
        self.encoder = AffineCombination(pairs, centres, chiral, [2 * s for s in seeds], name="encoder")
        self.decoder = AffineCombination(
            pairs[::-1], centres[::-1], chiral, [2 * s + 1 for s in seeds], name="decoder"
        )
        self.joint_weights = None if joint_weights is None else np.float32(joint_weights)
        self.reconstruction_loss = {"projected": projected_loss, "metric": metric_loss}[loss]
        self.sparsity = sparsity

    def build(self, input_shape):
        self.encoder.build(input_shape)
        self.decoder.build(self.encoder.compute_output_shape(input_shape))
        self.built = True

    def call(self, joints):
        """[B, J, 3] joints -> [K, B, J, 3] reconstructed joints."""
        return self.decoder(self.encoder(joints))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Scalar: the sum of the K autoencoders' losses, so that each sees the gradient of its own loss."""
        main = self.reconstruction_loss(x, y_pred, self.joint_weights)
        magnitudes = mean_magnitude(self.encoder.matrix()) + mean_magnitude(self.decoder.matrix())
        return ops.sum(main + self.sparsity * magnitudes)


def splat(points, mean_depth):
    """Projects points to the image plane and scales the picture to metres at the person's distance.

    Args:
        points: [..., J, 3] mm, camera frame, in front of the camera.
        mean_depth: [..., 1, 1] mm, the person's distance.

    Returns:
        [..., J, 2] metres: (x/z, y/z) * mean_depth / 1000. Source: autoencoder sheet, section 6.
    """
    return points[..., :2] / points[..., 2:] * (mean_depth / MM_PER_M)


def projected_loss(joints, reconstructed, joint_weights=None):
    """Mean absolute error on the image plane, in metres at the person's distance.

    Depth is left out because predicted poses are accurate in x and y and poor in depth.

    Args:
        joints: [B, J, 3] mm, camera frame.
        reconstructed: [..., B, J, 3]; scaled by the depth of `joints` too, so it cannot win by shrinking.
        joint_weights: [J], mean 1, or None.

    Returns:
        [...] float32, metres: one mean over batch, joints and the two coordinates.
    """
    mean_depth = ops.mean(joints[..., 2:], axis=-2, keepdims=True)  # [B, 1, 1]
    difference = ops.abs(splat(joints, mean_depth) - splat(reconstructed, mean_depth))
    return _weighted_mean(difference, joint_weights)


def metric_loss(joints, reconstructed, joint_weights=None):
    """Mean absolute error over all three coordinates, in metres. Shapes as in `projected_loss`."""
    return _weighted_mean(ops.abs(joints - reconstructed) / MM_PER_M, joint_weights)


def mean_magnitude(matrix):
    """[..., n, m] weights -> [...]: the mean of their magnitudes.

    Columns sum to one, so this grows with negative weights only: it pulls outputs into the inputs' hull.
    """
    return ops.mean(ops.abs(matrix), axis=(-2, -1))


def _weighted_mean(difference, joint_weights):
    if joint_weights is not None:
        difference = difference * joint_weights[:, None]
    return ops.mean(difference, axis=(-3, -2, -1))
