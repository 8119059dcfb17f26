"""Predicted and true poses, drawn over the image, from the front and from the side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from evaluation.pictures import FAINT, PALETTE, STYLE, draw_bones, edges_of_format, to_svg
from posepile.skeletons import Skeleton

FRONT, SIDE = (0, 1), (2, 1)  # the columns shown across and down: x and y, z and y
HALO = "#ffffff"


@dataclass(frozen=True, eq=False)
class PoseExamplePicture:
    """One test image with its truth and predictions."""

    name: str
    image: np.ndarray
    """[R, R, 3] uint8 RGB: the crop."""
    intrinsics: np.ndarray
    """[3, 3] px, of the crop."""
    true: np.ndarray
    """[J, 3] mm, crop camera frame, all formats; NaN where not labelled."""
    predicted: Mapping[str, np.ndarray]
    """Title of a variant -> [J, 3] mm, crop camera frame, all formats."""


def draw_all_formats(example: PoseExamplePicture, skeleton: Skeleton) -> str:
    """A row a variant: all formats' skeletons over the image, from the front and from the side."""
    formats = list(dict.fromkeys(skeleton.formats))
    limits = _limits([example.true, *example.predicted.values()])
    with matplotlib.rc_context(STYLE | {"axes.grid": False}):
        figure, grid = _grid(len(example.predicted), bottom_inches=0.35)
        for row, (title, pose) in zip(grid, example.predicted.items(), strict=True):
            _image(row[0], example, title)
            for i, name in enumerate(formats):
                edges, colour = edges_of_format(skeleton, name), PALETTE[i % len(PALETTE)]
                draw_bones(row[0], _project(pose, example.intrinsics), edges, colour, 1.0)
                for axes, view in zip(row[1:], (FRONT, SIDE), strict=True):
                    draw_bones(axes, pose[:, view], edges, colour, 1.0, alpha=0.9)
            _frame_views(row, limits)
        colours = [PALETTE[i % len(PALETTE)] for i in range(len(formats))]
        handles = [matplotlib.lines.Line2D([], [], color=colour) for colour in colours]
        figure.legend(handles, formats, loc="lower center", ncols=8, fontsize=7, columnspacing=1.0)
        return to_svg(figure, f"formats {example.name}")


def draw_each_format(example: PoseExamplePicture, skeleton: Skeleton, title: str) -> str:
    """A row a format: predicted in colour; true white over the image, grey from the front and the side."""
    formats = list(dict.fromkeys(skeleton.formats))
    pose = example.predicted[title]
    limits = _limits([example.true, pose])
    with matplotlib.rc_context(STYLE | {"axes.grid": False}):
        figure, grid = _grid(len(formats))
        for i, (name, row) in enumerate(zip(formats, grid, strict=True)):
            edges, colour = edges_of_format(skeleton, name), PALETTE[i % len(PALETTE)]
            _image(row[0], example, name)
            for points, shade, width in ((example.true, HALO, 2.2), (pose, colour, 1.3)):
                draw_bones(row[0], _project(points, example.intrinsics), edges, shade, width)
            for axes, view in zip(row[1:], (FRONT, SIDE), strict=True):
                for points, shade, width in ((example.true, FAINT, 2.2), (pose, colour, 1.3)):
                    draw_bones(axes, points[:, view], edges, shade, width)
            _frame_views(row, limits)
        return to_svg(figure, f"each {example.name} {title}")


def _grid(rows: int, bottom_inches: float = 0.05) -> tuple[Figure, np.ndarray]:
    """Rows of three square panels with titles above; placed by hand, since fitted layouts take long."""
    side, gap, head = 2.1, 0.12, 0.24
    size = np.array([3 * side + 4 * gap, rows * (side + head) + bottom_inches])
    figure = Figure(figsize=tuple(size))
    grid = np.empty((rows, 3), object)
    for i, j in np.ndindex(rows, 3):
        corner = np.array([gap + j * (side + gap), size[1] - (i + 1) * (side + head)])
        grid[i, j] = figure.add_axes((*(corner / size), *(side / size)))
    return figure, grid


def _image(axes, example: PoseExamplePicture, title: str) -> None:
    axes.imshow(example.image, interpolation="none")  # embedded as it is; the browser enlarges it
    height, width = example.image.shape[:2]
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.set_axis_off()
    axes.set_title(title, fontsize=8, loc="left", pad=3, fontweight="bold")


def _frame_views(row: Sequence, limits: np.ndarray) -> None:
    for axes, view, title in zip(row[1:], (FRONT, SIDE), ("front", "side"), strict=True):
        (x_low, x_high), (y_low, y_high) = limits[:, view].T
        axes.set(xlim=(x_low, x_high), ylim=(y_high, y_low), xticks=[], yticks=[])  # image y points down
        axes.set_title(title, fontsize=8, loc="left", pad=3)
        for spine in axes.spines.values():
            spine.set(visible=True, color=FAINT, alpha=0.4)


def _limits(poses: Sequence[np.ndarray]) -> np.ndarray:
    """[2, 3] low and high corner of one cube around all poses, so that all views have one scale."""
    points = np.concatenate([pose[np.isfinite(pose).all(axis=1)] for pose in poses])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    half = 0.54 * (points.max(axis=0) - points.min(axis=0)).max()
    return np.stack([middle - half, middle + half])


def _project(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    homogeneous = points @ np.asarray(intrinsics, np.float64).T
    return homogeneous[:, :2] / np.where(homogeneous[:, 2:] > 0, homogeneous[:, 2:], np.nan)
