"""Outliers: examples whose labels are implausible, the worst first, each with its reasons in words.

Every rule measures one quantity and has a limit. An example that is past the limit gets points: how many
times the limit it has reached, at most WORST; its score is the sum over the rules. "Usual" means the median
of the examined examples, and a spread is 1.4826 times the median absolute deviation, which a few gross errors
do not move. Lengths, distances and sizes are compared as logarithms, so that half and double count alike.

    bone        length / usual length, after the person's own size is divided out: limit 5 spreads (of at
                least 8 % each) and 40 mm
    body        all bones together against their usual length: limit 5 spreads (of at least 10 % each)
    camera      joints behind the camera's image plane: any is past the limit
    box         fewer than 4 joints in the box (what the merge filter of the paper's piles refuses), or more
                than 30 % of the joints in the image outside the box enlarged by half
    image       more than 60 % of the joints outside the image
    distance    from the camera: limit 5 spreads (of at least 15 % each)
    size        the box's longer side: limit 5 spreads (of at least 15 % each), or below 24 px
    mask        covers less than 5 % of the box
    alignment   less than 30 % of the joints are on the mask, where 60 % or more usually are
    labels      fewer than a quarter of the usual number of joints is labelled
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from posepile import boxes
from posepile.inspection.labels import Labels
from posepile.inspection.statistics import bone_lengths, distances, row_median

WORST = 10.0
SPREADS = 5.0
BONE_SPREAD, BODY_SPREAD, DISTANCE_SPREAD, SIZE_SPREAD = (math.log(1 + s) for s in (0.08, 0.1, 0.15, 0.15))
BONE_MM = 40.0
SHORTEST_MM = 10.0  # a shorter bone's ratio says nothing
BONES_FOR_A_SIZE = 5  # a person's own size is the median over his bones: of at least so many
JOINTS_IN_BOX = 4
OUTSIDE_BOX, ENLARGED, OUTSIDE_IMAGE = 0.3, 1.5, 0.6
SMALLEST_BOX_PX = 24.0
MASK_SHARE, ON_MASK, USUALLY_ON_MASK = 0.05, 0.3, 0.6
FEW_LABELS = 0.25


class Outlier(NamedTuple):
    """An example that is worth a look."""

    index: int
    """Among the examined examples."""
    score: float
    reasons: tuple[str, ...]
    """The weightiest first."""


Points = tuple[np.ndarray, Callable[[int], str]]
"""Of one rule: [n] points, 0 for a plausible example, and the reason in words for the example i."""


def find_outliers(
    labels: Labels, joints: Sequence[str], edges: Sequence[tuple[int, int]]
) -> tuple[Outlier, ...]:
    """All examples that are past a limit of the rules above, by falling score."""
    if not len(labels):
        return ()
    rules = [
        *_bone_rules(labels, joints, edges), _behind_camera(labels), _out_of_box(labels), _out_of_image(labels),
        _distance(labels), _size(labels), _mask(labels), _alignment(labels), _few_labels(labels),
    ]  # fmt: skip
    points = np.stack([np.minimum(np.nan_to_num(p), WORST) for p, _ in rules], axis=1)  # [n, rules]
    scores = points.sum(axis=1)
    found = []
    for i in np.flatnonzero(scores):
        order = [k for k in np.argsort(-points[i], kind="stable") if points[i, k] > 0]
        found.append(Outlier(int(i), float(scores[i]), tuple(rules[k][1](i) for k in order)))
    return tuple(sorted(found, key=lambda outlier: (-outlier.score, outlier.index)))


def _bone_rules(labels: Labels, joints: Sequence[str], edges: Sequence[tuple[int, int]]) -> list[Points]:
    lengths = bone_lengths(labels.world, edges)  # [n, E]
    usual = np.maximum(row_median(lengths.T), SHORTEST_MM)  # [E]
    ratios = np.log(np.maximum(lengths, 1.0) / usual)
    body = row_median(ratios)
    body[np.isfinite(ratios).sum(axis=1) < BONES_FOR_A_SIZE] = 0  # [n]
    expected = usual * np.exp(body)[:, np.newaxis]  # mm
    residuals = ratios - body[:, np.newaxis]
    spreads = _spread(residuals, BONE_SPREAD)
    deviations = np.abs(residuals) / (SPREADS * spreads)
    deviations[~(np.abs(lengths - expected) > BONE_MM)] = 0
    deviations[~(deviations > 1)] = 0

    def bone_words(i: int) -> str:
        k = int(deviations[i].argmax())
        others = int((deviations[i] > 0).sum()) - 1
        more = f" (and {_count(others, 'more bone')})" if others else ""
        bone = "–".join(joints[j] for j in edges[k])
        return f"bone {bone} is {lengths[i, k]:,.0f} mm, expected about {expected[i, k]:,.0f} mm{more}"

    def body_words(i: int) -> str:
        return f"all bones together are {math.exp(body[i]):.2g} times their usual length"

    worst = deviations.max(axis=1, initial=0)
    return [(worst, bone_words), (_past(_unusual(body, BODY_SPREAD)), body_words)]


def _behind_camera(labels: Labels) -> Points:
    behind = (labels.depths <= 0).sum(axis=1)
    shares = behind / np.maximum(labels.labelled.sum(axis=1), 1)
    points = np.where(behind, 2 + (WORST - 2) * shares, 0)
    return points, lambda i: f"{_count(behind[i], 'joint')} behind the camera"


def _out_of_box(labels: Labels) -> Points:
    inside = (labels.labelled & boxes.contains(labels.boxes, labels.pixels)).sum(axis=1)
    near = labels.in_image & boxes.contains(boxes.expand(labels.boxes, ENLARGED), labels.pixels)
    total, visible = labels.labelled.sum(axis=1), labels.in_image.sum(axis=1)
    outside = 1 - near.sum(axis=1) / np.maximum(visible, 1)  # boxes end at the image, people need not
    outside[visible == 0] = 0
    few = (inside < JOINTS_IN_BOX) & (total >= JOINTS_IN_BOX)
    points = np.where(few, 5 + outside, _past(outside / OUTSIDE_BOX))

    def words(i: int) -> str:
        if few[i]:
            return f"only {inside[i]} of {_count(total[i], 'joint')} in the box"
        return f"{_percent(outside[i])} of the joints in the image are far outside the box"

    return points, words


def _out_of_image(labels: Labels) -> Points:
    total = labels.labelled.sum(axis=1)
    outside = 1 - labels.in_image.sum(axis=1) / np.maximum(total, 1)
    points = np.where(total > 0, _past(outside / OUTSIDE_IMAGE), 0)
    return points, lambda i: f"{_percent(outside[i])} of the joints are outside the image"


def _distance(labels: Labels) -> Points:
    far = distances(labels)
    far[~(far > 0)] = np.nan  # behind the camera: another rule
    points = _past(_unusual(np.log(far), DISTANCE_SPREAD))
    usual = np.median(far[np.isfinite(far)]) if np.isfinite(far).any() else np.nan
    return points, lambda i: f"{far[i] / 1000:.3g} m from the camera, usually {usual / 1000:.3g} m"


def _size(labels: Labels) -> Points:
    sides = labels.boxes[:, 2:].max(axis=1)
    points = np.maximum(
        _past(_unusual(np.log(sides), SIZE_SPREAD)), _past(SMALLEST_BOX_PX / np.maximum(sides, 1e-3))
    )
    usual = np.median(sides)
    return points, lambda i: f"box of {sides[i]:.0f} px, usually {usual:.0f} px"


def _mask(labels: Labels) -> Points:
    shares = labels.mask_shares
    points = _past(MASK_SHARE / np.maximum(shares, MASK_SHARE / WORST))
    return points, lambda i: f"mask covers {_percent(shares[i])} of the box"


def _alignment(labels: Labels) -> Points:
    on_mask = labels.on_mask
    known = np.isfinite(on_mask)
    if not known.any() or np.median(on_mask[known]) < USUALLY_ON_MASK:
        on_mask = np.full(len(labels), np.nan)
    points = _past(ON_MASK / np.maximum(on_mask, ON_MASK / WORST))
    return points, lambda i: f"{_percent(on_mask[i])} of the joints are on the mask"


def _few_labels(labels: Labels) -> Points:
    total = labels.labelled.sum(axis=1)
    usual = np.median(total)
    points = _past(FEW_LABELS * usual / np.maximum(total, 1))
    return points, lambda i: f"{_count(total[i], 'joint')} labelled, usually {usual:.0f}"


def _unusual(values: np.ndarray, smallest_spread: float) -> np.ndarray:
    """[n] how many times the limit of SPREADS a value differs from the median of all. NaN stays NaN."""
    column = values[:, np.newaxis]
    return np.abs(values - row_median(column.T)) / (SPREADS * _spread(column, smallest_spread)[0])


def _spread(values: np.ndarray, smallest: float) -> np.ndarray:
    """[k] robust standard deviations of the columns of [n, k]; not below `smallest`."""
    deviations = np.abs(values - row_median(values.T))
    return np.fmax(1.4826 * row_median(deviations.T), smallest)


def _past(times_the_limit: np.ndarray) -> np.ndarray:
    """Points: 0 within the limit, and for NaN."""
    return np.where(times_the_limit > 1, times_the_limit, 0.0)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _percent(share: float) -> str:
    return "under 1 %" if share < 0.01 else f"{100 * share:.0f} %"
