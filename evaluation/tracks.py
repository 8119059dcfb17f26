"""Which detected pose is whose, image after image, for people who are followed through a recording.

Source: evaluation sheet, section 5.4 (association with labelled 2D joints).
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

MIN_CONFIDENCE = 0.2
MIN_JOINTS = 5
"""With fewer labelled joints the person's last pose is compared instead."""


def follow(
    detected: Sequence[np.ndarray], labelled: np.ndarray, confidence: np.ndarray, sizes: Sequence[np.ndarray]
) -> np.ndarray:
    """Assigns the poses found in each image to P people, so that the scores' sum is largest.

    The score of a person and a pose is the mean, over the person's labelled joints, of max(0, 1 - distance / size);
    there is no smallest one. Somebody who is not labelled and has had no pose yet gets none.

    Args:
        detected: T times [D, K, 2] px: the poses found, NaN where a joint has no place in the image.
        labelled: [P, T, K, 2] px.
        confidence: [P, T, K] of the labels; below 0.2 they do not count.
        sizes: T times [D] px: how large each pose is in the image.

    Returns:
        [P, T]: which of the D poses, -1 for none.
    """
    n_people, n_images = labelled.shape[:2]
    chosen = np.full((n_people, n_images), -1)
    last = np.full((n_people, *labelled.shape[2:]), np.nan)  # each person's pose in the image
    targets = np.where((confidence >= MIN_CONFIDENCE)[..., None], labelled, np.nan)
    for t, (poses, size) in enumerate(zip(detected, sizes, strict=True)):
        if not len(poses):
            continue
        n_labelled = np.isfinite(targets[:, t]).all(axis=-1).sum(axis=-1)
        is_held = (n_labelled < MIN_JOINTS) & np.isfinite(last).any(axis=(1, 2))
        target = np.where(is_held[:, None, None], last, targets[:, t])  # [P, K, 2]
        people = np.flatnonzero(np.isfinite(target).any(axis=(1, 2)))
        found, poses_found = linear_sum_assignment(closeness(target[people], poses, size), maximize=True)
        chosen[people[found], t] = poses_found
        last[people[found]] = poses[poses_found]
    return chosen


def closeness(target: np.ndarray, poses: np.ndarray, size: np.ndarray) -> np.ndarray:
    """[P, D] scores from 0 to 1 of targets [P, K, 2], poses [D, K, 2] and their sizes [D], all px; NaN: no joint."""
    distances = np.linalg.norm(target[:, None] - poses, axis=-1)  # [P, D, K]
    with np.errstate(invalid="ignore", divide="ignore"):
        near = np.maximum(0, 1 - distances / size[:, None])
    counted = np.isfinite(near)
    return np.where(counted, near, 0).sum(axis=-1) / np.maximum(counted.sum(axis=-1), 1)


def held(rows: np.ndarray) -> np.ndarray:
    """Fills the gaps (-1) of each row of [P, T] with what was last there, those at the start with what comes first."""
    is_known = rows >= 0
    before = np.maximum.accumulate(np.where(is_known, np.arange(rows.shape[1]), -1), axis=1)
    first = is_known.argmax(axis=1)[:, None]  # of a row with nothing in it: 0, where a -1 is
    return np.take_along_axis(rows, np.where(before < 0, first, before), axis=1)
