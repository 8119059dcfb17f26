"""`dozens export RUN --out DIR`: the crop model of a run as a SavedModel."""

import json
from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Arguments:
    """Write a run's model as a SavedModel with joint names, edges and provenance inside.

    With --json, one document is printed: savedmodel (the folder) and largest_difference_mm.
    """

    run: tyro.conf.Positional[Path]
    """The run folder."""
    out: Path
    """Folder to make; the model lands in OUT/savedmodel and replaces an older one there."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document instead of a line."""


def main(args: list[str]) -> int:
    """Exports; raises what `serving.export.export_run` raises."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens export")

    from serving.export import export_run  # TensorFlow's import takes seconds

    savedmodel = arguments.out / "savedmodel"
    difference = export_run(arguments.run, savedmodel)
    if arguments.json:
        result = {"savedmodel": str(savedmodel), "largest_difference_mm": difference}
        print(json.dumps(result, allow_nan=False))
    else:
        print(f"{savedmodel}: largest difference to the Keras model {difference:.4f} mm")
    return 0
