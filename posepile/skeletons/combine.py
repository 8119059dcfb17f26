"""Several skeletons as one: side by side (`union`) or with equal names sharing a joint (`merged`)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from posepile.skeletons.formats import load_format
from posepile.skeletons.skeleton import Skeleton, sorted_edges


def union(formats: Sequence[str], name: str = "union") -> Skeleton:
    """All joints of the formats side by side, slots in order of first appearance.

    A joint of h36m is called "lhip_h36m"; SMPL's joints keep their plain names. Naming a format twice changes
    nothing. Raises UnknownNameError for anything but the 19 formats.
    """
    return side_by_side([load_format(f) for f in formats], name)


def side_by_side(parts: Iterable[Skeleton], name: str) -> Skeleton:
    """The union of skeletons that may share joints: what has the same format and base name is one slot."""
    slots: dict[str, tuple[str, str, str]] = {}
    edges = set()
    for part in parts:
        joints = part.union_names
        for joint, *facts in zip(joints, part.definitions, part.formats, part.base_names, strict=True):
            slots.setdefault(joint, tuple(facts))
        edges |= {(joints[a], joints[b]) for a, b in part.edges}
    place = {joint: i for i, joint in enumerate(slots)}
    definitions, formats, base_names = zip(*slots.values(), strict=True) if slots else ((), (), ())
    return Skeleton(
        name=name,
        joints=tuple(slots),
        edges=sorted_edges((place[a], place[b]) for a, b in edges),
        definitions=definitions,
        suffix="",
        formats=formats,
        base_names=base_names,
    )


def merged(skeleton: Skeleton, name: str = "merged") -> Skeleton:
    """One joint for each base name, in order of first appearance: the merged-joints baseline of the paper.

    "lhip_h36m" and "lhip_coco" both become "lhip". 555 joints become 159; the paper says 163 and does not say
    which names it kept apart.
    """
    place: dict[str, int] = {}
    for base in skeleton.base_names:
        place.setdefault(base, len(place))
    slots = [place[base] for base in skeleton.base_names]
    sources = {base: [] for base in place}
    for base, format_name in zip(skeleton.base_names, skeleton.formats, strict=True):
        sources[base].append(format_name)
    joints = tuple(place)
    return replace(
        skeleton,
        name=name,
        joints=joints,
        edges=sorted_edges((slots[a], slots[b]) for a, b in skeleton.edges if slots[a] != slots[b]),
        definitions=tuple(f"Shared by {base} of {', '.join(sources[base])}" for base in joints),
        suffix="",
        formats=("merged",) * len(joints),
        base_names=joints,
        description="",
        kind="derived",
    )
