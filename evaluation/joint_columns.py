"""Which columns of a prediction file are a benchmark's joints: by name, and by nothing else unless it is said."""

import warnings
from collections.abc import Sequence

import numpy as np

from evaluation.prediction_file import PredictionError, PredictionFile
from posepile import skeletons
from posepile.skeletons import Skeleton


class PredictionWarning(UserWarning):
    """Something about a prediction file that makes its figures doubtful; names the file."""


def joint_columns(file: PredictionFile, skeleton: Skeleton, assumed: Sequence[str] = ()) -> np.ndarray:
    """[J] the file's column of each joint of `skeleton`.

    Names are looked for as in a union ("lhip_h36m"), then as the skeleton calls them ("spi1" of SMPL), then as the
    format does. All joints must be found in one of these ways: equal names of other formats mean other points.

    assumed: skeletons in whose order a file without names may be.

    Raises PredictionError for joints that are not there, and a number of joints that fits nothing.
    """
    if file.joint_names is None:
        return _assumed_columns(file, skeleton, assumed)
    _warn_of_another_format(file, skeleton)
    place = {name: i for i, name in enumerate(file.joint_names)}
    if len(place) < len(file.joint_names):
        twice = sorted({n for n in file.joint_names if file.joint_names.count(n) > 1})
        raise PredictionError(f"{file.path}: 'joint_names' has {', '.join(twice)} more than once")
    ways = (skeleton.union_names, skeleton.joints, skeleton.base_names)
    for names in ways:
        if all(name in place for name in names):
            return np.array([place[name] for name in names])
    nearest = min(ways, key=lambda names: sum(name not in place for name in names))
    missing = [name for name in nearest if name not in place]
    listed = ", ".join(missing[:8]) + (" ..." if len(missing) > 8 else "")
    raise PredictionError(
        f"{file.path}: {len(missing)} of {len(skeleton)} joints of {skeleton.name!r} are not predicted: {listed}; it "
        f"has {len(place)}, the first is {file.joint_names[0]!r}"
    )


def _assumed_columns(file: PredictionFile, skeleton: Skeleton, assumed: Sequence[str]) -> np.ndarray:
    """By position, in the skeleton that has as many joints."""
    options = {len(skeletons.load(name)): skeletons.load(name) for name in (*assumed, skeleton.name)}
    if file.n_joints not in options:
        counts = " or ".join(f"{n} ({option.name})" for n, option in options.items())
        raise PredictionError(
            f"{file.path}: {file.n_joints} joints and no 'joint_names', expected {counts}, or names"
        )
    order = options[file.n_joints]
    warnings.warn(
        f"{file.path}: no 'joint_names'; its {file.n_joints} joints are ASSUMED to be in the order of {order.name!r}: "
        f"{' '.join(order.joints)}",
        PredictionWarning,
        stacklevel=2,
    )
    return np.array([order.union_names.index(name) for name in skeleton.union_names])


def _warn_of_another_format(file: PredictionFile, skeleton: Skeleton) -> None:
    """The file may say itself that its joints are another skeleton's, whose names look alike."""
    said = file.meta.get("skeleton")
    if said in skeletons.names() and not set(skeleton.formats) & set(skeletons.load(said).formats):
        warnings.warn(
            f"{file.path}: 'meta' says that the joints are those of {said!r}, expected {skeleton.name!r}: equal names "
            "mean other points of the body there",
            PredictionWarning,
            stacklevel=2,
        )
