"""The labels of a test store as arrays, and which joints belong to which skeleton format."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from posepile import skeletons
from posepile.cameras import Camera
from posepile.store import Store

CHUNK = 512  # examples in memory at once; each holds its JPEG

HIPS = ("lhip", "rhip")
ROOTS = {
    "bmlmovi": ("mhip",),
    "3doh": HIPS,
    "ikea": HIPS,
    "bmhad": ("lhipb", "lhipf", "lhipl", "rhipb", "rhipf", "rhipl"),
}
"""Base names of the joints whose mean is a format's root, where that is not "pelv". MoVi's pelv lies above the
point that other formats call pelvis; mhip, between the hip joints, is that point. The others have no pelvis:
their root is the middle of the hips, in bmhad of the markers around them."""
PELVIS = ("pelv",)


@dataclass(frozen=True, eq=False)
class Truth:
    """3D labels of N examples, rows in the order of the store."""

    source: str
    """The store, for messages."""
    keys: tuple[str, ...]
    """[N] "store_id:key"."""
    world: np.ndarray
    """[N, J, 3] float64 mm, world frame; NaN where not labelled."""
    rotations: np.ndarray
    """[N, 3, 3] world to the crop's camera, which looks at the middle of the box and has zero roll."""
    joint_names: tuple[str, ...]
    """[J] names as in a union of formats."""
    cameras: tuple[Camera, ...]
    """[N] of the whole images."""
    sequences: tuple[str, ...]
    """[N] examples that resemble each other: of one subject, who has one body and one look in the synthetic pile; else
    each by itself. Confidence intervals resample them."""

    def in_camera_frame(self, world: np.ndarray) -> np.ndarray:
        """Turns [N, n, 3] vectors from world to crop camera directions (no translation)."""
        return np.einsum("nij,nkj->nki", self.rotations, world)

    def fingerprint(self) -> str:
        """SHA-256 of keys, joint names and labels."""
        digest = hashlib.sha256("\n".join((*self.keys, *self.joint_names)).encode())
        digest.update(np.ascontiguousarray(self.world).tobytes())
        return digest.hexdigest()


def read_truth(store: Store) -> Truth:
    """Reads all labels of a store. Raises ValueError if an example has no camera or no 3D labels."""
    keys, world, rotations, cameras, sequences = [], [], [], [], []
    for start in range(0, len(store), CHUNK):
        for example in store.examples(range(start, min(start + CHUNK, len(store)))):
            if example.joints3d is None or example.camera is None:
                raise ValueError(f"{store.path}: {example.key} lacks 3D labels or a camera, expected both")
            x, y, width, height = example.box
            keys.append(f"{store.id}:{example.key}")
            world.append(example.joints3d)
            rotations.append(example.camera.turned_to((x + width / 2, y + height / 2)).rotation)
            cameras.append(example.camera)
            sequences.append(example.tags.get("subject", example.key))
    if not keys:
        raise ValueError(f"{store.path}: the store is empty, expected labelled examples")
    names = store.info.union_joints
    return Truth(
        source=str(store.path),
        keys=tuple(keys),
        world=np.array(world, np.float64),
        rotations=np.array(rotations),
        joint_names=tuple(names),
        cameras=tuple(cameras),
        sequences=tuple(sequences),
    )


@dataclass(frozen=True, eq=False)
class FormatJoints:
    """The joints of one format within a list of union names."""

    columns: np.ndarray
    """[n] indices into the list."""
    base_names: tuple[str, ...]
    """[n] what the format calls them."""
    root: tuple[int, ...]
    """Positions among them of the joints whose mean is the root."""
    mirror: np.ndarray
    """[n] position of each joint's partner on the other side, itself where there is none."""


def formats_of(joint_names: Sequence[str], source: str = "") -> dict[str, FormatJoints]:
    """Sorts union joint names by format, formats in order of first appearance.

    Raises ValueError for names of no format, or a format whose root joints are not among the names.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    for i, name in enumerate(joint_names):
        if name not in _owners():
            raise ValueError(f"{source}: joint {name!r} belongs to none of the formats")
        format_name, base_name = _owners()[name]
        found.setdefault(format_name, []).append((i, base_name))
    return {name: _format_joints(name, joints, source) for name, joints in found.items()}


def root_names(format_name: str) -> tuple[str, ...]:
    """Union names of the joints whose mean is a format's root."""
    return tuple(skeletons.union_name(format_name, joint) for joint in ROOTS.get(format_name, PELVIS))


def _format_joints(name: str, joints: list[tuple[int, str]], source: str) -> FormatJoints:
    columns, base_names = zip(*joints, strict=True)
    root = ROOTS.get(name, PELVIS)
    lacking = [joint for joint in root if joint not in base_names]
    if lacking:
        raise ValueError(f"{source}: format {name!r} lacks its root joint {', '.join(map(repr, lacking))}")
    place = {joint: i for i, joint in enumerate(base_names)}
    skeleton = skeletons.load(name)
    partners = dict(zip(skeleton.joints, (skeleton.joints[i] for i in skeleton.mirror), strict=True))
    mirror = np.array([place.get(partners[joint], i) for joint, i in place.items()])
    return FormatJoints(np.array(columns), base_names, tuple(place[joint] for joint in root), mirror)


@cache
def _owners() -> dict[str, tuple[str, str]]:
    """Union name -> (format, base name), over all formats."""
    formats = [skeletons.load(name) for name in skeletons.FORMATS]
    return {
        union: (skeleton.name, base)
        for skeleton in formats
        for union, base in zip(skeleton.union_names, skeleton.joints, strict=True)
    }
