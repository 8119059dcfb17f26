"""C3D, the file format of motion capture: the points, read in NumPy with every size checked against the file.

Source: The C3D File Format, User Guide (c3d.org). Libraries for it trust the sizes in a file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posepile.datasets.raw import RawDataError, array, reading

BLOCK = 512
BYTE_ORDERS = {84: "<", 86: ">"}  # processor: Intel, MIPS. DEC's floats (85) are not read
KEY = 0x50
TYPES = {-1: "S1", 1: "u1", 2: "i2", 4: "f4"}


@dataclass(frozen=True, eq=False)
class Points:
    """The points of a recording.

    Attributes:
        labels: their names.
        positions: [T, J, 3] in the file's unit.
        residuals: [T, J]; negative where the recorder had no point.
        unit: "mm" or "m"; "" if the file does not say.
        rate: frames a second.
    """

    labels: tuple[str, ...]
    positions: np.ndarray
    residuals: np.ndarray
    unit: str
    rate: float


def load_c3d(file: Path) -> Points:
    """The points of a C3D file. Raises RawDataError."""
    with reading(file):
        data = file.read_bytes()
        if len(data) < BLOCK or data[1] != KEY or not data[0]:
            raise ValueError("no C3D header")
        start = (data[0] - 1) * BLOCK
        if data[start + 3] not in BYTE_ORDERS:
            raise ValueError(f"written for processor {data[start + 3]}, expected 84 (Intel) or 86 (MIPS)")
        order = BYTE_ORDERS[data[start + 3]]
        fields = _parameters(data, start + 4, order)["POINT"]
        values = _values(data, fields, order)
        labels = tuple(label for name in ("LABELS", "LABELS2") for label in _texts(fields.get(name)))
        unit = "".join(_texts(fields.get("UNITS"))[:1])
        rate = float(fields["RATE"].flat[0])
    n_points = values.shape[1]
    if len(labels) < n_points:
        raise RawDataError(f"{file}: {len(labels)} labels, expected one for each of the {n_points} points")
    values = array(file, "points", values, (None, n_points, 4), finite=False)
    return Points(labels[:n_points], values[..., :3], values[..., 3], unit, rate)


def _values(data: bytes, fields: dict[str, np.ndarray], order: str) -> np.ndarray:
    """[T, J, 4]: positions and residuals."""
    n_points, start = (int(fields[name].view(f"{order}u2").flat[0]) for name in ("USED", "DATA_START"))
    scale = float(fields["SCALE"].flat[0])
    n_analog, first, last = (int(np.frombuffer(data, f"{order}u2", 1, at)[0]) for at in (4, 6, 8))
    n_frames, width = last - first + 1, 4 * n_points + n_analog
    if n_frames < 1 or n_points < 1 or start < 1:
        raise ValueError(f"{n_frames} frames of {n_points} points from block {start} on, expected at least 1")
    is_float = scale < 0
    kind = f"{order}f4" if is_float else f"{order}i2"
    rows = np.frombuffer(data, kind, n_frames * width, (start - 1) * BLOCK).reshape(n_frames, width)
    values = rows[:, : 4 * n_points].reshape(n_frames, n_points, 4).astype(float)
    if not is_float:
        values[..., :3] *= scale
    return values


def _parameters(data: bytes, position: int, order: str) -> dict[str, dict[str, np.ndarray]]:
    """The parameters by group and name."""
    groups, found = {}, []
    while data[position] != 0:
        length = abs(_signed(data[position]))
        group, name = (
            _signed(data[position + 1]),
            data[position + 2 : position + 2 + length].decode("latin1").upper(),
        )
        position += 2 + length
        step = int(np.frombuffer(data, f"{order}i2", 1, position)[0])
        if group < 0:
            groups[-group] = name
        else:
            found.append((group, name, _value(data, position + 2, order)))
        if step <= 0:  # the last one
            break
        position += step
    result: dict[str, dict[str, Any]] = {name: {} for name in groups.values()}
    for group, name, value in found:
        result[groups[group]][name] = value
    return result


def _value(data: bytes, position: int, order: str) -> np.ndarray:
    """An array, whose first axis varies fastest in the file."""
    kind, n_axes = TYPES[_signed(data[position])], data[position + 1]
    shape = tuple(data[position + 2 : position + 2 + n_axes])
    start = position + 2 + n_axes
    dtype = np.dtype(kind if kind == "S1" else order + kind)
    count = int(np.prod(shape, dtype=np.int64))
    if not 0 <= count * dtype.itemsize <= len(data) - start:
        raise ValueError(f"a parameter of shape {list(shape)}, beyond the file's end")
    return np.frombuffer(data, dtype, count, start).reshape(shape[::-1])


def _texts(value: np.ndarray | None) -> list[str]:
    if value is None:
        return []
    rows = np.atleast_2d(value)
    return [row.tobytes().decode("latin1").strip(" \0") for row in rows.reshape(-1, rows.shape[-1])]


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte
