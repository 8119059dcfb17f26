"""Boxes that the user gives: on the command line, or in a JSON file by the name of the photo or video."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posepile import boxes as geometry


class BoxError(ValueError):
    """A box, or a file of boxes, that is not what it should be; names source and expectation."""


def read(file: Path, inputs: Sequence[Path]) -> list[np.ndarray]:
    """Boxes [M, 4] px for each of the inputs, which the file names by their path as given or their file name.

    The file: {"photo.jpg": [[x, y, width, height], …], …}; an empty list means nobody. Raises BoxError.
    """
    try:
        rows = json.loads(file.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BoxError(f"{file}: not JSON ({error})") from error
    if not isinstance(rows, dict):
        raise BoxError(f'{file}: expected an object {{"photo.jpg": [[x, y, width, height], …]}}')
    keys = [next((key for key in (str(path), path.name) if key in rows), None) for path in inputs]
    absent = [path.name for path, key in zip(inputs, keys, strict=True) if key is None]
    if absent:
        raise BoxError(f"{file}: no boxes for {', '.join(absent[:5])}; it names {', '.join(list(rows)[:5])}")
    return [checked(rows[key], f"{file}: {key}") for key in keys]


def checked(rows: Any, source: str) -> np.ndarray:
    """[M, 4] float64 from rows of x, y, width, height; raises BoxError, which begins with `source`."""
    try:
        boxes = np.array(rows, np.float64)
    except (TypeError, ValueError):
        boxes = np.empty(0)
    if rows != [] and (boxes.ndim != 2 or boxes.shape[1] != 4):
        raise BoxError(f"{source}: {rows!r}, expected rows of x, y, width, height")
    for box in boxes:
        if not (np.isfinite(box).all() and (box[2:] >= 1).all()):
            raise BoxError(
                f"{source}: box {box.tolist()}, expected finite numbers and sides of at least 1 px"
            )
    return boxes.reshape(-1, 4)


def check_inside(boxes: np.ndarray, size: tuple[int, int], source: str) -> None:
    """Raises BoxError if one of the boxes [M, 4] has nothing in common with the image of (width, height)."""
    outside = geometry.area(geometry.intersection(boxes, geometry.full(size))) == 0
    if outside.any():
        raise BoxError(
            f"{source}: box {boxes[outside][0].tolist()} lies outside the image of {size[0]} x {size[1]} px"
        )
