"""`dozens synthesize`: makes the synthetic data sets, any size, from a seed."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from posepile.store import Store
from posepile.synthetic import pile
from posepile.synthetic.catalogue import select
from posepile.synthetic.presets import Preset
from posepile.synthetic.twins import TWINS


@dataclass(frozen=True)
class Arguments:
    """Renders people with exact joints in many skeletons, and writes a store for each data set.

    A seed gives the same bytes whatever the number of workers. Stores that are there with the same parameters
    are kept. With --json: `out`, `seconds`, `images_per_second` (of what was made now; null if nothing was),
    `stores` (id, path, role, joints, examples, bytes).
    """

    out: Path
    """Folder for the stores, one folder each."""
    examples_per_dataset: int = 2000
    """Examples of each training data set; of the average one of the twins, which keep the real sets' ratio."""
    test_examples: int = 1000
    """Examples of each validation and test set, which know all skeletons at once."""
    twins: tyro.conf.FlagCreatePairsOff[bool] = False
    """Twins of the paper's data sets (28 in 3D, 4 in 2D, 555 joints) in place of the small pile of nine."""
    image_side: int = 256
    """Side of the square images, px."""
    seed: int = 1
    """Another seed gives other people, places and cameras."""
    workers: int = 2
    """Processes, one thread each."""
    mocap: Path | None = None
    """Folder with .bvh or .asf/.amc files, to be used instead of the clips of the package."""
    backgrounds: Path | None = None
    """Folder with photographs, to stand behind most people."""
    simple: tyro.conf.FlagCreatePairsOff[bool] = False
    """People in colour-coded suits in plain places: what `dozens demo` uses, learnt in minutes."""
    datasets: Annotated[tuple[str, ...] | None, tyro.conf.arg(metavar="ID …")] = None
    """Some data sets only, such as h36m, synthetic_test or twin_aist."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document instead of a table."""


def main(args: list[str]) -> int:
    """Makes the pile and prints a summary; returns the exit code."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens synthesize")
    presets = select(arguments.datasets or (TWINS if arguments.twins else None))
    counts = {
        p.id: arguments.test_examples if p.role == "test" else p.examples(arguments.examples_per_dataset)
        for p in presets
    }
    made, started = {}, time.monotonic()
    with _progress(arguments.json) as bar:
        task = bar.add_task("synthetic people", total=sum(counts.values()), rate="")

        def advance(dataset: str, examples: int, is_new: bool) -> None:
            made[dataset] = made.get(dataset, 0) + (examples if is_new else 0)
            rate = sum(made.values()) / max(time.monotonic() - started, 1e-9)
            bar.update(task, advance=examples, rate=f"{rate:.0f} images/s" if is_new else "")

        paths = pile.synthesize(
            arguments.out, counts, arguments.image_side, arguments.seed, arguments.workers,
            arguments.mocap, arguments.backgrounds, arguments.simple, progress=advance,
        )  # fmt: skip
    seconds = time.monotonic() - started
    rate = sum(made.values()) / seconds if sum(made.values()) else None
    rows = [_row(preset, path) for preset, path in zip(presets, paths, strict=True)]
    if arguments.json:
        document = {"out": str(arguments.out), "seconds": seconds, "images_per_second": rate, "stores": rows}
        print(json.dumps(document, indent=2, allow_nan=False))
    else:
        _print_table(rows, seconds, rate)
    return 0


def _progress(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )


def _row(preset: Preset, path: Path) -> dict:
    store = Store.open(path)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    row = {"id": preset.id, "path": str(path), "role": preset.role, "joints": len(store.joints)}
    return row | {"examples": len(store), "bytes": size}


def _print_table(rows: Iterable[dict], seconds: float, rate: float | None) -> None:
    table = Table("store", "role", "joints", "examples", "MB", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        size = f"{row['bytes'] / 1e6:.1f}"
        table.add_row(row["id"], row["role"], str(row["joints"]), str(row["examples"]), size)
    console = Console(markup=False, highlight=False)
    console.print(table)
    done = f"{rate:.0f} images/s" if rate else "all of it was there already"
    console.print(f"{seconds:.1f} s, {done}")
