"""Writes docs/skeletons/: a page and a picture of every skeleton. Run it when a skeleton changes:

python docs/skeleton_pages.py            # --check only compares the pages, as the tests do
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

from posepile import skeletons
from posepile.skeletons import Skeleton
from posepile.synthetic.body import load_body
from posepile.synthetic.formats import table_of

FOLDER = Path(__file__).parent / "skeletons"
KINDS = {
    "format": "Formats: what data sets label",
    "user": "Skeletons to ask a model for",
    "labels2d": "Labels of 2D data sets",
}
COLOURS = {"l": "#1f6fb4", "r": "#c8442e"}  # of left and right joints
VIEWS = (("front", 0), ("from its left", 1))


def main(args: list[str]) -> int:
    """Writes or checks the pages; returns the exit code."""
    pages = {FOLDER / "README.md": index_page()}
    for skeleton in shown():
        pages[FOLDER / f"{skeleton.name}.md"] = page(skeleton)
    if args == ["--check"]:
        old = [path.name for path, text in pages.items() if not path.exists() or path.read_text() != text]
        print(f"not up to date: {', '.join(old)}; run python docs/skeleton_pages.py" if old else "up to date")
        return int(bool(old))
    FOLDER.mkdir(exist_ok=True)
    for path, text in pages.items():
        path.write_text(text)
    for skeleton in shown():
        if has_picture(skeleton):
            picture(skeleton).savefig(FOLDER / f"{skeleton.name}.png", dpi=64)
    return 0


def shown() -> list[Skeleton]:
    """The skeletons with a page."""
    return [s for s in map(skeletons.load, skeletons.names()) if s.kind in KINDS and s.name]


def has_picture(skeleton: Skeleton) -> bool:
    """2D labels have no exact place on a body."""
    return skeleton.kind != "labels2d"


def index_page() -> str:
    """The list of all skeletons."""
    lines = [
        "# Skeletons",
        "",
        "Which joint is index k? Left joints are blue, right joints red in the pictures.",
    ]
    for kind, title in KINDS.items():
        lines += ["", f"## {title}", "", "| name | joints | what it is |", "|---|---|---|"]
        lines += [
            f"| [{s.name}]({s.name}.md) | {len(s)} | {s.description} |" for s in shown() if s.kind == kind
        ]
    unions = "small (3 data sets), medium (14) and large (28)"
    lines += ["", f"The unions {unions} put their formats' joints one after the other, names with a suffix:"]
    lines += [
        "`dozens skeletons show large` lists all 555, `dozens skeletons show NAME --json` is for programs.",
        "",
    ]
    return "\n".join(lines)


def page(skeleton: Skeleton) -> str:
    """Picture, joints with what they mean, and edges of one skeleton."""
    lines = [f"# {skeleton.name}: {len(skeleton)} joints", "", f"{skeleton.description}.", ""]
    if has_picture(skeleton):
        lines += [f"![{skeleton.name} on the body model]({skeleton.name}.png)", ""]
    lines += ["| index | joint | mirror | in a union | where it lies |", "|---|---|---|---|---|"]
    rows = zip(skeleton.joints, skeleton.mirror, union_names(skeleton), skeleton.definitions, strict=True)
    lines += [f"| {i} | {joint} | {m} | {name} | {text} |" for i, (joint, m, name, text) in enumerate(rows)]
    edges = ", ".join(f"{skeleton.joints[a]}–{skeleton.joints[b]}" for a, b in skeleton.edges)
    return "\n".join([*lines, "", f"Edges: {edges or 'none'}", ""])


def union_names(skeleton: Skeleton) -> tuple[str, ...]:
    """What the joints are called in a union of formats; 2D labels are in none."""
    return skeleton.union_names if has_picture(skeleton) else ("–",) * len(skeleton)


def picture(skeleton: Skeleton) -> Figure:
    """The joints, numbered, on the body model at rest."""
    body = load_body().shape()
    joints = table_of(skeleton).points(body.vertices, body.heads)[0]
    figure = Figure(figsize=(12, 9), layout="constrained")
    for axes, (title, across) in zip(figure.subplots(1, 2, width_ratios=(2, 1)), VIEWS, strict=True):
        plane = [across, 2]  # z is up
        axes.scatter(*body.vertices[0, ::4, plane], s=2, color="#dddddd", zorder=0)
        for a, b in skeleton.edges:
            axes.plot(*joints[[a, b]][:, plane].T, color="#888888", linewidth=1, zorder=1)
        for i, (joint, point) in enumerate(zip(skeleton.joints, joints[:, plane], strict=True)):
            colour = COLOURS.get(joint[0], "black")
            axes.scatter(*point, s=14, color=colour, zorder=2)
            axes.annotate(
                str(i), point, (3, 2), textcoords="offset points", fontsize=8, color=colour, zorder=3
            )
        axes.set(title=title, aspect="equal")
        axes.axis("off")
    return figure


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
