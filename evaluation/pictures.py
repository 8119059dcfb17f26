"""Pictures of a report as SVG text: learning curves, autoencoder weights, latents on a body, predicted poses.

Ink is `currentColor`, so that a page's own text colour draws axes and labels, in light and in dark.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from evaluation.body import facing_frame
from posepile.skeletons import Skeleton

INK = "#010203"  # replaced by currentColor
FAINT = "#8a8f98"  # readable on white and on near-black
PATH = re.compile(r'<path d="[^"]*"')
FEW_POINTS = 12  # which a line shows one by one
DECIMALS = re.compile(r"(\.\d\d)\d+")
"""Matplotlib writes millionths of a point; hundredths are enough and halve a page of poses."""
PALETTE = ("#3b82c4", "#e07b39", "#3a9d6e", "#b2559c", "#c9a227", "#6b6fc9", "#c0504d", "#4aa3a8")
POSITIVE, NEGATIVE = "#3b82c4", "#e07b39"
SIDE_COLOURS = {"left": "#3b82c4", "right": "#e07b39", "centre": "#3a9d6e"}
STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "path.simplify_threshold": 0.5,
}


@dataclass(frozen=True)
class Curves:
    """One panel of lines."""

    title: str
    x_label: str
    y_label: str
    lines: dict[str, tuple[Sequence[float], Sequence[float]]]
    """Label -> x and y values."""
    caption: str = ""
    log_y: bool = False


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """An autoencoder to draw."""

    w1: np.ndarray
    """[J, L] joints to latents."""
    w2: np.ndarray
    """[L, J] latents to joints."""
    skeleton: Skeleton
    """Of the J joints, with formats and edges."""
    latents_sided: int
    """Latents at the front that are left (first half) and right (second half)."""
    poses: np.ndarray
    """[n, J, 3] mm, any frame: poses from which a typical one is made to draw the latents on."""
    facts: dict[str, str] = field(default_factory=dict)
    """Shown beside the pictures, e.g. "PCK@1cm" -> "93 %"."""


def draw_curves(curves: Curves) -> str:
    """Lines over steps, with a legend below."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.1), layout="constrained")
        axes = figure.add_subplot()
        for i, (label, (x, y)) in enumerate(curves.lines.items()):
            marker = "o" if len(x) <= FEW_POINTS else None  # a single point is no line
            axes.plot(
                x, y, label=label, color=PALETTE[i % len(PALETTE)], linewidth=1.6, marker=marker, markersize=4
            )
        axes.set(title=curves.title, xlabel=curves.x_label, ylabel=curves.y_label)
        if curves.log_y:
            axes.set_yscale("log")
        if len(curves.lines) > 1:
            figure.legend(loc="outside lower center", ncols=2, fontsize=8)
        return to_svg(figure, f"curves {curves.title}")


def draw_weights(acae: Autoencoder) -> str:
    """Both matrices, latents down, joints across, grouped by format; blue is positive, orange negative."""
    n_joints, n_latents = acae.w1.shape
    with matplotlib.rc_context(STYLE | {"axes.grid": False}):
        figure = Figure(figsize=(max(6.0, n_joints / 24), 2 * (0.5 + n_latents / 16)), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        _weight_panel(upper, acae.w1.T, acae, "Encoder: how much of each joint goes into a latent point")
        _weight_panel(lower, acae.w2, acae, "Decoder: how much of each latent point makes up a joint")
        upper.tick_params(labelbottom=False)
        return to_svg(figure, "weights")


def draw_latents(acae: Autoencoder, edge_format: str = "smpl") -> str:
    """Latent points (dots) on a typical pose (thin lines), from the front and from the side."""
    pose = facing_frame(acae.poses, acae.skeleton)  # [J, 3] x to the person's left, y up, z forward
    latents = acae.w1.T @ pose
    half = acae.latents_sided // 2
    colours = [SIDE_COLOURS["left"]] * half + [SIDE_COLOURS["right"]] * half
    colours += [SIDE_COLOURS["centre"]] * (len(latents) - len(colours))
    with matplotlib.rc_context(STYLE | {"axes.grid": False}):
        figure = Figure(figsize=(6.4, 5.2), layout="constrained")
        points = np.concatenate([pose, latents])
        low, high = points.min(axis=0) - 60, points.max(axis=0) + 60
        widths = [(high - low)[column] for column in (0, 2)]
        panels = figure.subplots(1, 2, sharey=True, width_ratios=widths)
        for axes, column, name in zip(panels, (0, 2), ("front", "side"), strict=True):
            axes.set(xlim=(low[column], high[column]), ylim=(low[1], high[1]))
            draw_bones(axes, pose[:, [column, 1]], edges_of_format(acae.skeleton, edge_format), FAINT, 1.4)
            axes.scatter(pose[:, column], pose[:, 1], s=3, color=FAINT, alpha=0.6, linewidths=0)
            axes.scatter(
                latents[:, column], latents[:, 1], s=34, c=colours, edgecolors=INK, linewidths=0.6, zorder=3
            )
            for i, point in enumerate(latents):
                axes.annotate(
                    str(i), point[[column, 1]], xytext=(3, 3), textcoords="offset points", fontsize=5.5
                )
            axes.set_aspect("equal")
            axes.set_axis_off()
            axes.set_title(f"from the {name}")
        return to_svg(figure, "latents")


def to_svg(figure: Figure, salt: str) -> str:
    """The figure as an <svg> element without XML head; the same figure gives the same text."""
    with matplotlib.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        FigureCanvasSVG(figure)
        figure.patch.set_alpha(0)
        for axes in figure.axes:
            axes.patch.set_alpha(0)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = text.getvalue()
    svg = (
        svg[svg.index("<svg") :]
        .replace(INK, "currentColor")
        .replace("stroke: #000000", "stroke: currentColor")
    )
    svg = PATH.sub(lambda path: DECIMALS.sub(r"\1", path.group()), svg)
    return svg.replace("<svg ", '<svg role="img" ', 1)


def _weight_panel(axes, matrix: np.ndarray, acae: Autoencoder, title: str) -> None:
    """matrix: [L, J]. Colour is by sign, opacity by size, full at the 99th percentile of non-zeros."""
    size = np.abs(matrix)
    full = np.percentile(size[size > 1e-3], 99) if (size > 1e-3).any() else 1.0
    image = np.zeros((*matrix.shape, 4))
    for sign, colour in ((1, POSITIVE), (-1, NEGATIVE)):
        image[np.sign(matrix) == sign, :3] = matplotlib.colors.to_rgb(colour)
    image[..., 3] = np.clip(size / full, 0, 1)
    axes.imshow(
        image, aspect="auto", interpolation="nearest", extent=(0, matrix.shape[1], matrix.shape[0], 0)
    )
    half, sided = acae.latents_sided // 2, acae.latents_sided
    for edge in (half, sided):
        axes.axhline(edge, color=FAINT, linewidth=0.8)
    places = [(0, half, "left"), (half, sided, "right"), (sided, matrix.shape[0], "centre")]
    shown = [((a + b) / 2, name) for a, b, name in places if b > a]
    axes.set_yticks([place for place, _ in shown], [name for _, name in shown])
    groups = _runs(acae.skeleton.formats)
    for start, _, _ in groups[1:]:
        axes.axvline(start, color=FAINT, linewidth=0.8)
    axes.set_xticks([(start + stop) / 2 for start, stop, _ in groups], [name for _, _, name in groups])
    axes.tick_params(length=0)
    axes.set_title(f"{title} (full colour: {full:.2f})", loc="left")


def _runs(formats: Sequence[str]) -> list[tuple[int, int, str]]:
    """Stretches of equal values: (start, stop, value)."""
    starts = [i for i, name in enumerate(formats) if i == 0 or formats[i - 1] != name]
    return [(a, b, formats[a]) for a, b in zip(starts, [*starts[1:], len(formats)], strict=True)]


def edges_of_format(skeleton: Skeleton, format_name: str) -> list[tuple[int, int]]:
    chosen = format_name if format_name in skeleton.formats else skeleton.formats[0]
    return [(a, b) for a, b in skeleton.edges if skeleton.formats[a] == chosen]


def draw_bones(axes, points: np.ndarray, edges, colour, width: float, **style) -> None:
    """points: [J, 2]; one line for all edges, broken by NaN, keeps the file small."""
    if not edges:
        return
    ends = np.array(edges)
    broken = np.full((len(ends), 3, 2), np.nan)
    broken[:, 0], broken[:, 1] = points[ends[:, 0]], points[ends[:, 1]]
    x, y = broken.reshape(-1, 2).T
    axes.plot(x, y, color=colour, linewidth=width, solid_capstyle="round", **style)
