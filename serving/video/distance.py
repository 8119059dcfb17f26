"""A person's distance from the camera over time, smoothed: what a single camera sees worst, and all joints share.

Local linear regression with triangular weights: no lag, and motion at constant speed stays as it is. Its half-width
weighs the noise, which is measured in the distances themselves, against what a body's acceleration would be bent by,
so exact distances are hardly changed and noisy ones are averaged over half a second.
Source: Fan, Gijbels: Local Polynomial Modelling and Its Applications, 1996, section 3.2 (half-width of least error).
"""

import numpy as np

BODY_ACCELERATION = 5000.0  # mm/s^2, of the middle of people who step, turn or start to run; docs/video.md
KERNEL_ENERGY, KERNEL_VARIANCE = 2 / 3, 1 / 6  # integrals of K^2 and of x^2 K, for K(x) = 1 - |x|
GAUSSIAN_MEDIAN = 0.6745  # of the absolute value, in standard deviations


def smoothed_distances(times_s: np.ndarray, distances: np.ndarray, largest_half_width_s: float) -> np.ndarray:
    """Smoothed distances [n] mm at the same times.

    Args:
        times_s: [n], rising.
        distances: [n] mm.
        largest_half_width_s: of the regression's window.
    """
    half_width = min(_half_width(times_s, distances), largest_half_width_s)
    if not half_width:
        return distances
    offsets = times_s - times_s[:, np.newaxis]
    weights = np.maximum(0, 1 - np.abs(offsets) / half_width)
    s0, s1, s2 = (np.sum(weights * offsets**power, axis=1) for power in range(3))
    spread = s0 * s2 - s1**2
    alone = spread <= 1e-9 * half_width**2  # no other time within the window: no line, but the point
    line = (s2 * (weights @ distances) - s1 * ((weights * offsets) @ distances)) / np.where(alone, 1, spread)
    # A line through few noisy points may lead anywhere, even behind the camera
    return np.where(alone, distances, line).clip(distances.min(), distances.max())


def _half_width(times_s: np.ndarray, distances: np.ndarray) -> float:
    """Seconds, for the least mean squared error: that of the noise and that of the bent line together."""
    if len(times_s) < 3:
        return 0.0
    interval = (times_s[-1] - times_s[0]) / (len(times_s) - 1)
    bend = BODY_ACCELERATION * KERNEL_VARIANCE
    return (KERNEL_ENERGY * _noise_variance(times_s, distances) * interval / bend**2) ** 0.2


def _noise_variance(times_s: np.ndarray, distances: np.ndarray) -> float:
    """mm^2, of a distance: how far from the line between its neighbours it is, beyond what a body's motion explains."""
    before, after = times_s[1:-1] - times_s[:-2], times_s[2:] - times_s[1:-1]
    share = before / (before + after)
    residuals = distances[1:-1] - (1 - share) * distances[:-2] - share * distances[2:]
    motion = BODY_ACCELERATION * before * after / 2
    scale = np.sqrt(1 + (1 - share) ** 2 + share**2)
    found = np.median(np.abs(residuals) / scale) / GAUSSIAN_MEDIAN
    return max(0.0, found**2 - np.median(motion / scale) ** 2)
