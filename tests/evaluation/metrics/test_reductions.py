"""Values of distances: edges of the discrete curves, what is missing, what is not labelled."""

import numpy as np
import pytest

from evaluation import metrics


def test_edges_of_the_3dhp_curve():
    found = metrics.nearness_3dhp(np.array([0, 4.999, 5, 75, 149.9, 150, np.inf]))
    np.testing.assert_allclose(31 * found, [30, 30, 29, 15, 1, 0, 0], atol=1e-12)


def test_3dpw_curves_agree():
    errors = np.abs(np.random.default_rng(0).normal(size=(6000, 1))) * 70
    curve = [np.mean(errors <= t) for t in range(200)]
    exact = metrics.pooled_mean(metrics.nearness_3dpw(errors))
    assert exact == pytest.approx(np.trapezoid(curve) / 199, rel=1e-12)
    assert metrics.pooled_mean(metrics.nearness_3dpw_binned(errors)) == pytest.approx(exact, abs=5e-4)
    np.testing.assert_allclose(
        metrics.nearness_3dpw(np.array([0, 1e-9, 1, 199, 199.01])) * 199, [199, 198.5, 198.5, 0.5, 0]
    )


@pytest.mark.parametrize("values", [
    lambda d: metrics.hits(d, 50), lambda d: metrics.nearness(d, 50), metrics.nearness_3dhp,
    metrics.nearness_3dpw, metrics.nearness_3dpw_binned,
])  # fmt: skip
def test_missing_is_zero_and_unlabelled_is_nan(values):
    found = values(np.array([[np.inf, np.nan, 10.0]]))
    assert found[0, 0] == 0 and np.isnan(found[0, 1]) and 0 < found[0, 2] <= 1


def test_worst_joint():
    nan, inf = np.nan, np.inf
    distances = np.array([[1.0, nan, 3], [nan, nan, nan], [inf, 1, nan]])
    np.testing.assert_array_equal(metrics.worst_joints(distances), [3, nan, inf])
    assert np.isnan(metrics.worst_joints(np.zeros((2, 0)))).all()
    np.testing.assert_array_equal(metrics.counted_errors(distances)[2], [nan, 1, nan])
