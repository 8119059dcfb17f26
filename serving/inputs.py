"""What the user wants poses of: photos, videos, folders of them, and a webcam."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from serving import media

Kind = Literal["photo", "video", "webcam"]


@dataclass(frozen=True, eq=False)
class Input:
    """One photo or video, or a webcam by its number; boxes [M, 4] px if the user gave them."""

    path: Path
    kind: Kind
    boxes: np.ndarray | None = None
    webcam: int | None = None


@dataclass(frozen=True)
class Unusable:
    """A path that is no input, and why."""

    path: Path
    error: str


def find(paths: Sequence[Path]) -> tuple[list[Input], list[Unusable]]:
    """The photos and videos, those of a folder in the order of their names, and what is none.

    Other files in a folder are passed over; a folder inside it is not entered.
    """
    found, unusable = [], []
    for path in paths:
        try:
            found += _in_folder(path) if path.is_dir() else [_file(path)]
        except media.MediaError as error:
            unusable.append(Unusable(path, str(error)))
    return found, unusable


def webcam(number: int, boxes: np.ndarray | None = None) -> Input:
    """A webcam; its path is only a name."""
    return Input(Path(f"webcam{number}"), "webcam", boxes, number)


def _in_folder(folder: Path) -> list[Input]:
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and media.is_known(path)]
    if not files:
        raise media.MediaError(f"{folder}: a folder without photos or videos")
    return [_file(path) for path in files]


def _file(path: Path) -> Input:
    return Input(path, "video" if media.is_video(path) else "photo")
