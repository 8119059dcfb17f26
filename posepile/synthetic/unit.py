"""One unit of a synthetic data set: bodies are drawn, posed, photographed and labelled."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from posepile import masks
from posepile.cameras import Camera
from posepile.example import PoseExample
from posepile.synthetic import look, render, scene
from posepile.synthetic.body import load_body
from posepile.synthetic.formats import table_of
from posepile.synthetic.motion import Clip, Poses, rig, sample_frames
from posepile.synthetic.presets import Preset, Style
from posepile.synthetic.surroundings import random_place

PER_SUBJECT = 8
"""Examples of one person before the next one comes."""
PER_POSE_BATCH = 64
"""Poses are drawn for so many examples at a time, which costs less than one by one."""
ATTEMPTS = 8
MIN_MASK = 0.002
"""Smallest share of the image that the person covers."""
JPEG_QUALITY = 92
PHOTO_PROBABILITY = 0.8


@dataclass(frozen=True, eq=False)
class Subject:
    """A person with a body and clothes, and poses for all the pictures: vertices [n, V, 3], heads [n, 31,
    3]."""

    name: str
    style: Style
    look: look.Look
    vertices: np.ndarray
    heads: np.ndarray
    actions: Sequence[str]


def make_unit(
    preset: Preset,
    seed: int,
    unit: int,
    count: int,
    side: int,
    moving: Sequence[Clip] | None = None,
    photos: Sequence[Path] = (),
) -> Iterator[PoseExample]:
    """Yields the first `count` examples of a unit; images are `side` px square.

    Args:
        moving: motion clips; by default those of the package.
        photos: image files that stand for the drawn surroundings in most pictures.
    """
    root = [seed, zlib.crc32(preset.id.encode()), unit]
    views = [
        scene.fixed_views(np.random.default_rng([*root[:2], i]), s.camera)
        for i, s in enumerate(preset.styles)
    ]
    previous = None
    for first in range(0, count, PER_SUBJECT):
        if first % PER_POSE_BATCH == 0:
            poses = sample_frames(
                preset.split, np.random.default_rng([*root, 2, first]), PER_POSE_BATCH, moving
            )
        name = f"s{unit:04d}{first // PER_SUBJECT:03d}"
        subject = _subject(
            np.random.default_rng([*root, 1, first]), preset, poses, first % PER_POSE_BATCH, name
        )
        for i in range(first, min(first + PER_SUBJECT, count)):
            rng = np.random.default_rng([*root, 0, i])
            cameras = views[preset.styles.index(subject.style)]
            yield _example(
                rng, preset, subject, previous, i - first, cameras, side, photos, f"u{unit:05d}/{i:04d}"
            )
        previous = subject


def _subject(rng: np.random.Generator, preset: Preset, poses: Poses, first: int, name: str) -> Subject:
    """A new person in the poses from number `first` on."""
    body = load_body()
    style = preset.styles[rng.integers(len(preset.styles))]
    shaped = scene.random_shape(rng, body, style.children)
    clothes = look.random_look(rng, style.look, scene.body_fields())
    rows = slice(first, first + PER_SUBJECT)
    rotations, root = poses.rotations[rows].astype(np.float64), poses.root[rows]
    flight = np.maximum(rig().lowest(rotations, root), 0)  # jumps stay jumps
    facing = Rotation.from_rotvec(rng.uniform(0, 2 * np.pi, (PER_SUBJECT, 1)) * [0, 0, 1])
    rotations[:, 0] = facing.as_matrix() @ rotations[:, 0]
    vertices, heads = body.pose(shaped, rotations, np.zeros((PER_SUBJECT, 3)))
    for k in range(PER_SUBJECT):
        low, high = render.bounds(vertices[k])
        offset = np.float32([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2] - flight[k]])
        vertices[k] -= offset
        heads[k] -= offset
    return Subject(name, style, clothes, vertices, heads, poses.sources[rows])


def _example(rng, preset, subject: Subject, other, k: int, views, side, photos, key) -> PoseExample:
    for _ in range(ATTEMPTS):
        example = _attempt(rng, preset, subject, other, k, views, side, photos, key)
        if example is not None:
            return example
    raise RuntimeError(f"{preset.id}/{key}: no visible person in {ATTEMPTS} pictures")


def _attempt(rng, preset, subject: Subject, other, k, views, side, photos, key) -> PoseExample | None:
    style = subject.style
    where = np.append(rng.uniform(-1, 1, 2) * style.camera.wander, 0)
    vertices = subject.vertices[k] + where.astype(np.float32)
    position, camera_name = scene.camera_position(rng, style.camera, views)
    camera, frame = scene.crop_camera(rng, style.camera, position, vertices, side)
    people = [scene.Person(vertices, subject.look)]
    if other is not None and rng.random() < style.second_person:
        people.append(_bystander(rng, other, position, where))
    low, high = render.bounds(vertices)
    # What the frame cuts is hard enough to see
    around = replace(style.place, occluder=0.0) if np.isfinite(frame).any() else style.place
    place = random_place(rng, around, position, where[:2], float(high[2] - low[2]))
    photo = _photo(rng, photos, side) if photos and rng.random() < PHOTO_PROBABILITY else None
    picture = scene.draw(rng, people, camera, place, side, frame, photo)
    outside = _outside(frame, side)
    picture.image[outside] = 0
    mask = (picture.coverage >= 0.5) & ~outside
    if mask.mean() < MIN_MASK:
        return None
    joints = (
        table_of(preset.skeleton).points(subject.vertices[k : k + 1], subject.heads[k : k + 1])[0] + where
    )
    labels = _labels(rng, preset, joints, camera, frame, picture.hidden, side)
    return PoseExample(
        key=f"{preset.id}/{key}",
        image=_jpeg(picture.image),
        box=_box(picture.corners, side),
        mask=masks.encode(mask),
        tags={"subject": subject.name, "camera": camera_name, "action": subject.actions[k]},
        **labels,
    )


def _labels(rng, preset: Preset, joints, camera: Camera, frame, hidden, side) -> dict:
    """The labels of a data set of this kind; joints [J, 3] mm, world."""
    joints = np.asarray(joints, np.float64)
    if preset.role != "2d":
        joints[rng.random(len(joints)) < preset.unlabelled] = np.nan
        return {"camera": camera, "joints3d": joints.astype(np.float32)}
    pixels = camera.world_to_image(joints)
    low, high = np.maximum(frame[:2], -0.5), np.minimum(frame[2:], side - 0.5)
    inside = (pixels >= low).all(1) & (pixels <= high).all(1)
    nearest = np.clip(np.round(np.nan_to_num(pixels)), 0, side - 1).astype(int)
    seen = ~hidden[nearest[:, 1], nearest[:, 0]] | (rng.random(len(joints)) < 0.3)  # annotators guess some
    pixels[~(inside & seen)] = np.nan
    return {"camera": None, "joints2d": pixels.astype(np.float32)}


def _bystander(rng, other: Subject, eye, where) -> scene.Person:
    """Somebody else behind the labelled person or beside them."""
    k = int(rng.integers(PER_SUBJECT))
    forward = (where - eye)[:2]
    forward /= max(np.linalg.norm(forward), 1)
    sideways = np.array([-forward[1], forward[0]]) * rng.choice([-1, 1]) * rng.uniform(450, 1500)
    spot = where[:2] + sideways + forward * rng.uniform(-200, 3000)
    return scene.Person(other.vertices[k] + np.append(spot, 0).astype(np.float32), other.look)


def _outside(frame, side: int) -> np.ndarray:
    pixels = np.arange(side)
    column = (pixels < frame[0]) | (pixels > frame[2])
    return column[None] | ((pixels < frame[1]) | (pixels > frame[3]))[:, None]


def _box(corners, side: int) -> np.ndarray:
    """[x, y, w, h] of the part of the person that the image shows."""
    low, high = np.maximum(corners[:2], -0.5), np.minimum(corners[2:], side - 0.5)
    return np.concatenate([low, high - low]).astype(np.float32)


def _jpeg(image: np.ndarray) -> bytes:
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return data.tobytes()


def _photo(rng: np.random.Generator, photos: Sequence[Path], side: int) -> np.ndarray:
    """A random square part of a random photograph, [side, side, 3] RGB."""
    image = _read_photo(photos[rng.integers(len(photos))], 2 * side)
    size = int(rng.integers(min(side, *image.shape[:2]), min(image.shape[:2]), endpoint=True))
    y, x = (int(rng.integers(length - size, endpoint=True)) for length in image.shape[:2])
    part = cv2.resize(image[y : y + size, x : x + size], (side, side), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


@lru_cache(maxsize=64)
def _read_photo(path: Path, side: int) -> np.ndarray:
    """The photograph with its shorter side reduced to `side`, RGB. Raises ValueError for a file that is no
    image."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(
            f"{path}: not an image that OpenCV reads; --backgrounds expects a folder of photographs"
        )
    factor = side / min(image.shape[:2])
    if factor < 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
