"""Random permutations of any size as a function of place and key: nothing is stored, nothing is remembered.

A Feistel network on two mixed-radix digits: a place below `size` is written as (high, low) with radices a * b
>= size, and each round adds a hash of one digit to the other, which is a bijection whatever the hash. Places
that leave the range are sent through again until they return (cycle walking; rare, because a * b - size <
sqrt(size) + 1).

Why not tf.random.experimental.index_shuffle: it is the same idea on a domain of at least 65,536 places, so a
store of ten examples costs it a hundred microseconds an index and a store of one milliseconds; for large
stores it takes about 1.6 times as long (`benchmarks/mixture.py` compares). Its wrapper cannot take a seed for
each place (TF 2.21), nobody promises that its order stays the same between versions, on which a resumed run
depends, and it would make TensorFlow a part of reading data.
"""

import numpy as np

ROUNDS = 8
# Source of the constants and shifts: the finaliser of SplitMix64 (Steele et al., OOPSLA 2014)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
HALF = np.uint64(32)


def permuted(places: np.ndarray, sizes: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Where the permutations of range(size) that `keys` name send `places`.

    Args:
        places: [m] integers, 0 to size - 1.
        sizes: [m] integers, 1 to 2**32.
        keys: [m] uint64; equal keys and sizes mean the same permutation.

    Returns:
        [m] int64. Raises ValueError for places or sizes out of range.
    """
    places, sizes = np.asarray(places), np.asarray(sizes)
    if places.size and not (places.min() >= 0 and (places < sizes).all() and sizes.max() <= 2**32):
        raise ValueError("places outside 0 to size - 1, or sizes above 2**32")
    values, sizes, keys = (np.array(array, np.uint64) for array in (places, sizes, keys))
    high = np.ceil(np.sqrt(sizes.astype(np.float64))).astype(np.uint64)
    low = (sizes + high - np.uint64(1)) // np.maximum(high, np.uint64(1))
    todo = slice(None)
    while True:
        values[todo] = _network(values[todo], high[todo], low[todo], keys[todo])
        todo = np.flatnonzero(values >= sizes)
        if not todo.size:
            return values.astype(np.int64)


def _network(values: np.ndarray, high: np.ndarray, low: np.ndarray, keys: np.ndarray) -> np.ndarray:
    a, b = np.divmod(values, low)  # a < high, b < low
    for _ in range(ROUNDS // 2):
        keys = keys + GOLDEN
        a = _add(a, _hash(b, keys), high)
        keys = keys + GOLDEN
        b = _add(b, _hash(a, keys), low)
    return a * low + b


def _hash(digits: np.ndarray, keys: np.ndarray) -> np.ndarray:
    mixed = digits * GOLDEN ^ keys
    mixed = (mixed ^ mixed >> SHIFTS[0]) * FACTORS[0]
    mixed = (mixed ^ mixed >> SHIFTS[1]) * FACTORS[1]
    return mixed ^ mixed >> SHIFTS[2]


def _add(digits: np.ndarray, hashes: np.ndarray, radix: np.ndarray) -> np.ndarray:
    # (hash's upper half) * radix / 2**32 is uniform below the radix, without a division
    digits = digits + ((hashes >> HALF) * radix >> HALF)
    return np.where(digits >= radix, digits - radix, digits)
