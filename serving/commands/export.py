"""`dozens export RUN --to savedmodel,onnx,litert --out DIR`: a run's model for users who do not train."""

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
    """Folder to make: savedmodel/1, model.onnx, model.tflite and model_card.md in it. An older export there is
    replaced."""
    to: str = "savedmodel"
    """Formats, with commas between: savedmodel (whole images), onnx and litert (the network on crops)."""
    results: tuple[Path, ...] = ()
    """Files that `dozens evaluate` wrote for this model (results.json), for the model card."""
    packing: tyro.conf.OmitArgPrefixes[Packing] = Packing()
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document instead of lines."""


def main(args: list[str]) -> int:
    """Exports; raises what `serving.export.export_run` raises."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens export")
    formats = [name.strip() for name in arguments.to.split(",") if name.strip()]

    from serving.export import export_run  # TensorFlow's import takes seconds

    written = export_run(arguments.run, arguments.out, formats, arguments.packing, arguments.results)
    if arguments.json:
        exports = [
            {"format": w.format, "path": str(w.path), "largest_difference_mm": w.largest_difference_mm}
            for w in written
        ]
        print(json.dumps({"exports": exports}, allow_nan=False))
        return 0
    print("largest difference of a joint to the Keras model:")
    for w in written:
        print(f"{w.largest_difference_mm:8.4f} mm  {w.path}")
    print(f"described in {arguments.out / 'model_card.md'}")
    return 0
