"""`dozens evaluate`: prediction files scored by a benchmark's rules, or results laid out as the paper's tables."""

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console

from evaluation import protocols
from evaluation.benchmark_results import over_seeds
from evaluation.benchmark_tables import (
    coverage_text,
    labelled_line,
    latex_line,
    markdown,
    terminal_tables,
    write_csv,
)
from evaluation.joint_columns import PredictionWarning
from evaluation.paper_tables import paper_markdown
from evaluation.results import write_json

EXIT_USAGE = 2
DESCRIPTION = """Score prediction files by a benchmark's own rules; several files stand side by side.

The result says how it was measured. Benchmarks have options of their own, which follow the others:
{options}"""


@dataclass(frozen=True)
class Evaluate:
    """What to score, and where the results go."""

    benchmark: str = ""
    """h36m, tdhp, mupots, tdpw, aspset, tdoh, emdb or synthetic."""
    predictions: tuple[Path, ...] = ()
    """Prediction files (.npz, .h5), or what else the benchmark takes."""
    root: Path | None = None
    """Folder of the benchmark's raw files; of "synthetic", the test store."""
    json: str = ""
    """File for the result as one JSON document; "-" prints it in place of the tables."""
    out: Path | None = None
    """Folder for results.json, results.csv, results.md, plots and galleries of the worst people."""
    gallery: int = 50
    """How many of the worst people to picture in --out, whose images are read; at most 50."""
    seeds: bool = False
    """The files are of one model trained with several seeds: add the mean and the standard deviation."""
    allow_missing: bool = False
    """Accept people and joints that are not predicted: wrong in PCK and the like, left out of mean errors."""
    paper: tuple[Path, ...] = ()
    """Result files (of --json or --out) to lay out as the paper's two tables; nothing else is done."""


def main(args: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    args = sys.argv[1:] if args is None else args
    description = DESCRIPTION.format(options="\n".join(_options_of_benchmarks()))
    common, rest = tyro.cli(
        Evaluate, args=args, prog="dozens evaluate", description=description, return_unknown_args=True
    )
    if common.paper:
        if rest:
            print(f"error: unknown options: {' '.join(rest)}", file=sys.stderr)
            return EXIT_USAGE
        print(paper_markdown([_read_document(path) for path in common.paper]), end="")
        return 0
    if not common.benchmark or not common.predictions or common.root is None:
        print("error: expected --benchmark, --predictions and --root, or --paper", file=sys.stderr)
        return EXIT_USAGE
    kind = protocols.load(common.benchmark)
    protocol = tyro.cli(kind, args=rest, prog=f"dozens evaluate --benchmark {common.benchmark}")
    with _loud_warnings():
        found = protocol.score(common.root, common.predictions, common.allow_missing)
    if common.seeds:
        found["over_seeds"] = over_seeds(found["models"])
    _write(found, common)
    return 0


def _write(found: dict[str, Any], common: Evaluate) -> None:
    if common.out:
        from evaluation.benchmark_plots import write_plots  # loads matplotlib
        from evaluation.gallery import write_gallery

        common.out.mkdir(parents=True, exist_ok=True)
        write_json(found, common.out / "results.json")
        write_csv(found, common.out / "results.csv")
        (common.out / "results.md").write_text(markdown(found), encoding="utf-8")
        write_plots(found, common.out)
        write_gallery(found, common.out, common.gallery)
    if common.json == "-":
        print(json.dumps(found, indent=2, allow_nan=False))
        return
    if common.json:
        write_json(found, Path(common.json))
    _print(found)


def _print(found: dict[str, Any]) -> None:
    console = Console()
    for table in terminal_tables(found):
        console.print(table)
    for name, row in found["models"].items():
        console.print(f"{name}: summary line: {labelled_line(row)}", markup=False, highlight=False)
    for name, row in found["models"].items():
        print(f"{name}: {latex_line(row)}")
    for name, row in found["models"].items():
        print(f"{name}: coverage {coverage_text(row)}")
    for row in found.get("over_seeds", {}).values():
        if row["mean"] is not None:
            print(
                f"{row['label']} over {len(found['models'])} seeds: {row['mean']:.1f} ± {row['std']:.1f} {row['unit']}"
            )


def _options_of_benchmarks() -> Iterator[str]:
    for id in protocols.IDS:
        names = [each.name.replace("_", "-") for each in fields(protocols.load(id))]
        if names:
            yield f"  {id}: {', '.join(f'--{name}' for name in names)}"


def _read_document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        found["benchmark"], found["models"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a result of `dozens evaluate`: {error!r}") from error
    return found


@contextmanager
def _loud_warnings() -> Iterator[None]:
    """Doubts about the files go to the error stream in full, each in a line of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", PredictionWarning)
        warnings.showwarning = lambda message, *_, **__: print(f"WARNING: {message}", file=sys.stderr)
        yield
