"""The affine lasso: least squares with an L1 penalty, whose coefficients sum to one. Solved exactly."""

import numpy as np

STEPS_PER_INPUT = 50
RIDGE = 1e-10
"""Added to the diagonal, as a fraction of its mean: equal inputs must not make a system singular."""
TOLERANCE = 1e-9


def affine_lasso(products: np.ndarray, targets: np.ndarray, penalty: float) -> np.ndarray:
    """Minimises 1/(2N) ||X b - y||^2 + penalty ||b||_1 under sum(b) = 1, from X'X/N and X'y/N.

    Because coefficients sum to one, the penalty only acts on negative ones: ||b||_1 = 1 + 2 * (negative mass).

    An active-set method: on a set of inputs with fixed signs the minimum is a linear system. An input whose
    coefficient would change its sign leaves the set; when none does, the input that violates the optimality
    conditions most joins it. Every step lowers the objective, so no set comes twice.

    Args:
        products: [L, L] X'X/N, positive semidefinite.
        targets: [L] X'y/N.
        penalty: 0 or more.

    Returns:
        [L] float64 coefficients; exact zeros outside the set.

    Raises ValueError for shapes or values that do not fit, or if the method does not end.

    Source: autoencoder sheet, section 10.
    """
    products, targets = _checked(products, targets, penalty)
    n = len(targets)
    # The best single input is a feasible start.
    first = int(np.argmin(np.diag(products) / 2 - targets))
    coefficients, signs = np.zeros(n), np.zeros(n)
    coefficients[first] = signs[first] = 1
    for _ in range(STEPS_PER_INPUT * n):
        active = np.flatnonzero(signs)
        target, shift = _minimum(products, targets, penalty, signs, active)
        here = coefficients[active]
        wrong = target * signs[active] < 0
        if wrong.any():  # go as far as signs allow
            share = np.where(wrong, here / np.where(wrong, here - target, 1), np.inf)
            leaving = int(np.argmin(share))
            coefficients[active] = here + share[leaving] * (target - here)
            coefficients[active[leaving]] = signs[active[leaving]] = 0
            continue
        coefficients[active] = target
        slope = products @ coefficients - targets + shift
        excess = np.where(signs == 0, np.abs(slope) - penalty, -np.inf)
        joining = int(np.argmax(excess))
        if excess[joining] <= TOLERANCE * max(1.0, float(np.abs(targets).max())):
            return coefficients
        signs[joining] = -np.sign(slope[joining])
    raise ValueError(f"the affine lasso of {n} inputs has not ended after {STEPS_PER_INPUT * n} steps")


def _minimum(products, targets, penalty, signs, active) -> tuple[np.ndarray, float]:
    """The minimum over the active coefficients, signs fixed, and the multiplier of the sum."""
    n = len(active)
    system = np.ones((n + 1, n + 1))
    system[:n, :n], system[n, n] = products[np.ix_(active, active)], 0
    solution = np.linalg.solve(system, np.append(targets[active] - penalty * signs[active], 1.0))
    return solution[:n], float(solution[n])


def _checked(products, targets, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    products, targets = np.asarray(products, np.float64), np.asarray(targets, np.float64)
    if targets.ndim != 1 or products.shape != (len(targets), len(targets)) or not len(targets):
        raise ValueError(
            f"products have shape {products.shape} and targets {targets.shape}, expected [L, L] and [L]"
        )
    if not (np.isfinite(products).all() and np.isfinite(targets).all() and penalty >= 0):
        raise ValueError(f"products or targets are not finite, or penalty ({penalty}) is negative")
    ridge = RIDGE * max(float(np.diag(products).mean()), np.finfo(np.float64).tiny)
    return products + ridge * np.eye(len(targets)), targets
