"""How the body moves: real motion capture, and random poses for what motion capture lacks.

`clips()` are 15 recordings that ship with the package (the `pybullet` package's, MIT licence, retargeted by
`export_motion.py`); `load_folder` reads a user's BVH and ASF/AMC files; `random_pose` draws sitting, lying,
kneeling, reaching and other poses; `sample_frames` mixes all of them. Poses are local rotations [31, 3, 3]
and the world position [3] of the head of `Hips`, as `posepile.synthetic.body` takes them: mm, z up, at rest
facing -y, lowest point of an average body at about z = 0 (another shape wants its own shift: its lowest
vertex tells).
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from posepile.synthetic import random_pose as random_poses
from posepile.synthetic.joint_angles import to_recording
from posepile.synthetic.mocap.asf import read_amc, read_asf
from posepile.synthetic.mocap.bvh import read_bvh
from posepile.synthetic.mocap.recording import Recording
from posepile.synthetic.retarget import retarget
from posepile.synthetic.rig import HINGES, Rig, mirrored

Split = Literal["train", "val", "test"]

DATA = Path(__file__).parent / "data/motion.npz"
KINDS = tuple(random_poses.KINDS)
TEST_SHARE, VAL_SHARE, LEAST_TRAIN_SHARE = 0.2, 0.1, 0.4  # of every clip
GAP_S = 0.3  # left out between the splits of a clip, so that no test frame has a neighbour in training
MAX_FPS = 60.0  # recordings of a user's folder are thinned to this
CLIP_SHARE = 0.65  # of sampled frames; the others are random poses
NOISE_DEG = 3.0  # spread of every joint of a sampled clip frame: other people move a little differently
QUANTUM = np.pi / 32767  # rotation vectors are stored as int16: steps of 0.0055 degrees


@dataclass(frozen=True, eq=False)
class Clip:
    """A piece of a recording that belongs to one split."""

    name: str
    fps: float
    rotations: np.ndarray  # [T, 31, 3, 3] float32, local
    root: np.ndarray  # [T, 3] float32, mm
    split: Split


class Poses(NamedTuple):
    """Poses and where they come from: "walk", "random/sit", with a "~" behind if mirrored."""

    rotations: np.ndarray  # [n, 31, 3, 3] float32
    root: np.ndarray  # [n, 3] float32, mm
    sources: tuple[str, ...]


@cache
def rig() -> Rig:
    """The body's skeleton in an average shape."""
    with np.load(DATA, allow_pickle=False) as data:
        return Rig(
            bones=tuple(data["bones"].tolist()),
            parents=tuple(data["parents"].tolist()),
            heads=data["heads_mm"].astype(np.float64),
            contact_bones=data["contact_bones"].astype(np.int64),
            contacts=data["contacts_mm"].astype(np.float64),
        )


@cache
def clips() -> tuple[Clip, ...]:
    """The clips that ship with the package, each cut into its three splits."""
    result: list[Clip] = []
    with np.load(DATA, allow_pickle=False) as data:
        ends = np.cumsum(data["lengths"])
        turns = Rotation.from_rotvec(data["rotvecs"].reshape(-1, 3) * QUANTUM).as_matrix()
        turns = turns.reshape(*data["rotvecs"].shape, 3).astype(np.float32)
        for name, fps, start, end in zip(
            data["names"], data["fps"], ends - data["lengths"], ends, strict=True
        ):
            result += cut_splits(str(name), float(fps), turns[start:end], data["root_mm"][start:end])
    return tuple(result)


def load_folder(folder: Path) -> list[Clip]:
    """Reads all motion capture files (.bvh, .amc with their .asf) below a folder and retargets them.

    An .amc belongs to the skeleton named like it ("02_01.amc" to "02.asf" or "02_01.asf"), nearest in the
    folders, or else to the only skeleton beside it. Recordings are thinned to at most 60 frames a second.

    Raises:
        ValueError: naming the file: it is malformed, of an unknown rig, without its skeleton; or no file.
        OSError: the folder or a file cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: no such folder, expected one with .bvh or .asf and .amc files")
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in (".bvh", ".amc"))
    if not files:
        raise ValueError(f"{folder}: no motion found, expected .bvh files or .amc files with their .asf")
    skeletons = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() == ".asf")
    read_skeleton = lru_cache(maxsize=1)(read_asf)
    result = []
    for path in files:
        if path.suffix.lower() == ".bvh":
            recording = read_bvh(path)
        else:
            recording = read_amc(path, read_skeleton(_skeleton_of(path, skeletons)))
        name = path.relative_to(folder).with_suffix("").as_posix()
        result += cut_splits(name, *_thinned(recording))
    return result


def random_pose(rng: np.random.Generator, kind: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A random pose within joint limits, on the floor.

    Args:
        rng: source of all chance.
        kind: one of KINDS ("sit", "lie_back", "kneel", …); by default a random one.

    Returns:
        Local rotations [31, 3, 3] and root [3], float32, mm.

    Raises:
        UnknownNameError: for a kind that does not exist.
    """
    rotations, root = _random_poses([random_poses.draw(rng, kind)])
    return rotations[0], root[0]


def sample_frames(
    split: Split, rng: np.random.Generator, n: int, moving: Sequence[Clip] | None = None
) -> Poses:
    """Draws poses of one split: 65 % from clips (each equally often) with some noise, 35 % random poses.

    Half of them are mirrored, so that left and right are seen equally often.

    Args:
        split: only clips of this split take part.
        rng: source of all chance: the same state gives the same poses.
        n: how many.
        moving: the clips; by default those of the package.

    Raises:
        ValueError: if no clip belongs to the split.
    """
    chosen = [clip for clip in (clips() if moving is None else moving) if clip.split == split]
    if not chosen:
        raise ValueError(f"no clip of split '{split}', expected clips of it or another split")
    body = rig()
    rotations, root = np.empty((n, len(body.bones), 3, 3), np.float32), np.empty((n, 3), np.float32)
    sources = np.empty(n, dtype=object)
    from_clip = rng.random(n) < CLIP_SHARE
    for i in np.flatnonzero(from_clip):
        clip = chosen[rng.integers(len(chosen))]
        frame = rng.integers(len(clip.rotations))
        rotations[i], root[i], sources[i] = clip.rotations[frame], clip.root[frame], clip.name
    if from_clip.any():
        rotations[from_clip], root[from_clip] = with_noise(rng, rotations[from_clip], root[from_clip])
    drawn = np.flatnonzero(~from_clip)
    if len(drawn):
        kinds = rng.choice(KINDS, size=len(drawn), p=list(random_poses.SHARES.values()))
        angles = [random_poses.draw(rng, str(kind)) for kind in kinds]
        rotations[drawn], root[drawn] = _random_poses(angles)
        sources[drawn] = [f"random/{kind}" for kind in kinds]
    flipped = rng.random(n) < 0.5
    rotations[flipped], root[flipped] = mirrored(body, rotations[flipped], root[flipped])
    return Poses(
        rotations, root, tuple(f"{s}~" if f else str(s) for s, f in zip(sources, flipped, strict=True))
    )


def with_noise(
    rng: np.random.Generator, rotations: np.ndarray, root: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Turns every joint a little. Knees and elbows turn about their own axis only, and never fold backwards.

    Args:
        rotations: [n, 31, 3, 3]; root: [n, 3]. The height of the lowest point above the floor is kept.
    """
    body = rig()
    vectors = rng.normal(0, np.radians(NOISE_DEG), size=(*rotations.shape[:2], 3))
    for upper in HINGES:
        hinge = body.hinge(upper)
        fold = body.fold(rotations, upper)
        more = np.maximum(rng.normal(0, np.radians(2 * NOISE_DEG), size=len(fold)), -fold)
        vectors[:, hinge.lower] = more[:, None] * hinge.axis
    turns = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(rotations.shape)
    moved = (turns @ rotations).astype(np.float32)
    lifted = np.array(root)
    lifted[:, 2] += (body.lowest(rotations, root) - body.lowest(moved, root)).astype(np.float32)
    return moved, lifted


def cut_splits(name: str, fps: float, rotations: np.ndarray, root: np.ndarray) -> list[Clip]:
    """Cuts a recording into its splits, in this order: train, a gap, val (10 %), a gap, test (the last 20 %).

    The gaps, of 0.3 s, belong to none. Where they would leave less than 40 % to train, there is no val part;
    where that is not enough either, the whole recording belongs to one split, by a checksum of its name.
    """
    count, gap = len(rotations), int(np.ceil(GAP_S * fps))
    test = int(np.ceil(count * (1 - TEST_SHARE)))
    val = test - gap - int(count * VAL_SHARE)
    if val - gap >= LEAST_TRAIN_SHARE * count and val < test - gap:
        parts: dict[Split, slice] = {"train": slice(0, val - gap), "val": slice(val, test - gap)}
    elif test - gap >= LEAST_TRAIN_SHARE * count and test < count:
        parts = {"train": slice(0, test - gap)}
    else:
        place = zlib.crc32(name.encode()) % 100 / 100
        whole: Split = "test" if place < TEST_SHARE else "val" if place < TEST_SHARE + VAL_SHARE else "train"
        return [Clip(name, fps, rotations, root, whole)]
    parts["test"] = slice(test, count)
    return [Clip(name, fps, rotations[part], root[part], split) for split, part in parts.items()]


def _random_poses(angles: list[random_poses.Angles]) -> tuple[np.ndarray, np.ndarray]:
    body = rig()
    rotations, root = retarget(to_recording(angles), body)
    root[:, 2] -= body.lowest(rotations, root).astype(np.float32)
    root[:, :2] = 0
    return rotations, root


def _thinned(recording: Recording) -> tuple[float, np.ndarray, np.ndarray]:
    step = int(np.ceil(recording.fps / MAX_FPS - 1e-6))
    rotations, root = retarget(recording, rig())
    return recording.fps / step, rotations[::step].copy(), root[::step].copy()


def _skeleton_of(motion: Path, skeletons: list[Path]) -> Path:
    stems = {motion.stem.lower(), motion.stem.split("_")[0].lower()}
    named = [path for path in skeletons if path.stem.lower() in stems]
    beside = [path for path in skeletons if path.parent == motion.parent]
    named_beside = [path for path in named if path in beside]
    for candidates in (named_beside, named, beside):
        if len(candidates) == 1:
            return candidates[0]
    found = ", ".join(path.name for path in skeletons) or "none"
    expected = " or ".join(sorted(f"{stem}.asf" for stem in stems))
    raise ValueError(
        f"{motion}: its skeleton was not found, expected {expected} (skeletons in the folder: {found})"
    )
