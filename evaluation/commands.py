"""`dozens evaluate`: score a prediction file against a test store."""

import json
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console
from rich.table import Table

from evaluation.score import METRICS, Scores, score_predictions
from evaluation.truth import read_truth
from posepile import skeletons
from posepile.store import Store


@dataclass(frozen=True)
class Evaluate:
    """Score predictions of a test store: each skeleton format at its own root, and between formats."""

    predictions: tyro.conf.Positional[Path]
    """File (.npz) with key, poses, coords3d_pred_world and joint_names."""
    store: Path
    """Folder of the test store."""
    formats: tuple[str, ...] = ()
    """Skeleton formats to score; all that the store labels by default."""
    allow_missing: bool = False
    """Accept joints that are predicted as NaN; they count as wrong."""
    json: bool = False
    """Print one JSON document in place of the table."""


def main(args: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    options = tyro.cli(Evaluate, args=args, prog="dozens evaluate")
    truth = read_truth(Store.open(options.store))
    scores = score_predictions(
        options.predictions,
        truth,
        same_points(truth.joint_names),
        options.formats or None,
        options.allow_missing,
    )
    if options.json:
        print(json.dumps(scores.to_dict(), indent=2, allow_nan=False))
    else:
        _print_table(scores)
    return 0


def same_points(joint_names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Pairs of the given union joints that are one point by construction in the synthetic pile's formats."""
    from posepile.synthetic.formats import same_points as synthetic_pairs  # loads the body

    return [pair for pair in synthetic_pairs(skeletons.FORMATS) if set(pair) <= set(joint_names)]


def _print_table(scores: Scores) -> None:
    table = Table(title=f"{scores.n_examples} examples")
    for title in ("format", "MPJPE", "P-MPJPE", "PCK@100", "CPS@200"):
        table.add_column(title, justify="left" if title == "format" else "right")
    for name, row in [*scores.formats.items(), ("average", scores.average)]:
        table.add_row(name, *(f"{row[metric]:.1f}" for metric in METRICS))
    Console().print(table)
    if scores.disagreement:
        d = scores.disagreement
        print(f"formats disagree by {d.total:.1f} mm ({d.depth:.1f} in depth, {d.plane:.1f} across)")
