"""Where a synthetic person stands: floor, walls or sky, light, furniture behind and in front.

The world is z up, in mm, the floor is z = 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from posepile.synthetic import look
from posepile.synthetic.render import ATTRIBUTES, LIGHT

NOISE_SIDE = 256


@dataclass(frozen=True)
class PlaceStyle:
    """What the places of a data set are like; ranges are (low, high), probabilities 0..1."""

    outdoor: float = 0.3
    half_side: tuple[float, float] = (2500, 6000)
    """Distance of the walls from the middle of the room, mm; out of doors they are ten times as far, and
    low."""
    plain: float = 0.3
    """Probability of a floor or wall without a pattern."""
    green_screen: float = 0.0
    furniture: tuple[int, int] = (0, 6)
    occluder: float = 0.2
    """Probability of something between the camera and the person."""
    sunlight: tuple[float, float] = (0.4, 1.3)
    """Strength of the directional light; the light from all around has about 0.5."""


@dataclass(frozen=True, eq=False)
class Solid:
    """A piece of furniture: vertices, normals [V, 3], attributes [V, ATTRIBUTES], faces [F, 3], paint
    layers."""

    vertices: np.ndarray
    normals: np.ndarray
    attributes: np.ndarray
    faces: np.ndarray
    layers: np.ndarray


@dataclass(frozen=True, eq=False)
class Place:
    """Surroundings as the renderer takes them (see `render.backdrop`), and the solids that stand there."""

    room: np.ndarray
    surfaces: np.ndarray
    sky: np.ndarray
    light: np.ndarray
    noise: np.ndarray
    solids: Sequence[Solid]


def random_place(rng: np.random.Generator, style: PlaceStyle, eye, person, person_height: float) -> Place:
    """Draws a place around a camera at `eye` [3] and a person standing at `person` [2], mm.

    Nothing but one possible occluder stands between the two.
    """
    eye, person = np.asarray(eye, np.float64), np.asarray(person, np.float64)
    outdoor = rng.random() < style.outdoor
    sides = rng.uniform(*style.half_side, 4) * (10 if outdoor else 1)
    low = np.minimum(np.minimum(eye[:2], person) - 900, -sides[:2])
    high = np.maximum(np.maximum(eye[:2], person) + 900, sides[2:])
    height = rng.uniform(300, 4000) if outdoor else max(eye[2] + 500, rng.uniform(2400, 6000))
    if not outdoor:
        height *= 4  # no ceiling is drawn, so the walls go on
    solids = [
        _beside(rng, style, eye, person, low, high)
        for _ in range(rng.integers(*style.furniture, endpoint=True))
    ]
    if rng.random() < style.occluder:
        solids.append(_in_front(rng, style, eye, person, person_height))
    surfaces = np.stack([_surface(rng, style, "floor"), _surface(rng, style, "wall")])
    blue = look.linear(rng.uniform((0.55, 0.6, 0.65), (0.9, 0.9, 1.0)))
    sky = np.stack([blue, blue * look.linear(rng.uniform((0.5, 0.7, 0.9), 1.0))])
    room = np.array([low[0], high[0], low[1], high[1], height], np.float32)
    return Place(
        room, surfaces, sky, _random_light(rng, style, outdoor), noise_tile(int(rng.integers(8))), solids
    )


@lru_cache(maxsize=8)
def noise_tile(number: int) -> np.ndarray:
    """[256, 256] float32 in -1..1, periodic, of many scales; the same for every seed."""
    rng = np.random.default_rng([20230, number])
    tile = np.zeros((NOISE_SIDE, NOISE_SIDE), np.float32)
    for octave in range(2, 8):
        cells = 2**octave
        coarse = np.pad(rng.standard_normal((cells, cells)).astype(np.float32), 2, mode="wrap")
        factor = NOISE_SIDE // cells
        fine = cv2.resize(coarse, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        tile += fine[2 * factor :, 2 * factor :][:NOISE_SIDE, :NOISE_SIDE] * cells**-0.6
    return tile / np.abs(tile).max()


@lru_cache(maxsize=1)
def grain_tile() -> np.ndarray:
    """[256, 256, 3] float32, unit normal: sensor noise."""
    return np.random.default_rng(20231).standard_normal((NOISE_SIDE, NOISE_SIDE, 3), np.float32)


def _surface(rng, style: PlaceStyle, kind: str) -> np.ndarray:
    layers = look.empty_layers()
    colours = look.LookStyle(pattern=1 - style.plain, saturation=(0, 0.45), brightness=(0.15, 0.9))
    paint = look.random_pattern(rng, colours, periods=(150, 1500))
    angle = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
    if kind == "floor":
        paint["direction"] = (np.cos(angle), np.sin(angle), 0)
    else:
        paint["direction"] = (np.cos(angle), np.cos(angle) + 1e-3, np.sin(angle))
    paint["gloss"] = 0
    if "second" in paint:  # patterns of rooms are tone in tone
        paint["second"] = paint["colour"] * rng.uniform(0.55, 0.9) + rng.uniform(0, 0.1, 3)
    if rng.random() < style.green_screen and kind == "wall":
        paint = {"colour": np.array([0.1, 0.6, 0.2]) * rng.uniform(0.7, 1.3, 3)}
    look.set_layer(layers[0], **paint)
    return layers


def _random_light(rng, style: PlaceStyle, outdoor: bool) -> np.ndarray:
    light = np.zeros(1, LIGHT)
    elevation, azimuth = np.radians(rng.uniform(25, 75)), rng.uniform(0, 2 * np.pi)
    light["direction"] = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    strength = rng.uniform(*style.sunlight) * (1.3 if outdoor else 1.0)
    light["sun"] = strength * rng.uniform((0.9, 0.85, 0.75), (1.05, 1.0, 1.0))
    light["sky"] = rng.uniform(0.35, 0.6) * rng.uniform((0.85, 0.9, 0.95), (1.0, 1.0, 1.15))
    light["ground"] = light["sky"] * rng.uniform(0.3, 0.65)
    light["shadow"] = rng.uniform(0.5, 0.95)
    return light


def _beside(rng, style, eye, person, low, high) -> Solid:
    """Furniture in the room: away from the person, and not within 20 degrees of the line of sight before
    them."""
    forward = person - eye[:2]
    distance = np.linalg.norm(forward)
    for _ in range(20):
        spread = np.minimum(high - low, 12000) / 2
        middle = np.clip(person, low + spread, high - spread)
        spot = middle + rng.uniform(-0.95, 0.95, 2) * spread
        offset = spot - eye[:2]
        near_line = abs(forward[0] * offset[1] - forward[1] * offset[0]) / max(distance, 1)
        ahead = forward @ offset / max(distance, 1)
        before = ahead < distance + 500
        if np.linalg.norm(spot - person) > 1100 and not (before and near_line < 700 + 0.36 * max(ahead, 0)):
            break
    else:
        spot = person + 2500 * forward / max(distance, 1)
    return _random_solid(rng, np.append(spot, 0), rng.uniform(0.7, 1.4))


def _in_front(rng, style, eye, person, person_height) -> Solid:
    """Something that hides a part of the person: on the line of sight, a third of the way or more from the
    camera."""
    way = rng.uniform(0.45, 0.85)
    spot = np.append(person, 0) * way + eye * (1 - way)
    side = np.array([-(person - eye[:2])[1], (person - eye[:2])[0]])
    side /= max(np.linalg.norm(side), 1)
    spot[:2] += side * rng.uniform(-0.22, 0.22) * person_height
    sight = eye[2] * (1 - way) + way * rng.uniform(0.1, 0.55) * person_height  # top edge as seen
    if rng.random() < 0.6 and sight > 150:
        size = np.array([rng.uniform(150, 900), rng.uniform(100, 500), sight])
        return _paint_solid(rng, _moved(_box(size), np.append(spot[:2], 0), rng.uniform(0, 2 * np.pi)))
    size = rng.uniform(80, 300, 3) * (1, 1, rng.uniform(0.5, 3))
    spot[2] = max(sight - size[2] / 2, 0)
    shape = _ball(size) if rng.random() < 0.5 else _box(size)
    return _paint_solid(rng, _moved(shape, spot, rng.uniform(0, 2 * np.pi)))


def _random_solid(rng, spot, scale) -> Solid:
    kind = rng.integers(6)
    if kind == 0:  # table
        top, leg = rng.uniform((800, 500, 30), (1800, 900, 60)), rng.uniform(30, 80)
        height = rng.uniform(500, 900)
        parts = [_moved(_box(top), (0, 0, height), 0)]
        for x in (-0.45, 0.45):
            parts += [_moved(_box((leg, leg, height)), (x * top[0], y * top[1], 0), 0) for y in (-0.45, 0.45)]
    elif kind == 1:  # chair
        seat = rng.uniform((380, 380, 30), (600, 600, 120))
        parts = [
            _moved(_box(seat), (0, 0, 420), 0),
            _moved(_box((seat[0], 40, 500)), (0, seat[1] / 2, 450), 0),
        ]
        parts += [
            _moved(_box((40, 40, 420)), (x * seat[0], y * seat[1], 0), 0)
            for x in (-0.45, 0.45)
            for y in (-0.45, 0.45)
        ]
    elif kind == 2:  # pole or column
        parts = [_tube(rng.uniform(30, 250), rng.uniform(600, 3500))]
    elif kind == 3:  # plant or ball
        size = rng.uniform(300, 900)
        parts = [
            _tube(size / 6, 400),
            _moved(_ball((size, size, size * rng.uniform(0.7, 1.6))), (0, 0, 350), 0),
        ]
    else:  # cupboard, crate, sofa
        parts = [_box(rng.uniform((300, 250, 250), (1800, 800, 2200)))]
    vertices, normals, faces = _merged(parts)
    return _paint_solid(rng, _moved((vertices * scale, normals, faces), spot, rng.uniform(0, 2 * np.pi)))


def _paint_solid(rng, mesh) -> Solid:
    vertices, normals, faces = mesh
    layers = look.empty_layers()
    style = look.LookStyle(pattern=0.4, saturation=(0, 0.8), brightness=(0.08, 0.95))
    look.set_layer(layers[0], **look.random_pattern(rng, style, periods=(40, 400)))
    attributes = np.zeros((len(vertices), ATTRIBUTES), np.float32)
    attributes[:, :3] = vertices
    return Solid(vertices.astype(np.float32), normals.astype(np.float32), attributes, faces, layers)


def _moved(mesh, offset, angle):
    vertices, normals, faces = mesh
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return vertices @ turn.T + np.asarray(offset), normals @ turn.T, faces


def _merged(meshes):
    starts = np.cumsum([0, *(len(m[0]) for m in meshes[:-1])])
    faces = [m[2] + start for m, start in zip(meshes, starts, strict=True)]
    return (
        np.concatenate([m[0] for m in meshes]),
        np.concatenate([m[1] for m in meshes]),
        np.concatenate(faces),
    )


def _box(size):
    """Standing on z = 0, its middle at x = y = 0."""
    vertices, normals, faces = _unit_box()
    return vertices * np.asarray(size), normals, faces


@lru_cache(maxsize=1)
def _unit_box(cells=3):
    """Each side is a grid, so that lens distortion bends it."""
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, cells + 1), np.linspace(-0.5, 0.5, cells + 1), indexing="ij")
    vertices, normals = [], []
    for axis in range(3):
        for sign in (-1, 1):
            points = np.empty((*u.shape, 3))
            points[..., axis] = 0.5 * sign
            points[..., (axis + 1) % 3], points[..., (axis + 2) % 3] = u * sign, v
            vertices.append(points.reshape(-1, 3))
            normals.append(np.broadcast_to(sign * np.eye(3)[axis], vertices[-1].shape))
    side = _grid_faces(cells + 1, cells + 1)[:, ::-1]
    faces = np.concatenate([side + i * (cells + 1) ** 2 for i in range(6)])
    return np.concatenate(vertices) + (0, 0, 0.5), np.concatenate(normals), faces


def _ball(size, cells=16):
    """An ellipsoid standing on z = 0."""
    return _lathe(np.pi * np.linspace(0, 1, cells // 2 + 1), np.asarray(size) / 2, cells)


def _lathe(polar, radii, cells):
    around = np.linspace(0, 2 * np.pi, cells + 1)
    t, a = np.meshgrid(polar, around, indexing="ij")
    unit = np.stack([np.sin(t) * np.cos(a), np.sin(t) * np.sin(a), -np.cos(t)], -1).reshape(-1, 3)
    normals = unit / radii
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return (unit + (0, 0, 1)) * radii, normals, _grid_faces(len(polar), cells + 1)


def _tube(radius, height, cells=20):
    """A cylinder standing on z = 0, closed on top."""
    a = np.linspace(0, 2 * np.pi, cells + 1)
    ring, levels = np.stack([np.cos(a), np.sin(a), 0 * a], 1), np.linspace(0, height, 5)
    wall = (ring[None] * radius + np.array([[0, 0, 1]])[None] * levels[:, None, None]).reshape(-1, 3)
    lid = np.concatenate([ring * radius, ring * 0]) + (0, 0, height)
    normals = np.concatenate([np.tile(ring, (len(levels), 1)), np.tile([[0.0, 0.0, 1.0]], (len(lid), 1))])
    faces = [_grid_faces(len(levels), cells + 1), _grid_faces(2, cells + 1) + len(wall)]
    return np.concatenate([wall, lid]), normals, np.concatenate(faces)


def _grid_faces(rows, columns):
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = (x.ravel() for x in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]))
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
