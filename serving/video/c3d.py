"""A person's motion as C3D, the file format of motion capture laboratories.

Source: The C3D File Format, User Guide (c3d.org). Written here, block by block, because libraries want the
whole motion in memory and cut it off, without a word, after 65,535 frames.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

MOST_FRAMES = 65_535  # in one file: the header counts in 16 bits
BLOCK = 512
KEY = 0x50
INTEL = 84
NAMES_PER_LIST = 255
CHARACTERS, INTEGERS, FLOATS = -1, 2, 4


def write_c3d(
    path: Path, joints: Sequence[str], blocks: Iterable[np.ndarray], count: int, fps: float, first: int = 0
) -> None:
    """Writes poses as labelled points, in mm and in the axes that they have.

    The file states these axes as x to the right and y down on the screen, as cameras have them.

    Args:
        joints: [J] names.
        blocks: poses [n, J, 3] mm, `count` in all; NaN where there is no point, marked as not measured.
        count: of the frames.
        fps: frames a second.
        first: number of the first frame in the video, counted from 0.

    Raises:
        ValueError: more frames than a C3D file holds.
    """
    if count > MOST_FRAMES:
        raise ValueError(f"{path}: {count} frames, expected at most {MOST_FRAMES} in a C3D file")
    # The header's frame numbers have 16 bits, TRIAL's 32
    start = first + 1 if first + count <= MOST_FRAMES else 1
    data_block = 2 + len(_parameters(joints, count, fps, first, 0)) // BLOCK
    with open(path, "wb") as file:
        file.write(_header(len(joints), start, count, fps, data_block))
        file.write(_parameters(joints, count, fps, first, data_block))
        for poses in blocks:
            measured = np.isfinite(poses).all(axis=-1, keepdims=True)
            residuals = np.where(measured, 0.0, -1.0)
            points = np.concatenate([np.where(measured, poses, 0), residuals], axis=-1)
            file.write(points.astype("<f4").tobytes())
        file.write(b"\0" * (-file.tell() % BLOCK))


def _header(points: int, start: int, count: int, fps: float, data_block: int) -> bytes:
    words = np.zeros(BLOCK // 2, "<u2")
    words[0] = 2 + (KEY << 8)  # the parameters begin in the second block
    words[[1, 3, 4, 8]] = points, start, start + count - 1, data_block
    words[6:8] = np.array([-1], "<f4").view("<u2")  # scale; negative: the points are floats
    words[10:12] = np.array([fps], "<f4").view("<u2")
    return words.tobytes()


def _parameters(joints: Sequence[str], count: int, fps: float, first: int, data_block: int) -> bytes:
    """The parameter section, whole blocks."""
    span = np.array([first + 1, first + count], "<u4").view("<u2")  # low and high words
    groups = {
        "POINT": {
            "USED": _numbers(INTEGERS, [len(joints)]),
            "SCALE": _numbers(FLOATS, [-1]),
            "RATE": _numbers(FLOATS, [fps]),
            "DATA_START": _numbers(INTEGERS, [data_block]),
            "FRAMES": _numbers(INTEGERS, [count]),
            "UNITS": _texts(["mm"]),
            "X_SCREEN": _texts(["+X"]),
            "Y_SCREEN": _texts(["-Y"]),
            **_label_lists(joints),
        },
        "ANALOG": {"USED": _numbers(INTEGERS, [0])},
        "TRIAL": {
            "ACTUAL_START_FIELD": _numbers(INTEGERS, span[:2]),
            "ACTUAL_END_FIELD": _numbers(INTEGERS, span[2:]),
            "CAMERA_RATE": _numbers(FLOATS, [fps]),
        },
    }
    content = b""
    for number, (group, parameters) in enumerate(groups.items(), start=1):
        content += _entry(group, -number, b"\0")
        for name, value in parameters.items():
            content += _entry(name, number, value + b"\0")
    size = -(-(4 + len(content) + 1) // BLOCK)  # an empty name ends the list
    return (bytes([1, KEY, size, INTEL]) + content).ljust(size * BLOCK, b"\0")


def _entry(name: str, group: int, content: bytes) -> bytes:
    """A group or a parameter; its content ends with the length of a description, 0."""
    to_next = np.array([2 + len(content)], "<u2").tobytes()
    return np.array([len(name), group], "i1").tobytes() + name.encode("ascii") + to_next + content


def _label_lists(joints: Sequence[str]) -> dict[str, bytes]:
    """LABELS, LABELS2, …: a list holds 255 names."""
    lists = [joints[start : start + NAMES_PER_LIST] for start in range(0, len(joints), NAMES_PER_LIST)]
    return {f"LABELS{i if i > 1 else ''}": _texts(names) for i, names in enumerate(lists, start=1)}


def _numbers(kind: int, values) -> bytes:
    array = np.asarray(values).astype("<u2" if kind == INTEGERS else "<f4")
    dimensions = [] if array.size == 1 else [array.size]
    return np.array([kind, len(dimensions), *dimensions], "i1").tobytes() + array.tobytes()


def _texts(texts: Sequence[str]) -> bytes:
    width = max(map(len, texts))
    cells = b"".join(text.encode("ascii").ljust(width) for text in texts)
    return np.array([CHARACTERS, 2], "i1").tobytes() + bytes([width, len(texts)]) + cells
