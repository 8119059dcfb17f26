"""Joints of every skeleton format on the synthetic body: weighted averages of skin vertices and bone heads.

The tables are data (data/formats.toml, which explains its notation), so a further format needs no code. As
in the real data sets "left hip" is a different point in different formats, and here it is known which
points are the same (`same_points`). Everything is an affine combination: it moves with the body's pose and
shape, and mirrors with it.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np

from posepile import skeletons
from posepile.names import unknown_name
from posepile.skeletons import Skeleton
from posepile.synthetic.body import Body, load_body

DATA = Path(__file__).parent / "data/formats.toml"

SYNTHETIC_FORMATS = ("smpl", "h36m", "coco", "3dhp", "aspset", "bmlmovi", "totcap", "jta")
"""The formats of the synthetic pile's 3D data sets, in the order of its union skeleton."""

SUM_TOLERANCE = 1e-9  # the weights of a joint are short decimals; float64 adds them to a few 1e-16


class FormatTableError(ValueError):
    """A table in formats.toml that cannot be used; the message names file, format and joint."""


@dataclass(frozen=True, eq=False)
class FormatTable:
    """The joints of one format, or of several after one another.

    Attributes:
        joints: J names.
        vertices: [U] int64, the vertices that take part.
        weights: [J, U + bones] float64, rows sum to one: first the vertices, then all bone heads.
    """

    joints: tuple[str, ...]
    vertices: np.ndarray
    weights: np.ndarray

    def points(self, vertices: np.ndarray, heads: np.ndarray) -> np.ndarray:
        """Joints [n, J, 3] float32 of posed bodies: vertices [n, V, 3], bone heads [n, bones, 3]."""
        # Against the root, so that float32 output is all that far-away people lose.
        origin = heads[:, :1].astype(np.float64)
        sources = np.concatenate([vertices[:, self.vertices], heads], axis=1) - origin
        return (self.weights @ sources + origin).astype(np.float32)


def table_names() -> tuple[str, ...]:
    """The formats that have a table."""
    return tuple(_read()["formats"])


def load_table(name: str) -> FormatTable:
    """The table of one format ("h36m", "common2d", ...); joints in the order of its skeleton. See `table_of`."""
    return table_of(skeletons.load(name))


@cache
def table_of(skeleton: Skeleton) -> FormatTable:
    """The table of any skeleton whose joints come from formats with tables: a format, a part, a union.

    Raises:
        UnknownNameError: there is no such table, or the table names a source that does not exist.
        FormatTableError: joints are missing or too many, weights do not sum to one, a joint is not symmetric.
    """
    stacked = np.stack([_row(*slot) for slot in zip(skeleton.formats, skeleton.base_names, strict=True)])
    n_vertices = len(load_body().template)
    used = np.flatnonzero(stacked[:, :n_vertices].any(axis=0))
    weights = np.concatenate([stacked[:, used], stacked[:, n_vertices:]], axis=1)
    return FormatTable(skeleton.joints, used, weights)


def points(name: str, vertices: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Joints [n, J, 3] float32, mm, of one format. See `FormatTable.points`."""
    return load_table(name).points(vertices, heads)


def same_points(formats: Sequence[str] = SYNTHETIC_FORMATS) -> list[tuple[str, str]]:
    """Pairs of union joints of different formats that are the same point of the body, by construction."""
    skeleton = skeletons.union(formats)
    groups: dict[bytes, list[int]] = {}
    for i, slot in enumerate(zip(skeleton.formats, skeleton.base_names, strict=True)):
        row = _row(*slot)
        used = np.flatnonzero(row)
        groups.setdefault(used.tobytes() + row[used].tobytes(), []).append(i)
    pairs = sorted(pair for group in groups.values() for pair in combinations(group, 2))
    joints, owner = skeleton.joints, skeleton.formats
    return [(joints[a], joints[b]) for a, b in pairs if owner[a] != owner[b]]


def _row(name: str, joint: str) -> np.ndarray:
    """Weights [V + bones] of a format's joint, checked with all of the format."""
    return _dense(name)[skeletons.load(name).index(joint)]


@cache
def _dense(name: str) -> np.ndarray:
    """Weights [J, V + bones] of a format."""
    if name not in _read()["formats"]:
        raise unknown_name("format table", name, table_names())
    skeleton = skeletons.load(name)
    rows = {joint: _joint_row(name, joint) for joint in skeleton.joints}
    unused = [j for j in _read()["formats"][name] if j not in rows]
    if unused:
        raise FormatTableError(f"{DATA.name}: format {name!r} has no joint {unused[0]!r}")
    for joint, mirror in zip(skeleton.joints, skeleton.mirror, strict=True):
        row = rows[joint]
        if abs(row.sum() - 1) > SUM_TOLERANCE:
            raise FormatTableError(
                f"{DATA.name}: weights of {name}.{joint} sum to {row.sum():.9g}, expected 1"
            )
        if not np.allclose(rows[skeleton.joints[mirror]], _mirrored(row), rtol=0, atol=SUM_TOLERANCE):
            raise FormatTableError(f"{DATA.name}: {name}.{joint} is not symmetric")
    return np.stack(list(rows.values()))


def _joint_row(name: str, joint: str) -> np.ndarray:
    """Weights [V + bones] of one joint; right joints that are not written are mirrored from the left."""
    table = _read()["formats"].get(name)
    if table is None:
        raise unknown_name("format table", name, table_names())
    if joint not in table:
        left = "l" + joint[1:]
        if joint[0] != "r" or left not in table:
            raise FormatTableError(f"{DATA.name}: format {name!r} lacks the joint {joint!r}")
        return _mirrored(_joint_row(name, left))
    entry = table[joint]
    sources = {entry: 1.0} if isinstance(entry, str) else entry
    return sum(weight * _source_row(name, source) for source, weight in sources.items())


def _source_row(name: str, source: str) -> np.ndarray:
    body, landmarks = load_body(), _read()["landmarks"]
    if source.startswith("@"):
        *other, joint = source[1:].split(".")
        return _joint_row(other[0] if other else name, joint)
    row = np.zeros(len(body.template) + len(body.bones))
    if source in body.bones:
        row[len(body.template) + body.bone(source)] = 1
    elif source in landmarks:
        row[landmarks[source]] = 1 / len(landmarks[source])
    elif source[0] == "r" and "l" + source[1:] in landmarks:
        return _mirrored(_source_row(name, "l" + source[1:]))
    else:
        raise unknown_name(f"source in format {name!r}", source, [*body.bones, *landmarks])
    return row


def _mirrored(row: np.ndarray) -> np.ndarray:
    return row[_mirror_order(load_body())]


@cache
def _mirror_order(body: Body) -> np.ndarray:
    return np.concatenate([body.vertex_mirror, len(body.template) + body.bone_mirror])


@cache
def _read() -> dict:
    return tomllib.loads(DATA.read_text(encoding="utf-8"))
