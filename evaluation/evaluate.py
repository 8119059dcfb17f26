"""Scores prediction files by a benchmark's protocol: the truth is read once, sequence by sequence."""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.completeness import Completeness, Coverage
from evaluation.details import Details
from evaluation.joint_columns import PredictionWarning, joint_columns
from evaluation.prediction_file import PredictionFile
from evaluation.protocols import Labelled, Protocol
from evaluation.tally import Tally


@dataclass(frozen=True)
class Truth:
    """What was scored against."""

    fingerprint: str
    """SHA-256 of image paths, people and joints, in the order of reading."""
    images: int
    sequences: int


@dataclass(frozen=True, eq=False)
class Result:
    """What scoring one file gave."""

    path: str
    tally: Tally
    coverage: Coverage
    details: dict[str, Any]
    """See `Details.to_dict`."""
    meta: dict[str, Any]
    """The file's own words about the model."""
    truth: Truth
    warnings: list[str] = field(default_factory=list)


def evaluate(
    protocol: Protocol, root: Path, paths: Sequence[Path], allow_missing: bool = False
) -> list[Result]:
    """Scores each file by the protocol.

    Args:
        root: the folder of the data set's raw files.
        allow_missing: accept people that are not predicted: wrong in PCK and the like, left out of mean errors.

    Raises:
        PredictionError: images that are missing, repeated or unknown; joints; metres; values that are not finite.
        RawDataError: truth that is missing or damaged.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scorers = [_Scorer(protocol, protocol.open(Path(path))) for path in paths]
        digest, images, sequences = hashlib.sha256(), 0, 0
        for labelled in protocol.labelled(Path(root)):
            _digest(digest, labelled)
            images += len(set(labelled.image_paths))
            sequences += bool(labelled.image_paths)
            for scorer in scorers:
                scorer.add(labelled)
        truth = Truth(digest.hexdigest(), images, sequences)
        _warn_of_few(protocol, root, sequences)
        results = [scorer.finish(allow_missing, truth) for scorer in scorers]
    for warning in caught:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
        if isinstance(warning.message, PredictionWarning):
            for result in results:
                if not any(p != result.path and p in str(warning.message) for p in map(str, paths)):
                    result.warnings.append(str(warning.message))
    return results


class _Scorer:
    """One file and what has been found about it so far."""

    def __init__(self, protocol: Protocol, file: PredictionFile):
        self._protocol, self._file = protocol, file
        self._columns = joint_columns(file, protocol.skeleton, protocol.assumed)
        self._tally = Tally(protocol.group_kinds)
        self._details = Details(protocol.skeleton.joints, protocol.root)
        self._completeness = Completeness(file, protocol.skeleton, protocol.one_person, protocol.misses_count)

    def add(self, labelled: Labelled) -> None:
        found = self._protocol.associate(labelled, self._file, self._columns)
        self._completeness.add(labelled.image_paths, found)
        values, distances = self._protocol.measure(labelled, found)
        self._tally.add(labelled.sequence, labelled.groups, values)
        self._details.add(labelled, found, distances)

    def finish(self, allow_missing: bool, truth: Truth) -> Result:
        coverage = self._completeness.finish(allow_missing)
        for doubt in self._protocol.doubts(self._tally):
            warnings.warn(f"{self._file.path}: {doubt}", PredictionWarning, stacklevel=2)
        return Result(self._file.path, self._tally, coverage, self._details.to_dict(), self._file.meta, truth)


def _warn_of_few(protocol: Protocol, root: Path, sequences: int) -> None:
    if protocol.expected_sequences not in (None, sequences):
        warnings.warn(
            f"{root}: {sequences} sequences of {protocol.title}, the complete benchmark has "
            f"{protocol.expected_sequences}: the figures are of a PART of it",
            PredictionWarning,
            stacklevel=2,
        )


def _digest(truth, labelled: Labelled) -> None:
    """Adds a sequence to the fingerprint of the truth: its images and joints, to a thousandth of a mm."""
    for path, person in zip(labelled.image_paths, labelled.people, strict=True):
        truth.update(f"{path}\n{person}\n".encode())
    joints = np.nan_to_num(labelled.joints, nan=1e9)
    truth.update(np.round(joints * 1000).astype("<i8").tobytes())
