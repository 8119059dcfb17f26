"""Pictures of a document of `benchmark_results`, as SVG files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from evaluation.pictures import PALETTE, STYLE, Curves, draw_curves, to_svg

KINDS = {"relative": "root-relative", "aligned": "after Procrustes alignment", "absolute": "absolute"}


def write_plots(found: Mapping[str, Any], folder: Path) -> list[Path]:
    """Writes what there is: PCK curves, error by joint, by distance, by group. Returns the files."""
    details = {name: row["details"] for name, row in found["models"].items() if row["details"]}
    drawings = {}
    for kind, title in KINDS.items() if details else ():
        drawings[f"pck_{kind}"] = draw_curves(_pck(details, kind, title))
    if details:
        drawings["by_joint"] = _bars(
            "MPJPE by joint, mm", {name: d["mpjpe_by_joint"] for name, d in details.items()}
        )
        drawings["by_distance"] = draw_curves(_by_distance(details))
    first = next(iter(found["models"].values()))
    for kind, groups in first["groups"].items():
        name = next(iter(next(iter(groups.values()), {})), None)
        if name:
            figure = first["figures"][name]
            bars = {
                model: {label: row["groups"][kind][label][name] for label in groups}
                for model, row in found["models"].items()
            }
            drawings[f"by_{kind}"] = _bars(f"{figure['label']} by {kind}, {figure['unit']}", bars)
    paths = []
    for name, svg in drawings.items():
        paths.append(folder / f"{name}.svg")
        paths[-1].write_text(_standalone(svg), encoding="utf-8")
    return paths


def _pck(details: Mapping[str, Any], kind: str, title: str) -> Curves:
    lines = {
        name: (d["pck_curves"]["threshold_mm"], d["pck_curves"][kind])
        for name, d in details.items()
        if d["pck_curves"][kind]
    }
    return Curves(f"Correct joints, {title}", "threshold, mm", "joints below it, %", lines)


def _by_distance(details: Mapping[str, Any]) -> Curves:
    lines = {
        name: (
            [c["from_m"] + 0.5 for c in d["mpjpe_by_distance"]],
            [c["mpjpe"] for c in d["mpjpe_by_distance"]],
        )
        for name, d in details.items()
    }
    return Curves("Error by distance", "root to camera, m", "MPJPE, mm", lines)


def _bars(title: str, models: Mapping[str, Mapping[str, float | None]]) -> str:
    """Labels down, a bar for each model."""
    labels = list(next(iter(models.values())))
    height = 0.8 / len(models)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 1.0 + 0.24 * len(labels)), layout="constrained")
        axes = figure.add_subplot()
        for i, (name, values) in enumerate(models.items()):
            widths = [np.nan if values.get(label) is None else values[label] for label in labels]
            places = np.arange(len(labels)) + (i - (len(models) - 1) / 2) * height
            axes.barh(places, widths, height, label=name, color=PALETTE[i % len(PALETTE)])
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(
            len(labels) - 0.4, -0.6
        )  # margins in proportion would be a page of nothing for 555 joints
        axes.set_title(title)
        if len(models) > 1:
            figure.legend(loc="outside lower center", ncols=2, fontsize=8)
        return to_svg(figure, title)


def _standalone(svg: str) -> str:
    """`currentColor` is for pages; a file by itself is black on white."""
    return svg.replace("<svg ", '<svg style="color:#111;background:#fff" ', 1) + "\n"
