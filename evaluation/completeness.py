"""Does a prediction file fit the benchmark at all? What is missing, twice, unknown, in metres or mirrored.

What would silently give a wrong number is an error or a loud warning, and names itself.
"""

import itertools
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation import metrics
from evaluation.joint_columns import PredictionWarning
from evaluation.prediction_file import PredictionError, PredictionFile
from evaluation.protocols.protocol import Associated
from posepile.skeletons import Skeleton

MAX_LISTED = 5
METRES = (0.3e-3, 3e-3)
"""Size of predicted people relative to true ones if they are in metres, with room for bad predictions."""
ODD_SIZES = (0.5, 2.0)
MIRRORED_FACTOR = 0.8
"""Left and right are doubted if exchanging them makes the error so many times smaller."""


@dataclass(frozen=True)
class Coverage:
    """What was predicted of what is labelled."""

    people: int
    """Labelled people of the benchmark."""
    predicted_people: int
    """Those with a row in the file (in benchmarks with matching: that were matched)."""
    joints: int
    """Labelled joints."""
    predicted_joints: int
    """Those with finite coordinates."""

    @property
    def fraction(self) -> float:
        return self.predicted_joints / self.joints if self.joints else 1.0

    def __str__(self) -> str:
        return (
            f"coverage {100 * self.fraction:.2f} %: {self.predicted_people} of {self.people} people, "
            f"{self.predicted_joints} of {self.joints} joints"
        )


class Completeness:
    """Watches predictions go by, sequence after sequence; `finish` judges."""

    def __init__(self, file: PredictionFile, skeleton: Skeleton, one_person: bool, misses_count: bool):
        self._file, self._misses_count = file, misses_count
        self._plausibility = Plausibility(file.path, repr(file.pose_field), skeleton.mirror)
        self._missing, self._not_finite = _Listed(), _Listed()
        self._doubts: dict[str, _Listed] = {}
        self._used = np.zeros(len(file), bool)
        self._counts = np.zeros(4, np.int64)
        if one_person and (repeated := file.repeated()):
            listed = _Listed()
            listed.add(repeated)
            raise PredictionError(f"{file.path}: {listed.count} images come more than once: {listed}")

    def add(self, image_paths: Sequence[str], found: Associated) -> None:
        """Adds n people, whose images these are."""
        labelled = np.isfinite(found.true).all(axis=-1)
        finite = labelled & np.isfinite(found.poses).all(axis=-1)
        missing = found.rows < 0
        damaged = ~missing & (finite.sum(axis=1) < labelled.sum(axis=1))
        self._missing.add(itertools.compress(image_paths, missing))
        self._not_finite.add(itertools.compress(image_paths, damaged))
        self._used[found.used] = True
        self._counts += (len(missing), (~missing).sum(), labelled.sum(), finite.sum())
        self._plausibility.add(found.poses, found.true)
        for doubt, images in found.doubts.items():
            self._doubts.setdefault(doubt, _Listed()).add(images)

    def finish(self, allow_missing: bool) -> Coverage:
        """Raises PredictionError for what cannot be scored; warns of what is doubtful."""
        coverage, path = Coverage(*map(int, self._counts)), self._file.path
        unknown = self._file.names[~self._used]
        if len(unknown):
            listed = _Listed()
            listed.add(name.decode() for name in unknown.tolist())
            raise PredictionError(
                f"{path}: {listed.count} rows are for images that the benchmark lacks: {listed}"
            )
        self._plausibility.check()
        for doubt, images in self._doubts.items():
            if images.count:
                warnings.warn(f"{path}: {images.count} {doubt}: {images}", PredictionWarning, stacklevel=2)
        problems = []
        if self._missing.count and not self._misses_count:
            problems.append(f"{self._missing.count} people have no row: {self._missing}")
        if self._not_finite.count:
            problems.append(
                f"{self._not_finite.count} people have joints that are NaN or infinite: {self._not_finite}"
            )
        if problems:
            text = f"{path}: {'; '.join(problems)} ({coverage})"
            if not allow_missing:
                raise PredictionError(
                    f"{text}; with --allow-missing they count as wrong in PCK and the like, and "
                    "are left out of mean errors"
                )
            warnings.warn(text, PredictionWarning, stacklevel=2)
        return coverage


class Plausibility:
    """Sizes and sides of predicted people, added up: metres, and left exchanged with right.

    path, field: for messages. mirror: [J] each joint's partner on the other side.
    """

    def __init__(self, path: str, field: str, mirror: np.ndarray):
        self._path, self._field, self._mirror = path, field, mirror
        self._sizes = np.zeros(2)  # of predicted, of true people: sums of distances from their mean joint
        self._errors = np.zeros(2)  # as they are, mirrored

    def add(self, poses: np.ndarray, true: np.ndarray) -> None:
        """poses, true: [n, J, 3] mm, NaN where missing or not labelled."""
        finite = np.isfinite(true).all(axis=-1) & np.isfinite(poses).all(axis=-1)
        whole = finite.sum(axis=1) > 1
        p, g, mask = (array[whole] for array in (poses, true, finite))
        for i, points in enumerate((p, g)):
            self._sizes[i] += metrics.mean_relative_distances(np.zeros_like(points), points, mask)[mask].sum()
        exchanged = mask & mask[:, self._mirror]
        for i, points in enumerate((p, p[:, self._mirror])):
            self._errors[i] += np.nansum(metrics.mean_relative_distances(points, g, exchanged))

    def check(self) -> None:
        """Raises PredictionError for metres; warns of other odd sizes and of exchanged sides."""
        ratio = self._sizes[0] / self._sizes[1] if self._sizes[1] else 1.0
        if METRES[0] < ratio < METRES[1]:
            raise PredictionError(
                f"{self._path}: predicted people are {ratio:.5f} times as large as true ones: {self._field} seems to "
                "be in metres, expected mm"
            )
        if not ODD_SIZES[0] < ratio < ODD_SIZES[1]:
            self._warn(f"predicted people are {ratio:.3g} times as large as true ones; are they in mm?")
        straight, mirrored = self._errors
        if mirrored < MIRRORED_FACTOR * straight:
            factor = mirrored / straight
            self._warn(
                f"the error is {factor:.2f} times as large with left and right exchanged: are the joints MIRRORED?"
            )

    def _warn(self, text: str) -> None:
        warnings.warn(f"{self._path}: {self._field}: {text}", PredictionWarning, stacklevel=4)


class _Listed:
    """Names of images: how many, and the first few of them."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, names: Iterable[str]) -> None:
        for name in names:
            self.count += 1
            if len(self._first) < MAX_LISTED and name not in self._first:
                self._first.append(name)

    def __str__(self) -> str:
        more = self.count - len(self._first)
        return ", ".join(self._first) + (f" and {more} more" if more > 0 else "")
