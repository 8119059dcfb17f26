"""Motion-adaptive sampling: which frames of a sequence are different enough to be examples of their own.

A sampler sees the poses of one stream in time order; `keep(pose)` says whether this one is kept, and remembers it
then. A joint is valid if none of its coordinates is NaN. The first pose is remembered in any case, and kept unless
no joint is valid. All data sets of the pile use 100 mm. Source: _merging sheet, "Adaptive pose sampling".

    Sampler(100)                                  h36m, tdhp (both), aspset, aist, gpa (per camera), totalcapture,
                                                  tdpeople, surreal, jta (per person)
    Sampler(100, check_validity=True)             mads, ikea; with pixels and `threshold`, jrdb and posetrack
    MemorySampler(100, buffer)                    rich 100 (per subject), fit3d chi3d humansc3d 10,000 (per video),
                                                  hspace 20 (per file), behave human4d 100, bml_movi 500, bmhad the
                                                  sequence's length, umpm 300 (of poses minus their mean joint)
"""

import numpy as np


class Sampler:
    """Version 1: keeps a pose that differs from the last kept one.

    Args:
        threshold: how far some joint must have moved, in mm.
        check_validity: compare only joints that are valid now, and keep a pose in which a joint is valid that was not
            in the last kept one.
        nan_unchanged: a joint without both positions counts as not moved (otherwise as moved), and a remembered
            coordinate stays when the kept pose lacks it.
    """

    def __init__(self, threshold: float, check_validity: bool = False, nan_unchanged: bool = False):
        self._threshold, self._check_validity, self._nan_unchanged = threshold, check_validity, nan_unchanged
        self._last: np.ndarray | None = None

    def keep(self, pose: np.ndarray, threshold: float | None = None) -> bool:
        """Whether `pose` [J, 2 or 3] is kept; `threshold`, in the pose's unit, stands in for the sampler's own."""
        pose = np.array(pose, float)
        if self._last is None:
            self._last = pose
            return bool(_valid(pose).any())
        if not self._is_new(pose, self._threshold if threshold is None else threshold):
            return False
        self._last = np.where(np.isnan(pose), self._last, pose) if self._nan_unchanged else pose
        return True

    def _is_new(self, pose: np.ndarray, threshold: float) -> bool:
        valid = _valid(pose)
        if self._check_validity and (valid & ~_valid(self._last)).any():
            return True
        compared = valid if self._check_validity else np.ones_like(valid)
        distances = np.linalg.norm(pose - self._last, axis=-1)[compared]
        if self._nan_unchanged:
            return bool((distances >= threshold).any())
        return not (distances < threshold).all()


class MemorySampler:
    """Version 2: keeps a pose that differs from every one of the last kept ones.

    Args:
        threshold: how far some joint must be from where it is in each remembered pose, in mm.
        buffer: how many kept poses are remembered.
        check_validity: compare only joints that are valid now, and keep a pose in which a joint is valid that was not
            in the last remembered one.
        nan_unchanged: distances of joints without both positions do not count (otherwise they count as large), and a
            remembered pose takes the coordinates that it lacks from the one before.
    """

    def __init__(
        self, threshold: float, buffer: int, check_validity: bool = True, nan_unchanged: bool = True
    ):
        self._threshold, self._buffer = threshold, buffer
        self._check_validity, self._nan_unchanged = check_validity, nan_unchanged
        self._poses: np.ndarray | None = None  # [buffer, J, 3], filled from the start, then a ring
        self._n_remembered = 0

    def keep(self, pose: np.ndarray) -> bool:
        """Whether `pose` [J, 3] is kept."""
        pose = np.asarray(pose, np.float32)
        if self._poses is None:
            self._poses = np.full((self._buffer, *pose.shape), np.nan, np.float32)
            self._remember(pose)
            return bool(_valid(pose).any())
        if not self._is_new(pose):
            return False
        self._remember(pose)
        return True

    def _is_new(self, pose: np.ndarray) -> bool:
        valid = _valid(pose)
        if self._check_validity and (valid & ~_valid(self._last())).any():
            return True
        compared = valid if self._check_validity else np.ones_like(valid)
        poses = self._poses[: min(self._n_remembered, self._buffer)]
        distances = np.linalg.norm(pose[compared] - poses[:, compared], axis=-1)  # [poses, J]
        if self._nan_unchanged:
            largest = np.fmax.reduce(distances, axis=1, initial=np.nan)  # fmax and fmin pass over NaN
            return bool(np.fmin.reduce(largest) >= self._threshold)
        return not (distances < self._threshold).all(axis=1).any()

    def _last(self) -> np.ndarray:
        return self._poses[(self._n_remembered - 1) % self._buffer]

    def _remember(self, pose: np.ndarray) -> None:
        if self._nan_unchanged and self._n_remembered:
            pose = np.where(np.isnan(pose), self._last(), pose)
        self._poses[self._n_remembered % self._buffer] = pose
        self._n_remembered += 1


def _valid(pose: np.ndarray) -> np.ndarray:
    return ~np.isnan(pose).any(axis=-1)
