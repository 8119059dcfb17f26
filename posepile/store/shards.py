"""ArrayRecord files: one record a chunk, uncompressed, because the payload is JPEG.

Files are written by the library, and any ArrayRecord reader reads them. Random access is our own, because the
library takes twice the CPU time (it hashes every block and chunk; `benchmarks/store.py` compares): where a
record lies follows from the lengths of those before it. It is never trusted: every record's checksum is
compared, and what does not fit is read again through the library.

The file is a sequence of 64 KiB blocks that begin with a header of 24 bytes. Without these headers it is a
signature of 40 bytes and then, for every record, a chunk: header of 40 bytes, one byte "not compressed", one
byte "length of the length", the record's length as a varint, the record. Source: github.com/google/riegeli,
doc/riegeli_records_file_format.md.
"""

import functools
import os
import weakref
from pathlib import Path

import numpy as np
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

WRITER_OPTIONS = "group_size:1,uncompressed"
# No read-ahead: access is random. One thread: a thread pool would not survive a fork.
READER_OPTIONS = "readahead_buffer_size:0,max_parallelism:1"
BLOCK, BLOCK_HEADER, CHUNK_HEADER, SIGNATURE = 65_536, 24, 40, 40
BLOCK_PAYLOAD = BLOCK - BLOCK_HEADER
MAX_OPEN = 512  # the usual limit is 1024 open files a process


def open_writer(file: Path) -> ArrayRecordWriter:
    """A writer with `write(bytes)` and `close()`."""
    return ArrayRecordWriter(str(file), WRITER_OPTIONS)


def open_reader(file: Path) -> ArrayRecordReader:
    """The library's reader, with `read(positions)` and `num_records()`. Raises OSError."""
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing")
    reader = ArrayRecordReader(str(file), READER_OPTIONS)
    if not reader.ok():
        raise OSError(f"{file} is cut off or damaged: its footer cannot be read")
    return reader


def starts(n_bytes: np.ndarray) -> np.ndarray:
    """Where records of these lengths [m] begin, in bytes that are no block header: [m] int64."""
    n_bytes = np.asarray(n_bytes, np.int64)
    varint = 1 + sum((n_bytes >= 1 << 7 * k).astype(np.int64) for k in range(1, 5))
    before = CHUNK_HEADER + 2 + varint
    ends = SIGNATURE + np.cumsum(before + n_bytes)
    return ends - n_bytes


def place_in_file(place):
    """Where in the file a byte lies that has `place` bytes before it that are no block header."""
    return place + BLOCK_HEADER * (place // BLOCK_PAYLOAD + 1)


class ShardFile:
    """Random access by place and length. Used by threads and forked processes at once without harm."""

    def __init__(self, file: str):
        self._descriptor = os.open(file, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)

    def size(self) -> int:
        """In bytes, now."""
        return os.fstat(self._descriptor).st_size

    def read(self, start: int, n_bytes: int) -> bytes:
        """The record that begins at `start` (of `starts`), unchecked; shorter where the file ends."""
        # pread and not a memory map: a file that shrinks is an error here, and a SIGBUS there
        first, last = place_in_file(start), place_in_file(start + n_bytes - 1)
        data = os.pread(self._descriptor, last + 1 - first, first)
        if last + 1 - first == n_bytes:
            return data
        next_block = BLOCK - first % BLOCK
        pieces = [data[:next_block]]
        pieces += [data[p + BLOCK_HEADER : p + BLOCK] for p in range(next_block, len(data), BLOCK)]
        return b"".join(pieces)


@functools.lru_cache(maxsize=MAX_OPEN)
def shared_file(file: str) -> ShardFile:
    """The open file that this process shares. Raises OSError."""
    return ShardFile(file)


def forget_files() -> None:
    """Closes the shared files, for when they have been replaced."""
    shared_file.cache_clear()
