"""Biovision hierarchy files (.bvh): a skeleton of offsets and one line of channel values a frame.

A joint's rotation channels are multiplied in the order in which they are listed; the zero pose, in which
the joints are summed offsets, is the rest pose. The format states neither axes nor units. Position channels
of joints other than the root are absolute in some exporters and added to the offset in others; whichever
moves the joints less is taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from posepile.synthetic.mocap.recording import Recording, to_global

CHANNELS = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in "XYZ")


@dataclass
class _Hierarchy:
    joints: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[str]] = field(default_factory=list)
    ends: dict[int, list[float]] = field(default_factory=dict)  # joint -> offset of its end site


def read_bvh(path: Path) -> Recording:
    """Reads a .bvh file.

    Raises:
        ValueError: naming file, line and expectation, if the file is malformed or a value is not finite.
    """
    text = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    lines = _Lines(path, text.splitlines())
    hierarchy = _read_hierarchy(lines)
    frame_time, values = _read_motion(lines, width=sum(len(c) for c in hierarchy.channels))
    return _to_recording(path, hierarchy, frame_time, values)


class _Lines:
    """Non-empty lines, split into words, with what is needed for a good error message."""

    def __init__(self, path: Path, lines: list[str]):
        self.path = path
        self.number = 0
        self.count = len(lines)
        self._words: Iterator[tuple[int, list[str]]] = (
            (i, words) for i, line in enumerate(lines, start=1) if (words := line.split())
        )

    def next(self, expected: str) -> list[str]:
        try:
            self.number, words = next(self._words)
        except StopIteration:
            raise ValueError(f"{self.path}: ends after line {self.count}, expected {expected}") from None
        return words

    def error(self, words: list[str], expected: str) -> ValueError:
        return ValueError(f"{self.path}: line {self.number} is '{' '.join(words)[:60]}', expected {expected}")

    def numbers(self, words: list[str], count: int, expected: str) -> list[float]:
        try:
            values = [float(word) for word in words]
        except ValueError:
            raise self.error(words, expected) from None
        if len(values) != count:
            raise ValueError(f"{self.path}: line {self.number} has {len(values)} values, expected {expected}")
        if not np.isfinite(values).all():
            raise ValueError(
                f"{self.path}: line {self.number} has a NaN or infinite value, expected {expected}"
            )
        return values


def _read_hierarchy(lines: _Lines) -> _Hierarchy:
    result = _Hierarchy()
    words = lines.next("HIERARCHY")
    if words[0].upper() != "HIERARCHY":
        raise lines.error(words, "HIERARCHY")
    words = lines.next("ROOT <name>")
    if words[0].upper() != "ROOT" or len(words) < 2:
        raise lines.error(words, "ROOT <name>")
    _open_joint(lines, result, words, parent=-1)
    stack = [0]
    while stack:
        words = lines.next("JOINT, End Site, OFFSET, CHANNELS or }")
        keyword = words[0].upper()
        if keyword == "OFFSET":
            result.offsets[stack[-1]] = lines.numbers(words[1:], 3, "OFFSET with 3 numbers")
        elif keyword == "CHANNELS":
            result.channels[stack[-1]] = _channels(lines, words)
        elif keyword == "JOINT" and len(words) > 1:
            _open_joint(lines, result, words, parent=stack[-1])
            stack.append(len(result.joints) - 1)
        elif keyword == "END":
            result.ends[stack[-1]] = _end_site(lines)
        elif keyword == "}":
            stack.pop()
        else:
            raise lines.error(words, "JOINT <name>, End Site, OFFSET, CHANNELS or }")
    return result


def _open_joint(lines: _Lines, result: _Hierarchy, words: list[str], parent: int) -> None:
    result.joints.append(" ".join(words[1:]))
    result.parents.append(parent)
    result.offsets.append([0.0, 0.0, 0.0])
    result.channels.append([])
    brace = lines.next("{")
    if brace != ["{"]:
        raise lines.error(brace, f"{{ after joint '{result.joints[-1]}'")


def _channels(lines: _Lines, words: list[str]) -> list[str]:
    names = words[2:]
    if (
        not words[1:]
        or not words[1].isdecimal()
        or int(words[1]) != len(names)
        or not set(names) <= set(CHANNELS)
    ):
        raise lines.error(words, f"CHANNELS <count> and as many of {', '.join(CHANNELS)}")
    return names


def _end_site(lines: _Lines) -> list[float]:
    for expected in ("{", "OFFSET", "}"):
        words = lines.next(expected)
        if words[0].upper() != expected:
            raise lines.error(words, f"{expected} of an End Site")
        if expected == "OFFSET":
            offset = lines.numbers(words[1:], 3, "OFFSET with 3 numbers")
    return offset


def _read_motion(lines: _Lines, width: int) -> tuple[float, np.ndarray]:
    words = lines.next("MOTION")
    if words[0].upper() != "MOTION":
        raise lines.error(words, "MOTION")
    words = lines.next("Frames: <count>")
    if words[0].upper() != "FRAMES:" or len(words) != 2 or not words[1].isdecimal() or int(words[1]) < 1:
        raise lines.error(words, "Frames: <count of at least 1>")
    count = int(words[1])
    words = lines.next("Frame Time: <seconds>")
    if [word.upper() for word in words[:2]] != ["FRAME", "TIME:"]:
        raise lines.error(words, "Frame Time: <seconds>")
    (frame_time,) = lines.numbers(words[2:], 1, "Frame Time: <seconds>")
    if frame_time <= 0:
        raise lines.error(words, "a positive Frame Time")
    expected = f"{width} channel values"
    rows = [lines.numbers(lines.next(f"{count} frames"), width, expected) for _ in range(count)]
    return frame_time, np.array(rows)


def _to_recording(path: Path, hierarchy: _Hierarchy, frame_time: float, values: np.ndarray) -> Recording:
    offsets, parents = np.array(hierarchy.offsets), tuple(hierarchy.parents)
    shifts, local = _split_channels(hierarchy, values)
    rest = np.zeros_like(offsets)
    for joint, parent in enumerate(parents):
        rest[joint] = offsets[joint] + (rest[parent] if parent >= 0 else 0)
    rotations = to_global(parents, local)
    moved = _moved_offsets(offsets, shifts)
    positions = moved.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            step = rotations[:, parent] @ moved[:, joint, :, None]
            positions[:, joint] = positions[:, parent] + step[..., 0]
    tips = {hierarchy.joints[joint]: rest[joint] + offset for joint, offset in hierarchy.ends.items()}
    fps = 1 / frame_time
    return Recording(str(path), fps, tuple(hierarchy.joints), parents, rest, rotations, positions, tips)


def _split_channels(hierarchy: _Hierarchy, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position channels [T, J, 3] (0 where there are none) and local rotations [T, J, 3, 3]."""
    shape = (len(values), len(hierarchy.joints))
    shifts, local = np.zeros((*shape, 3)), np.broadcast_to(np.eye(3), (*shape, 3, 3)).copy()
    column = 0
    for joint, channels in enumerate(hierarchy.channels):
        for channel in channels:
            axis = "XYZ".index(channel[0])
            if channel.endswith("position"):
                shifts[:, joint, axis] = values[:, column]
            else:
                local[:, joint] @= Rotation.from_euler(
                    "XYZ"[axis], values[:, column, None], degrees=True
                ).as_matrix()
            column += 1
    return shifts, local


def _moved_offsets(offsets: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    added = np.broadcast_to(offsets, shifts.shape) + shifts
    moving = np.abs(shifts[:, 1:]).sum(axis=(0, 2)) > 0  # [J - 1]
    moves_if_added = np.abs(shifts[:, 1:][:, moving]).sum()
    moves_if_absolute = np.abs((shifts - offsets)[:, 1:][:, moving]).sum()
    if moves_if_absolute < moves_if_added:
        added[:, 1:][:, moving] = shifts[:, 1:][:, moving]
    return added
