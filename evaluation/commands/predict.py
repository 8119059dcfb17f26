"""`dozens predict`: a SavedModel run on the images of a benchmark; `dozens evaluate` scores what it writes."""

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from evaluation import protocols
from evaluation.predict import load_model, predict, run_of
from evaluation.protocols import Protocol


@dataclass(frozen=True)
class Predict:
    """Run a multi-person SavedModel (ours, or any with the same methods) with the benchmark's published settings."""

    benchmark: str
    """h36m, tdhp, mupots, tdpw, aspset, tdoh or emdb."""
    root: Path
    """Folder of the benchmark's raw files."""
    model: Path
    """Folder of the SavedModel."""
    out: Path
    """Prediction file to write: .npz or .h5."""
    num_aug: int | None = None
    """Test-time augmentations of each person; the benchmark's own by default."""
    use_data_set_boxes: bool = False
    """Give the data set's boxes, where the benchmark would have people detected."""
    batch_size: int = 8
    """Images in one call of the model."""
    internal_batch_size: int = 64
    """Crops in one run of the network."""
    antialias_factor: int = 2
    """Supersampling of crops."""


def main(args: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    options, rest = tyro.cli(Predict, args=args, prog="dozens predict", return_unknown_args=True)
    kind = protocols.load(options.benchmark)
    if not issubclass(kind, Protocol):
        print(f"error: {options.benchmark!r} is predicted by `dozens pseudo-label`", file=sys.stderr)
        return 2
    protocol = tyro.cli(kind, args=rest, prog=f"dozens predict --benchmark {options.benchmark}")
    model, meta = load_model(options.model)
    run = run_of(
        protocol,
        options.num_aug,
        options.use_data_set_boxes,
        batch_size=options.batch_size,
        internal_batch_size=options.internal_batch_size,
        antialias_factor=options.antialias_factor,
    )
    n_rows = predict(model, protocol, options.root, options.out, run, meta)
    print(f"{options.out}: {n_rows} people of {protocol.title}")
    return 0
