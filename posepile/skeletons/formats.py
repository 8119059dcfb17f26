"""The 19 formats of the 555-joint union, read from the TOML files of formats/ when they are first asked for.

A file holds the joints in slot order; `edges` as chains ("neck-lsho-lelb"), whose mirror images are added;
and one anatomical line a joint: `[points]` by the joint's name, `[sides]` for a left and right pair ("hip"
defines lhip and rhip; {side} becomes left or right).
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

from posepile.names import unknown_name
from posepile.skeletons.skeleton import Edges, Skeleton, mirror_name, sorted_edges

FORMATS = (
    *("smpl", "h36m", "sailvos", "coco", "3dhp", "gpa", "aspset", "smplx", "3doh", "3dpeople"),
    *("bmlmovi", "mads", "umpm", "bmhad", "totcap", "jta", "ikea", "human4d", "ghum"),
)
"""In order of first appearance in the large pile."""

SIDES = {"l": "left", "r": "right"}


@cache
def load_format(name: str) -> Skeleton:
    """One of the 19 formats, joints under their own names. Raises UnknownNameError."""
    if name not in FORMATS:
        raise unknown_name("skeleton format", name, FORMATS)
    return from_facts(name, read_toml(f"formats/{name}.toml"), "format")


def from_facts(name: str, facts: dict, kind: str) -> Skeleton:
    """A skeleton of one format from the content of its file. Raises ValueError naming what does not fit."""
    joints = tuple(facts["joints"].split())
    return Skeleton(
        name=name,
        joints=joints,
        edges=edges_of_chains(facts["edges"], joints, name),
        definitions=_definitions(joints, facts.get("points", {}), facts.get("sides", {}), name),
        suffix=facts["suffix"],
        formats=(name,) * len(joints),
        base_names=joints,
        description=facts["description"],
        kind=kind,
    )


def own_format(
    name: str, joints: str, edges: Iterable[str], definitions: Mapping[str, str] | None = None
) -> Skeleton:
    """A format of the user's own, for a data set whose joints are none of the 19.

    Args:
        name: also its suffix in a union ("lhip_<name>").
        joints: names with blanks between, in the data set's order; l and r come first for left and right only.
        edges: chains ("neck-lsho-lelb"); mirror images are added.
        definitions: one anatomical line a joint; the joint's name where there is none.

    Raises ValueError, or UnknownNameError for a joint of `edges`.
    """
    if name in FORMATS:
        raise ValueError(f"skeleton {name!r}: a format of this name is there, expected another name")
    names = tuple(joints.split())
    lines = {joint: (definitions or {}).get(joint, joint) for joint in names}
    facts = {
        "joints": joints,
        "edges": edges,
        "points": lines,
        "suffix": name,
        "description": "the user's own",
    }
    return from_facts(name, facts, "user")


def edges_of_chains(chains: Iterable[str], joints: tuple[str, ...], name: str) -> Edges:
    """Chains such as "neck-lsho-lelb" as index pairs, with their mirror images. Raises UnknownNameError."""
    place = {joint: i for i, joint in enumerate(joints)}
    pairs = set()
    for chain in chains:
        links = chain.split("-")
        for path in (links, [mirror_name(joint) for joint in links]):
            for joint in path:
                if joint not in place:
                    raise unknown_name(f"joint in the edges of {name!r}", joint, joints)
            pairs |= {(place[a], place[b]) for a, b in zip(path[:-1], path[1:], strict=True)}
    return sorted_edges(pairs)


@cache
def read_toml(path: str) -> dict:
    """The content of a TOML file of this folder; shared, so nobody changes it."""
    return tomllib.loads(resources.files(__package__).joinpath(path).read_text(encoding="utf-8"))


def _definitions(joints: tuple[str, ...], points: dict, sides: dict, name: str) -> tuple[str, ...]:
    texts = dict(points)
    for base, text in sides.items():
        for letter, side in SIDES.items():
            if letter + base in texts:
                raise ValueError(f"skeleton {name!r}: {letter + base} is defined in [points] and in [sides]")
            texts[letter + base] = text.format(side=side)
    if set(texts) != set(joints):
        lacking, extra = sorted(set(joints) - set(texts)), sorted(set(texts) - set(joints))
        raise ValueError(f"skeleton {name!r}: not defined: {lacking}; defined but no joint: {extra}")
    return tuple(texts[joint][:1].upper() + texts[joint][1:] for joint in joints)
