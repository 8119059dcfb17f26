"""A document of `benchmark_results` as tables: CSV, Markdown beside published rows, terminal, LaTeX line."""

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from evaluation.paper_tables import Cells, published_rows

Document = Mapping[str, Any]


def write_csv(found: Document, path: Path) -> None:
    """One row a model, group and figure; the group of the whole benchmark is "all"."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["benchmark", "model", "kind", "group", "figure", "unit", "value", "low", "high"])
        for model, row in found["models"].items():
            for name, figure in row["figures"].items():
                numbers = [_cell(figure[key]) for key in ("value", "low", "high")]
                writer.writerow([found["benchmark"], model, "all", "all", name, figure["unit"], *numbers])
            for kind, groups in row["groups"].items():
                for label, figures in groups.items():
                    for name, value in figures.items():
                        unit = row["figures"][name]["unit"]
                        writer.writerow(
                            [found["benchmark"], model, kind, label, name, unit, _cell(value), "", ""]
                        )


def markdown(found: Document) -> str:
    """The page about a benchmark: protocol, figures side by side, published rows, groups, provenance."""
    parts = [f"# {found['title']}", "", *_published(found), "## Figures", "", *_figures(found)]
    if "over_seeds" in found:
        parts += [f"## Over {len(found['models'])} seeds", "", *_over_seeds(found)]
    for kind in next(iter(found["models"].values()))["groups"]:
        parts += [f"## By {kind}", "", *_groups(found, kind)]
    parts += ["## Summary line", "", *_vectors(found), "## Protocol", ""]
    parts += [f"- **{key}**: {value}" for key, value in found["protocol"].items()]
    parts += ["", "## Files", ""]
    truth, code = found["truth"], found["code"]
    parts += [f"- truth: {truth['root']}, {truth['images']} images, fingerprint `{truth['fingerprint']}`"]
    parts += [f"- code: version {code['version']}, revision {code['git']}"]
    for name, row in found["models"].items():
        parts += [f"- {name}: {row['predictions']}, SHA-256 `{row['sha256']}`, coverage {coverage_text(row)}"]
        parts += [f"  - model: {row['meta'] or 'the file does not say'}"]
        parts += [f"  - **warning**: {text}" for text in row["warnings"]]
    return "\n".join(parts) + "\n"


def terminal_tables(found: Document) -> list[Table]:
    """Figures down, models across; then a table for each kind of groups: of one model all figures of groups, of several
    the first figure of each."""
    models = found["models"]
    tables = [_empty_table(found["title"], "", models)]
    for name, figure in next(iter(models.values()))["figures"].items():
        cells = [with_interval(row["figures"][name]) for row in models.values()]
        tables[0].add_row(f"{figure['label']} {figure['unit']}", *cells)
    by_group = _groups_of_one if len(models) == 1 else _groups_side_by_side
    return tables + [by_group(kind, models) for kind in next(iter(models.values()))["groups"]]


def labelled_line(row: Mapping[str, Any]) -> str:
    """The published summary line with the name of each number: "MPJPE 45.2; P-MPJPE 33.3; ..."."""
    return "; ".join(f"{label} {number(value)}" for label, value in row["vector"])


def latex_line(row: Mapping[str, Any]) -> str:
    """The published summary line: "45.2 & 33.3 & ..."."""
    return " & ".join(number(value) for _, value in row["vector"])


def coverage_text(row: Mapping[str, Any]) -> str:
    found = row["coverage"]
    counts = [
        f"{found[f'predicted_{what}']} of {found[what]} {what}"
        for what in ("people", "joints")
        if f"predicted_{what}" in found
    ]
    return f"{100 * found['fraction']:.2f} %" + (f" ({', '.join(counts)})" if counts else "")


def number(value: float | None, decimals: int = 1) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.{decimals}f}"


def with_interval(figure: Mapping[str, Any]) -> str:
    """ "45.2 [44.0, 46.3]"."""
    text = number(figure["value"])
    return text if figure["low"] is None else f"{text} [{figure['low']:.1f}, {figure['high']:.1f}]"


def markdown_table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _figures(found: Document) -> list[str]:
    models = found["models"]
    rows = [
        [f"{figure['label']} {figure['unit']}", *(with_interval(m["figures"][name]) for m in models.values())]
        for name, figure in next(iter(models.values()))["figures"].items()
    ]
    return markdown_table(["95 % interval over sequences", *models], rows)


def _over_seeds(found: Document) -> list[str]:
    rows = [
        [f"{row['label']} {row['unit']}", f"{number(row['mean'])} ± {number(row['std'])}"]
        for row in found["over_seeds"].values()
    ]
    return markdown_table(["", "mean ± standard deviation"], rows)


def _groups(found: Document, kind: str) -> list[str]:
    models = found["models"]
    first = next(iter(models.values()))
    names = list(next(iter(first["groups"][kind].values()), {}))
    head = [kind] + [f"{model}: {first['figures'][name]['label']}" for model in models for name in names]
    rows = [
        [label, *(number(m["groups"][kind][label][name]) for m in models.values() for name in names)]
        for label in first["groups"][kind]
    ]
    return markdown_table(head, rows)


def _vectors(found: Document) -> list[str]:
    models = found["models"]
    labels = [label for label, _ in next(iter(models.values()))["vector"]]
    rows = [[label, *(number(m["vector"][i][1]) for m in models.values())] for i, label in enumerate(labels)]
    lines = [f"`{latex_line(m)}` ({name})" for name, m in models.items()]
    return [*markdown_table(["", *models], rows), *lines, ""]


def _published(found: Document) -> list[str]:
    """The paper's rows about this benchmark, with ours below."""
    parts: list[str] = []
    for table in published_rows(found["benchmark"]):
        rows = [[name, *map(number, values)] for name, values in table.rows.items()]
        rows += [[f"**{name}**", *_own(m, table)] for name, m in found["models"].items()]
        parts += [f"## {table.title}", "", *markdown_table(["", *table.titles], rows)]
        parts += [f"Published rows: {table.source}.", ""]
    return parts


def _own(model: Mapping[str, Any], table: Cells) -> list[str]:
    return [number(model["figures"].get(figure, {}).get("value")) for _, figure in table.columns]


def _groups_of_one(kind: str, models: Mapping[str, Any]) -> Table:
    (row,) = models.values()
    names = list(next(iter(row["groups"][kind].values()), {}))
    titles = [f"{row['figures'][name]['label']} {row['figures'][name]['unit']}" for name in names]
    table = _empty_table(f"By {kind}", kind, titles)
    for label, figures in row["groups"][kind].items():
        table.add_row(label, *(number(figures[name]) for name in names))
    return table


def _groups_side_by_side(kind: str, models: Mapping[str, Any]) -> Table:
    first = next(iter(models.values()))
    groups = first["groups"][kind]
    name = next(iter(next(iter(groups.values()), {})), None)
    title = f"{first['figures'][name]['label']} {first['figures'][name]['unit']} by {kind}" if name else kind
    table = _empty_table(title, kind, models)
    for label in groups:
        table.add_row(label, *(number(row["groups"][kind][label][name]) for row in models.values()))
    return table


def _empty_table(title: str, first: str, columns: Iterable[str]) -> Table:
    table = Table(title=title)
    table.add_column(first)
    for name in columns:
        table.add_column(name, justify="right")
    return table


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
