"""The one-euro filter: strong on a joint that rests, where noise shows, weak on a fast one, where lag shows.

Casiez, Roussel, Vogel: 1€ Filter, CHI 2012: exponential smoothing whose cut-off frequency grows with the
speed. Here a joint's speed is the length of its 3D velocity, so that the result does not depend on the axes.
Run forwards alone it trails a walker's feet by centimetres. Run backwards first and then forwards, it has no lag.
"""

from collections.abc import Sequence

import numpy as np

# Chosen on motion capture of walking with noise of 2 to 20 mm: docs/video.md has the table
RESTING_CUTOFF_HZ = 2.0
CUTOFF_PER_SPEED = 0.004  # Hz per mm/s
SPEED_CUTOFF_HZ = 3.0


class OneEuro:
    """Filters points [J, 3] mm that come one after the other; the first one passes unchanged."""

    def __init__(self):
        self.time_s: float | None = None
        self._points = self._velocity = np.zeros(0)

    def __call__(self, time_s: float, points: np.ndarray) -> np.ndarray:
        """The filtered points [J, 3] at a time later than the last one's, s."""
        if self.time_s is None:
            self._points, self._velocity = points, np.zeros_like(points)
        else:
            elapsed = time_s - self.time_s
            change = (points - self._points) / elapsed - self._velocity
            self._velocity = self._velocity + _share(SPEED_CUTOFF_HZ, elapsed) * change
            speed = np.linalg.norm(self._velocity, axis=-1, keepdims=True)
            cutoff = RESTING_CUTOFF_HZ + CUTOFF_PER_SPEED * speed
            self._points = self._points + _share(cutoff, elapsed) * (points - self._points)
        self.time_s = time_s
        return self._points


def backwards(times_s: Sequence[float], points: Sequence[np.ndarray]) -> np.ndarray:
    """The first of some poses [J, 3], filtered from the last of them back to it. Times rise."""
    run = OneEuro()
    for time_s, pose in zip(reversed(times_s), reversed(points), strict=True):
        result = run(-time_s, pose)
    return result


def _share(cutoff_hz, elapsed_s: float):
    """Weight of the new value in an exponential smoothing with this cut-off."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff_hz * elapsed_s))
