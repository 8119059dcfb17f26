"""When a phone's video shows the motion of BML-MoVi's markers: a scan of time offsets that needs no camera.

In each second of the video the person's points are fitted by an affine camera that may pan; it fits at the right
time offset, and at wrong ones only while the person stands still.
"""

from typing import NamedTuple

import numpy as np

from posepile.datasets._movi_tracks import PointsAt

RANGE, N_OFFSETS = (-20.0, 40.0), 300  # s, and how many offsets are tried in it
RADIUS = 60.0  # px: a tenth of a second wrong and an affine camera must still count
N_FRAMES = 5  # of a second
MAX_WINDOWS = 80  # seconds that are looked at, all over the video
MIN_POINTS = 10  # of a window; the affine camera that pans has 10 unknowns, a point gives two equations
MIN_KNOWN = 0.2  # of the points that an offset could know at most
N_ROUNDS = 6
MIN_DISTANCE = 0.5  # s, between two candidates
N_CANDIDATES = 5


class Candidate(NamedTuple):
    """A time offset in s, its score, greater is better, and which person of each frame's tracks it is [T], -1: none."""

    offset: float
    score: float
    person: np.ndarray


def scan(tracks: np.ndarray, rate: float, points_at: PointsAt) -> list[Candidate]:
    """The likeliest time offsets, best first; at most 5.

    Args:
        tracks: [T, P, J, 2] px, of person p in each frame; NaN where a joint is not seen.
        rate: frames a second.
        points_at: the markers.

    Returns:
        The offset is the video's time at the markers' first row.
    """
    if not np.isfinite(tracks).all(axis=-1).any():
        return []
    frames = _windows(len(tracks), rate)
    times = frames / rate
    pixels = np.moveaxis(tracks[frames], 2, 1)  # [W, P, F, J, 2]
    seen = np.isfinite(pixels).all(axis=-1)
    offsets = np.linspace(*RANGE, N_OFFSETS)
    tried = [_fit(pixels, seen, points_at((times - o).ravel()).reshape(*times.shape, -1, 3)) for o in offsets]
    fits, counts = (np.stack(parts) for parts in zip(*tried, strict=True))  # [offsets, W, P]
    scores = _scores(fits.max(axis=2).sum(axis=1), counts.max(axis=2).sum(axis=1))
    found: list[Candidate] = []
    for i in np.argsort(-scores):
        is_new = all(abs(offsets[i] - other.offset) >= MIN_DISTANCE for other in found)
        if scores[i] > 0 and is_new and len(found) < N_CANDIDATES:
            found.append(
                Candidate(float(offsets[i]), float(scores[i]), _persons(fits[i], frames, len(tracks)))
            )
    return found


def _scores(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """How far the mean of each offset's fits is above the usual one; the fewer of the points are known, the less."""
    if not counts.any():
        return np.zeros(len(counts))
    share = counts / counts.max()
    means = sums / np.maximum(counts, 1)
    is_enough = share >= MIN_KNOWN
    return np.where(is_enough, (means - np.median(means[is_enough])) * np.sqrt(share), 0)


def _windows(n_frames: int, rate: float) -> np.ndarray:
    """[W, 5] frames: five in each of at most 80 seconds."""
    n_seconds = max(int(n_frames / rate), 1)
    seconds = np.unique(np.linspace(0, n_seconds - 1, min(n_seconds, MAX_WINDOWS)).round())
    places = seconds[:, np.newaxis] + (np.arange(N_FRAMES) + 0.5) / N_FRAMES
    return np.minimum((places * rate).astype(int), n_frames - 1)


def _fit(pixels: np.ndarray, seen: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of max(0, 1 - error / radius) over the points of each window and person, and how many points it has.

    Args:
        pixels: [W, P, F, J, 2]; seen: [W, P, F, J]; points: [W, F, J, 3].

    Returns:
        [W, P] and [W, P]
    """
    known = np.isfinite(points).all(axis=-1)
    n_windows, n_persons = seen.shape[:2]
    valid = (seen & known[:, np.newaxis]).reshape(n_windows, n_persons, -1)
    valid &= valid.sum(axis=-1, keepdims=True) >= MIN_POINTS
    counts = valid.sum(axis=-1)
    if not valid.any():
        return np.zeros((n_windows, n_persons)), counts
    terms = _terms(points, known)[:, np.newaxis]  # [W, 1, M, 5]
    target = np.where(valid[..., np.newaxis], pixels.reshape(n_windows, n_persons, -1, 2), 0)
    # The sum of distances is made small (weights are their inverses): wrong keypoints then hardly matter
    weights, error = valid.astype(float), None
    for _ in range(N_ROUNDS):
        weighted = terms * weights[..., np.newaxis]
        normal = np.swapaxes(weighted, -1, -2) @ terms + 1e-6 * np.eye(terms.shape[-1])
        solution = np.linalg.solve(normal, np.swapaxes(weighted, -1, -2) @ target)
        error = np.linalg.norm(terms @ solution - target, axis=-1)
        weights = valid / np.maximum(error, 1.0)
    return (np.maximum(0, 1 - error / RADIUS) * valid).sum(axis=-1), counts


def _terms(points: np.ndarray, known: np.ndarray) -> np.ndarray:
    """[W, F * J, 5]: the points in m about their mean, 1, and the time about the window's middle."""
    n_windows, n_frames, n_joints = known.shape
    points = np.where(known[..., np.newaxis], points, 0).reshape(n_windows, -1, 3) / 1000
    flat = known.reshape(n_windows, -1, 1)
    points = (
        points - points.sum(axis=1, keepdims=True) / np.maximum(flat.sum(axis=1, keepdims=True), 1)
    ) * flat
    time = np.repeat(np.linspace(-0.5, 0.5, n_frames), n_joints)[:, np.newaxis]
    time = np.broadcast_to(time, (*points.shape[:2], 1))
    return np.concatenate([points, np.ones_like(time), time], axis=-1)


def _persons(fits: np.ndarray, frames: np.ndarray, n_frames: int) -> np.ndarray:
    """[T]: the person who fits best [W, P] in each window, in the frames [W, F] of that window; -1 elsewhere."""
    persons = np.full(n_frames, -1)
    best = np.where(fits.max(axis=1) > 0, fits.argmax(axis=1), -1)
    for window, person in zip(frames, best, strict=True):
        persons[window[0] : window[-1] + 1] = person
    return persons
