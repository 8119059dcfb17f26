"""PoseExample: one labelled image of one person, and its bytes. The one place that knows the record layout.

A record is a tf.train.Example with these features (absent where the example has no such label); arrays are
raw little-endian numbers (`tf.io.decode_raw`), because float features could not hold a world position in
float64:

    layout_version  int64     LAYOUT_VERSION
    key             bytes     UTF-8
    image           bytes     JPEG
    box             float32   [4]
    camera          float64   [36] intrinsics 9, rotation 9, position 3, distortion 12, world_up 3
    joints3d        float32   [J, 3]
    joints2d        float32   [J, 2]
    mask_size       int64     [2] height, width
    mask_counts     bytes     COCO run-length code
    tags            bytes     JSON object of strings
    crc32           bytes     uint32 of all bytes before this feature, which is always the last one

With its own checksum, a record that is found anywhere (in half a file, without an index) proves
itself intact.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from posepile import boxes, masks, tf_example
from posepile.cameras import Camera
from posepile.jpeg import image_size

LAYOUT_VERSION = 1
CAMERA_PARTS = {
    "intrinsics": (3, 3),
    "rotation": (3, 3),
    "position": (3,),
    "distortion": (12,),
    "world_up": (3,),
}


_CHECKSUM_LEAD = tf_example.encode({"crc32": bytes(4)})[:-4]


class ExampleError(ValueError):
    """Bytes that are no PoseExample of this layout; names the record and the field."""


@dataclass(frozen=True, eq=False)
class PoseExample:
    """One labelled crop. Raises ValueError for arrays of the wrong shape; `problems` finds wrong values.

    Attributes:
        key: stable, path-free, unique in its store: "synthetic_h36m/s003/000017/cam2".
        image: JPEG.
        camera: of this image; None for a 2D-labelled image without one.
        box: [4] float32, [x, y, w, h] px.
        joints3d: [J, 3] float32, mm, world; a row of NaN where not labelled. None if there are no 3D labels.
        joints2d: [J, 2] float32, px; a row of NaN where not labelled. None if there are no 2D labels.
        mask: run-length code of the person or people.
        tags: subject, camera, action and the like.
    """

    key: str
    image: bytes
    camera: Camera | None
    box: np.ndarray
    joints3d: np.ndarray | None = None
    joints2d: np.ndarray | None = None
    mask: dict | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        if not self.key:
            raise ValueError("PoseExample.key is empty, expected a stable, unique name")
        _set_float32(self, "box", (4,))
        _set_float32(self, "joints3d", (None, 3))
        _set_float32(self, "joints2d", (None, 2))

    def to_bytes(self) -> bytes:
        """The record. Equal examples give equal bytes."""
        features: dict[str, tf_example.Value] = {
            "layout_version": [LAYOUT_VERSION],
            "key": self.key.encode(),
            "image": self.image,
            "box": self.box.astype("<f4").tobytes(),
            "tags": json.dumps(self.tags, sort_keys=True, separators=(",", ":")).encode(),
        }
        if self.camera is not None:
            parts = [getattr(self.camera, name).ravel() for name in CAMERA_PARTS]
            features["camera"] = np.concatenate(parts).astype("<f8").tobytes()
        if self.joints3d is not None:
            features["joints3d"] = self.joints3d.astype("<f4").tobytes()
        if self.joints2d is not None:
            features["joints2d"] = self.joints2d.astype("<f4").tobytes()
        if self.mask is not None:
            features["mask_size"] = [int(side) for side in self.mask["size"]]
            features["mask_counts"] = bytes(self.mask["counts"])
        body = tf_example.encode(features)
        return body + _CHECKSUM_LEAD + zlib.crc32(body).to_bytes(4, "little")

    @classmethod
    def from_bytes(cls, data: bytes, source: str = "") -> "PoseExample":
        """Reads a record; `source` (file and record) begins the message of the ExampleError for a bad one."""
        try:
            return _from_features(tf_example.decode(data))
        except ValueError as error:
            raise ExampleError(f"{source or 'record'}: {error}") from None

    def n_valid(self) -> int:
        """The number of labelled joints (3D ones where there are 3D labels)."""
        joints = self.joints2d if self.joints3d is None else self.joints3d
        return 0 if joints is None else int(np.isfinite(joints).all(axis=1).sum())

    def problems(self, joint_names: Sequence[str]) -> list[str]:
        """What makes this example unfit for training, in words; empty for a good one."""
        size, found = _image_problems(self.image)
        found += _joint_problems("joints3d", self.joints3d, joint_names)
        found += _joint_problems("joints2d", self.joints2d, joint_names)
        if self.n_valid() == 0:
            found.append("no joint is labelled")
        if self.joints3d is not None and self.camera is None:
            found.append("camera: missing, expected one beside 3D joints")
        if self.camera is not None:
            found += _camera_problems(self.camera)
        if size is not None:
            found += _box_problems(self.box, size)
            if self.mask is not None:
                found += _mask_problems(self.mask, size)
        return found


def checksum(record: bytes) -> int:
    """The CRC-32 that a record carries."""
    return int.from_bytes(record[-4:], "little")


def is_intact(record: bytes) -> bool:
    """Whether a record is what its checksum says."""
    body = memoryview(record)[: -4 - len(_CHECKSUM_LEAD)]  # a view: slicing bytes would copy the image
    return record[len(body) : -4] == _CHECKSUM_LEAD and checksum(record) == zlib.crc32(body)


def _from_features(features: dict) -> PoseExample:
    version = features.get("layout_version", ["missing"])
    if version != [LAYOUT_VERSION]:
        raise ValueError(f"layout_version is {version[0]}, expected {LAYOUT_VERSION}")
    camera = mask = None
    if "camera" in features:
        camera = _camera_from(_array(features, "camera", "<f8", (36,)))
    if "mask_counts" in features:
        mask = {"size": _required(features, "mask_size"), "counts": features["mask_counts"]}
    return PoseExample(
        key=_required(features, "key").decode(),
        image=_required(features, "image"),
        camera=camera,
        box=_array(features, "box", "<f4", (4,)),
        joints3d=_array(features, "joints3d", "<f4", (-1, 3)) if "joints3d" in features else None,
        joints2d=_array(features, "joints2d", "<f4", (-1, 2)) if "joints2d" in features else None,
        mask=mask,
        tags=json.loads(_required(features, "tags")),
    )


def _required(features: dict, name: str):
    if name not in features:
        raise ValueError(f"feature '{name}' is missing")
    return features[name]


def _array(features: dict, name: str, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    try:
        return np.frombuffer(_required(features, name), dtype).reshape(shape)
    except (ValueError, TypeError):
        raise ValueError(f"feature '{name}' does not hold {dtype} numbers of shape {list(shape)}") from None


def _camera_from(numbers: np.ndarray) -> Camera:
    intrinsics, rotation = numbers[:9].reshape(3, 3), numbers[9:18].reshape(3, 3)
    return Camera(intrinsics, rotation, numbers[18:21], numbers[21:33], numbers[33:])


def _set_float32(example: PoseExample, name: str, shape: tuple[int | None, int] | tuple[int]) -> None:
    value = getattr(example, name)
    if value is None and name != "box":
        return
    array = np.asarray(value, np.float32)
    if array.ndim != len(shape) or array.shape[-1] != shape[-1]:
        raise ValueError(
            f"PoseExample.{name} has shape {list(array.shape)}, expected {['J', *shape][-len(shape) :]}"
        )
    object.__setattr__(example, name, array)


def _image_problems(image: bytes) -> tuple[tuple[int, int] | None, list[str]]:
    try:
        size = image_size(image)
    except ValueError as error:
        return None, [f"image: {error}"]
    if min(size) < 1:
        return None, [f"image: {size[0]} x {size[1]} px, expected at least one pixel"]
    return size, []


def _joint_problems(name: str, joints: np.ndarray | None, joint_names: Sequence[str]) -> list[str]:
    if joints is None:
        return []
    if len(joints) != len(joint_names):
        return [f"{name}: {len(joints)} joints, expected {len(joint_names)}"]
    finite = np.isfinite(joints)
    # A joint that is not labelled is a whole row of NaN; anything else that is not finite is a mistake
    bad = ~finite.all(axis=1) & ~np.isnan(joints).all(axis=1)
    return [f"{name}: '{joint_names[i]}' is {joints[i].tolist()}, expected all finite or all NaN"
            for i in np.flatnonzero(bad)]  # fmt: skip


def _camera_problems(camera: Camera) -> list[str]:
    found = [
        f"camera: {name} is not finite"
        for name in CAMERA_PARTS
        if not np.isfinite(getattr(camera, name)).all()
    ]
    if found:
        return found
    if np.abs(camera.rotation @ camera.rotation.T - np.eye(3)).max() > 1e-3:  # published ones are rounded
        found.append("camera: rotation is not orthonormal")
    if camera.intrinsics[0, 0] <= 0 or camera.intrinsics[1, 1] <= 0:
        found.append("camera: focal length is not positive")
    if not camera.world_up.any():
        found.append("camera: world_up is zero")
    return found


def _box_problems(box: np.ndarray, size: tuple[int, int]) -> list[str]:
    if not np.isfinite(box).all() or box[2] <= 0 or box[3] <= 0:
        return [f"box: {box.tolist()}, expected finite numbers and a positive size"]
    if boxes.area(boxes.intersection(box, boxes.full(size))) == 0:
        return [f"box: {box.tolist()} is outside the image of {size[0]} x {size[1]} px"]
    return []


def _mask_problems(mask: dict, size: tuple[int, int]) -> list[str]:
    if tuple(mask["size"]) != size[::-1]:
        return [f"mask: size {list(mask['size'])}, expected {list(size[::-1])} like the image"]
    try:
        return [] if masks.area(mask) else ["mask: empty"]
    except ValueError as error:
        return [f"mask: {error}"]
