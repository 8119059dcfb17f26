"""The parts of a report page: everything in one file, no network, readable on a phone and in the dark."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from evaluation.page_style import STYLE
from evaluation.results import COLUMNS, CONSISTENT_VARIANTS, CONTROL, METRICS, best, title, with_spread


def page(heading: str, body: Sequence[str]) -> str:
    """The whole document."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(heading)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def section(heading: str, *parts: str) -> str:
    return f"<section>\n<h2>{escape(heading)}</h2>\n" + "\n".join(parts) + "\n</section>"


def text(paragraph: str, soft: bool = False) -> str:
    kind = ' class="soft"' if soft else ""
    return f"<p{kind}>{escape(paragraph)}</p>"


def picture(svg: str, caption: str, wide: bool = False) -> str:
    """A framed picture; a wide one keeps its size and scrolls."""
    css = ' class="wide"' if wide else ""
    below = f"\n<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure{css}>\n{svg}{below}\n</figure>"


def side_by_side(*parts: str) -> str:
    return '<div class="pair">\n' + "\n".join(parts) + "\n</div>"


def folded(summary: str, *parts: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>\n" + "\n".join(parts) + "\n</details>"


def facts(values: Mapping[str, Any]) -> str:
    rows = (f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in values.items())
    return "<dl>" + "".join(rows) + "</dl>"


def headline_cards(results: Mapping[str, Any]) -> str:
    """What came out, in a few big numbers."""
    variants, mean_pose = results["variants"], results["mean_pose_mpjpe"]
    cards = []
    winner = best(results, "mpjpe")
    if winner and mean_pose:
        meaning = f"smallest mean joint error ({title(winner)}); a guess has {mean_pose:.0f} mm"
        cards.append((f"{variants[winner]['mpjpe']:.0f} mm", meaning))
    control = variants.get(CONTROL, {}).get("disagreement")
    for name in CONSISTENT_VARIANTS if control else ():
        value = variants.get(name, {}).get("disagreement")
        if value is not None:
            meaning = f"disagreement between formats against the control ({title(name)})"
            cards.append((f"{_signed(100 * (value / control - 1), 0)} %", meaning))
    if checks := results["checks"]:
        cards.append((f"{sum(c['passed'] for c in checks)} of {len(checks)}", "promises hold (listed below)"))
    divs = (f'<div class="card"><b>{escape(n)}</b><span>{escape(t)}</span></div>' for n, t in cards)
    return f'<div class="cards">{"".join(divs)}</div>'


def variants_table(results: Mapping[str, Any]) -> str:
    """The averages of all variants; the best of a column is marked."""
    head = "<th>Variant</th>" + "".join(
        f"<th>{name}<br><small>{unit} {_arrow(more)}</small></th>" for name, unit, more in COLUMNS.values()
    )
    head += "".join(f"<th>{part}<br><small>mm ↓</small></th>" for part in ("in depth", "across"))
    winners = {figure: best(results, figure) for figure in COLUMNS}
    guess = [_number(results["mean_pose_mpjpe"]), *["–"] * (len(COLUMNS) + 1)]
    rows = [_row("Mean pose (a guess)", [_td(cell) for cell in guess], "guess")]
    for name, row in results["variants"].items():
        cells = [_td(with_spread(row, figure), winners[figure] == name) for figure in COLUMNS]
        cells += [_td(with_spread(row, f"disagreement_{part}")) for part in ("depth", "plane")]
        rows.append(_row(title(name), cells))
    return _table(head, rows)


def format_table(results: Mapping[str, Any], metric: str) -> str:
    """One metric: formats down, variants across."""
    variants, guess = results["variants"], results["mean_pose_formats"]
    formats = next(iter(variants.values()))["formats"] if variants else {}
    with_guess = metric == "mpjpe"
    titles = ["Format", *(["Mean pose"] if with_guess else []), *map(title, variants)]
    head = "".join(f"<th>{escape(name).replace(' ', '<br>', 1)}</th>" for name in titles)
    rows = []
    for format_name in formats:
        of_format = {name: row["formats"][format_name] for name, row in variants.items()}
        winner = best({"variants": of_format}, metric)
        cells = [_td(_number(guess.get(format_name)))] if with_guess else []
        cells += [_td(with_spread(row, metric), winner == name) for name, row in of_format.items()]
        rows.append(_row(format_name, cells))
    return _table(head, rows)


def all_format_tables(results: Mapping[str, Any]) -> list[str]:
    """MPJPE in view, the other metrics folded away."""
    first, *others = METRICS
    return [
        format_table(results, first),
        *(
            folded(f"{COLUMNS[metric][0]}, {COLUMNS[metric][1]}, per format", format_table(results, metric))
            for metric in others
        ),
    ]


def checks_table(results: Mapping[str, Any]) -> str:
    rows = []
    for check in results["checks"]:
        word, kind = ("holds", "good") if check["passed"] else ("fails", "bad")
        rows.append(
            f'<tr><td class="wrap">{escape(check["text"])}</td>'
            + "".join(_td(_check_number(check, key)) for key in ("value", "limit"))
            + f'<td><span class="{kind}">{word}</span></td></tr>'
        )
    return _table("<th>Promise</th><th>found</th><th>limit</th><th></th>", rows)


def _table(head: str, rows: Sequence[str]) -> str:
    return f'<div class="scroll"><table>\n<tr>{head}</tr>\n' + "\n".join(rows) + "\n</table></div>"


def _row(name: str, cells: Sequence[str], kind: str = "") -> str:
    start = f'<tr class="{kind}">' if kind else "<tr>"
    return f"{start}<td>{escape(name)}</td>{''.join(cells)}</tr>"


def _td(cell: str, is_best: bool = False) -> str:
    return f'<td class="best">{cell}</td>' if is_best else f"<td>{cell}</td>"


def _arrow(more_is_better: int) -> str:
    return "↑" if more_is_better > 0 else "↓"


def _check_number(check: Mapping[str, Any], key: str) -> str:
    value = check[key]
    if value is None:
        return "–"
    return f"{_signed(value) if check['unit'] == '%' else _number(value)} {check['unit']}"


def _signed(value: float, decimals: int = 1) -> str:
    return f"{value:+.{decimals}f}".replace("-", "−")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
