"""`dozens export RUN --to savedmodel --out DIR`: a run's model for users who do not train."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro


@dataclass(frozen=True)
class Arguments:
    """Write a run's model in formats that need nothing of this project, each compared with the network.

    With --json, one document is printed: exports, a list of format, path and largest_difference_mm.
    """

    run: tyro.conf.Positional[Path]
    """The run folder."""
    out: Path
    """Folder to make: OUT/savedmodel/1. An older export there is replaced."""
    to: str = "savedmodel"
    """Formats, with commas between: savedmodel."""
    detector: Literal["auto", "movenet", "yolov4", "none"] = "auto"
    """Person detector inside the SavedModel; auto: movenet where `dozens fetch detector` has been run, else none."""
    detector_weights: Path | None = None
    """File of the detector's weights; yolov4 needs darknet's."""
    skeleton_file: tuple[Path, ...] = field(default=())
    """Your own skeletons, .toml or .npz (docs/model.md)."""
    rotation_deg: float = 25.0
    """Largest rotation of the crops that are averaged for a person, degrees."""
    turns: Literal["upright", "all", "half"] = "upright"
    """People are expected upright, in all positions, or half of the crops for each."""
    detector_flip_vertical_too: tyro.conf.FlagCreatePairsOff[bool] = False
    """Let detector_flip_aug look at the images upside down as well."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document instead of lines."""


def main(args: list[str]) -> int:
    """Exports; raises what `serving.export.export_run` raises."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens export")
    formats = [name.strip() for name in arguments.to.split(",") if name.strip()]

    from serving.export import Options, export_run  # TensorFlow's import takes seconds

    options = Options(
        detector=arguments.detector,
        detector_weights=arguments.detector_weights,
        skeleton_files=arguments.skeleton_file,
        rotation_deg=arguments.rotation_deg,
        turns=arguments.turns,
        detector_flip_vertical_too=arguments.detector_flip_vertical_too,
    )
    written = export_run(arguments.run, arguments.out, formats, options)
    if arguments.json:
        exports = [
            {"format": w.format, "path": str(w.path), "largest_difference_mm": w.largest_difference_mm}
            for w in written
        ]
        print(json.dumps({"exports": exports}, allow_nan=False))
    for w in written if not arguments.json else ():
        print(f"{w.path}: largest difference to the Keras model {w.largest_difference_mm:.4f} mm")
    return 0
