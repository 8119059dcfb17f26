"""The page: what is in one or several stores, the examples that stand out first. One file, no network."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from posepile.inspection import charts, outliers
from posepile.inspection.cards import card, edge_side, grid, points, side_of
from posepile.inspection.labels import Labels
from posepile.inspection.markup import Html, element, joined, raw
from posepile.inspection.outliers import Outlier
from posepile.inspection.statistics import Statistics
from posepile.store import Store


@dataclass(frozen=True, eq=False)
class Part:
    """One store of the page: what was found in it, and what is to be shown."""

    store: Store
    facts: dict
    """As `store.summarise` gives them."""
    labels: Labels
    statistics: Statistics
    outliers: tuple[Outlier, ...]
    n_random: int
    n_outliers: int
    seed: int
    per_batch: int | None = None
    """Its examples in a batch of the mixture; None where no mixture says so."""


def write_gallery(file: Path, title: str, parts: Sequence[Part], missing: Sequence[str] = ()) -> None:
    """Writes the page of one or several stores; `missing` are the data sets that a mixture lacks.

    Raises StoreError and ExampleError for damaged records.
    """
    data: dict[str, list] = {"skeletons": [], "examples": []}
    many = len(parts) > 1 or parts[0].per_batch is not None
    sections = [
        element(
            "section",
            element("h2", part.store.id, id=f"store{number}") if many else "",
            *_blocks(part, number, data),
        )
        for number, part in enumerate(parts)
    ]
    head = joined(
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", raw(_asset("gallery.css"))),
    )
    # "<" cannot end the element early or begin a comment in it: JSON may write it as a code
    text = json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    body = joined(
        element("header", element("h1", title), _mixture_table(parts, missing) if many else ""),
        _toolbar(),
        element("main", *sections),
        element("script", raw(text), type="application/json", id="data"),
        element("script", raw(_asset("gallery.js"))),
    )
    page = f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(page, encoding="utf-8", errors="replace")  # a lone surrogate in a tag
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _blocks(part: Part, number: int, data: dict) -> list[Html]:
    info = part.store.info
    sides = [side_of(joint) for joint in info.base_joints]
    edges = [(a, b, edge_side(sides[a], sides[b])) for a, b in info.edges]
    data["skeletons"].append({"joints": info.joints, "edges": edges, "sides": sides})
    if not len(part.store):
        return [_overview(part)]
    return [
        _overview(part), *_outlier_blocks(part, number, sides, data), *_random_blocks(part, number, sides, data),
        *_count_blocks(part), *_distribution_blocks(part.statistics),
        *_skeleton_blocks(part, [side for _, _, side in edges]),
    ]  # fmt: skip


def _overview(part: Part) -> Html:
    facts, n = part.facts, len(part.labels)
    cards = {
        "examples": f"{facts['examples']:,}", "joints": f"{len(facts['joints']):,}",
        "subjects": f"{len(facts['subjects']):,}", "cameras": f"{len(facts['cameras']):,}",
        "size": f"{facts['bytes'] / 1e6:,.1f} MB", "stand out": f"{len(part.outliers):,}",
    }  # fmt: skip
    figures = (element("div", element("b", v), element("span", k), class_="figure") for k, v in cards.items())
    all_of_them = n == len(part.store)
    which = "all" if all_of_them else f"{n:,} random examples (seed {part.seed})"
    basis = f"Counts are of all examples; distributions and outliers of {which}{'' if all_of_them else ', not of all'}."
    lines = {
        "role": facts["role"], "skeleton": f"{facts['skeleton']}, {len(facts['edges'])} bones",
        "licence": facts["licence"] or "not stated", "path": facts["path"],
        **({"rejected": f"{facts['rejected']:,}, listed in rejected.jsonl"} if facts["rejected"] else {}),
        **facts["provenance"],
    }  # fmt: skip
    pairs = (joined(element("dt", name), element("dd", value)) for name, value in lines.items())
    return joined(
        element("div", *figures, class_="figures"), element("dl", *pairs), element("p", basis, class_="soft")
    )


def _outlier_blocks(part: Part, number: int, sides: Sequence[str], data: dict) -> list[Html]:
    shown = part.outliers[: part.n_outliers]
    rules = (outliers.__doc__ or "").split("\n", 1)
    blocks = [element("h3", "Outliers first")]
    words = f"Past a limit: {len(part.outliers):,} of {len(part.labels):,} examined examples"
    hidden = len(shown) < len(part.outliers)
    blocks.append(
        element("p", f"{words}, of which the worst {len(shown):,} are here." if hidden else f"{words}.")
    )
    how = element("summary", "How the score is made")
    blocks.append(element("details", how, element("pre", rules[1].strip("\n"))))
    rows = [part.labels.rows[outlier.index] for outlier in shown]
    reasons = [(outlier.reasons, outlier.score) for outlier in shown]
    return [*blocks, _cards(part, number, rows, reasons, sides, data)]


def _random_blocks(part: Part, number: int, sides: Sequence[str], data: dict) -> list[Html]:
    n = min(part.n_random, len(part.labels))
    rows = np.random.default_rng(part.seed).permutation(part.labels.rows)[:n]
    heading = element("h3", "Random examples")
    words = element("p", f"{n:,} of {len(part.store):,}, seed {part.seed}.", class_="soft")
    return [heading, words, _cards(part, number, rows, [((), None)] * n, sides, data)]


def _cards(part: Part, number: int, rows, reasons, sides: Sequence[str], data: dict) -> Html:
    cards = []
    for example, (why, score) in zip(part.store.examples(rows), reasons, strict=True):
        cards.append(card(example, len(data["examples"]), part.store.edges, sides, why, score))
        data["examples"].append({"skeleton": number, **points(example)})
    return grid(cards)


def _count_blocks(part: Part) -> list[Html]:
    names = {"Splits": "splits", "Subjects": "subjects", "Cameras": "cameras", "Image sizes": "image_sizes"}
    panels = [charts.count_bars(title, part.facts[key], len(part.store)) for title, key in names.items()]
    return [element("h3", "Counts"), element("div", *panels, class_="panels")]


def _distribution_blocks(statistics: Statistics) -> list[Html]:
    panels = []
    if statistics.distances_mm.size:
        metres = statistics.distances_mm / 1000
        panels.append(
            charts.histogram("Distance from the camera, m", metres, "m", "Median depth of the joints")
        )
    panels.append(
        charts.histogram("Person size, px", statistics.box_sides_px, "px", "Longer side of the box")
    )
    if statistics.mask_shares.size:
        percent = 100 * statistics.mask_shares
        panels.append(charts.histogram("Mask, % of the box", percent, "%", "Share of the box that it covers"))
    return [element("h3", "Distance and size"), element("div", *panels, class_="panels")]


def _skeleton_blocks(part: Part, edge_sides: Sequence[str]) -> list[Html]:
    statistics = part.statistics
    bars = charts.joint_bars(part.store.joints, statistics.labelled, statistics.in_image, statistics.n)
    key = charts.legend(("in", "labelled and inside the image"), ("out", "labelled, outside the image"))
    blocks = [element("h3", "Joint visibility"), key, bars]
    if statistics.bones:
        words = "Box: the middle half; thick line: 90 %; thin line: all. Left and right should look alike."
        plots = charts.bone_plots(statistics.bones, edge_sides)
        blocks += [element("h3", "Bone lengths"), element("p", words, class_="soft"), plots]
    return blocks


def _mixture_table(parts: Sequence[Part], missing: Sequence[str]) -> Html:
    total, batch = sum(len(part.store) for part in parts), sum(part.per_batch or 0 for part in parts)
    names = ["store", "role", "skeleton", "joints", "examples", "share", "stand out"]
    rows = [[element("th", name) for name in (*names, *(("in a batch", "of a batch") if batch else ()))]]
    for number, part in enumerate(parts):
        n, info = len(part.store), part.store.info
        cells = [element("a", info.id, href=f"#store{number}"), info.role, info.skeleton, len(info.joints)]
        cells += [f"{n:,}", f"{n / total:.1%}" if total else "–", f"{len(part.outliers):,}"]
        cells += [part.per_batch, f"{part.per_batch / batch:.1%}"] if batch else []
        rows.append([element("td", cell) for cell in cells])
    table = element("table", *(element("tr", *row) for row in rows))
    note = (
        element("p", f"Not here: {', '.join(missing)}; the others' shares fill the batch.") if missing else ""
    )
    return joined(element("div", table, class_="scroll"), note)


def _toolbar() -> Html:
    switches = [
        element("label", element("input", type="checkbox", id=f"show-{name}", checked="" if on else None), words)
        for name, words, on in (
            ("pose", "joints", True), ("box", "box", True), ("mask", "mask", True), ("together", "turn all", False)
        )
    ]  # fmt: skip
    colours = charts.legend(("left", "left"), ("right", "right"), ("centre", "centre"))
    hint = element("span", "Drag a skeleton to turn it; point at a joint for its name.", class_="soft")
    return element("nav", *switches, colours, hint)


def _asset(name: str) -> str:
    return resources.files("posepile.inspection").joinpath("data", name).read_text(encoding="utf-8")
