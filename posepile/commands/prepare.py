"""`dozens prepare`: raw files of a data set in, a store out."""

import json
import time
from dataclasses import dataclass, field, make_dataclass
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

from posepile import datasets
from posepile.datasets import ImageSet
from posepile.prepare.image_set import write_images
from posepile.prepare.run import Outcome, prepare
from posepile.prepare.unit import Tools, memory_path

USAGE = "usage: dozens prepare ID --root RAW --out STORE [options]     (dozens prepare ID --help; dozens datasets)"


@dataclass(frozen=True)
class Arguments:
    """Makes a store of a data set's raw files: chooses frames, crops people, checks and filters.

    A sequence is a unit of work. What is finished is not done again; sequences that fail are listed with their
    error at the end (exit code 1), and tried again by the next run. With --json: `store`, `sequences`,
    `examples`, `rejected`, `failures` (sequence, error), `seconds`; for image sets `folder`, `images`,
    `failures`.
    """

    root: Path
    """Folder with the raw files."""
    out: Path
    """Folder of the store."""
    workers: int = 2
    """Processes on this machine."""
    scheduler: str = ""
    """Address of a dask.distributed scheduler (tcp://host:8786) to run on instead."""
    detector: str = ""
    """Person detector for data sets whose boxes come from one; without, boxes around the joints."""
    detector_weights: Path | None = None
    """Its weights, where they are not fetched by `dozens fetch`."""
    segmenter: str = ""
    """Person segmenter for data sets without masks; without, none are made."""
    segmenter_weights: Path | None = None
    """Its weights."""
    leave_out_failed: tyro.conf.FlagCreatePairsOff[bool] = False
    """Finish the store without the sequences that fail; store.json lists them."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document."""


def main(args: list[str]) -> int:
    """Prepares a data set; returns 1 if any sequence failed."""
    if not args or args[0].startswith("-"):
        print(USAGE)
        return 0 if args and args[0] in ("-h", "--help") else 2
    reader = datasets.load(args[0])
    options = Annotated[reader, tyro.conf.arg(name="", help=reader.__doc__)]
    command = make_dataclass(
        "Prepare", [("choices", options, field(default_factory=reader))], bases=(Arguments,), frozen=True, kw_only=True
    )  # fmt: skip
    command.__doc__ = Arguments.__doc__
    arguments = tyro.cli(command, args=args[1:], prog=f"dozens prepare {args[0]}")
    tools = Tools(
        arguments.detector, arguments.detector_weights, arguments.segmenter, arguments.segmenter_weights
    )
    if issubclass(reader, ImageSet):
        return _prepare_images(arguments, tools)
    started = time.monotonic()
    with _progress(arguments.json) as bar:
        task = bar.add_task(args[0], total=None, rate="")
        begun, examples = time.monotonic(), 0

        def on_start(total: int, done: int) -> None:
            bar.update(task, total=total, completed=done)

        def on_progress(_name: str, n_examples: int) -> None:
            nonlocal examples
            examples += n_examples
            bar.update(task, advance=1, rate=f"{examples / (time.monotonic() - begun):.0f} examples/s")

        outcome = prepare(
            arguments.choices, arguments.root, arguments.out, tools,
            workers=arguments.workers, scheduler=arguments.scheduler, leave_out_failed=arguments.leave_out_failed,
            on_start=on_start, on_progress=on_progress,
        )  # fmt: skip
    _report(arguments, outcome, time.monotonic() - started)
    return 1 if outcome.failures else 0


def _prepare_images(arguments: Arguments, tools: Tools) -> int:
    """Image sets are small and become folders of images; one process is enough."""
    n_images, failures = 0, []
    with tools.detecting(arguments.root, memory_path(arguments.out)) as detect:
        for sequence in arguments.choices.sequences(arguments.root):
            try:
                n_images += write_images(arguments.choices, sequence, arguments.out, detect)
            except ValueError as error:
                failures.append({"sequence": sequence.name, "error": str(error)})
    if arguments.json:
        print(json.dumps({"folder": str(arguments.out), "images": n_images, "failures": failures}))
    else:
        for failure in failures:
            print(f"failed {failure['sequence']}: {failure['error']}")
        print(f"{arguments.out}: {n_images} images")
    return 1 if failures else 0


def _report(arguments: Arguments, outcome: Outcome, seconds: float) -> None:
    store = outcome.store
    if arguments.json:
        document = {
            "store": str(store.path) if store else None,
            "sequences": outcome.n_sequences,
            "examples": len(store) if store else None,
            "rejected": store.n_rejected if store else None,
            "failures": [vars(failure) for failure in outcome.failures],
            "seconds": round(seconds, 2),
        }
        print(json.dumps(document, allow_nan=False))
        return
    console = Console(soft_wrap=True, highlight=False)
    for failure in outcome.failures:
        console.print(f"[red]failed[/] {failure.sequence}: {failure.error}", markup=True)
    if outcome.failures:
        console.print(
            f"{len(outcome.failures)} of {outcome.n_sequences} sequences failed; the next run tries them again."
        )
    if store:
        console.print(f"{store.path}: {len(store)} examples, {store.n_rejected} rejected ({seconds:.0f} s)")


def _progress(quiet: bool) -> Progress:
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    return Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), disable=quiet)
