"""Intact records from a damaged ArrayRecord file, whatever is broken: footer, headers, or the second half.

The file format is Riegeli: blocks of 64 KiB that begin with a header, and chunks that run through them. We
write one record a chunk, uncompressed. Nothing here trusts a hash or length of the file: a record counts if
the checksum that it carries (`example.is_intact`) is right, so a wrong guess costs time only.
Source: riegeli/doc/riegeli_records_file_format.md in github.com/google/riegeli.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

from posepile.example import is_intact
from posepile.store.shards import BLOCK, BLOCK_HEADER, CHUNK_HEADER

# The fields of a chunk header that are equal for all chunks of one record: type 'r', one record
ONE_RECORD = b"r" + (1).to_bytes(7, "little")
ONE_RECORD_AT = 24


def intact_records(file: Path) -> Iterator[bytes]:
    """Yields the records of a shard that are whole, in the order of the file."""
    if file.stat().st_size == 0:
        return
    with file.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        position = 0
        while position < len(data):
            record, end = _chunk_at(data, position)
            if is_intact(record):
                yield record
                position = end
            else:
                position = _next_candidate(data, position + 1)


def _chunk_at(data: mmap.mmap, position: int) -> tuple[bytes, int]:
    """The record of the chunk that begins here (or what it would be) and where the next one begins."""
    header, end = _read(data, position, CHUNK_HEADER)
    size = int.from_bytes(header[8:16], "little")
    if len(header) < CHUNK_HEADER or size > len(data) - position:
        return b"", end
    payload, end = _read(data, end, size)
    if payload[:1] != b"\0":  # compressed, which we never write
        return b"", end
    size_of_sizes, start = _varint(payload, 1)
    return payload[start + size_of_sizes :], end


def _next_candidate(data: mmap.mmap, position: int) -> int:
    """The next place at or after `position` where a chunk may begin."""
    found = data.find(ONE_RECORD, position + ONE_RECORD_AT)
    candidates = [found - ONE_RECORD_AT if found >= 0 else len(data)]
    # The search misses a chunk header that a block header interrupts; block headers say where chunks begin
    block = (position // BLOCK + 1) * BLOCK
    while block + BLOCK_HEADER <= len(data) and block < candidates[0] + BLOCK:
        previous = int.from_bytes(data[block + 8 : block + 16], "little")
        following = int.from_bytes(data[block + 16 : block + 24], "little")
        candidates += [c for c in (block - previous, block + following) if c >= position]
        block += BLOCK
    return min(candidates)


def _read(data: mmap.mmap, position: int, size: int) -> tuple[bytes, int]:
    """`size` bytes from `position` on, without the block headers among them, and where they end."""
    pieces = []
    while size > 0 and position < len(data):
        if position % BLOCK < BLOCK_HEADER:
            position += BLOCK_HEADER - position % BLOCK
        piece = data[position : min(position + size, position // BLOCK * BLOCK + BLOCK)]
        if not piece:
            break
        pieces.append(piece)
        position += len(piece)
        size -= len(piece)
    return b"".join(pieces), position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 63, 7):
        byte = data[position : position + 1]
        if not byte:
            break
        value |= (byte[0] & 0x7F) << shift
        position += 1
        if byte[0] < 0x80:
            break
    return value, position
