"""ArrayRecord files: one record a chunk, uncompressed, because the payload is JPEG."""

import functools
import os
from pathlib import Path

from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

WRITER_OPTIONS = "group_size:1,uncompressed"
# No read-ahead: access is random. One thread: the callers are parallel already, and a thread pool would not
# survive a fork.
READER_OPTIONS = "readahead_buffer_size:0,max_parallelism:1"
MAX_OPEN = 512  # the usual limit is 1024 open files a process


def open_writer(file: Path) -> ArrayRecordWriter:
    """A writer with `write(bytes)` and `close()`."""
    return ArrayRecordWriter(str(file), WRITER_OPTIONS)


def open_reader(file: Path) -> ArrayRecordReader:
    """A reader of its own, with `read(positions)`, `num_records()`, `ok()`. Raises OSError."""
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing")
    reader = ArrayRecordReader(str(file), READER_OPTIONS)
    if not reader.ok():
        raise OSError(f"{file} is cut off or damaged: its footer cannot be read")
    return reader


def shared_reader(file: str) -> ArrayRecordReader:
    """The reader that this process shares; a forked child opens its own."""
    return _cached_reader(os.getpid(), file)


def forget_readers() -> None:
    """Closes the shared readers, for when files have been replaced."""
    _cached_reader.cache_clear()


@functools.lru_cache(maxsize=MAX_OPEN)
def _cached_reader(process: int, file: str) -> ArrayRecordReader:
    return open_reader(Path(file))
