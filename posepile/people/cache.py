"""Remembers which boxes a detector found in which image, so that a repeated preparation does not look again."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from posepile.people.interfaces import Detector

FILE = "detections.sqlite"
COLUMNS = 5  # x, y, w, h, score
WRITE_EVERY = 64  # images; what a killed process loses at most
PATIENCE_S = 120.0  # several processes write the file in turn


class CachedDetector:
    """A detector with a memory: a file in a folder, which several processes may share.

    `detect` takes the image's name and how to read it, because a known image is not even read:

        with CachedDetector(load_detector("movenet"), folder) as detector:
            boxes = detector.detect("S1/Walking.mp4#000123", lambda: read(...))

    Results hold for one detector's `identity`: other weights or thresholds look anew. A changed image under
    the same name is not noticed: delete the file then. The file is an SQLite data base, so a process that is
    killed or a full disk leaves it whole.

    Args:
        detector: asked about unknown images.
        folder: of the file; it is made. Beside a store rather than in it: the file's bytes depend on the order
            of work, a store's do not.

    Raises:
        ValueError: the file is damaged or is something else.
    """

    def __init__(self, detector: Detector, folder: Path):
        self.detector, self.path = detector, Path(folder) / FILE
        self._new: dict[str, np.ndarray] = {}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(self.path, timeout=PATIENCE_S)
        self._run(
            "CREATE TABLE IF NOT EXISTS detections"
            " (detector TEXT, source TEXT, boxes BLOB NOT NULL, PRIMARY KEY (detector, source)) WITHOUT ROWID"
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def detect(self, source: str, read: Callable[[], np.ndarray]) -> np.ndarray:
        """Boxes of the people in an image: [n, 5] float32 as in Detector.

        Args:
            source: the image's name, relative to the data set's root; with the frame, for a video.
            read: gives the image, uint8 [H, W, 3]; called only if the image is new.
        """
        if (boxes := self._known(source)) is None:
            (boxes,) = self._look([source], [read()])
        return boxes

    def detect_batch(
        self, sources: Sequence[str], read: Callable[[Sequence[str]], Sequence[np.ndarray]]
    ) -> list[np.ndarray]:
        """`detect` for several images of one size. `read` gets the names of the new ones, in order."""
        found = {source: self._known(source) for source in sources}
        if new := [source for source, boxes in found.items() if boxes is None]:
            found.update(zip(new, self._look(new, read(new)), strict=True))
        return [found[source] for source in sources]

    def flush(self) -> None:
        """Writes what was found since the last time."""
        rows = [(self.detector.identity, source, boxes.tobytes()) for source, boxes in self._new.items()]
        self._run("INSERT OR REPLACE INTO detections VALUES (?, ?, ?)", rows)
        self._new.clear()

    def close(self) -> None:
        """Writes and closes the file."""
        try:
            self.flush()
        finally:
            self._database.close()

    def _known(self, source: str) -> np.ndarray | None:
        if source in self._new:
            return self._new[source]
        query = "SELECT boxes FROM detections WHERE detector = ? AND source = ?"
        rows = self._run(query, [(self.detector.identity, source)])
        if not rows:
            return None
        if len(rows[0][0]) % (4 * COLUMNS):
            raise ValueError(f"{self.path}: {source} has {len(rows[0][0])} bytes, expected rows of 5 float32")
        return np.frombuffer(rows[0][0], "<f4").reshape(-1, COLUMNS).copy()

    def _look(self, sources: Sequence[str], images: Sequence[np.ndarray]) -> list[np.ndarray]:
        found = [boxes.astype("<f4") for boxes in self.detector.detect_batch(images)]
        self._new.update(zip(sources, found, strict=True))
        if len(self._new) >= WRITE_EVERY:
            self.flush()
        return found

    def _run(self, statement: str, parameters: Sequence[tuple] = ((),)) -> list[tuple]:
        """One transaction; gives the rows of a query. Raises ValueError or OSError naming the file."""
        try:
            with self._database:
                if statement.startswith("INSERT"):
                    return self._database.executemany(statement, parameters).fetchall()
                return self._database.execute(statement, *parameters).fetchall()
        except sqlite3.OperationalError as error:  # locked, read-only, disk full
            raise OSError(f"{self.path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{self.path}: not a file of detections ({error})") from error
