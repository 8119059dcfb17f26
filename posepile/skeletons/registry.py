"""Skeletons by name, read from the TOML files beside this module when they are first asked for."""

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from importlib import resources

from posepile.names import unknown_name
from posepile.skeletons.skeleton import Skeleton, mirror_name, sorted_edges

FORMATS = (
    "smpl", "h36m", "sailvos", "coco", "3dhp", "gpa", "aspset", "smplx", "3doh", "3dpeople", "bmlmovi", "mads",
    "umpm", "bmhad", "totcap", "jta", "ikea", "human4d", "ghum",
)  # fmt: skip
"""The 19 formats of the large pile, in order of first appearance."""

SIDES = {"l": "left", "r": "right"}


def names() -> tuple[str, ...]:
    """Every name that `load` knows: formats, skeletons for users ('' is all joints), 2D labels, piles."""
    return (*FORMATS, *_table("user"), *_table("labels2d"), *_table("piles"))


@cache
def load(name: str) -> Skeleton:
    """The skeleton of that name. Raises UnknownNameError with the nearest names."""
    if name in FORMATS:
        return load_format(name)
    for table, build in (("user", _user_skeleton), ("labels2d", _labels), ("piles", _pile)):
        if name in _table(table):
            return build(name, _table(table)[name])
    raise unknown_name("skeleton", name, names())


@cache
def load_format(name: str) -> Skeleton:
    """One of the 19 formats, joints under their own names. Raises UnknownNameError."""
    if name not in FORMATS:
        raise unknown_name("skeleton format", name, FORMATS)
    return _from_facts(name, _read(f"formats/{name}.toml"), "format")


def _from_facts(name: str, facts: dict, kind: str) -> Skeleton:
    """Joint list, chains of edges and definitions, as the files of formats/ hold them."""
    joints = tuple(facts["joints"].split())
    return Skeleton(
        name=name,
        joints=joints,
        edges=_edges(joints, facts["edges"], name),
        definitions=_definitions(joints, facts.get("points", {}), facts.get("sides", {}), name),
        suffix=facts["suffix"],
        formats=(name,) * len(joints),
        base_names=joints,
        description=facts["description"],
        kind=kind,
    )


def _edges(joints: tuple[str, ...], chains: Iterable[str], name: str) -> tuple[tuple[int, int], ...]:
    """Chains such as "neck-lsho-lelb" as index pairs, their mirror images included."""
    place = {joint: i for i, joint in enumerate(joints)}
    pairs = set()
    for chain in chains:
        links = chain.split("-")
        for path in (links, [mirror_name(j) for j in links]):
            for joint in path:
                if joint not in place:
                    raise unknown_name(f"joint in the edges of {name!r}", joint, joints)
            pairs |= {(place[a], place[b]) for a, b in zip(path, path[1:], strict=False)}
    return sorted_edges(pairs)


def _definitions(joints: tuple[str, ...], points: dict, sides: dict, name: str) -> tuple[str, ...]:
    """`points` defines a joint by its name, `sides` both hips under "hip", with {side} for left and right."""
    texts = dict(points)
    for base, text in sides.items():
        for letter, side in SIDES.items():
            if letter + base in texts:
                raise ValueError(f"{name}: joint {letter + base!r} is defined in [points] and in [sides]")
            texts[letter + base] = text.format(side=side)
    if set(texts) != set(joints):
        missing, extra = sorted(set(joints) - set(texts)), sorted(set(texts) - set(joints))
        raise ValueError(f"{name}: joints without definition {missing}, definitions without joint {extra}")
    return tuple(texts[j][:1].upper() + texts[j][1:] for j in joints)


def _labels(name: str, facts: dict) -> Skeleton:
    return _from_facts(name, facts, "labels2d")


def _user_skeleton(name: str, facts: dict) -> Skeleton:
    """A selection of a format's or a pile's joints, perhaps renamed, perhaps with more edges."""
    source = load(facts["from"])
    chosen = facts["joints"].split() if "joints" in facts else list(source.joints)
    selection = source.select(chosen, name)
    extra = _edges(selection.joints, facts.get("extra_edges", []), name)
    rename, suffixes = facts.get("rename", {}), facts.get("suffixes", {})
    joints = []
    for joint, base, origin in zip(chosen, selection.base_names, selection.formats, strict=True):
        joints.append(rename.get(joint, f"{base}_{suffixes[origin]}" if origin in suffixes else joint))
    return replace(
        selection, joints=tuple(joints), edges=sorted_edges((*selection.edges, *extra)),
        description=facts["description"], kind="user",
    )  # fmt: skip


def _pile(name: str, facts: dict) -> Skeleton:
    from posepile.skeletons.combine import side_by_side  # combine needs this module's formats

    parts = []
    for part in facts["parts"]:
        format_ = load_format(part["format"])
        parts.append(format_.select(part["joints"].split(), format_.name) if "joints" in part else format_)
    return side_by_side(parts, name, facts["description"], kind="pile")


@cache
def _table(stem: str) -> dict:
    return _read(f"{stem}.toml")


def _read(path: str) -> dict:
    return tomllib.loads(resources.files("posepile.skeletons").joinpath(path).read_text(encoding="utf-8"))
