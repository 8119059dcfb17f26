"""Scores of several variants and seeds as plain results: JSON, CSV, a table for the terminal, and checks."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from scipy import stats

from evaluation.score import METRICS, Scores

CONTROL = "separate_continued"
VARIANTS = {
    "separate": "Separate heads",
    "separate_continued": "Separate heads, trained on",
    "regularized": "Output regularisation",
    "latent": "Latent points",
    "hybrid": "Hybrid student-teacher",
    "merged": "Merged joints",
}
"""Names in results.json -> titles, in the order of tables. Others come after them under their own names."""

COLUMNS = {
    "mpjpe": ("MPJPE", "mm", -1),
    "p_mpjpe": ("P-MPJPE", "mm", -1),
    "pck100": ("PCK@100", "%", +1),
    "cps200": ("CPS@200", "%", +1),
    "disagreement": ("Disagreement", "mm", -1),
}
"""Figure -> (title, unit, +1 where more is better)."""

INTERVAL = 0.95
MPJPE_LIMIT = 0.5  # of the mean pose's
DISAGREEMENT_LIMIT = -30.0  # % of the control's
MPJPE_INCREASE_LIMIT = 1.0  # % of the control's
CONSISTENT_VARIANTS = ("regularized", "hybrid")


@dataclass(frozen=True)
class Check:
    """One promise about the figures."""

    text: str
    value: float
    limit: float
    unit: str
    passed: bool


def make_results(
    variants: Mapping[str, Sequence[Scores]], mean_pose: Mapping[str, float], **extra: Any
) -> dict[str, Any]:
    """Gathers what results.json holds.

    Args:
        variants: name -> the scores of each seed, in a fixed order of seeds.
        mean_pose: format -> MPJPE of the mean pose, and "average" (see `score.mean_pose_mpjpe`).
        extra: further plain values, such as the command and the versions.

    Returns:
        mean_pose_mpjpe; variants.NAME.FIGURE with the mean over seeds, and, where there are several seeds,
        FIGURE_std (population standard deviation over seeds, as is usual here) and FIGURE_interval
        ([low, high], 95 %, Student's t); variants.NAME.formats.FORMAT.FIGURE; variants.NAME.seeds; checks;
        what is in `extra`. A figure that does not exist is null.
    """
    order = [name for name in VARIANTS if name in variants] + [n for n in variants if n not in VARIANTS]
    summaries = {name: _over_seeds([scores.summary() for scores in variants[name]]) for name in order}
    for name, summary in summaries.items():
        scores = variants[name]
        summary["n_seeds"] = len(scores)
        summary["n_examples"] = scores[0].n_examples
        summary["formats"] = {
            f: _over_seeds([{m: s.formats[f][m] for m in METRICS} for s in scores]) for f in scores[0].formats
        }
        if len(scores) > 1:
            summary["seeds"] = [s.summary() for s in scores]
    results = {
        "mean_pose_mpjpe": mean_pose["average"],
        "mean_pose_formats": {name: value for name, value in mean_pose.items() if name != "average"},
        "variants": summaries,
    }
    checks = [vars(check) for check in make_checks(results)]
    return null_for_nan(results | {"checks": checks} | extra)


def make_checks(results: Mapping[str, Any]) -> list[Check]:
    """The promises of the demonstration: half the mean pose's error; agreement that costs no accuracy."""
    variants, limit = results["variants"], MPJPE_LIMIT * results["mean_pose_mpjpe"]
    checks = [
        Check(
            f"{title(name)}: MPJPE below half that of the mean pose",
            row["mpjpe"],
            limit,
            "mm",
            row["mpjpe"] < limit,
        )
        for name, row in variants.items()
    ]
    control = variants.get(CONTROL)
    for name in CONSISTENT_VARIANTS if control else ():
        if name not in variants or "disagreement" not in control:
            continue
        change = {m: 100 * (variants[name][m] / control[m] - 1) for m in ("disagreement", "mpjpe")}
        checks += [
            Check(
                f"{title(name)}: formats disagree at least 30 % less than the control's",
                change["disagreement"], DISAGREEMENT_LIMIT, "%", change["disagreement"] <= DISAGREEMENT_LIMIT,
            ),
            Check(
                f"{title(name)}: MPJPE at most 1 % above the control's",
                change["mpjpe"], MPJPE_INCREASE_LIMIT, "%", change["mpjpe"] <= MPJPE_INCREASE_LIMIT,
            ),
        ]  # fmt: skip
    return checks


def write_json(results: Mapping[str, Any], path: Path) -> None:
    """Writes a document, and makes the folder: hours of scoring may stand behind it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2, allow_nan=False) + "\n")


def write_csv(results: Mapping[str, Any], path: Path) -> None:
    """One row a variant and format ("average" is the mean over formats; the mean pose is a variant too)."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        figures = list(COLUMNS)
        writer.writerow(["variant", "format", *(c for f in figures for c in (f, f"{f}_std"))])
        for name, value in [("average", results["mean_pose_mpjpe"]), *results["mean_pose_formats"].items()]:
            writer.writerow(["mean_pose", name, _cell(value), *[""] * (2 * len(figures) - 1)])
        for variant, row in results["variants"].items():
            for name, figures_of in [("average", row), *row["formats"].items()]:
                cells = [_cell(figures_of.get(key)) for f in figures for key in (f, f"{f}_std")]
                writer.writerow([variant, name, *cells])


def terminal_table(results: Mapping[str, Any]) -> Table:
    """The table of variants, at most 80 columns wide."""
    table = Table(title="Mean over skeleton formats, held-out test set", padding=(0, 1))
    table.add_column("variant")
    for name, unit, _ in COLUMNS.values():
        table.add_column(f"{_short(name)}\n{unit}", justify="right")
    table.add_row("Mean pose (a guess)", f"{results['mean_pose_mpjpe']:.1f}", *[""] * (len(COLUMNS) - 1))
    for variant, row in results["variants"].items():
        table.add_row(title(variant), *(with_spread(row, figure) for figure in COLUMNS))
    return table


def title(variant: str) -> str:
    """What a variant is called in tables."""
    return VARIANTS.get(variant, variant)


def with_spread(row: Mapping[str, Any], figure: str, decimals: int = 1) -> str:
    """A figure as text: "61.2", with several seeds "61.2±0.4", "–" where there is none."""
    value, std = row.get(figure), row.get(f"{figure}_std")
    if value is None:
        return "–"
    return f"{value:.{decimals}f}" + ("" if std is None else f"±{std:.{decimals}f}")


def best(results: Mapping[str, Any], figure: str) -> str | None:
    """The variant with the best value of a figure."""
    values = {name: row[figure] for name, row in results["variants"].items() if row.get(figure) is not None}
    sign = COLUMNS[figure][2]
    return max(values, key=lambda name: sign * values[name]) if values else None


def null_for_nan(value: Any) -> Any:
    """Plain values for JSON: a float that is not finite becomes None; NumPy numbers become Python's."""
    if isinstance(value, Mapping):
        return {str(key): null_for_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [null_for_nan(each) for each in value]
    if isinstance(value, np.generic):
        return null_for_nan(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _over_seeds(rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for figure in rows[0]:
        values = np.array([row[figure] for row in rows], np.float64)
        summary[figure] = float(values.mean())
        if len(values) > 1:
            margin = stats.t.ppf((1 + INTERVAL) / 2, len(values) - 1) * stats.sem(values)
            summary[f"{figure}_std"] = float(values.std())
            summary[f"{figure}_interval"] = [float(values.mean() - margin), float(values.mean() + margin)]
    return summary


def _short(name: str) -> str:
    return "Disagr." if name == "Disagreement" else name


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
