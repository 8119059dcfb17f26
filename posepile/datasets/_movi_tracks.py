"""Keypoints of people in a phone's video of BML-MoVi: who is who over time, and which marker centre is which."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

FIRST = 5  # of COCO's 17 keypoints: before it comes the face
JOINTS = tuple(f"{side}{name}" for name in ("sho", "elb", "wri", "hip", "kne", "ank") for side in "lr")
MIN_SCORE = 0.2  # of a keypoint
MAX_STEP = 0.25  # between two frames, in heights of the person
MAX_GAP = 10  # frames in which a person may be overlooked

PointsAt = Callable[[np.ndarray], np.ndarray]
"""Times [T] in s since the markers' first row to centres [T, 12, 3] mm, NaN where they are not known."""


class Clip(NamedTuple):
    """Some frames of one person: their times [F] in s and the keypoints [F, 12, 2] px, NaN where not seen."""

    times: np.ndarray
    pixels: np.ndarray

    @property
    def n_seen(self) -> int:
        return int(np.isfinite(self.pixels).all(axis=-1).sum())

    def pairs(self, points_at: PointsAt, offset: float) -> tuple[np.ndarray, np.ndarray]:
        """Points [n, 3] mm and pixels [n, 2], where both are known at this time offset."""
        points = points_at(self.times - offset)
        known = np.isfinite(points).all(axis=-1) & np.isfinite(self.pixels).all(axis=-1)
        return points[known], self.pixels[known]


def tracks_of(people: Sequence[np.ndarray]) -> np.ndarray:
    """People with a place each, as far as they move little from frame to frame.

    Args:
        people: of each frame, COCO's 17 keypoints [n, 17, 3] of everybody: x, y in px, score.

    Returns:
        [T, P, 12, 2] px in the order of JOINTS; NaN where not seen. A place may be taken by another person later.
    """
    n_places = max((len(found) for found in people), default=0)
    tracks = np.full((len(people), n_places, len(JOINTS), 2), np.nan)
    last = np.full((n_places, len(JOINTS), 2), np.nan)
    age = np.full(n_places, MAX_GAP + 1)
    for i, found in enumerate(people):
        age += 1
        last[age > MAX_GAP] = np.nan
        keypoints = np.asarray(found, float).reshape(-1, FIRST + len(JOINTS), 3)[:, FIRST:]
        keypoints = np.where(keypoints[..., 2:] >= MIN_SCORE, keypoints[..., :2], np.nan)
        for place, person in _places(last, keypoints, age):
            tracks[i, place] = keypoints[person]
            last[place], age[place] = keypoints[person], 0
    return tracks


def _places(last: np.ndarray, keypoints: np.ndarray, age: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (place, person): the nearest first, then the places that were empty for longest."""
    distance = _distance(last[:, np.newaxis], keypoints[np.newaxis])
    pairs, places, persons = [], set(range(len(last))), set(range(len(keypoints)))
    for place, person in zip(*np.unravel_index(np.argsort(distance, axis=None), distance.shape), strict=True):
        if distance[place, person] < MAX_STEP and place in places and person in persons:
            pairs.append((int(place), int(person)))
            places.remove(place)
            persons.remove(person)
    oldest = sorted(places, key=lambda place: -age[place])
    return pairs + list(zip(oldest, sorted(persons), strict=False))


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Median distance of keypoints [..., 12, 2], in heights of `b`; infinite where none is seen in both."""
    both = np.isfinite(a).all(axis=-1) & np.isfinite(b).all(axis=-1)
    distance = np.where(both, np.linalg.norm(a - b, axis=-1), np.nan)
    vertical = np.where(np.isfinite(b[..., 1]), b[..., 1], np.nan)
    some = both.any(axis=-1)
    height = np.where(some[..., np.newaxis], vertical, 0)
    height = np.nanmax(height, axis=-1) - np.nanmin(height, axis=-1)
    median = np.nanmedian(np.where(some[..., np.newaxis], distance, 0), axis=-1)
    return np.where(some, median / np.maximum(height, 1.0), np.inf)
