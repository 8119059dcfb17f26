"""What a model has predicted so far, in one file that is only ever appended to: a killed run loses at most one batch.

The file is MAGIC and a row of records: length and CRC-32 of what follows (little-endian, 8 and 4 bytes), then an .npz.
The first record is the JSON `header`, the others are batches. A torn last record, which a killed writer can leave, is
cut off.
"""

import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from evaluation.prediction_file import PredictionError

MAGIC = b"dozens predict 1\n"
LENGTH, CHECKSUM = 8, 4  # bytes
JOIN_ROWS = 1024
IMAGES = "images"


class Journal:
    """A context manager. `done` has the images of all batches, those in which nobody was found, too.

    Opening what a former run has left goes on with it. Raises PredictionError if that was another run, by its header,
    or the file is no journal.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]):
        self.path = path
        self.done: set[str] = set()
        self.n_rows = 0
        self._file = path.open("r+b" if path.exists() else "w+b")
        try:
            self._resume(json.loads(json.dumps(header)))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_) -> None:
        self._file.close()

    def append(self, images: Sequence[str], image_path: Sequence[str], **fields: np.ndarray) -> None:
        """Adds a batch: all its images, and rows as for `PredictionWriter.append`; it is written when this returns."""
        names = {IMAGES: np.array(images, np.str_), "image_path": np.array(image_path, np.str_)}
        self._write({**names, **fields})
        self._note(images, image_path)

    def batches(self) -> Iterator[tuple[list[str], dict[str, np.ndarray]]]:
        """image_path and fields of about JOIN_ROWS rows at a time, in the order of writing."""
        parts: list[dict[str, np.ndarray]] = []
        for record in self._records(skip=1):
            parts.append(record)
            if sum(len(part["image_path"]) for part in parts) >= JOIN_ROWS:
                yield _joined(parts)
                parts = []
        if parts:
            yield _joined(parts)

    def _resume(self, header: dict[str, Any]) -> None:
        self._file.seek(0)
        magic = self._file.read(len(MAGIC))
        if magic != MAGIC[: len(magic)]:
            raise PredictionError(
                f"{self.path}: not written by `dozens predict`, expected an unfinished run's file"
            )
        begun = next(self._records(), None)
        if begun is None:  # new, or killed before it had begun
            self._file.truncate(0)
            self._file.seek(0)
            self._file.write(MAGIC)
            self._write({"header": np.array(json.dumps(header))})
            return
        other = json.loads(str(begun["header"]))
        differing = sorted(key for key in {*header, *other} if header.get(key) != other.get(key))
        if differing:
            listed = "; ".join(
                f"{key}: {other.get(key)!r} then, {header.get(key)!r} now" for key in differing
            )
            raise PredictionError(
                f"{self.path}: left by an unfinished run with other settings ({listed}): repeat them to go on, or "
                "delete the file"
            )
        for record in self._records(skip=1):
            self._note(record[IMAGES].tolist(), record["image_path"])
        self._file.truncate(self._end)
        self._file.seek(self._end)

    def _note(self, images: Sequence[str], rows: Sequence) -> None:
        self.done.update(images)
        self.n_rows += len(rows)

    def _write(self, arrays: Mapping[str, np.ndarray]) -> None:
        stream = io.BytesIO()
        np.savez(stream, **arrays)
        data = stream.getvalue()
        start = self._file.seek(0, io.SEEK_END)
        self._file.write(
            len(data).to_bytes(LENGTH, "little") + zlib.crc32(data).to_bytes(CHECKSUM, "little") + data
        )
        self._file.flush()
        self._end = start + LENGTH + CHECKSUM + len(data)

    def _records(self, skip: int = 0) -> Iterator[dict[str, np.ndarray]]:
        """Those that are whole; `_end` is where they end."""
        at, number = len(MAGIC), 0
        while (data := _record(self._file, at)) is not None:
            at = self._end = at + LENGTH + CHECKSUM + len(data)
            if number >= skip:
                with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                    yield dict(arrays)
            number += 1


def _record(file: BinaryIO, at: int) -> bytes | None:
    file.seek(at)
    length = int.from_bytes(file.read(LENGTH), "little")
    checksum = file.read(CHECKSUM)
    data = file.read(length) if 0 < length < 1 << 40 else b""
    is_whole = len(data) == length > 0 and zlib.crc32(data).to_bytes(CHECKSUM, "little") == checksum
    return data if is_whole else None


def _joined(parts: Sequence[dict[str, np.ndarray]]) -> tuple[list[str], dict[str, np.ndarray]]:
    names = [name for part in parts for name in part["image_path"].tolist()]
    fields = [name for name in parts[0] if name not in (IMAGES, "image_path")]
    return names, {name: np.concatenate([part[name] for part in parts]) for name in fields}
