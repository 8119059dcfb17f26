"""Scale recovery: where a pose stands before the camera, from its 2D and its relative metric positions."""

from keras import ops

from training.grid import CropGrid

OUTSIDE_WEIGHT = 1e-4
RIDGE = 0.01
MIN_DEPTH_MM = 1.0


def image_to_ray(pixels, intrinsics):
    """Normalised image points: pixels [B, N, 2], intrinsics [B, 3, 3] (upper triangular) -> [B, N, 2]."""
    k = intrinsics[:, None]
    y = (pixels[..., 1] - k[..., 1, 2]) / k[..., 1, 1]
    x = (pixels[..., 0] - k[..., 0, 2] - k[..., 0, 1] * y) / k[..., 0, 0]
    return ops.stack([x, y], axis=-1)


def project(points, intrinsics):
    """Image positions: points [B, N, 3] mm, intrinsics [B, 3, 3] -> [B, N, 2] px.

    Depth counts as at least 1 mm, so that points behind the camera give finite values (to be masked).
    """
    k = intrinsics[:, None]
    depth = ops.maximum(points[..., 2], MIN_DEPTH_MM)
    x, y = points[..., 0] / depth, points[..., 1] / depth
    return ops.stack(
        [k[..., 0, 0] * x + k[..., 0, 1] * y + k[..., 0, 2], k[..., 1, 1] * y + k[..., 1, 2]], axis=-1
    )


def reconstruct_absolute(pixels, metric, intrinsics, grid: CropGrid, weak, mix, ridge: float = RIDGE):
    """Places relative poses in front of the camera, so that both heads agree as well as they can.

    Inside the field of view the result is a mix of the moved metric points and of the 2D positions pushed out
    to their depth; outside, where 2D heat maps cannot reach, it is the moved metric points.

    Args:
        pixels: [B, N, 2] px, of the 2D head.
        metric: [B, N, 3] mm up to a translation, of the 3D head.
        intrinsics: [B, 3, 3] px.
        grid: decides what counts as inside the field of view.
        weak: scalar bool tensor or Python bool: place by weak perspective, which works while heads disagree.
        mix: weight of the metric points inside the field of view, a scalar or [B, 1, 1].

    Returns:
        [B, N, 3] mm, camera frame. Differentiable with respect to pixels and metric.

    Source: training sheet, §5.
    """
    rays = image_to_ray(pixels, intrinsics)
    inside = ops.cast(grid.inside_fov(pixels), "float32")[..., None]  # [B, N, 1]
    full = full_perspective_translation(rays, metric, inside, ridge)
    translation = ops.where(weak, weak_perspective_translation(rays, metric, inside), full)
    moved = metric + translation[:, None]
    pushed_out = ops.concatenate([rays * moved[..., 2:], moved[..., 2:]], axis=-1)
    return ops.where(inside > 0, mix * moved + (1.0 - mix) * pushed_out, moved)


def full_perspective_translation(rays, metric, inside, ridge: float = RIDGE):
    """Translation t [B, 3] mm that minimises the reprojection error of `metric + t`, in closed form.

    Each point gives two linear equations, (X + t_x) - x (Z + t_z) = 0 and the same for y, weighted by
    `inside` + 1e-4. The depth column and the right side are divided by their RMS, per example, so that a
    result does not depend on the rest of the batch. `ridge` is added to the diagonal of the normal equations.

    The 3x3 system has an arrow shape, so t_x and t_y are eliminated by hand; means are subtracted before
    products are summed, which is exact and loses no digits where the person is far from the principal point.
    """
    weight = ops.square(inside + OUTSIDE_WEIGHT)
    total = ops.sum(weight, axis=1)  # [B, 1]
    right = rays * metric[..., 2:] - metric[..., :2]  # [B, N, 2]
    ray_scale, right_scale = _rms(rays), _rms(right)  # [B, 1, 1]
    column, right = rays / ray_scale, right / right_scale
    mean_column = ops.sum(weight * column, axis=1, keepdims=True) / total[:, None]
    mean_right = ops.sum(weight * right, axis=1, keepdims=True) / total[:, None]
    spread = ops.sum(weight * ops.square(column - mean_column), axis=(1, 2))
    shared = ops.sum(weight * (column - mean_column) * (right - mean_right), axis=(1, 2))
    mean_column, mean_right, total = mean_column[:, 0], mean_right[:, 0], total[:, 0]
    # What the ridge on t_x and t_y leaves of the means' products: total - total^2 / (total + ridge).
    left_over = total * ridge / (total + ridge)
    denominator = spread + left_over * ops.sum(ops.square(mean_column), axis=-1) + ridge
    z = -(shared + left_over * ops.sum(mean_column * mean_right, axis=-1)) / denominator
    xy = (total / (total + ridge))[:, None] * (mean_right + mean_column * z[:, None])
    depth = z[:, None] / ray_scale[:, 0]
    return ops.concatenate([xy, depth], axis=-1) * right_scale[:, 0]


def weak_perspective_translation(rays, metric, inside):
    """Translation [B, 3] mm that makes mean and spread of both heads agree, as if all depths were equal."""
    ray_mean, ray_spread = _mean_and_spread(rays, inside)
    metric_mean, metric_spread = _mean_and_spread(metric[..., :2], inside)
    depth_mean = _masked_mean(metric[..., 2:], inside)
    direction = ops.concatenate([ray_mean, ops.ones_like(depth_mean)], axis=-1)
    return direction * (metric_spread / ray_spread) - ops.concatenate([metric_mean, depth_mean], axis=-1)


def _mean_and_spread(points, inside):
    mean = _masked_mean(points, inside)  # [B, 2]
    squared = ops.sum(ops.square(points - mean[:, None]), axis=-1, keepdims=True)
    return mean, ops.maximum(ops.sqrt(_masked_mean(squared, inside) + 1e-10), 1e-5)


def _masked_mean(values, mask):
    return ops.sum(values * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)


def _rms(values):
    return ops.sqrt(ops.mean(ops.square(values), axis=(1, 2), keepdims=True) + 1e-20)
