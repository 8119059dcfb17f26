"""Whether a MATLAB v5 file holds together, before SciPy reads it: its reader trusts sizes, and crashes on wrong ones.

Source: MathWorks, "MAT-File Format", version 5: a 128-byte header, then elements of a tag (type, size) and data.
"""

import math
import struct
import zlib
from collections.abc import Collection

_HEADER = 128
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 2,
    5: 4,
    6: 4,
    7: 4,
    9: 8,
    12: 8,
    13: 8,
    16: 1,
    17: 2,
    18: 4,
}  # of a type's numbers
_UTF8, _TEXT = 16, (1, 2, 4, 16, 17, 18)
_CELL, _STRUCT, _OBJECT, _CHAR, _NUMBERS = 1, 2, 3, 4, range(6, 16)
_COMPLEX = 0x0800
_MAX_DIMENSIONS = 32


def check_mat5(data: bytes, fields: Collection[str] = ()) -> None:
    """Raises ValueError or zlib.error unless the named variables (all without a name) lie whole in the file.

    Sparse matrices, functions and objects of new kinds, which no data set has, are refused.
    """
    if len(data) < _HEADER or 0 in data[:4] or data[126:128] != b"IM":
        raise ValueError("no MATLAB v5 file (little-endian)")
    position = _HEADER
    while position < len(data):
        kind, start, end, _ = _element(data, position, len(data))
        position = end
        if kind == _COMPRESSED:
            # Most variables are not asked for, and may be large
            begin = zlib.decompressobj().decompress(data[start:end], 1024)
            if fields and len(begin) == 1024 and _name(begin, 8) not in fields:
                continue
            variable = zlib.decompress(data[start:end])
            kind, start, end, _ = _element(variable, 0, len(variable))
        else:
            variable = data
        if kind != _MATRIX:
            raise ValueError(f"element of type {kind}, expected a matrix")
        if not fields or _name(variable, start) in fields:
            _check_matrix(variable, start, end)


def _name(data: bytes, position: int) -> str:
    """The name of the matrix whose contents begin at `position`."""
    for _ in range(2):
        position = _element(data, position, len(data))[3]
    _, start, end, _ = _element(data, position, len(data))
    return data[start:end].decode("latin1")


def _check_matrix(data: bytes, position: int, limit: int) -> int:
    """Checks a matrix' contents at `position`; returns where they end."""
    start, position = _expect(data, position, limit, _UINT32, 8)
    (flags,) = struct.unpack_from("<I", data, start)
    _, dimensions_start, dimensions_end, position = _element(data, position, limit, _INT32)
    shape = struct.unpack_from(f"<{(dimensions_end - dimensions_start) // 4}i", data, dimensions_start)
    if not 2 <= len(shape) <= _MAX_DIMENSIONS or min(shape) < 0:
        raise ValueError(f"a matrix of shape {shape}")
    position = _element(data, position, limit, _INT8)[3]
    count, kind = math.prod(shape), flags & 0xFF
    if kind in _NUMBERS or kind == _CHAR:
        for _ in range(2 if flags & _COMPLEX else 1):
            position = _check_values(data, position, limit, count, is_text=kind == _CHAR)
        return position
    if kind == _OBJECT:
        position = _element(data, position, limit, _INT8)[3]
    if kind in (_STRUCT, _OBJECT):
        start, position = _expect(data, position, limit, _INT32, 4)
        (length,) = struct.unpack_from("<i", data, start)
        _, start, end, position = _element(data, position, limit, _INT8)
        if length <= 0 or (end - start) % length:
            raise ValueError(f"{end - start} bytes of field names of {length} bytes")
        count *= (end - start) // length
    elif kind != _CELL:
        raise ValueError(f"a matrix of class {kind}, expected numbers, text, cells or structs")
    if count > limit - position:
        raise ValueError(f"{count} cells in {limit - position} bytes")
    for _ in range(count):
        _, start, end, position = _element(data, position, limit, _MATRIX)
        # SciPy goes on where the contents end, and not where the size says
        if end > start and _check_matrix(data, start, end) != end:
            raise ValueError("a cell that is smaller than it says")
    return position


def _check_values(data: bytes, position: int, limit: int, count: int, is_text: bool) -> int:
    kind, start, end, position = _element(data, position, limit)
    if kind not in (_TEXT if is_text else _SIZES):
        raise ValueError(f"values of type {kind}")
    n = (end - start) / _SIZES[kind]
    if n != count and not (is_text and kind == _UTF8):  # whose characters differ in size
        raise ValueError(f"{n:g} values in a matrix of {count}")
    return position


def _expect(data: bytes, position: int, limit: int, kind: int, size: int) -> tuple[int, int]:
    _, start, end, position = _element(data, position, limit, kind)
    if end - start != size:
        raise ValueError(f"an element of {end - start} bytes, expected {size}")
    return start, position


def _element(
    data: bytes, position: int, limit: int, expected: int | None = None
) -> tuple[int, int, int, int]:
    """An element's type, where its data begin and end, and where the next element begins."""
    if position + 8 > limit:
        raise ValueError("cut off")
    kind, size = struct.unpack_from("<II", data, position)
    if kind >> 16:  # small: size, type, and up to 4 bytes in one word
        kind, size = kind & 0xFFFF, kind >> 16
        start, following = position + 4, position + 8
        if size > 4:
            raise ValueError(f"a small element of {size} bytes")
    else:
        start = position + 8
        following = start + size + (-size % 8 if kind != _COMPRESSED else 0)
    if start + size > limit:
        raise ValueError(f"an element of {size} bytes where {limit - start} are left")
    if expected is not None and kind != expected:
        raise ValueError(f"an element of type {kind}, expected {expected}")
    return kind, start, start + size, min(following, limit)
