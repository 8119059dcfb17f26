"""`dozens export RUN --to savedmodel --out DIR`: a run's model for users who do not train."""

import json
from dataclasses import dataclass
from pathlib import Path

import tyro

from serving.packing import Packing


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
    packing: tyro.conf.OmitArgPrefixes[Packing] = Packing()
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document instead of lines."""


def main(args: list[str]) -> int:
    """Exports; raises what `serving.export.export_run` raises."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens export")
    formats = [name.strip() for name in arguments.to.split(",") if name.strip()]

    from serving.export import export_run  # TensorFlow's import takes seconds

    written = export_run(arguments.run, arguments.out, formats, arguments.packing)
    if arguments.json:
        exports = [
            {"format": w.format, "path": str(w.path), "largest_difference_mm": w.largest_difference_mm}
            for w in written
        ]
        print(json.dumps({"exports": exports}, allow_nan=False))
        return 0
    for w in written:
        print(f"{w.path}: largest difference to the Keras model {w.largest_difference_mm:.4f} mm")
    return 0
