"""Intervals resample sequences, weighted as the pooled mean is."""

import numpy as np
import pytest

from evaluation.bootstrap import interval, interval_of_sums, sums_by_sequence


def test_equals_drawing_whole_sequences():
    rng = np.random.default_rng(0)
    sequences = rng.integers(0, 8, size=60)
    values = rng.normal(size=(60, 3)) * 5 + sequences[:, None] * 10
    values[rng.random((60, 3)) < 0.2] = np.nan
    found = interval(values, sequences, n_draws=4000)
    means = []
    for _ in range(4000):
        drawn = np.concatenate([values[sequences == s] for s in rng.integers(0, 8, size=8)])
        means.append(np.nanmean(drawn))
    assert found.value == pytest.approx(np.nanmean(values)) and found.n_sequences == 8
    assert (found.low, found.high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=1.5)
    narrow = interval(values, sequences, level=0.5)
    assert found.low < narrow.low < found.value < narrow.high < found.high


def test_copies_of_a_frame_do_not_make_it_surer():
    values, sequences = np.arange(6.0), list("abcdef")
    once, often = interval(values, sequences), interval(values.repeat(50), np.repeat(sequences, 50))
    assert (once.low, once.high) == (often.low, often.high)
    assert interval(values, sequences) == once  # the same draws each time


def test_edges():
    alone = interval(np.array([1.0, 3.0]), ["a", "a"])
    assert alone.value == 2 and np.isnan([alone.low, alone.high]).all() and alone.n_sequences == 1
    assert interval(np.array([1.0, np.nan]), ["a", "b"]).n_sequences == 1
    assert np.isnan(interval(np.full((2, 3), np.nan), ["a", "b"]).value)
    assert np.isnan(interval(np.zeros((0, 3)), []).value)
    same = interval(np.full((4, 2), 7.0), [0, 0, 1, 2])
    assert same.low == same.high == same.value == 7
    with pytest.raises(ValueError, match="2 rows and sequences 1"):
        interval(np.zeros(2), ["a"])
    with pytest.raises(ValueError, match="level is 95"):
        interval(np.zeros(2), ["a", "b"], level=95)


def test_a_mean_of_parts_equals_drawing_whole_sequences():
    """Two formats, of which the second is not in every sequence: the plain mean of their pooled means."""
    rng = np.random.default_rng(1)
    sequences = rng.integers(0, 9, size=80)
    first = rng.normal(size=(80, 3)) * 5 + sequences[:, None] * 10
    second = rng.normal(size=(80, 2)) + sequences[:, None]
    second[sequences < 3] = np.nan
    parts = [sums_by_sequence(values, sequences) for values in (first, second)]
    found = interval_of_sums(*(np.stack(each, axis=1) for each in zip(*parts, strict=True)), n_draws=4000)
    means = []
    for _ in range(4000):
        drawn = rng.integers(0, 9, size=9)
        rows = np.concatenate([np.flatnonzero(sequences == s) for s in drawn])
        means.append((np.nanmean(first[rows]) + np.nanmean(second[rows])) / 2)
    assert found.value == pytest.approx((first.mean() + np.nanmean(second)) / 2)
    assert (found.low, found.high) == pytest.approx(np.nanquantile(means, [0.025, 0.975]), abs=1.5)
