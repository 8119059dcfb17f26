"""Drawing a crop from its source image in one step, with supersampling, fast.

Where a pixel of the crop lies in the source is computed for every 16th pixel and interpolated between them, where
that is good to 1/50 px (OpenCV itself rounds positions to 1/32 px); elsewhere, at the rim of a lens model, for every
pixel. Only the part of the source that the crop shows is converted, and strips of the crop that fit a CPU's cache are
drawn one after another.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np

NODE_SPACING = 16
MAX_ERROR = 0.02  # px in the source
STRIP_ROWS = 32
OUTSIDE = -1e4  # a source position that no image has
_REACH = 4  # px that interpolation looks beyond a position

SourceOf = Callable[[np.ndarray], np.ndarray]
"""Pixels of the crop [..., 2] to pixels of the source [..., 2]; NaN where the source shows nothing."""

Positions = tuple[np.ndarray, np.ndarray]
"""x and y in the source, each [height * supersampling, width * supersampling] float32."""


def source_positions(source_of: SourceOf, size: tuple[int, int], supersampling: int) -> Positions:
    """Where the samples of a crop lie in its source.

    Args:
        size: (width, height) of the crop.
        supersampling: samples per pixel and axis.

    Returns:
        x and y of every sample, px of the source; OUTSIDE for NaN.
    """
    width, height = (side * supersampling for side in size)
    columns, rows = (_nodes(side) for side in (width, height))

    def source_of_sample(samples):
        return source_of((samples - (supersampling - 1) / 2) / supersampling)

    nodes = source_of_sample(np.stack(np.meshgrid(columns, rows), axis=-1))
    smooth = _is_smooth(nodes)
    nodes = np.nan_to_num(nodes, nan=0.0).clip(-1e6, 1e6).astype(np.float32)
    positions = tuple(_between_nodes(np.ascontiguousarray(nodes[..., i]), width, height) for i in (0, 1))
    if not smooth.all():
        y, x = np.nonzero(_between_nodes(smooth.astype(np.float32), width, height) < 1 - 1e-6)
        exact = np.nan_to_num(source_of_sample(np.stack([x, y], axis=-1)), nan=OUTSIDE).clip(OUTSIDE, 1e6)
        for plane, values in zip(positions, exact.T, strict=True):
            plane[y, x] = values
    return positions


def draw(
    image: np.ndarray,
    positions: Positions,
    supersampling: int,
    interpolation: int,
    decode: np.ndarray,
    encode: Callable[[np.ndarray], np.ndarray],
    shrink: float = 1.0,
) -> np.ndarray:
    """The crop: `image` at `positions`, averaged over each pixel's samples.

    Args:
        image: [h, w] or [h, w, 3] uint8.
        positions, supersampling: of `source_positions`.
        interpolation: OpenCV's constant.
        decode: [256] float32, what each pixel value stands for.
        encode: the way back, float32 to uint8; it may overwrite its argument.
        shrink: factor, at most 1, by which the source is shrunk before (area interpolation), because a crop that is
            much smaller than its source would skip pixels.

    Returns:
        [height, width] or [height, width, 3] uint8. What the source does not show is 0 before `encode`.
    """
    height, width = (side // supersampling for side in positions[0].shape)
    left, top, right, bottom = _part_shown(positions, image.shape[1::-1], shrink)
    crop = np.zeros((height, width, *image.shape[2:]), np.uint8)
    if left >= right or top >= bottom:
        return crop
    source = cv2.LUT(np.ascontiguousarray(image[top:bottom, left:right]), decode)
    factor = np.ones(2)
    if shrink < 1:
        small = tuple(max(1, round(side * shrink)) for side in source.shape[1::-1])
        factor = np.divide(small, source.shape[1::-1])
        source = cv2.resize(source, small, interpolation=cv2.INTER_AREA)
    # Corners stay corners when the source is cut and shrunk; centres are half a pixel further in
    shift = 0.5 * factor - 0.5 - factor * (left, top)
    # When halving, the linear interpolation is the mean of four, and three times as fast
    average = cv2.INTER_LINEAR if supersampling == 2 else cv2.INTER_AREA
    for row in range(0, height, STRIP_ROWS):
        strip = slice(row * supersampling, (row + STRIP_ROWS) * supersampling)
        x, y = (
            p[strip] * np.float32(f) + np.float32(s) for p, f, s in zip(positions, factor, shift, strict=True)
        )
        samples = cv2.remap(source, x, y, interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        rows = min(STRIP_ROWS, height - row)
        crop[row : row + rows] = encode(cv2.resize(samples, (width, rows), interpolation=average))
    return crop


def _nodes(side: int) -> np.ndarray:
    # As cv2.resize counts: node j of an enlargement by n lies at n j + (n - 1) / 2. One more on each side.
    return (np.arange(-(-side // NODE_SPACING) + 2) - 1) * NODE_SPACING + (NODE_SPACING - 1) / 2


def _between_nodes(nodes: np.ndarray, width: int, height: int) -> np.ndarray:
    size = (nodes.shape[1] * NODE_SPACING, nodes.shape[0] * NODE_SPACING)
    enlarged = cv2.resize(nodes, size, interpolation=cv2.INTER_LINEAR)
    return enlarged[NODE_SPACING : NODE_SPACING + height, NODE_SPACING : NODE_SPACING + width]


def _is_smooth(nodes: np.ndarray) -> np.ndarray:
    # A linear interpolation is off by at most an eighth of the second difference; NaN compares false
    smooth = np.isfinite(nodes).all(axis=-1)
    for axis, pad in ((0, ((1, 1), (0, 0))), (1, ((0, 0), (1, 1)))):
        error = np.abs(np.diff(nodes, n=2, axis=axis)).max(axis=-1) / 8
        smooth &= np.pad(error < MAX_ERROR, pad, mode="edge")
    return smooth


def _part_shown(positions: Positions, size: tuple[int, int], shrink: float) -> tuple[int, int, int, int]:
    # Every 8th sample tells where the crop lies, give or take the distance to the next one told
    y, x = (np.unique([*range(0, side, 8), side - 1]) for side in positions[0].shape)
    told = [plane[y[:, np.newaxis], x] for plane in positions]
    steps = [np.abs(np.diff(plane, axis=axis)).max(initial=0.0) for plane in told for axis in (0, 1)]
    margin = max(steps) + _REACH / shrink
    low = [max(0, math.floor(plane.min() - margin)) for plane in told]
    high = [min(side, math.ceil(plane.max() + margin) + 1) for plane, side in zip(told, size, strict=True)]
    return (*low, *high)
