"""Pictures without people: furnished places, and single pieces of furniture cut out."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from posepile.cameras import Camera
from posepile.synthetic import render
from posepile.synthetic.scene import SAMPLES, pixel_rays
from posepile.synthetic.surroundings import Place, PlaceStyle, Solid, grain_tile, random_place

ROOM = PlaceStyle(outdoor=0.4, plain=0.2, furniture=(3, 10), occluder=0.0)
ONE_PIECE = PlaceStyle(outdoor=0.0, furniture=(1, 1), occluder=0.0)
BRIGHTNESS = 0.22
"""Mean of linear light that a picture is exposed to."""


def draw_room(rng: np.random.Generator, side: int) -> np.ndarray:
    """A random furnished place, [side, side, 3] uint8 RGB."""
    eye = np.array([*rng.uniform(-2000, 2000, 2), rng.uniform(800, 2500)])
    angle = rng.uniform(0, 2 * np.pi)
    target = eye + rng.uniform(2500, 5000) * np.array([np.cos(angle), np.sin(angle), rng.uniform(-0.3, 0.05)])
    place = random_place(rng, ROOM, eye, target[:2], 1700.0)
    image, _, mean = _drawn(place, _camera(eye, target, side / rng.uniform(0.8, 1.5), side), side)
    return _developed(rng, image, mean)


def draw_piece(rng: np.random.Generator, side: int) -> np.ndarray:
    """A random piece of furniture from a random direction, cut out: [h, w, 4] uint8 RGBA, at most `side` px."""
    place = random_place(rng, ONE_PIECE, (0, -4000, 1500), (0, 0), 1700.0)
    low, high = render.bounds(place.solids[0].vertices).astype(np.float64)
    centre, size = (low + high) / 2, np.linalg.norm(high - low)
    direction = np.append(rng.normal(size=2), rng.uniform(-0.2, 1.0))
    eye = centre + direction * (2.5 * size / np.linalg.norm(direction))
    eye[2] = max(eye[2], 100)
    camera = _camera(eye, centre, side * np.linalg.norm(eye - centre) / (1.1 * size), side)
    image, coverage, mean = _drawn(
        replace(place, sky=np.zeros_like(place.sky)), camera, side, furniture_only=True
    )
    image /= np.maximum(coverage, 1e-3)[..., np.newaxis]  # an edge has the colour of the piece, not of black
    alpha = np.rint(255 * coverage).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(alpha)
    return np.dstack([_developed(rng, image, mean), alpha])[y : y + height, x : x + width]


def _camera(eye, target, focal: float, side: int) -> Camera:
    middle = (side - 1) / 2
    forward = (np.asarray(target) - eye) / np.linalg.norm(np.asarray(target) - eye)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return Camera(np.array([[focal, 0, middle], [0, focal, middle], [0, 0, 1]]), rotation, eye)


def _drawn(place: Place, camera: Camera, side: int, furniture_only: bool = False):
    """Linear light [side, side, 3] float32, share of each pixel that is the last solid, and a mean brightness:
    of the image, or of that solid if nothing else is drawn."""
    vertices, normals, attributes, faces, objects = _joined(place.solids)
    in_camera = camera.world_to_camera(vertices)
    pixels = camera.camera_to_image(in_camera)
    usable = np.isfinite(pixels[:, 0]) & (in_camera[:, 2] > 100)
    inverse_depth = np.where(usable, 1 / np.where(usable, in_camera[:, 2], 1), 0).astype(np.float32)
    samples = np.where(usable[:, None], (pixels + 0.5) * SAMPLES - 0.5, 0).astype(np.float32)
    face_ids = np.full((side * SAMPLES, side * SAMPLES), -1, np.int32)
    render.rasterise(
        samples, inverse_depth, faces, 0, len(faces), face_ids, np.zeros(face_ids.shape, np.float32)
    )
    # A shadow map that is nearer to the light nowhere: no shadows
    light = (place.light, np.zeros((3, 4), np.float32), np.zeros((8, 8), np.float32))
    eye = camera.position.astype(np.float32)
    layers = np.stack([solid.layers for solid in place.solids])
    colours = render.shade(
        face_ids, samples, inverse_depth, faces, objects, vertices, normals, attributes, layers, *light, eye
    )
    background = np.zeros((side, side, 3), np.float32)
    if not furniture_only:
        rays = pixel_rays(camera, side)
        background = render.backdrop(
            rays, eye, place.room, place.surfaces, *light, place.noise, place.sky, face_ids
        )
    last = len(place.solids) - 1
    image, coverage, mean, of_solid = render.resolve(colours, face_ids, objects, background, last)
    return image, coverage, of_solid if furniture_only else mean


def _joined(solids: Sequence[Solid]):
    starts = np.cumsum([0, *(len(solid.vertices) for solid in solids[:-1])])
    vertices, normals, attributes = (
        np.concatenate([getattr(solid, name) for solid in solids])
        for name in ("vertices", "normals", "attributes")
    )
    faces = np.concatenate([s.faces + np.int32(start) for s, start in zip(solids, starts, strict=True)])
    objects = np.repeat(np.arange(len(solids), dtype=np.uint8), [len(solid.faces) for solid in solids])
    return vertices, normals, attributes, faces, objects


def _developed(rng: np.random.Generator, image: np.ndarray, mean: float) -> np.ndarray:
    """8 bits of linear light: exposed to `BRIGHTNESS` as far as highlights allow, with a little grain."""
    steps = np.linspace(0, 1, 4096, dtype=np.float32)
    exposed = 1 - np.exp(-steps * np.float32(1.5 * min(BRIGHTNESS / max(mean, 1e-3), 3.0)))
    curve = (255 * exposed ** np.float32(1 / 2.2)).astype(np.float32)
    return render.develop(image, curve, grain_tile(), *rng.integers(256, size=2), np.float32(2))
