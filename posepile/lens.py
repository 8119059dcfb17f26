"""OpenCV's lens distortion on the normalised image plane, both ways, and where it stops being invertible.

Coefficients `[12]` in OpenCV's order: k1, k2, p1, p2, k3, k4, k5, k6 (rational radial and tangential), s1,
s2, s3, s4 (thin prism). Source of the formulas: the OpenCV documentation, module calib3d, "Detailed
description".
"""

from functools import lru_cache

import numpy as np
from numpy.polynomial import Polynomial

NEWTON_STEPS = 50
TOLERANCE = 1e-10  # on the normalised plane; 1e-6 px at a focal length of 10,000 px


def distort(points: np.ndarray, coefficients: np.ndarray, largest_radius2: float = np.inf) -> np.ndarray:
    """Ideal points [..., 2] to distorted ones [..., 2]; NaN beyond the squared radius `largest_radius2`."""
    x, y = points[..., 0], points[..., 1]
    distorted = np.stack(distort_xy(x, y, coefficients), axis=-1)
    if np.isfinite(largest_radius2):
        distorted[~(x * x + y * y < largest_radius2)] = np.nan
    return distorted


def undistort(points: np.ndarray, coefficients: np.ndarray, largest_radius2: float = np.inf) -> np.ndarray:
    """Distorted points [..., 2] to ideal ones [..., 2], by Newton's method; NaN where it finds none.

    Only solutions inside `largest_radius2` count: beyond it the polynomial folds back and gives a second,
    meaningless one.
    """
    shape = points.shape
    goal = points.reshape(-1, 2)
    found = np.full_like(goal, np.nan)
    todo = np.flatnonzero(np.isfinite(goal).all(axis=1))
    current = _start(goal[todo], largest_radius2)
    for _ in range(NEWTON_STEPS):
        step, error = _newton_step(current, goal[todo], coefficients)
        done = error < TOLERANCE
        found[todo[done]] = current[done]
        todo, current = todo[~done], current[~done] + step[~done]
        if not todo.size:
            break
        current = _pull_inside(current, largest_radius2)
    return found.reshape(shape)


def max_radius2(coefficients: np.ndarray) -> float:
    """The squared radius up to which the radial distortion grows; infinite if it does everywhere.

    With u = r^2 and the ratio N(u) / D(u), the derivative of r N / D vanishes where N D + 2 u (N' D - N D')
    does.
    """
    if not np.isfinite(coefficients).all():
        return 0.0
    return _max_radius2(*(float(c) for c in coefficients[:8]))


@lru_cache(
    maxsize=4096
)  # a data set has few lenses and many images; the roots cost more than the warp of a crop
def _max_radius2(k1, k2, _p1, _p2, k3, k4, k5, k6) -> float:
    numerator, denominator = Polynomial([1, k1, k2, k3]), Polynomial([1, k4, k5, k6])
    u = Polynomial([0, 1])
    slope = numerator * denominator + 2 * u * (
        numerator.deriv() * denominator - numerator * denominator.deriv()
    )
    roots = np.concatenate([_positive_roots(slope), _positive_roots(denominator)])
    return float(roots.min(initial=np.inf))


def distort_xy(x, y, coefficients):
    """Distorted (x, y) of ideal x and y for 12 coefficients: plain arithmetic, for arrays and tensors alike."""
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = coefficients
    u = x * x + y * y
    radial = (1 + u * (k1 + u * (k2 + u * k3))) / (1 + u * (k4 + u * (k5 + u * k6)))
    twice_xy = 2 * x * y
    return (
        x * radial + p1 * twice_xy + p2 * (u + 2 * x * x) + u * (s1 + u * s2),
        y * radial + p1 * (u + 2 * y * y) + p2 * twice_xy + u * (s3 + u * s4),
    )


def _newton_step(points, goal, coefficients):
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = coefficients
    x, y = points.T
    u = x * x + y * y
    numerator, denominator = 1 + u * (k1 + u * (k2 + u * k3)), 1 + u * (k4 + u * (k5 + u * k6))
    slope = (k1 + u * (2 * k2 + 3 * u * k3)) * denominator - numerator * (k4 + u * (2 * k5 + 3 * u * k6))
    radial, slope = numerator / denominator, 2 * slope / denominator**2  # slope: d radial / d u, doubled
    prism_x, prism_y = 2 * (s1 + 2 * u * s2), 2 * (s3 + 2 * u * s4)
    tangential = 2 * (p1 * x + p2 * y)
    a = radial + slope * x * x + 2 * p1 * y + 6 * p2 * x + prism_x * x  # dx'/dx
    b = slope * x * y + tangential + prism_x * y  # dx'/dy
    c = slope * x * y + tangential + prism_y * x  # dy'/dx
    d = radial + slope * y * y + 6 * p1 * y + 2 * p2 * x + prism_y * y  # dy'/dy
    distorted_x, distorted_y = distort_xy(x, y, coefficients)
    error_x, error_y = goal[:, 0] - distorted_x, goal[:, 1] - distorted_y
    determinant = a * d - b * c
    # A singular Jacobian is a fold: a tiny determinant keeps the step finite and the iteration fails by
    # itself
    determinant = np.where(np.abs(determinant) < 1e-12, 1e-12, determinant)
    step = (
        np.stack([d * error_x - b * error_y, a * error_y - c * error_x], axis=1) / determinant[:, np.newaxis]
    )
    return step, np.hypot(error_x, error_y)


def _start(goal, largest_radius2):
    return _pull_inside(goal.copy(), largest_radius2)


def _pull_inside(points, largest_radius2):
    # Points that leave the lens model are brought back just inside it, or Newton runs off to the other branch
    if not np.isfinite(largest_radius2):
        return points
    radius2 = np.square(points).sum(axis=1, keepdims=True)
    too_far = radius2 >= largest_radius2
    return np.where(too_far, points * np.sqrt(0.998 * largest_radius2 / np.maximum(radius2, 1e-300)), points)


def _positive_roots(polynomial: Polynomial) -> np.ndarray:
    roots = polynomial.trim().roots() if polynomial.degree() else np.empty(0)
    real = roots.real[np.abs(roots.imag) < 1e-9 * np.maximum(1, np.abs(roots))]
    return real[real > 0]
