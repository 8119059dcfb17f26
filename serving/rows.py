"""Poses on disk while a video is worked on, one record a person and frame, so that memory does not grow."""

import tempfile
from pathlib import Path

import numpy as np

from serving.frames import PosedFrame


def row_type(joints: int) -> np.dtype:
    """The record: input counts the inputs from 0, frame an input's; mm and px; time_s is NaN for a photo."""
    return np.dtype(
        [
            ("input", "i4"),
            ("frame", "i4"),
            ("time_s", "f8"),
            ("id", "i4"),
            ("filled", "?"),
            ("score", "f4"),
            ("box", "f4", 4),
            ("joints3d", "f4", (joints, 3)),
            ("joints2d", "f4", (joints, 2)),
        ]
    )


class RowsFile:
    """A file without a name in a folder; it is gone when it is closed. A context manager."""

    def __init__(self, folder: Path, joints: int):
        self._type = row_type(joints)
        self._file = tempfile.TemporaryFile(dir=folder)

    def __enter__(self) -> "RowsFile":
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._file.close()

    def add(self, number: int, frame: PosedFrame) -> None:
        """Appends the people of a frame of input `number`."""
        rows = np.zeros(len(frame.ids), self._type)
        rows["input"], rows["frame"] = number, frame.index
        rows["time_s"] = np.nan if frame.time_s is None else frame.time_s
        rows["id"], rows["filled"], rows["score"] = frame.ids, frame.filled, frame.people.scores
        rows["box"] = frame.people.boxes
        rows["joints3d"], rows["joints2d"] = frame.people.joints3d, frame.people.joints2d
        self._file.write(rows.tobytes())

    def rows(self) -> np.ndarray:
        """All rows so far, an array that stays on disk."""
        self._file.flush()
        if not self._file.tell():  # an empty file cannot be mapped
            return np.zeros(0, self._type)
        return np.memmap(self._file, self._type, "r")
