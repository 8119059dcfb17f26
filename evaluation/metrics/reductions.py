"""From distances to figures.

First each distance gets a value (an error, a hit, a nearness), NaN where it does not count; then the values are
averaged. The values are what a bootstrap or a table by sequence needs. Distances are [N, J], or [N] of the worst
joint of each pose, which turns a metric of joints into one of poses; NaN means not labelled, +inf missing.
"""

import numpy as np

# Values: an array like the distances, NaN where not counted


def counted_errors(distances: np.ndarray) -> np.ndarray:
    """The distances themselves, mm; missing predictions are left out."""
    return np.where(np.isinf(distances), np.nan, distances)


def hits(distances: np.ndarray, threshold: float, inclusive: bool = False) -> np.ndarray:
    """1 where a distance is below the threshold (inclusive: or equal to it), else 0."""
    good = distances <= threshold if inclusive else distances < threshold
    return _counted(good, distances)


def nearness(distances: np.ndarray, limit: float) -> np.ndarray:
    """From 1 at distance 0 down to 0 at the limit: the area under the curve of hits from 0 to the limit."""
    return _counted(np.maximum(0, 1 - distances / limit), distances)


def nearness_3dhp(distances: np.ndarray) -> np.ndarray:
    """The share of the 31 thresholds 0, 5, ..., 150 mm that are strictly above a distance; at most 30/31.

    Source: MPI-INF-3DHP and MuPoTS-3D, evaluation sheet, section 2.4.
    """
    return _counted(np.maximum(0, 1 - (np.floor(distances / 5) + 1) / 31), distances)


def nearness_3dpw(distances: np.ndarray) -> np.ndarray:
    """The trapezoid rule over the hits (<=) at the thresholds 0, 1, ..., 199 mm, in closed form.

    Source: 3DPW challenge, evaluation sheet, section 2.4.
    """
    area = np.where(distances == 0, 1.0, np.where(distances <= 199, (199.5 - np.ceil(distances)) / 199, 0.0))
    return _counted(area, distances)


def nearness_3dpw_binned(distances: np.ndarray) -> np.ndarray:
    """`nearness_3dpw` with distances in 50 bins, as some published figures were computed."""
    return _counted(np.maximum(0, 1 - (np.floor(50 * distances / 199) + 0.5) / 50), distances)


def worst_joints(distances: np.ndarray) -> np.ndarray:
    """[N, J] -> [N]: each pose's largest distance; NaN for a pose without a labelled joint."""
    return np.fmax.reduce(distances, axis=1, initial=np.nan)


# Figures


def pooled_mean(values: np.ndarray) -> float:
    """Mean of the values that count; NaN if none does."""
    counted = ~np.isnan(values)
    return float(values[counted].mean(dtype=np.float64)) if counted.any() else float("nan")


def mean_distance(distances: np.ndarray) -> float:
    """Mean over labelled, predicted joints, mm; NaN if there are none."""
    return pooled_mean(counted_errors(distances))


def correct_joints(distances: np.ndarray, threshold: float, inclusive: bool = False) -> float:
    """Percent of labelled joints with a distance below `threshold` mm (inclusive: or equal to it)."""
    return 100 * pooled_mean(hits(distances, threshold, inclusive))


def area_under_curve(distances: np.ndarray, limit: float) -> float:
    """Percent: the area under the curve of correct joints over thresholds from 0 to `limit` mm, exactly."""
    return 100 * pooled_mean(nearness(distances, limit))


def correct_poses(distances: np.ndarray, threshold: float) -> float:
    """Percent of poses whose worst labelled joint is strictly nearer than `threshold` mm."""
    return correct_joints(worst_joints(distances), threshold)


def correct_poses_area(distances: np.ndarray, limit: float) -> float:
    """Percent: the area under the curve of correct poses over thresholds from 0 to `limit` mm, exactly."""
    return area_under_curve(worst_joints(distances), limit)


def coverage(distances: np.ndarray) -> float:
    """Fraction of labelled joints that were predicted; 1 if none is labelled."""
    labelled = ~np.isnan(distances)
    return float(np.isfinite(distances).sum() / labelled.sum()) if labelled.any() else 1.0


def _counted(values: np.ndarray, distances: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(distances), np.nan, values)
