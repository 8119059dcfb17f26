"""What readers of calibration files share: matrices that must be those of a camera."""

from pathlib import Path
from typing import Any

import numpy as np

from posepile.datasets.raw import RawDataError, array

MAX_PX = 1e5  # of focal lengths and principal points
_ERROR = 1e-2  # of published rotations, which are rounded


def rotation(file: Path, field: str, value: Any) -> np.ndarray:
    """`value` as a rotation [3, 3]. Raises RawDataError for any other matrix."""
    matrix = array(file, field, value, (3, 3), limit=2)
    if np.abs(matrix @ matrix.T - np.eye(3)).max() > _ERROR or np.linalg.det(matrix) < 0:
        raise RawDataError(f"{file}: {field!r} is no rotation")
    return matrix


def intrinsics(file: Path, field: str, value: Any) -> np.ndarray:
    """`value` as intrinsics [3, 3] px. Raises RawDataError for any other matrix."""
    matrix = array(file, field, value, (3, 3), limit=MAX_PX)
    if matrix[2].tolist() != [0, 0, 1] or min(matrix[0, 0], matrix[1, 1]) <= 0:
        raise RawDataError(
            f"{file}: {field!r} is {matrix.tolist()}, expected intrinsics with last row 0, 0, 1 and positive focal "
            "lengths"
        )
    return matrix
