"""Skeletons of the user's own, read from a file: parts of a model's joints, and affine maps of them.

A .toml file holds any number of skeletons:

    [upper_body]
    joints = ["neck_h36m", "lsho_h36m", "rsho_h36m"]   # of the model
    names = ["neck", "lsho", "rsho"]                   # optional, what they shall be called
    edges = ["neck-lsho", "neck-rsho"]                 # optional, chains of these names

    [hips]
    joints = ["middle", "lhip_h36m"]
    weights.middle = {lhip_h36m = 0.5, rhip_h36m = 0.5}   # a joint that the model does not have; they sum to 1
    edges = ["middle-lhip_h36m"]

A .npz file holds one, called like the file: names [J], weights [n, J], joints [n] (of the model, a row of weights
each), edges [E, 2] optional. Columns of weights sum to 1.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posepile.skeletons import Skeleton
from serving.joint_sets import JointSetError, OwnSkeleton

KEYS = {"joints", "names", "edges", "weights"}


def read(path: Path, model: Skeleton) -> list[OwnSkeleton]:
    """The skeletons of a file for a model with the joints of `model`.

    Raises:
        JointSetError: the file is no such file, or names joints that the model does not have.
        OSError: it cannot be read.
    """
    if path.suffix == ".npz":
        return [_read_npz(path, model)]
    if path.suffix != ".toml":
        raise JointSetError(f"{path}: expected a .toml or .npz file")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise JointSetError(f"{path}: not TOML ({error})") from error
    return [_of_table(f"{path}: [{name}]", name, table, model) for name, table in tables.items()]


def _of_table(where: str, name: str, table: Any, model: Skeleton) -> OwnSkeleton:
    if not isinstance(table, Mapping) or "joints" not in table or set(table) - KEYS:
        found = sorted(table) if isinstance(table, Mapping) else table
        raise JointSetError(f"{where}: found {found}, expected 'joints', perhaps 'names', 'edges', 'weights'")
    joints, maps = table["joints"], table.get("weights", {})
    names = table.get("names", joints)
    if not (_are_texts(joints) and _are_texts(names) and len(names) == len(joints)):
        raise JointSetError(f"{where}: 'joints' and 'names', expected two lists of as many names")
    weights = np.zeros((len(model), len(joints)))
    for column, joint in enumerate(joints):
        for source, weight in maps.get(joint, {joint: 1.0}).items():
            weights[_place(source, model, where), column] = weight
    return OwnSkeleton(name, tuple(names), _edges(table.get("edges", []), names, where), weights)


def _read_npz(path: Path, model: Skeleton) -> OwnSkeleton:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        names, joints, weights = arrays["names"], arrays["joints"], arrays["weights"].astype(np.float64)
    except (ValueError, KeyError) as error:
        raise JointSetError(f"{path}: expected the arrays names, joints and weights ({error})") from error
    if weights.shape != (len(joints), len(names)):
        expected = f"{len(joints)} rows, of joints, and {len(names)} columns, of names"
        raise JointSetError(f"{path}: weights {weights.shape}, expected {expected}")
    complete = np.zeros((len(model), len(names)))
    complete[[_place(str(joint), model, str(path)) for joint in joints]] = weights
    edges = np.reshape(arrays.get("edges", []), (-1, 2)).astype(int)
    pairs = tuple((int(a), int(b)) for a, b in edges)
    return OwnSkeleton(path.stem, tuple(str(name) for name in names), pairs, complete)


def _place(joint: str, model: Skeleton, where: str) -> int:
    try:
        return model.index(joint)
    except ValueError as error:
        raise JointSetError(f"{where}: {error}") from error


def _are_texts(values: Any) -> bool:
    return isinstance(values, Sequence) and all(isinstance(value, str) for value in values)


def _edges(chains: Any, names: Sequence[str], where: str) -> tuple[tuple[int, int], ...]:
    if not _are_texts(chains):
        raise JointSetError(f"{where}: 'edges', expected chains of names such as \"neck-lsho-lelb\"")
    place = {name: i for i, name in enumerate(names)}
    pairs = []
    for links in (chain.split("-") for chain in chains):
        unknown = [link for link in links if link not in place]
        if unknown:
            raise JointSetError(f"{where}: edges name {unknown[0]!r}, expected names of its joints")
        pairs += [(place[a], place[b]) for a, b in zip(links[:-1], links[1:], strict=True)]
    return tuple(pairs)
