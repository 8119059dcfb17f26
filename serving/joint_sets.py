"""The skeletons that a multi-person model answers in, by name, and joints that are affine maps of its own.

Source: serving sheet, sections 1 and 2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from posepile import skeletons
from posepile.mixture import MERGED
from posepile.skeletons import Skeleton

ALL = ""
"""The name of the skeleton of all joints."""


class JointSetError(ValueError):
    """A skeleton that the model cannot answer in; names the skeleton and what does not fit."""


@dataclass(frozen=True)
class JointSet:
    """A skeleton: which of the model's joints, [J] indices; what they are called, [J]; edges [E, 2] between them."""

    indices: tuple[int, ...]
    names: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class JointSets:
    """All joints of a model and its skeletons.

    Attributes:
        joints: [J1] names: those of the crop model, then those that are computed from them.
        edges: between them.
        weights: [J0, J1] float64, what each joint consists of; columns sum to 1. None: all are the crop model's.
        by_name: the skeletons; "" is all joints.
    """

    joints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    by_name: Mapping[str, JointSet]
    weights: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class OwnSkeleton:
    """A skeleton of the user's: weights [J0, J] that give its joints from those of the crop model, columns sum to 1."""

    name: str
    joints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    weights: np.ndarray = field(repr=False)


def joint_sets(skeleton: Skeleton, own: Sequence[OwnSkeleton] = ()) -> JointSets:
    """Every registered skeleton all of whose joints the model has, and the user's own ones.

    Args:
        skeleton: the joints of the crop model. Merged joints answer for those of every format that shares them.
        own: skeletons of the user. A joint that is one joint of the model is taken as it is; others are added to
            the model's joints, called `<joint>_<skeleton>`.

    Raises:
        JointSetError: an own skeleton has a name that is taken, or weights that do not fit.
    """
    sets = {name: found for name in skeletons.names() if (found := _registered(name, skeleton))}
    joints, edges = list(skeleton.joints), list(skeleton.edges)
    columns = [np.eye(len(joints))]
    for one in own:
        if one.name in sets or one.name == ALL:
            raise JointSetError(f"skeleton {one.name!r}: there is one of this name, expected another name")
        _check(one, skeleton)
        indices = []
        for joint, weights in zip(one.joints, one.weights.T, strict=True):
            if np.count_nonzero(weights) == 1:  # then it is 1
                indices.append(int(np.argmax(weights)))
            else:
                indices.append(len(joints))
                joints.append(f"{joint}_{one.name}")
                columns.append(weights[:, np.newaxis])
        sets[one.name] = JointSet(tuple(indices), one.joints, one.edges)
    everything = JointSet(tuple(range(len(joints))), tuple(joints), tuple(edges))
    weights = np.concatenate(columns, axis=1) if len(columns) > 1 else None
    return JointSets(tuple(joints), tuple(edges), {ALL: everything, **sets}, weights)


def _registered(name: str, model: Skeleton) -> JointSet | None:
    """The skeleton of that name, or None where the model lacks a joint, or where it is not one to answer in."""
    chosen = skeletons.load(name)
    if name == ALL or chosen.kind not in ("format", "user"):
        return None
    is_merged = set(model.formats) == {MERGED}
    wanted = chosen.base_names if is_merged else chosen.union_names
    place = {joint: i for i, joint in enumerate(model.joints if is_merged else model.union_names)}
    if not all(joint in place for joint in wanted):
        return None
    return JointSet(tuple(place[joint] for joint in wanted), chosen.joints, chosen.edges)


def _check(own: OwnSkeleton, model: Skeleton) -> None:
    shape = (len(model), len(own.joints))
    if own.weights.shape != shape:
        raise JointSetError(f"skeleton {own.name!r}: weights {own.weights.shape}, expected {shape}")
    sums = own.weights.sum(axis=0)
    if not np.allclose(sums, 1, rtol=0, atol=1e-4):
        worst = int(np.argmax(np.abs(sums - 1)))
        raise JointSetError(
            f"skeleton {own.name!r}: the weights of {own.joints[worst]!r} sum to {sums[worst]:.6g}, expected 1"
        )
    if not own.joints or len(set(own.joints)) != len(own.joints):
        raise JointSetError(
            f"skeleton {own.name!r}: joints {own.joints}, expected distinct names, at least one"
        )
    for a, b in own.edges:
        if not (0 <= a < len(own.joints) and 0 <= b < len(own.joints)):
            raise JointSetError(f"skeleton {own.name!r}: edge ({a}, {b}), expected indices of its joints")
