"""Random numbers as a function of (seed, step, position in the batch, what they are for).

A counter-based generator (Philox) is keyed by the seed and the name of the purpose and counts by step: the
numbers of any step can be had at once, in any thread, and no augmentation changes the numbers of another.
"""

import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Draws:
    """The random numbers of one batch.

    Attributes:
        seed: of the run.
        step: of the batch, from 0.
        batch_size: rows of the batch.
    """

    seed: int
    step: int
    batch_size: int

    def uniform(self, purpose: str, columns: int) -> np.ndarray:
        """[batch_size, columns] float64 in [0, 1), one row an example.

        More columns would change all rows but the first: name a new purpose instead of widening an old one.
        """
        return _generator(self.seed, purpose, self.step, 0).random((self.batch_size, columns))

    def generator(self, purpose: str, position: int) -> np.random.Generator:
        """A generator for one example, where the number of draws is not known beforehand (10 µs each)."""
        return _generator(self.seed, purpose, self.step, 1 + position)


def _generator(seed: int, purpose: str, step: int, stream: int) -> np.random.Generator:
    key = np.array([seed % 2**64, zlib.crc32(purpose.encode())], np.uint64)
    counter = np.array([0, stream, step, 0], np.uint64)  # the lowest word counts the numbers themselves
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
