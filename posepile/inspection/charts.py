"""Charts as SVG and HTML without a script: bars, histograms, box plots. Colours come from the style sheet."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from posepile.inspection.markup import Html, element, joined
from posepile.inspection.statistics import Bone

LISTED = 12
BINS = 30
WIDTH, HEIGHT, MARGIN = 320, 130, 18  # of a histogram, px


def count_bars(title: str, counts: Mapping[str, int], total: int) -> Html:
    """Counts by name, of `total`: the first LISTED as bars, the others folded away."""
    largest = max(counts.values(), default=1)
    rows = [_bar(name or "(none)", n / largest, f"{n:,}", f"{n / total:.1%}") for name, n in counts.items()]
    parts = [*rows[:LISTED]]
    if rest := rows[LISTED:]:
        summary = element("summary", f"{len(rest):,} more")
        parts.append(element("details", summary, element("div", *rest, class_="bars")))
    heading = element("h4", title, " ", element("small", f"{len(counts):,}"))
    return element("div", heading, element("div", *parts, class_="bars"), class_="panel")


def histogram(title: str, values: np.ndarray, unit: str, note: str = "") -> Html:
    """How often which values are; the axis ends at round numbers."""
    heading = element("h4", title)
    if not values.size:
        return element("div", heading, element("p", "nothing to count", class_="soft"), class_="panel")
    ticks = _round_ticks(float(values.min()), float(values.max()))
    low, high = ticks[0], ticks[-1]
    counts, _ = np.histogram(values, BINS, (low, high))
    step, plot = WIDTH / BINS, HEIGHT - MARGIN
    bars = [
        element("rect", x=i * step + 0.5, width=step - 1, y=plot - h, height=h)
        for i, h in enumerate((counts / counts.max() * (plot - 4)).tolist())
        if h
    ]
    marks = [_tick((tick - low) / (high - low) * WIDTH, f"{tick:,g}") for tick in ticks]
    median = float(np.median(values))
    line_x = (median - low) / (high - low) * WIDTH
    line = element("line", x1=line_x, x2=line_x, y1=0, y2=plot, class_="median")
    words = (
        f"median {median:,.3g} {unit}, 90 % between {_quantile(values, 0.05)} and {_quantile(values, 0.95)}"
    )
    svg = element(
        "svg", *bars, line, *marks, viewBox=f"-14 0 {WIDTH + 28} {HEIGHT}", role="img",
        aria_label=f"{title}: {words}", class_="histogram",
    )  # fmt: skip
    caption = element("p", words + (f". {note}" if note else ""), class_="soft")
    return element("div", heading, svg, caption, class_="panel")


def bone_plots(bones: Sequence[Bone], sides: Sequence[str]) -> Html:
    """A box plot an edge on one axis, the two sides of the body below each other, with mean and deviation."""
    lengths = [bone.quantiles_mm[-1] for bone in bones if bone.quantiles_mm]
    ticks = _round_ticks(0.0, max(lengths, default=1.0))
    rows = [_bone_row(bones[k], ticks[-1], sides[k]) for k in _paired(bones)]
    axis = element(
        "svg", *(_tick(tick / ticks[-1] * WIDTH, f"{tick:,g}", 12) for tick in ticks),
        viewBox=f"-14 0 {WIDTH + 28} 18", class_="axis",
    )  # fmt: skip
    foot = element("div", element("span", "mm"), axis, element("span", "mean ± sd, mm"), class_="bone foot")
    return element("div", *rows, foot, class_="bones")


def joint_bars(joints: Sequence[str], labelled: np.ndarray, in_image: np.ndarray, n: int) -> Html:
    """For each joint the share of examples that label it, and of these the share inside the image."""
    rows = []
    for joint, known, inside in zip(joints, labelled.tolist(), in_image.tolist(), strict=True):
        share = inside / known if known else 0.0
        track = element(
            "span",
            element("i", style=_width(known / n)),
            element("b", style=_width(inside / n)),
            class_="track",
        )
        numbers = f"{known / n:.0%}", f"{share:.0%}" if known else "–"
        cells = (element("span", joint, class_="name"), track, *(element("span", v) for v in numbers))
        rows.append(element("div", *cells, class_="bar"))
    head = (element("span", word) for word in ("joint", "", "labelled", "in image"))
    return element("div", element("div", *head, class_="bar head"), *rows, class_="bars joints")


def _bar(name: str, share: float, *numbers: str) -> Html:
    track = element("span", element("i", style=_width(share)), class_="track")
    cells = (element("span", number) for number in numbers)
    return element("div", element("span", name, class_="name", title=name), track, *cells, class_="bar")


def _width(share: float) -> str:
    return f"width:{100 * share:.1f}%"


def _tick(x: float, text: str, y: float = HEIGHT - 5) -> Html:
    return element("text", text, x=x, y=y, text_anchor="middle")


def _bone_row(bone: Bone, largest: float, side: str) -> Html:
    name = element("span", "–".join(bone.joints), class_="name")
    if bone.quantiles_mm is None:
        return element("div", name, element("span"), element("span", "never labelled"), class_="bone soft")
    low, p5, p25, p50, p75, p95, high = (q / largest * WIDTH for q in bone.quantiles_mm)
    marks = (
        element("line", x1=low, x2=high, y1=8, y2=8, class_="range"),
        element("line", x1=p5, x2=p95, y1=8, y2=8),
        element("rect", x=p25, width=max(p75 - p25, 1.0), y=3, height=10),
        element("line", x1=p50, x2=p50, y1=2, y2=14, class_="median"),
    )
    svg = element("svg", *marks, viewBox=f"-14 0 {WIDTH + 28} 16", class_=side, aria_hidden="true")
    number = element("span", f"{bone.mean_mm:,.0f} ± {bone.std_mm:,.0f}", title=f"{bone.n:,} examples")
    return element("div", name, svg, number, class_="bone")


def _paired(bones: Sequence[Bone]) -> list[int]:
    """Their order with the left and the right bone next to each other, otherwise as it is."""

    def without_side(bone: Bone) -> tuple[str, ...]:
        return tuple(sorted(name[1:] if name[0] in "lr" else name for name in bone.joints))

    first: dict[tuple[str, ...], int] = {}
    for k, bone in enumerate(bones):
        first.setdefault(without_side(bone), k)
    return sorted(range(len(bones)), key=lambda k: first[without_side(bones[k])])


def _round_ticks(low: float, high: float) -> list[float]:
    """3 to 7 round numbers, the first not above `low` and the last not below `high`."""
    span = max(high - low, 1e-3 * max(abs(high), 1.0))
    size = 10 ** math.floor(math.log10(span / 3))
    step = next(s for s in (size, 2 * size, 5 * size, 10 * size) if span / s <= 5)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(k * step, 10) for k in range(first, max(last, first + 1) + 1)]


def _quantile(values: np.ndarray, q: float) -> str:
    return f"{float(np.quantile(values, q)):,.3g}"


def legend(*pairs: tuple[str, str]) -> Html:
    """Names of colours: (class, words)."""
    return element("p", *(joined(element("i", class_=c), " ", w, " ") for c, w in pairs), class_="legend")
