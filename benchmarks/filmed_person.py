"""What `dozens pose` makes of films whose truth is known: rendered people in motion, seen by one fixed camera.

    python benchmarks/filmed_person.py --model OUT/savedmodel/1 --format h36m --motion FOLDER_OF_BVH_OR_AMC

A person of random looks moves through a drawn place as motion capture did; the exported model finds the pose in each
frame, in the person's exact box, and the smoother follows the motion. Printed, raw and smoothed: mean acceleration of
the joints, distance from the truth, distance once the middles of both poses agree, and how far smoothing moves joints.
The figures say something about a model only if it knows pictures of this kind. The last line is JSON.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tyro

from posepile import skeletons
from posepile.cameras import Camera
from posepile.synthetic import look, motion, render, scene
from posepile.synthetic.body import load_body
from posepile.synthetic.formats import table_of
from posepile.synthetic.presets import Style
from posepile.synthetic.surroundings import random_place
from serving import media
from serving.frames import PosedFrame
from serving.predictor import People, Predictor
from serving.video.smoother import Smoother

FPS = 30.0
SIDE = 384  # px of the frames
BATCH = 8
LEAST_FRAMES = 30
PLAIN = Style(camera=scene.CameraStyle((4000, 7000), (1000, 1800), truncated=0.0))


@dataclass(frozen=True)
class Settings:
    """What is filmed."""

    model: Path
    """The SavedModel folder that `dozens export` wrote."""
    format: str
    """A format that the model answers in, and whose joints the drawn body has."""
    motion: Path | None = None
    """Folder of motion capture; without it the recordings of the package, which are dances, falls and jumps."""
    clips: str = ""
    """Only recordings whose name contains this."""
    films: int = 6
    """Each with another person, place and camera."""
    num_aug: int = 1
    seed: int = 0
    pictures: Path | None = None
    """Folder for the middle frame of each film."""


@dataclass(frozen=True, eq=False)
class Film:
    """images [T, S, S, 3] uint8, boxes [T, 4] px, joints [T, J, 3] mm, camera axes; camera: its world is z up."""

    name: str
    images: np.ndarray
    boxes: np.ndarray
    joints: np.ndarray
    camera: Camera


def main(settings: Settings) -> dict:
    predictor = Predictor(settings.model)
    columns = predictor.choose(settings.format).columns
    rows = []
    print("                      acceleration mm/frame²      distance mm   middles aligned")
    print("film                  truth    raw  smooth       raw smooth       raw smooth    moved")
    for film in films(settings):
        camera = Camera(film.camera.intrinsics, world_up=film.camera.rotation @ film.camera.world_up)
        raw = poses(predictor, film, camera, settings.num_aug)[:, columns]
        smooth = smoothed(raw, film, camera)
        row = dict(
            truth_acceleration=acceleration(film.joints),
            raw_acceleration=acceleration(raw),
            smooth_acceleration=acceleration(smooth),
            raw_error=distance(raw, film.joints),
            smooth_error=distance(smooth, film.joints),
            raw_aligned=distance(centred(raw), centred(film.joints)),
            smooth_aligned=distance(centred(smooth), centred(film.joints)),
            moved=distance(raw, smooth),
        )
        rows.append(row)
        show(film.name, row)
    means = {name: round(float(np.mean([row[name] for row in rows])), 2) for name in rows[0]}
    show("mean", means)
    return means


def show(name: str, row: dict[str, float]) -> None:
    print(f"{name[-20:]:20}" + "".join(f"{value:8.1f}" for value in row.values()), flush=True)


def films(settings: Settings) -> Iterator[Film]:
    """Films of people of random looks, each of a recording's test frames, in turn."""
    clips = motion.clips() if settings.motion is None else motion.load_folder(settings.motion)
    clips = [c for c in clips if settings.clips in c.name and len(c.rotations) / c.fps >= LEAST_FRAMES / FPS]
    if not clips:
        raise SystemExit(
            f"no recording of {LEAST_FRAMES / FPS} s or more with {settings.clips!r} in its name"
        )
    table = table_of(skeletons.load(settings.format))
    for i in range(settings.films):
        clip = clips[i % len(clips)]
        film = filmed(clip, table, np.random.default_rng([settings.seed, i]))
        if settings.pictures:
            settings.pictures.mkdir(parents=True, exist_ok=True)
            media.write_photo(settings.pictures / f"film{i}.png", film.images[len(film.images) // 2])
        yield film


def filmed(clip: motion.Clip, table, rng: np.random.Generator) -> Film:
    chosen = np.round(np.arange(0, len(clip.rotations) - 1, clip.fps / FPS)).astype(int)
    body = load_body()
    shaped = scene.random_shape(rng, body, children=0.0)
    clothes = look.random_look(rng, PLAIN.look, scene.body_fields())
    vertices, heads = body.pose(shaped, clip.rotations[chosen], clip.root[chosen])
    low, high = render.bounds(vertices.reshape(-1, 3))
    middle = np.float32([*(low + high)[:2] / 2, low[2]])
    vertices, heads = vertices - middle, heads - middle
    position, _ = scene.camera_position(rng, PLAIN.camera, ())
    camera, frame = scene.crop_camera(rng, PLAIN.camera, position, vertices.reshape(-1, 3), SIDE)
    place = random_place(
        rng, replace(PLAIN.place, occluder=0.0), position, np.zeros(2), float(high[2] - low[2])
    )
    pictures = [
        scene.draw(rng, [scene.Person(posed, clothes)], camera, place, SIDE, frame) for posed in vertices
    ]
    corners = np.array([picture.corners for picture in pictures])
    joints = table.points(vertices, heads).astype(np.float64)
    return Film(
        clip.name,
        np.stack([picture.image for picture in pictures]),
        np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1),
        camera.world_to_camera(joints),
        camera,
    )


def poses(predictor: Predictor, film: Film, camera: Camera, num_aug: int) -> np.ndarray:
    """[T, J, 3] mm of all the model's joints, as the network sees each frame."""
    found = []
    for start in range(0, len(film.images), BATCH):
        part = slice(start, start + BATCH)
        boxes = [box[np.newaxis] for box in film.boxes[part]]
        found += predictor.predict_frames(film.images[part], camera, boxes, num_aug)
    return np.stack([people.joints3d[0] for people in found])


def smoothed(raw: np.ndarray, film: Film, camera: Camera) -> np.ndarray:
    """As `dozens pose` does it, frame by frame."""
    smoother, done = Smoother(camera), []
    for i, (image, box, pose) in enumerate(zip(film.images, film.boxes, raw, strict=True)):
        people = People(box[np.newaxis], pose[np.newaxis], pose[np.newaxis, :, :2])
        frame = PosedFrame(image, people, np.array([1]), np.array([False]), i, i / FPS)
        done += smoother.push(frame)
    return np.stack([frame.people.joints3d[0] for frame in [*done, *smoother.finish()]])


def acceleration(joints: np.ndarray) -> float:
    """Mean over joints and frames, mm a frame and frame."""
    return float(np.linalg.norm(np.diff(joints, 2, axis=0), axis=-1).mean())


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b, axis=-1).mean())


def centred(joints: np.ndarray) -> np.ndarray:
    return joints - joints.mean(axis=1, keepdims=True)


if __name__ == "__main__":
    print(json.dumps(main(tyro.cli(Settings, description=__doc__.splitlines()[0])), allow_nan=False))
