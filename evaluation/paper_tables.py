"""The paper's two tables, with whatever results there are beside the published rows."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PUBLISHED = Path(__file__).with_name("published.toml")
TABLES = ("skeleton_handling", "earlier_work")
EMPTY = "not given"


@dataclass(frozen=True)
class Cells:
    """A table of published figures.

    Attributes:
        title, source: of the table.
        titles: [C] of its columns.
        columns: [C] (benchmark, figure) of our results that each column is.
        rows: method -> [C], NaN where the publication has no figure.
    """

    title: str
    source: str
    titles: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    rows: Mapping[str, tuple[float, ...]]


@cache
def published() -> tuple[Cells, ...]:
    """The paper's two tables."""
    facts = tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))
    source = facts["source"]["text"]
    return tuple(
        Cells(
            title=facts[name]["title"],
            source=source,
            titles=tuple(title for title, _, _ in facts[name]["columns"]),
            columns=tuple((benchmark, figure) for _, benchmark, figure in facts[name]["columns"]),
            rows={row: tuple(map(float, values)) for row, values in facts[name]["rows"].items()},
        )
        for name in TABLES
    )


def published_rows(benchmark: str) -> list[Cells]:
    """The columns of one benchmark, in both tables; without rows that have nothing there."""
    found = []
    for table in published():
        chosen = [i for i, (owner, _) in enumerate(table.columns) if owner == benchmark]
        rows = {name: tuple(values[i] for i in chosen) for name, values in table.rows.items()}
        rows = {name: values for name, values in rows.items() if not all(map(math.isnan, values))}
        if chosen:
            titles, columns = (tuple(x[i] for i in chosen) for x in (table.titles, table.columns))
            found.append(Cells(table.title, table.source, titles, columns, rows))
    return found


def paper_markdown(documents: Sequence[Mapping[str, Any]]) -> str:
    """Both tables with a row for each model, which goes by one name in all its results.

    Raises ValueError where two results have the same benchmark and model.
    """
    figures: dict[str, dict[tuple[str, str], float | None]] = {}
    for found in documents:
        for model, row in found["models"].items():
            cells = figures.setdefault(model, {})
            for name, figure in row["figures"].items():
                if (found["benchmark"], name) in cells:
                    raise ValueError(
                        f"model {model!r} has two results of {found['benchmark']!r}, expected one"
                    )
                cells[found["benchmark"], name] = figure["value"]
    parts = ["# The paper's tables", ""]
    for table in published():
        parts += [f"## {table.title}", "", "| | " + " | ".join(table.titles) + " |"]
        parts += ["|---" * (1 + len(table.titles)) + "|"]
        for name, values in table.rows.items():
            parts.append(_row(name, ["–" if math.isnan(value) else f"{value:.1f}" for value in values]))
        for model, cells in figures.items():
            parts.append(_row(f"**{model}**", [_own(cells, column) for column in table.columns]))
        parts += ["", f"Published rows: {table.source}. “–”: not published. “{EMPTY}”: no result of this "]
        parts[-1] += "benchmark was given for this model."
        parts.append("")
    return "\n".join(parts)


def _own(cells: Mapping[tuple[str, str], float | None], column: tuple[str, str]) -> str:
    value = cells.get(column)
    return EMPTY if value is None else f"{value:.1f}"


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"
