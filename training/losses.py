"""The losses of the pose network: one function each, in metres, in keras.ops for every backend.

Every mean is one mean over the valid entries of the whole batch, so an example with many labelled joints
counts for more; where nothing is valid a loss is 0, with zero gradients.

Source: training sheet, §6; finetuning sheet, §3.
"""

from collections.abc import Sequence

import numpy as np
from keras import ops

from training.absolute import MIN_DEPTH_MM, project
from training.grid import CropGrid

MM_PER_M = 1000.0
NEAREST_LABEL_MM = 300.0
"""Labels nearer to the camera than this supervise only the relative pose."""
DAMPED_FROM_MM = 10_000.0
"""Errors in depth count less beyond this distance."""


def mean_relative_loss(predicted, labelled, valid):
    """Mean absolute error of the pose after both poses are moved to their own mean joint.

    Blind to where the person stands; the projection and absolute losses supervise that.

    Args:
        predicted: [B, J, 3] float, mm, camera frame.
        labelled: [B, J, 3] float, mm, camera frame; zeros where not valid.
        valid: [B, J] bool, True where labelled; the mean joint is the mean of these joints.

    Returns:
        Scalar float32, metres, over the three coordinates of the valid joints.
    """
    return _mean_over(relative_errors(predicted, labelled, valid), valid) / MM_PER_M


def relative_errors(predicted, labelled, valid):
    """Absolute errors [B, J, 3] mm after both poses are moved to their own mean joint; see above.

    Entries that are not valid hold anything.
    """
    weight = ops.cast(valid, "float32")[..., None]  # [B, J, 1]
    difference = (predicted - labelled) * weight
    # Centring is linear: centring the difference once equals centring both poses.
    mean = ops.sum(difference, axis=1, keepdims=True) / _at_least_one(ops.sum(weight, axis=1, keepdims=True))
    return ops.abs(difference - mean)


def projection_loss(predicted, labelled, valid, intrinsics, grid: CropGrid):
    """Mean absolute error of the projections, in px that are worth `grid.metres_per_px` each.

    Only joints take part that are labelled at more than 300 mm depth and at most 640 px outside the crop, and
    whose prediction lies in front of the camera and projects inside the field of view.

    Args:
        predicted, labelled: [B, J, 3] mm, camera frame.
        valid: [B, J] bool.
        intrinsics: [B, 3, 3] px.
    """
    predicted2d, labelled2d = project(predicted, intrinsics), project(labelled, intrinsics)
    used = _all(
        valid,
        labelled[..., 2] > NEAREST_LABEL_MM,
        predicted[..., 2] > MIN_DEPTH_MM,
        grid.inside_fov(predicted2d),
        grid.inside_label_range(labelled2d),
    )
    return _mean_over(ops.abs(predicted2d - labelled2d), used) * grid.metres_per_px


def absolute_loss(predicted, labelled, valid):
    """Mean absolute error in the camera frame, metres; the depth error is damped beyond 10 m.

    Args:
        predicted, labelled: [B, J, 3] mm, camera frame.
        valid: [B, J] bool; labels at less than 300 mm depth are left out.
    """
    depth = labelled[..., 2:]
    damping = ops.minimum(1.0, DAMPED_FROM_MM / ops.maximum(ops.abs(depth), MIN_DEPTH_MM))
    weight = ops.concatenate([ops.ones_like(depth), ops.ones_like(depth), damping], axis=-1)
    used = _all(valid, labelled[..., 2] > NEAREST_LABEL_MM)
    return _mean_over(ops.abs(predicted - labelled) * weight, used) / MM_PER_M


def weak_2d_loss(predicted, labelled2d, valid2d, intrinsics, groups, grid: CropGrid):
    """Mean absolute error of 2D labels, each against the mean projection of the joints of its group.

    Args:
        predicted: [B, J, 3] mm, camera frame.
        labelled2d: [B, K, 2] px of the crop.
        valid2d: [B, K] bool.
        intrinsics: [B, 3, 3] px.
        groups: [K, J] float, of `prefix_groups`; an empty row leaves its label out.
    """
    groups = np.asarray(groups, np.float32)
    predicted2d = ops.einsum("kj,bjc->bkc", ops.convert_to_tensor(groups), project(predicted, intrinsics))
    used = _all(
        valid2d,
        ops.convert_to_tensor(groups.any(axis=1))[None],
        grid.inside_fov(predicted2d),
        grid.inside_label_range(labelled2d),
    )
    return _mean_over(ops.abs(predicted2d - labelled2d), used) * grid.metres_per_px


def consistency_loss(predicted, autoencoded):
    """Mean distance, per coordinate and in metres, of a pose [B, J, 3] mm from its autoencoded self.

    Over all joints of all examples, labelled or not: this is how the formats inform each other. Gradients
    reach the pose through both arguments.
    """
    return ops.mean(ops.abs(predicted - autoencoded)) / MM_PER_M


def prefix_groups(joint_names: Sequence[str], prefixes: Sequence[str]) -> np.ndarray:
    """[K, J] float32: row k averages all joints whose name starts with prefix k (zeros if there are none)."""
    starts = np.array([[name.startswith(prefix) for name in joint_names] for prefix in prefixes], np.float32)
    return starts / np.maximum(starts.sum(axis=1, keepdims=True), 1)


def _mean_over(values, used):
    """One mean over the coordinates of the entries that are used: values [B, J, C], used [B, J] bool."""
    # `where`, not a product: an unused entry may be huge, and infinity times zero is not zero.
    values = ops.where(used[..., None], values, 0.0)
    count = ops.sum(ops.cast(used, "float32")) * values.shape[-1]
    return ops.sum(values) / _at_least_one(count)


def _all(*conditions):
    result = conditions[0]
    for condition in conditions[1:]:
        result = ops.logical_and(result, condition)
    return result


def _at_least_one(count):
    return ops.maximum(count, 1.0)
