"""Every skeleton by its name; built from the TOML files when it is first asked for, then kept."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from posepile.names import unknown_name
from posepile.skeletons.combine import side_by_side
from posepile.skeletons.formats import FORMATS, edges_of_chains, from_facts, load_format, read_toml
from posepile.skeletons.skeleton import Skeleton, sorted_edges


def names() -> tuple[str, ...]:
    """Every name that `load` knows: formats, skeletons for users ('' is all joints), 2D labels, piles."""
    return (*FORMATS, *(name for file in _BUILDERS for name in read_toml(file)))


@cache
def load(name: str) -> Skeleton:
    """The skeleton of that name. Raises UnknownNameError with the nearest names."""
    if name in FORMATS:
        return load_format(name)
    for file, build in _BUILDERS.items():
        if name in read_toml(file):
            return build(name, read_toml(file)[name])
    raise unknown_name("skeleton", name, names())


@cache
def load_data_set(id: str) -> Skeleton:
    """The joints that a data set labels: in 3D in the order of the published piles' slots, in 2D in its own.

    Joints of a single format keep its plain names; those of several are suffixed as in a union. Raises
    UnknownNameError.
    """
    labels, labels2d = read_toml("labels3d.toml"), read_toml("labels2d.toml")
    if id + _OF_2D in labels2d:
        return load(id + _OF_2D)
    if id not in labels["data_sets"]:
        in_2d = [name.removesuffix(_OF_2D) for name in labels2d if name.endswith(_OF_2D)]
        raise unknown_name("data set with labels", id, [*labels["data_sets"], *in_2d])
    parts = [_part(name, labels["parts"]) for name in labels["data_sets"][id]]
    return replace(parts[0], name=id) if len(parts) == 1 else side_by_side(parts, id)


def _part(name: str, parts: dict) -> Skeleton:
    """A format, or a named part of one."""
    if name not in parts:
        return load_format(name)
    return load_format(parts[name]["from"]).select(parts[name]["joints"].split(), name)


def _user_skeleton(name: str, facts: dict) -> Skeleton:
    """A selection from a format or a pile, perhaps with other names and more edges."""
    source = load(facts["from"])
    chosen = facts["joints"].split() if "joints" in facts else source.joints
    selection = source.select(chosen, name)
    extra_edges = edges_of_chains(facts.get("extra_edges", ()), selection.joints, name)
    rename, suffixes = facts.get("rename", {}), facts.get("suffixes", {})
    joints = [
        f"{base}_{suffixes[format_name]}" if format_name in suffixes else rename.get(joint, joint)
        for joint, base, format_name in zip(chosen, selection.base_names, selection.formats, strict=True)
    ]
    return replace(
        selection,
        joints=tuple(joints),
        edges=sorted_edges(selection.edges + extra_edges),
        description=facts["description"],
        kind="user",
    )


def _labels2d(name: str, facts: dict) -> Skeleton:
    return from_facts(name, facts, "labels2d")


def _pile(name: str, facts: dict) -> Skeleton:
    """Data sets in merge order. Where one labels a part of a format, a later one brings the rest."""
    parts = [load_data_set(data_set) for data_set in facts["data_sets"].split()]
    return replace(side_by_side(parts, name), description=facts["description"], kind="pile")


_OF_2D = "_2d"  # "mpii_2d": apart from formats that are called like a 2D data set
_BUILDERS: dict[str, Callable[[str, dict], Skeleton]] = {
    "user.toml": _user_skeleton,
    "labels2d.toml": _labels2d,
    "piles.toml": _pile,
}
