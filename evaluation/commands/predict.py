"""`dozens predict`: a SavedModel run on the images of a benchmark; `dozens evaluate` scores what it writes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from evaluation import protocols
from evaluation.predict import predict, run_of
from evaluation.protocols import Protocol
from evaluation.saved_model import load_model


@dataclass(frozen=True)
class Predict:
    """Run a multi-person SavedModel (ours, or any with the same methods) with the benchmark's published settings."""

    benchmark: str
    """h36m, tdhp, mupots, tdpw, aspset, tdoh or emdb; views: videos of calibrated cameras, for `dozens consistency`."""
    root: Path
    """Folder of the benchmark's raw files; of "views", of the videos."""
    model: Path
    """Folder of the SavedModel."""
    out: Path
    """Prediction file to write: .npz or .h5. A run that was killed leaves OUT.unfinished; the same command goes on."""
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
    kind = protocols.load(options.benchmark, protocols.PREDICTED_IDS)
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
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with images_progress(protocol.title) as progress:
        done = predict(model, protocol, options.root, options.out, run, meta, progress)
    before = f", {done.images_before} images of them from a former run" if done.images_before else ""
    print(f"{options.out}: {done.rows} people of {protocol.title}{before}")
    return 0


@contextmanager
def images_progress(title: str) -> Iterator[Callable[[str, int], None]]:
    """Yields what `predict` tells of its progress; shows images, images a second and the sequence."""
    columns = [TextColumn("{task.description}"), TextColumn("{task.completed} images"), TimeElapsedColumn()]
    columns += [TextColumn("{task.fields[rate]}"), TextColumn("{task.fields[sequence]}")]
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None, rate="", sequence="")

        def progress(sequence: str, images: int) -> None:
            bar.advance(task, images)
            elapsed = bar.tasks[0].elapsed or 1e-9
            bar.update(task, rate=f"{bar.tasks[0].completed / elapsed:.1f} frames/s", sequence=sequence)

        yield progress
