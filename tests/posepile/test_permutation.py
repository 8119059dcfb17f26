"""permuted promises: a bijection for every size and key, that looks random and never changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posepile.permutation import permuted


def whole(size, key):
    return permuted(np.arange(size), np.full(size, size), np.full(size, key, np.uint64))


@given(size=st.integers(1, 2000), key=st.integers(0, 2**64 - 1))
def test_it_is_a_permutation(size, key):
    assert sorted(whole(size, key)) == list(range(size))


def test_large_sizes_stay_in_range_without_repeats():
    size = 2**32
    found = permuted(np.arange(size - 10_000, size), np.full(10_000, size), np.zeros(10_000, np.uint64))
    assert len(set(found.tolist())) == 10_000 and found.min() >= 0 and found.max() < size


def test_sizes_and_keys_may_differ_within_a_call():
    sizes, keys = np.array([1, 5, 10**7, 5]), np.array([3, 4, 5, 6], np.uint64)
    together = permuted(sizes - 1, sizes, keys)
    alone = [permuted(s[None] - 1, s[None], k[None])[0] for s, k in zip(sizes, keys, strict=True)]
    assert together.tolist() == alone


@pytest.mark.parametrize("size", [2, 3, 6, 13])
def test_every_value_is_as_likely_at_every_place(size):
    n = 20_000
    places = np.tile(np.arange(size), n)
    found = permuted(places, np.full(size * n, size), np.repeat(np.arange(n, dtype=np.uint64), size))
    counts = np.bincount(places * size + found, minlength=size * size)
    expected = n / size
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)  # five standard deviations


def test_neighbours_are_not_kept_together():
    found = whole(100_000, 7)
    steps = np.diff(found)
    assert (np.abs(steps) < 100).mean() < 0.005  # 0.002 by chance
    assert abs(np.corrcoef(np.arange(100_000), found)[0, 1]) < 0.02  # six standard deviations


def test_the_order_is_pinned():
    # A resumed run depends on it: a changed order is a changed format
    assert whole(10, 42).tolist() == [6, 0, 5, 3, 1, 7, 8, 9, 4, 2]


@pytest.mark.parametrize(("place", "size"), [(5, 5), (-1, 5), (0, 0), (0, 2**32 + 1)])
def test_out_of_range_is_refused(place, size):
    with pytest.raises(ValueError, match="outside"):
        permuted(np.array([place]), np.array([size]), np.zeros(1, np.uint64))
