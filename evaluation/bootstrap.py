"""How sure is a figure? Confidence intervals by resampling whole sequences.

Frames of one recording resemble each other, so drawing single frames would promise too much.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A pooled mean and the bounds of its confidence interval, in the unit of the values."""

    value: float
    low: float
    """NaN, as `high` is, with fewer than two sequences: nothing is known about their spread."""
    high: float
    n_sequences: int
    """With a value that counts."""

    def scaled(self, factor: float) -> "Interval":
        """In another unit."""
        return Interval(self.value * factor, self.low * factor, self.high * factor, self.n_sequences)


def interval(
    values: np.ndarray,
    sequences: Sequence,
    level: float = 0.95,
    n_draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """The percentile interval of the mean of `values`, pooled over poses and joints.

    Args:
        values: [N] or [N, J], NaN where not counted: what the functions of `evaluation.metrics.reductions`
            make of distances (`counted_errors`, `hits`, `nearness`, ...).
        sequences: [N] the sequence of each pose, any hashable of one type.
        level: of confidence, between 0 and 1.
        n_draws: how often as many sequences as there are get drawn, with replacement.

    Raises ValueError for lengths that differ or a level out of range.
    """
    values = np.asarray(values, np.float64)
    values = values if values.ndim == 2 else values[:, None]
    if len(values) != len(sequences):
        raise ValueError(f"values has {len(values)} rows and sequences {len(sequences)}, expected as many")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, expected a number between 0 and 1")
    sums, counts = sums_by_sequence(values, sequences)
    return interval_of_sums(sums[counts > 0], counts[counts > 0], level, n_draws, seed)


def interval_of_sums(
    sums: np.ndarray, counts: np.ndarray, level: float = 0.95, n_draws: int = 2000, seed: int = 0
) -> Interval:
    """`interval`, from each sequence's sum of values [S] and number of values [S], which is not 0.

    With [S, F] of F parts (formats of a skeleton) it is the plain mean of the parts' pooled means; a part may be empty
    in a sequence. Draws in which a part has no value at all are left out.
    """
    if not len(sums):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    sums, counts = (np.reshape(each, (len(each), -1)) for each in (sums, counts))
    value = _mean_of_parts(sums.sum(axis=0), counts.sum(axis=0))
    if len(sums) < 2:
        return Interval(float(value), float("nan"), float("nan"), len(sums))
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=n_draws)
    means = _mean_of_parts(draws @ sums, draws @ counts)
    low, high = np.nanquantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(low), float(high), len(sums))


def sums_by_sequence(values: np.ndarray, sequences: Sequence) -> tuple[np.ndarray, np.ndarray]:
    """Sums and numbers of the values [N, J] that count (are not NaN), [S] each, sequences in ascending order."""
    _, which = np.unique(np.asarray(sequences), return_inverse=True)
    counted = ~np.isnan(values)
    sums = np.bincount(which, np.where(counted, values, 0.0).sum(axis=1))
    return sums, np.bincount(which, counted.sum(axis=1))


def _mean_of_parts(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[..., F] -> [...]; NaN where a part has no value."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums / counts).mean(axis=-1)
