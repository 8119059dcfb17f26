"""Skeleton: named joints in a fixed order, the edges between them, and what mirrors what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from posepile.names import unknown_name

Edges = tuple[tuple[int, int], ...]

PER_JOINT = ("joints", "definitions", "formats", "base_names")
OTHER_SIDE = {"l": "r", "r": "l"}
UNSUFFIXED_FORMAT = "smpl"


@dataclass(frozen=True)
class Skeleton:
    """J joints. Immutable and comparable; all tuples have one entry a joint, except `edges`.

    Raises ValueError when the parts do not fit together.
    """

    name: str
    joints: tuple[str, ...]
    """What the joints are called here. The first letter is l or r for left and right joints only."""
    edges: Edges
    """Pairs of joint indices, the smaller first, sorted."""
    definitions: tuple[str, ...]
    """One line a joint: the anatomical point that this format means."""
    suffix: str
    """What the format appends to its names in a union; "" for SMPL and for skeletons of several formats."""
    formats: tuple[str, ...]
    """The format that each joint comes from, e.g. "h36m"; "merged" for the joints of `merged`."""
    base_names: tuple[str, ...]
    """What the format itself calls each joint, without a suffix."""
    description: str = ""
    kind: str = "derived"
    """In the registry: "format", "user", "labels2d" or "pile"; "derived" when computed."""

    def __post_init__(self):
        where = f"skeleton {self.name!r}"
        for field in PER_JOINT:
            if len(getattr(self, field)) != len(self.joints):
                found = len(getattr(self, field))
                raise ValueError(f"{where}: {found} {field}, expected {len(self.joints)} as joints")
        if len(set(self.joints)) != len(self.joints):
            twice = sorted({j for j in self.joints if self.joints.count(j) > 1})
            raise ValueError(f"{where}: joints named twice: {', '.join(twice)}")
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"{where}: edges must be sorted and distinct")
        for a, b in self.edges:
            if not 0 <= a < b < len(self.joints):
                raise ValueError(f"{where}: edge ({a}, {b}), expected 0 <= a < b < {len(self.joints)}")

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """The position of a joint. Raises UnknownNameError with the nearest names."""
        try:
            return self._index_of[joint]
        except KeyError:
            raise unknown_name(f"joint of {self.name!r}", joint, self.joints) from None

    @cached_property
    def mirror(self) -> np.ndarray:
        """[J] int64: the partner's index on the other side of the body; a central joint is its own partner.

        Raises ValueError if a left or right joint has no partner (possible after `select`).
        """
        partners = np.empty(len(self), np.int64)
        for i, joint in enumerate(self.joints):
            partner = mirror_name(joint)
            if partner not in self._index_of:
                raise ValueError(f"skeleton {self.name!r}: {joint!r} has no partner {partner!r} to mirror to")
            partners[i] = self._index_of[partner]
        partners.flags.writeable = False  # it is shared by all users of this skeleton
        return partners

    @cached_property
    def union_names(self) -> tuple[str, ...]:
        """What each joint is called in a union of formats: "lhip_h36m"; SMPL's stay plain."""
        return tuple(union_name(f, n) for f, n in zip(self.formats, self.base_names, strict=True))

    def starting_with(self, prefix: str) -> np.ndarray:
        """[n] int64: the joints whose name starts with `prefix`, in order.

        This is how 2D labels are matched: label "lhip" supervises the mean of all joints that start so.
        """
        return np.array([i for i, j in enumerate(self.joints) if j.startswith(prefix)], np.int64)

    def select(self, joints: Sequence[str], name: str) -> "Skeleton":
        """The given joints in the given order, with the edges whose two ends are among them."""
        rows = [self.index(j) for j in joints]
        place = {row: i for i, row in enumerate(rows)}
        edges = [(place[a], place[b]) for a, b in self.edges if a in place and b in place]
        chosen = {field: tuple(getattr(self, field)[row] for row in rows) for field in PER_JOINT}
        return replace(self, name=name, kind="derived", description="", edges=sorted_edges(edges), **chosen)

    def to_dict(self) -> dict:
        """Plain lists and strings, ready for JSON; with `mirror`, where every joint has its partner."""
        return {
            "name": self.name,
            "kind": self.kind,
            "description": self.description,
            "suffix": self.suffix,
            **{f: list(getattr(self, f)) for f in PER_JOINT},
            "edges": [list(e) for e in self.edges],
            "mirror": self.mirror.tolist(),
        }

    @cached_property
    def _index_of(self) -> dict[str, int]:
        return {joint: i for i, joint in enumerate(self.joints)}


def union_name(format_name: str, base_name: str) -> str:
    """The name of a format's joint in a union: `<name>_<format>`; SMPL's names get no suffix."""
    return base_name if format_name == UNSUFFIXED_FORMAT else f"{base_name}_{format_name}"


def mirror_name(joint: str) -> str:
    """Swaps a leading l and r; a central joint's name stays. Works with and without a suffix."""
    return OTHER_SIDE.get(joint[:1], joint[:1]) + joint[1:]


def sorted_edges(pairs: Iterable[tuple[int, int]]) -> Edges:
    """Index pairs as `Skeleton.edges` holds them: the smaller index first, sorted, each once."""
    return tuple(sorted({(min(a, b), max(a, b)) for a, b in pairs}))
