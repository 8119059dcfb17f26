"""Lens distortion in TensorFlow graphs; posepile/lens.py has the same in NumPy.

Points `[B, P, 2]` lie on the normalised image plane; coefficients `[B, 12]` in OpenCV's order.
"""

import math

import tensorflow as tf

from posepile.lens import distort_xy

NEWTON_STEPS = 20
TOLERANCE = 1e-10
DIFFERENCE = 1e-6  # of the numerical derivative; float64 leaves ten digits
ANGLES = 512  # between 0 and STEEPEST, at which the distortion is looked at
STEEPEST = math.radians(88)


def distort(points: tf.Tensor, coefficients: tf.Tensor, largest_radius: tf.Tensor) -> tf.Tensor:
    """Ideal points to distorted ones, [B, P, 2]. Points outside `largest_radius` [B] are moved onto it.

    There the lens model folds back: further points would return into the picture.
    """
    return _distort(_pulled_inside(points, largest_radius), coefficients)


def undistort(
    points: tf.Tensor, coefficients: tf.Tensor, largest_radius: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Distorted points [B, P, 2] float64 to ideal ones, by Newton's method.

    Returns:
        The points [B, P, 2], and [B, P] bool: whether there is one. Where not, it is some point inside.
    """

    def unfinished(step, _, error):
        return (step < NEWTON_STEPS) & tf.reduce_any(error > TOLERANCE)

    def improve(step, current, _):
        found, along_x, along_y = (
            _distort(current + tf.constant(shift, current.dtype), coefficients)
            for shift in ((0, 0), (DIFFERENCE, 0), (0, DIFFERENCE))
        )
        (a, c), (b, d) = (tf.unstack((moved - found) / DIFFERENCE, axis=-1) for moved in (along_x, along_y))
        x, y = tf.unstack(points - found, axis=-1)
        determinant = a * d - b * c
        # A singular Jacobian is a fold: the step stays finite, and the iteration fails by itself
        determinant = tf.where(tf.abs(determinant) < 1e-12, tf.constant(1e-12, points.dtype), determinant)
        change = tf.stack([d * x - b * y, a * y - c * x], axis=-1) / determinant[..., tf.newaxis]
        return step + 1, _pulled_inside(current + change, largest_radius, 0.999), tf.norm(change, axis=-1)

    start = _pulled_inside(points, largest_radius, 0.999)
    huge = tf.fill(tf.shape(points)[:-1], tf.constant(1.0, points.dtype))
    _, found, _ = tf.while_loop(unfinished, improve, (0, start, huge))
    right = tf.norm(_distort(found, coefficients) - points, axis=-1) < 1e-6
    return found, right


def largest_radius(coefficients: tf.Tensor) -> tf.Tensor:
    """[B]: up to which radius on the normalised plane the radial distortion grows; infinite without distortion.

    Found by looking at a row of angles, the steepest of which is 88 degrees.
    """
    angles = tf.linspace(tf.constant(0, coefficients.dtype), STEEPEST, ANGLES)
    radii = tf.tan(angles)
    u = tf.square(radii)
    k1, k2, _, _, k3, k4, k5, k6 = (coefficients[:, i, tf.newaxis] for i in range(8))
    above, below = 1 + u * (k1 + u * (k2 + u * k3)), 1 + u * (k4 + u * (k5 + u * k6))
    above_slope, below_slope = k1 + u * (2 * k2 + 3 * u * k3), k4 + u * (2 * k5 + 3 * u * k6)
    slope = above * below + 2 * u * (above_slope * below - above * below_slope)
    folded = (slope <= 0) | (below <= 0)  # [B, ANGLES]; never the first
    last_good = tf.argmax(tf.cast(folded, tf.int32), axis=1) - 1  # argmax: the first of the largest
    infinite = tf.constant(math.inf, coefficients.dtype)
    return tf.where(tf.reduce_any(folded, axis=1), tf.gather(radii, tf.maximum(last_good, 0)), infinite)


def _distort(points, coefficients):
    x, y = tf.unstack(points, axis=-1)
    return tf.stack(distort_xy(x, y, tf.unstack(coefficients[:, tf.newaxis], axis=-1)), axis=-1)


def _pulled_inside(points, largest_radius, part: float = 1.0):
    radius = tf.norm(points, axis=-1, keepdims=True)
    limit = largest_radius[:, tf.newaxis, tf.newaxis] * part
    return tf.where(radius > limit, points * (limit / tf.maximum(radius, 1e-12)), points)
