"""Acclaim files: a skeleton (.asf) and its motions (.amc), as in the CMU motion capture library.

A bone has a direction and a length in the rest pose and the axes that its angles are about; a motion gives
every bone's angles, frame by frame. With C the rotation of a bone's axes and R that of its angles, both
turned about the fixed axes in the stated order (XYZ: x first), the bone turns by C R C^-1 against its
parent.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from posepile.synthetic.mocap.recording import Recording, to_global, to_positions

MM_PER_INCH = 25.4
CMU_FPS = 120.0  # the files do not say; the CMU library records at 120 frames a second, a few subjects at 60


@dataclass(frozen=True, eq=False)
class Bone:
    """One bone of an .asf file; the root is a bone of length 0."""

    direction: np.ndarray  # [3] unit vector, world axes at rest
    length: float  # mm
    axis: Rotation  # C of the module's docstring
    order: str  # of the angles, lower case: "xyz" turns about x first
    channels: tuple[str, ...]  # of a line of the .amc file: "rx", … and for the root "tx", …
    parent: str  # "" for the root


@dataclass(frozen=True, eq=False)
class Skeleton:
    """The content of an .asf file: bones by name, a parent before its children."""

    path: Path
    bones: dict[str, Bone]
    mm_per_unit: float
    degrees: bool


def read_asf(path: Path) -> Skeleton:
    """Reads a skeleton. Raises ValueError naming file, line and expectation."""
    sections = _sections(Path(path))
    for name in ("units", "root", "bonedata", "hierarchy"):
        if name not in sections:
            raise ValueError(
                f"{path}: no section ':{name}', expected :units, :root, :bonedata and :hierarchy"
            )
    units = {words[0]: words[1:] for _, words in sections["units"]}
    scale = _numbers(path, 0, units.get("length", ["1"]), 1, "units: length <number>")[0]
    if scale <= 0:
        raise ValueError(f"{path}: units: length is {scale}, expected a positive number")
    degrees = units.get("angle", ["deg"])[0].lower().startswith("deg")
    mm_per_unit = MM_PER_INCH / scale
    raw = {"root": _root(path, sections["root"])} | _bone_data(path, sections["bonedata"])
    parents = _parents(path, sections["hierarchy"], set(raw))
    bones = {name: _bone(path, name, raw[name], parents[name], mm_per_unit, degrees) for name in parents}
    return Skeleton(Path(path), bones, mm_per_unit, degrees)


def read_amc(path: Path, skeleton: Skeleton, fps: float = CMU_FPS) -> Recording:
    """Reads a motion of a skeleton; positions in mm.

    Raises:
        ValueError: naming file, line and expectation, if a bone is unknown, missing in a frame, or malformed.
    """
    values = _read_frames(Path(path), skeleton)
    joints = tuple(skeleton.bones)
    bones = tuple(skeleton.bones.values())
    parents = tuple(joints.index(bone.parent) if bone.parent else -1 for bone in bones)
    tips = np.zeros((len(joints), 3))
    for i, (bone, parent) in enumerate(zip(bones, parents, strict=True)):
        tips[i] = bone.direction * bone.length + (tips[parent] if parent >= 0 else 0)
    rest = np.stack([tips[parent] if parent >= 0 else tips[0] for parent in parents])
    local = np.stack([_turns(skeleton, name, values[name]) for name in joints], axis=1)
    rotations = to_global(parents, local)
    root = np.zeros((len(rotations), 3))
    for column, channel in enumerate(bones[0].channels):
        if channel[0] == "t":
            root[:, "xyz".index(channel[1])] = values[joints[0]][:, column] * skeleton.mm_per_unit
    positions = to_positions(parents, rest, rotations, root)
    bends = {name: bend for name in joints if (bend := _bend(skeleton, name)) is not None}
    ends = {name: tips[i] for i, name in enumerate(joints) if i not in parents}
    return Recording(str(path), fps, joints, parents, rest, rotations, positions, ends, bends)


def _sections(path: Path) -> dict[str, list[tuple[int, list[str]]]]:
    result: dict[str, list[tuple[int, list[str]]]] = {}
    current: list[tuple[int, list[str]]] = []
    for number, line in enumerate(
        path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1
    ):
        words = line.split("#")[0].split()
        if words and words[0].startswith(":"):
            current = result.setdefault(words[0][1:].lower(), [])
            words = words[1:]
        if words:
            current.append((number, words))
    return result


def _numbers(path: Path, line: int, words: list[str], count: int, expected: str) -> list[float]:
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(values) != count or not np.isfinite(values).all():
        raise ValueError(f"{path}: line {line} is '{' '.join(words)[:60]}', expected {expected}")
    return values


def _root(path: Path, lines: list[tuple[int, list[str]]]) -> dict:
    fields = {words[0].lower(): (number, words[1:]) for number, words in lines}
    number, order = fields.get("order", (0, []))
    channels = tuple(word.lower() for word in order)
    if sorted(channels) != ["rx", "ry", "rz", "tx", "ty", "tz"]:
        raise ValueError(
            f"{path}: line {number}: root order is '{' '.join(order)}', expected TX TY TZ RX RY RZ"
        )
    _, axis = fields.get("axis", (0, ["XYZ"]))
    number, orientation = fields.get("orientation", (0, ["0", "0", "0"]))
    return {
        "dof": (0, list(channels)),
        "axis": (number, [*orientation, *axis]),
        "direction": (0, ["0", "0", "0"]),
        "length": (0, ["0"]),
    }


def _bone_data(path: Path, lines: list[tuple[int, list[str]]]) -> dict[str, dict]:
    result: dict[str, dict] = {}
    fields: dict[str, tuple[int, list[str]]] | None = None
    for number, words in lines:
        if words[0] == "begin":
            fields = {}
        elif words[0] == "end":
            if fields is None or len(fields.get("name", (0, []))[1]) != 1:
                raise ValueError(
                    f"{path}: line {number}: 'end' of a bone without name, expected begin … name … end"
                )
            result[fields["name"][1][0]] = fields
            fields = None
        elif fields is None:
            raise ValueError(f"{path}: line {number} is '{' '.join(words)}', expected 'begin' of a bone")
        else:
            fields[words[0].lower()] = (number, words[1:])
    if fields is not None:
        raise ValueError(f"{path}: ends inside a bone, expected 'end'")
    return result


def _parents(path: Path, lines: list[tuple[int, list[str]]], known: set[str]) -> dict[str, str]:
    result = {"root": ""}
    for number, words in lines:
        if words in (["begin"], ["end"]):
            continue
        for name in words:
            if name not in known:
                raise ValueError(
                    f"{path}: line {number}: bone '{name}' has no data, expected a bone of :bonedata"
                )
        if words[0] not in result:
            raise ValueError(
                f"{path}: line {number}: '{words[0]}' is no bone's child, expected parents first"
            )
        for name in words[1:]:
            if name in result:
                raise ValueError(f"{path}: line {number}: '{name}' has two parents, expected one")
            result[name] = words[0]
    return result


def _bone(path: Path, name: str, fields: dict, parent: str, mm_per_unit: float, degrees: bool) -> Bone:
    for key in ("direction", "length", "axis"):
        if key not in fields:
            raise ValueError(
                f"{path}: bone '{name}' has no '{key}', expected name, direction, length and axis"
            )
    direction = np.array(_numbers(path, *fields["direction"], 3, f"direction of '{name}' with 3 numbers"))
    (length,) = _numbers(path, *fields["length"], 1, f"length of '{name}'")
    number, words = fields["axis"]
    order = words[3].lower() if len(words) == 4 else ""
    if sorted(order) != ["x", "y", "z"]:
        raise ValueError(
            f"{path}: line {number}: axis of '{name}' is '{' '.join(words)}', expected 3 angles and XYZ"
        )
    angles = _numbers(path, number, words[:3], 3, f"axis of '{name}' with 3 angles")
    # The angles are listed for x, y, z whatever the order of turning.
    ordered = [angles["xyz".index(letter)] for letter in order]
    number, dof = fields.get("dof", (0, []))
    channels = tuple(word.lower() for word in dof)
    if not set(channels) <= {"rx", "ry", "rz", "tx", "ty", "tz", "l"}:
        raise ValueError(f"{path}: line {number}: dof of '{name}' is '{' '.join(dof)}', expected rx, ry, rz")
    axis = Rotation.from_euler(order, ordered, degrees=degrees)
    unit = direction / max(float(np.linalg.norm(direction)), 1e-9)
    return Bone(unit, length * mm_per_unit, axis, order, channels, parent)


def _read_frames(path: Path, skeleton: Skeleton) -> dict[str, np.ndarray]:
    """Values [T, channels] of every bone; [T, 0] for those that do not move."""
    moving = {name: len(bone.channels) for name, bone in skeleton.bones.items() if bone.channels}
    frames: list[dict[str, list[float]]] = []
    for number, line in enumerate(
        path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1
    ):
        words = line.split()
        if not words or words[0][0] in "#:":
            continue
        if len(words) == 1 and words[0].isdecimal():
            _check_complete(path, number, frames, moving)
            frames.append({})
        elif not frames or words[0] not in moving:
            expected = f"a frame number or a moving bone of {skeleton.path.name}"
            raise ValueError(f"{path}: line {number} is '{' '.join(words)[:60]}', expected {expected}")
        else:
            count = moving[words[0]]
            frames[-1][words[0]] = _numbers(path, number, words[1:], count, f"{count} values of '{words[0]}'")
    if not frames:
        raise ValueError(f"{path}: no frames, expected frame numbers followed by lines of bones")
    _check_complete(path, number, frames, moving)
    none = np.zeros((len(frames), 0))
    return {n: np.array([f[n] for f in frames]) if n in moving else none for n in skeleton.bones}


def _check_complete(path: Path, number: int, frames: list[dict], moving: dict[str, int]) -> None:
    if frames and (missing := [name for name in moving if name not in frames[-1]]):
        raise ValueError(
            f"{path}: line {number}: frame {len(frames)} lacks {', '.join(missing)}, expected all bones"
        )


def _turns(skeleton: Skeleton, name: str, values: np.ndarray) -> np.ndarray:
    """Rotations [T, 3, 3] of a bone against its parent, in world axes."""
    bone = skeleton.bones[name]
    angles = np.zeros((len(values), 3))
    for column, channel in enumerate(bone.channels):
        if channel[0] == "r":
            angles[:, bone.order.index(channel[1])] = values[:, column]
    turn = Rotation.from_euler(bone.order, angles, degrees=skeleton.degrees)
    return (bone.axis * turn * bone.axis.inv()).as_matrix()


def _bend(skeleton: Skeleton, name: str) -> np.ndarray | None:
    """Rest direction in which a hinge below this bone folds: where a positive angle moves the lower bone."""
    lower = next((b for b in skeleton.bones.values() if b.parent == name and len(b.channels) == 1), None)
    if lower is None or lower.channels[0] not in ("rx", "ry", "rz"):
        return None
    axis = lower.axis.apply(np.eye(3)["xyz".index(lower.channels[0][1])])
    bend = np.cross(axis, lower.direction)
    return bend if np.linalg.norm(bend) > 0.5 else None  # an angle about the bone itself folds nothing
