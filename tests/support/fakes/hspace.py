"""A fake HSPACE: a sequence of four images with two people, and a short one."""

import struct
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from fakes.scene import Fake, Known, person, picture, project
from posepile.cameras import Camera
from posepile.datasets.hspace import Hspace

SIZE = (300, 240)
INTRINSICS = (300.0, 310.0, 152.0, 121.0)  # fx, fy, cx, cy
STORED_COLOUR = (200, 100, 50)  # of the first rows
RAW_INDEX = [
    0, 1, 2, 3, 4, 5, 6, 7, 9, 13, 14, 15, 16, 20, 22, 31, 32, 33, 34, 35, 39, 41, 50, 51, 52, 53, 54, 55, 56, 57,
    58, 59, 60, 61, 62,
]  # fmt: skip
# Where the people are by record: the first one's mm to the right. In the second record they have hardly moved, in the
# last the other is as the first one was before
MOVED = (0, 10, 200, 400)
WIDTHS = (95, 95, 97, 97)  # px, of the other one's mask; cleaning adds 3
KEPT = ((0, 0), (2, 0), (2, 1), (3, 0))  # record and person


def write(root: Path) -> Fake:
    folder = root / "2021_01/train"
    _write_records(folder / "seq_b.tfrecord", [_record(i) for i in range(4)])
    _write_records(folder / "seq_a.tfrecord", [_record(0)])
    _write_records(root / "2021_01/test/seq_c.tfrecord", [_record(0)])
    expected = [_known("seq_b", i, who) for i, who in KEPT] + [_known("seq_a", 0, 0)]
    return Fake(Hspace(), root, expected, ("2021_01/train/*.tfrecord",))


def known_pose(i: int, who: int) -> np.ndarray:
    """[63, 3] mm, the camera's frame."""
    if (i, who) == (3, 1):
        i, who = 2, 0
    return person(63, at=(600 * who - 300 + MOVED[i], 0, 3000), seed=who, up=1)


def known_boxes(i: int) -> list[tuple[int, int, int, int]]:
    """x, y, w, h px of the masks as they are stored: both people, somebody without labels."""
    return [(10, 60, 120, 140), (150, 50, WIDTHS[i], 120), (260, 200, 10, 12)]


def _known(sequence: str, i: int, who: int) -> Known:
    pose = known_pose(i, who)[RAW_INDEX]
    fx, fy, cx, cy = INTRINSICS
    cleaned = [(x, y, w + 3, h + 3) for x, y, w, h in known_boxes(i)]  # a kernel with an even side
    mask = np.zeros(SIZE[::-1], bool)
    for x, y, w, h in cleaned:
        mask[y : y + h, x : x + w] = True
    return Known(
        key=f"{sequence}/{i:08d}_{who:03d}",
        split="train",
        joints3d=pose,
        pixels=project(Camera([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), pose),
        box=np.array(cleaned[who]) - [0.5, 0.5, 0, 0],
        box_tolerance=1e-6,
        mask=mask,
        grey=30 + 30 * i,
        tags={"sequence": sequence, "person": str(who)},
    )


def _record(i: int) -> bytes:
    image = picture(SIZE, 30 + 30 * i)
    image[:8] = STORED_COLOUR
    features = {
        "image/rgb": cv2.imencode(".png", image[..., ::-1])[1].tobytes(),
        "character_masks": b"" if i == 1 else cv2.imencode(".png", _labels(i))[1].tobytes(),  # not looked at
        "camera_intrinsics": list(INTRINSICS),
        "number_of_rigged_characters": [2],
        "background": [],
    }
    for who in range(2):
        features[f"RIGGED_{who}/joints_3d"] = (known_pose(i, who) / 1000).ravel().tolist()
        features[f"RIGGED_{who}/mask_id"] = [4 if who else _first_id(i)]
    return _encoded(features)


def _first_id(i: int) -> int:
    """The first person's: once the label below is the background's."""
    return 1 if i == 3 else 2


def _labels(i: int) -> np.ndarray:
    """[h, w] uint8: people have two labels, one above the other. There is a speck of the first one's."""
    labels = np.zeros(SIZE[::-1], np.uint8)
    for (x, y, w, h), label in zip(known_boxes(i), (_first_id(i), 4, 7), strict=True):
        labels[y : y + h, x : x + w] = label
        if label in (2, 4):
            labels[y : y + h // 2, x : x + w] = label - 1
    labels[10:13, 200:203] = 1
    return labels


def _write_records(path: Path, records: list[bytes]) -> None:
    """Checksums are zero here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(struct.pack("<QI", len(data), 0) + data + bytes(4) for data in records))


def _encoded(features: dict) -> bytes:
    """A tf.train.Example: field 1 of it has one entry (1: name, 2: feature) for each feature."""
    entries = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, _feature(value))) for name, value in features.items()
    )
    return _field(1, entries)


def _feature(value) -> bytes:
    if isinstance(value, bytes):
        return _field(1, _field(1, value))
    if all(isinstance(x, int) for x in value):
        return _field(3, _field(1, b"".join(bytes(_varint(x)) for x in value)))
    return _field(2, _field(1, struct.pack(f"<{len(value)}f", *value)))


def _field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2, *_varint(len(data))]) + data


def _varint(number: int) -> Iterator[int]:
    while number > 127:
        yield number & 127 | 128
        number >>= 7
    yield number
