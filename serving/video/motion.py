"""One person's motion through a video, read from the disk in blocks."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

BLOCK = 1000  # rows in memory at a time


class Motion:
    """The rows of one person in one video, in the order of time.

    Attributes:
        first: index of the first frame with the person.
        count: frames from there to the last one with the person.
    """

    def __init__(self, rows: np.ndarray, places: np.ndarray):
        """Args: all rows, as in serving/rows.py; places [n] of this person's among them."""
        self._rows, self._places = rows, places
        self.first = int(rows[places[0]]["frame"])
        self.count = int(rows[places[-1]]["frame"]) - self.first + 1

    def blocks(self, interpolated: bool) -> Iterator[np.ndarray]:
        """Poses [n, J, 3] mm of all `count` frames, a part at a time.

        Frames without the person are interpolated (straight lines), or NaN.
        """
        last = self._places[:1]
        for start in range(0, len(self._places), BLOCK):
            places = np.concatenate([last, self._places[start : start + BLOCK]])
            rows = self._rows[places]
            known, poses = rows["frame"], rows["joints3d"].astype(np.float64)
            frames = np.arange(known[0] + (start > 0), known[-1] + 1)
            after = np.searchsorted(known, frames).clip(1)  # row 0 repeats the last of the block before
            before = after - 1
            span = np.maximum(known[after] - known[before], 1)
            share = ((frames - known[before]) / span)[:, np.newaxis, np.newaxis]
            block = poses[before] + share * (poses[after] - poses[before])
            if not interpolated:
                block[known[after] != frames] = np.nan
            yield block
            last = places[-1:]

    def parts(self, most: int) -> list["Motion"]:
        """The motion cut into pieces of at most so many frames."""
        frames = self._rows["frame"][self._places]
        number = (frames - self.first) // most
        return [Motion(self._rows, self._places[number == i]) for i in np.unique(number)]

    def some(self, most: int) -> np.ndarray:
        """Poses [n, J, 3] mm of at most so many frames, the first one and others evenly spread."""
        chosen = np.linspace(0, len(self._places) - 1, min(most, len(self._places))).astype(int)
        return self._rows[self._places[chosen]]["joints3d"].astype(np.float64)


def motions(rows: np.ndarray) -> dict[tuple[int, int], Motion]:
    """All people of all videos, by number of the input and id; photos, whose people have no id, are left out."""
    places = defaultdict(list)
    for start in range(0, len(rows), BLOCK):
        chunk = rows[start : start + BLOCK]
        for offset, key in enumerate(zip(chunk["input"].tolist(), chunk["id"].tolist(), strict=True)):
            if key[1] > 0:
                places[key].append(start + offset)
    return {key: Motion(rows, np.array(found)) for key, found in places.items()}
