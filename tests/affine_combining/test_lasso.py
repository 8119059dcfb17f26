"""The affine lasso equals a general solver's answer and meets the optimality conditions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from affine_combining.lasso import affine_lasso


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), penalty=st.sampled_from([0.0, 0.01, 0.2, 2.0]))
def test_equals_a_general_solver(seed, penalty):
    products, targets = problem(seed, n_inputs=6)
    ours = affine_lasso(products, targets, penalty)
    # The same as a smooth problem: positive and negative parts, both bounded below.
    split = minimize(
        lambda parts: objective(products, targets, penalty, parts[:6] - parts[6:], parts.sum()),
        np.full(12, 1 / 6) * np.r_[np.ones(6), np.zeros(6)],
        bounds=[(0, None)] * 12,
        constraints={"type": "eq", "fun": lambda parts: parts[:6].sum() - parts[6:].sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    theirs = split.x[:6] - split.x[6:]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-4)  # SLSQP stops at 1e-7 of the objective or so
    difference = value(products, targets, penalty, ours) - value(products, targets, penalty, theirs)
    assert difference < 1e-8


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), n_inputs=st.integers(1, 48), penalty=st.sampled_from([0.0, 0.066, 1.0]))
def test_meets_the_optimality_conditions(seed, n_inputs, penalty):
    products, targets = problem(seed, n_inputs)
    result = affine_lasso(products, targets, penalty)
    assert result.sum() == pytest.approx(1, abs=1e-9)
    slope = products @ result - targets
    used = result != 0
    shift = -(slope + penalty * np.sign(result))[used].mean()
    scale = max(1.0, np.abs(targets).max(), np.abs(products).max())
    np.testing.assert_allclose((slope + penalty * np.sign(result) + shift)[used], 0, atol=1e-6 * scale)
    assert (np.abs(slope + shift)[~used] <= penalty + 1e-6 * scale).all()


def test_a_strong_penalty_leaves_no_negative_coefficient():
    products, targets = problem(3, 20)
    assert affine_lasso(products, targets, 0.0).min() < 0
    assert affine_lasso(products, targets, 1e3).min() >= 0


def test_equal_inputs_are_no_trouble():
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(50, 3)), 3, axis=1)
    y = x @ np.array([0.5, 0, 0, 0.5, 0, 0, 0, 0, 0])
    result = affine_lasso(x.T @ x / 50, x.T @ y / 50, 0.01)
    assert np.square(x @ result - y).mean() < 1e-6


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"expected \[L, L\] and \[L\]"):
        affine_lasso(np.eye(3), np.ones(4), 0.1)
    with pytest.raises(ValueError, match="not finite"):
        affine_lasso(np.full((3, 3), np.nan), np.ones(3), 0.1)


def objective(products, targets, penalty, coefficients, magnitude):
    return coefficients @ products @ coefficients / 2 - targets @ coefficients + penalty * magnitude


def value(products, targets, penalty, coefficients):
    return objective(products, targets, penalty, coefficients, np.abs(coefficients).sum())


def problem(seed, n_inputs):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(80, n_inputs)) + rng.normal(size=(80, 1))
    y = x @ rng.normal(1 / n_inputs, 0.5, n_inputs) + 0.1 * rng.normal(size=80)
    return x.T @ x / 80, x.T @ y / 80
