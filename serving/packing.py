"""What is decided about a multi-person model once, when it is exported."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

Turns = Literal["upright", "all", "half"]


@dataclass(frozen=True)
class Packing:
    """How a multi-person model is packed."""

    detector: Literal["auto", "movenet", "yolov4", "none"] = "auto"
    """Person detector inside; auto: movenet where `dozens fetch detector` has been run, else none."""
    detector_weights: Path | None = None
    """File of the detector's weights; yolov4 needs darknet's."""
    skeleton_files: Annotated[tuple[Path, ...], tyro.conf.arg(name="skeleton-file")] = ()
    """Your own skeletons, .toml or .npz (docs/model.md)."""
    rotation_deg: float = 25.0
    """Largest rotation of the crops whose poses are averaged."""
    turns: Turns = "upright"
    """Expected people: upright; in all positions; half: half of the crops for each."""
    detector_flip_vertical_too: tyro.conf.FlagCreatePairsOff[bool] = False
    """Let detector_flip_aug look at the images upside down as well."""
