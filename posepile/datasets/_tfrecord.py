"""Records of a TFRecord file: each is its length, a checksum of that, its bytes, and a checksum of these."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from posepile.datasets.raw import RawDataError, reading

_HEADER = struct.Struct("<QI")  # the length; its checksum
_N_CHECKSUM = 4


class Record(NamedTuple):
    """A record's bytes, and where in the file they begin."""

    start: int
    data: bytes


def load_records(file: Path) -> Iterator[Record]:
    """The records of a file in order, one at a time in memory; checksums are not looked at.

    Raises RawDataError for a file that ends within a record.
    """
    with reading(file):
        size = file.stat().st_size
    start = 0
    while start < size:
        record = _load(file, start, size)
        yield record
        start = record.start + len(record.data) + _N_CHECKSUM


def _load(file: Path, start: int, size: int) -> Record:
    with reading(file), file.open("rb") as stream:
        stream.seek(start)
        length, _ = _HEADER.unpack(stream.read(_HEADER.size))
        start += _HEADER.size
        if start + length + _N_CHECKSUM > size:
            raise RawDataError(f"{file}: a record of {length} bytes at {start}, but the file ends at {size}")
        return Record(start, stream.read(length))
