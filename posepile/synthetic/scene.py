"""One synthetic picture: people in a place, seen by the camera that the standard preparation would give.

The stored image of a real data set is a crop: its camera is turned so that the person's box is in the middle,
and the window is `WINDOW` times the box. Here the picture is rendered through that camera directly, lens
distortion included where the style asks for it, so the camera describes the stored image exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from posepile.cameras import Camera
from posepile.synthetic import look, render
from posepile.synthetic.body import Body, Shaped, load_body
from posepile.synthetic.surroundings import Place, grain_tile

WINDOW = 1.52
"""Side of the stored image over the longer side of the person's box."""
SAMPLES = 2
"""Samples per pixel along each axis; their mean smooths the edges."""
SHADOW_SIDE = 192
SHADOW_BIAS = 25.0  # mm; less gives freckles of shadow on lit skin
MIN_VISIBLE = 0.45
"""A person of whom furniture leaves less is drawn without the furniture."""


@dataclass(frozen=True)
class CameraStyle:
    """Where the cameras of a data set stand; ranges are (low, high), mm and degrees."""

    distance: tuple[float, float] = (2500, 6000)
    """Horizontal distance from the middle of the scene."""
    height: tuple[float, float] = (700, 2000)
    views: int = 0
    """Number of fixed cameras; 0: a new place for each picture."""
    wander: float = 300
    """How far the person is from the middle of the scene, at most."""
    distortion: tuple[float, float] = (0.0, 0.0)
    """First radial coefficient that is left in the stored image."""
    truncated: float = 0.05
    """Probability that the edge of the frame cuts the person."""
    zoom: tuple[float, float] = (0.95, 1.03)


@dataclass(frozen=True, eq=False)
class Person:
    """A posed person: vertices [V, 3] float32 mm, world, floor at z = 0, and how the person looks."""

    vertices: np.ndarray
    look: look.Look


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawn scene.

    Attributes:
        image: [h, w, 3] uint8 RGB. coverage: [h, w] float32, share of a pixel that shows the first person.
        visible: share of the person's samples that nothing hides. hidden: [h, w] bool, pixels where furniture
            or another person is nearer than the first person could be seen.
    """

    image: np.ndarray
    coverage: np.ndarray
    visible: float
    hidden: np.ndarray
    corners: np.ndarray


@lru_cache(maxsize=1)
def body_fields() -> np.ndarray:
    """`look.fields` of the body model."""
    body = load_body()
    weights = np.zeros((len(body.template), len(body.bones)))
    np.put_along_axis(weights, body.weight_bones.astype(np.int64), 0, axis=1)
    rows = np.arange(len(weights))[:, None]
    np.add.at(weights, (np.broadcast_to(rows, body.weight_bones.shape), body.weight_bones), body.weights)
    heads = dict(zip(body.bones, body.heads, strict=True))
    eyes = np.unique(body.faces[body.face_segment >= 6])
    return look.fields(body.template, heads, weights, body.bones, eyes)


def random_shape(rng: np.random.Generator, body: Body, children: float) -> Shaped:
    """A body of random age, gender, weight, height, muscle and proportions; `children`: probability of a
    child."""
    age = rng.uniform(0.3, 0.55) if rng.random() < children else rng.uniform(0.6, 1.0)
    middle = rng.beta(2, 2, 4)  # muscle, weight, height, proportions
    return body.shape(np.array([[rng.choice([0, 1, rng.random()]), age, *middle[:3], 0.7 * middle[3]]]))


def camera_position(rng: np.random.Generator, style: CameraStyle, views: Sequence[np.ndarray]):
    """[3] mm and the camera's name: one of the fixed `views` (see `fixed_views`) or a new place."""
    if len(views):
        i = int(rng.integers(len(views)))
        return views[i], f"cam{i}"
    return _spot(rng, style, rng.uniform(0, 2 * np.pi)), "free"


def fixed_views(rng: np.random.Generator, style: CameraStyle) -> list[np.ndarray]:
    """The places of a data set's fixed cameras, about evenly around the scene."""
    start = rng.uniform(0, 2 * np.pi)
    angles = start + 2 * np.pi * (np.arange(style.views) + rng.uniform(-0.2, 0.2, style.views)) / max(
        style.views, 1
    )
    return [_spot(rng, style, angle) for angle in angles]


def crop_camera(rng, style: CameraStyle, position, vertices, side: int) -> tuple[Camera, np.ndarray]:
    """The camera of the stored image, and the part of the image that the frame shows.

    Args:
        position: [3] mm, the camera's place. vertices: [V, 3] mm, the person. side: px of the square image.

    Returns:
        The camera, and [x0, y0, x1, y1] in px; what is outside was outside the frame and is black in the
        image.
    """
    position = np.asarray(position, np.float64)
    camera = _looking_at(position, render.bounds(vertices).mean(0))
    low, high = render.extent(vertices, camera.rotation, position).reshape(2, 2)
    cut = int(rng.choice(4, p=[0.15, 0.05, 0.15, 0.65])) if rng.random() < style.truncated else -1
    if cut >= 0:  # left, top, right, bottom edge of the frame; up to half of the vertices are outside
        part = rng.uniform(0.08, 0.5)
        some = camera.world_to_image(vertices[::16])[:, cut % 2]
        (low if cut < 2 else high)[cut % 2] = np.nanquantile(some, part if cut < 2 else 1 - part)
    edges = camera.image_to_world(np.stack([low, high]))
    camera = camera.turned_to((low + high) / 2)
    low, high = render.extent(vertices, camera.rotation, position).reshape(2, 2)
    frame = np.array([-np.inf, -np.inf, np.inf, np.inf])
    if cut >= 0:
        frame[cut] = camera.world_to_image(edges)[cut // 2, cut % 2]
        (low if cut < 2 else high)[cut % 2] = frame[cut]
    focal = side / (WINDOW * (high - low).max()) * rng.uniform(*style.zoom)
    middle = (side - 1) / 2
    intrinsics = np.array([[focal, 0, middle], [0, focal, middle], [0, 0, 1]])
    k1 = rng.uniform(*style.distortion)
    distortion = np.array([k1, -0.3 * k1, *rng.normal(0, abs(k1) / 100, 2)])
    return replace(camera, intrinsics=intrinsics, distortion=distortion), frame * focal + middle


def draw(
    rng: np.random.Generator,
    people: Sequence[Person],
    camera: Camera,
    place: Place,
    side: int,
    frame: np.ndarray,
    backdrop: np.ndarray | None = None,
) -> Picture:
    """Renders people (the first is the labelled one) and the place.

    Args:
        frame: [4] px, from `crop_camera`.
        backdrop: [side, side, 3] uint8 RGB, a photograph to stand for floor, walls and sky; None: they are
        drawn.
    """
    mesh = _join(people, place)
    in_camera = camera.world_to_camera(mesh.vertices)
    pixels = camera.camera_to_image(in_camera)
    usable = np.isfinite(pixels[:, 0]) & (in_camera[:, 2] > 100)
    inverse_depth = np.where(usable, 1 / np.where(usable, in_camera[:, 2], 1), 0).astype(np.float32)
    samples = np.where(usable[:, None], (pixels + 0.5) * SAMPLES - 0.5, 0).astype(np.float32)
    face_ids, hidden, visible = _visible_faces(mesh, samples, inverse_depth, side * SAMPLES)
    light_frame, shadow_map = _shadows(mesh, place.light[0], people[0].vertices)
    eye = camera.position.astype(np.float32)
    colours = render.shade(
        face_ids, samples, inverse_depth, mesh.faces, mesh.objects, mesh.vertices, mesh.normals,
        mesh.attributes, mesh.layers, place.light, light_frame, shadow_map, eye,
    )  # fmt: skip
    if backdrop is None:
        background = render.backdrop(
            pixel_rays(camera, side), eye, place.room, place.surfaces, place.light, light_frame, shadow_map,
            place.noise, place.sky, face_ids,
        )  # fmt: skip
    else:
        background = _LINEAR[backdrop]
    image, coverage, *brightness = render.resolve(colours, face_ids, mesh.objects, background, 0)
    corners = render.corners(pixels[: len(people[0].vertices)], frame)
    return Picture(_develop(rng, image, np.mean(brightness)), coverage, visible, hidden, corners)


@dataclass(frozen=True, eq=False)
class _Mesh:
    vertices: np.ndarray
    normals: np.ndarray
    attributes: np.ndarray
    faces: np.ndarray
    objects: np.ndarray  # [F] uint8, row of layers
    layers: np.ndarray
    first_person_faces: int


def _join(people: Sequence[Person], place: Place) -> _Mesh:
    body_faces, parts = load_body().faces, []
    for person in people:
        normals = render.vertex_normals(person.vertices, body_faces)
        dressed = person.vertices + person.look.lift[:, None] * normals
        parts.append((dressed, normals, body_fields(), body_faces, person.look.layers))
    parts += [(s.vertices, s.normals, s.attributes, s.faces, s.layers) for s in place.solids]
    starts = np.cumsum([0, *(len(part[0]) for part in parts[:-1])])
    vertices, normals, attributes = (np.concatenate([part[i] for part in parts]) for i in range(3))
    faces = np.concatenate([part[3] + np.int32(start) for part, start in zip(parts, starts, strict=True)])
    objects = np.repeat(np.arange(len(parts), dtype=np.uint8), [len(part[3]) for part in parts])
    layers = np.stack([part[4] for part in parts])
    return _Mesh(vertices, normals, attributes, faces, objects, layers, len(body_faces))


def _visible_faces(mesh: _Mesh, samples, inverse_depth, side: int):
    """Face numbers [side, side], pixels where something hides the first person, share of the person that is
    seen."""
    face_ids, nearest = np.full((side, side), -1, np.int32), np.zeros((side, side), np.float32)
    first = mesh.first_person_faces
    render.rasterise(samples, inverse_depth, mesh.faces, 0, first, face_ids, nearest)
    alone = face_ids.copy()
    render.rasterise(samples, inverse_depth, mesh.faces, first, len(mesh.faces), face_ids, nearest)
    was, still = alone >= 0, (face_ids >= 0) & (face_ids < first)
    visible = np.count_nonzero(still) / max(np.count_nonzero(was), 1)
    if visible < MIN_VISIBLE:
        face_ids, visible = alone, 1.0
    hidden = (was & (face_ids != alone))[::SAMPLES, ::SAMPLES]
    return face_ids, hidden, float(visible)


def _shadows(mesh: _Mesh, light, person) -> tuple[np.ndarray, np.ndarray]:
    """The shadow map of a parallel light that just contains the person, see `render.shade`."""
    direction = light["direction"].astype(np.float64)
    right = np.cross([0, 0, 1], direction)
    right /= np.linalg.norm(right)
    axes = np.stack([right, -np.cross(direction, right), direction])
    seen = person @ axes.T.astype(np.float32)
    low, high = render.bounds(seen).astype(np.float64)
    scale = (SHADOW_SIDE - 13) / max(*(high - low)[:2], 1)
    frame = np.empty((3, 4))
    frame[:2, :3], frame[:2, 3] = axes[:2] * scale, 6 - low[:2] * scale
    frame[2, :3], frame[2, 3] = axes[2], 1e5 - low[2]  # far from zero: only positive values are drawn
    frame = frame.astype(np.float32)
    points = mesh.vertices @ frame[:, :3].T + frame[:, 3]
    face_ids = np.full((SHADOW_SIDE, SHADOW_SIDE), -1, np.int32)
    shadow_map = np.zeros((SHADOW_SIDE, SHADOW_SIDE), np.float32)
    closeness = np.ascontiguousarray(points[:, 2]) - np.float32(SHADOW_BIAS)
    render.rasterise(
        np.ascontiguousarray(points[:, :2]), closeness, mesh.faces, 0, len(mesh.faces), face_ids, shadow_map
    )
    return frame, shadow_map


def pixel_rays(camera: Camera, side: int, cells: int = 16) -> np.ndarray:
    """World directions [side, side, 3] of the pixels, float32, interpolated from a grid (exact without
    distortion)."""
    knots = np.linspace(0, side - 1, cells + 1)
    grid = camera.image_to_camera(np.stack(np.meshgrid(knots, knots), -1)) @ camera.rotation
    grid = np.nan_to_num(grid)
    weights = np.maximum(1 - np.abs(np.arange(side)[:, None] - knots) / (knots[1] - knots[0]), 0)
    rows = (weights @ grid.reshape(cells + 1, -1)).reshape(side, cells + 1, 3)
    return (weights.astype(np.float32) @ rows.astype(np.float32)).reshape(side, side, 3)


def _develop(rng: np.random.Generator, image, brightness: float) -> np.ndarray:
    """Exposure, focus and noise of a camera."""
    if rng.random() < 0.35:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.1) * len(image) / 256)
    gain = rng.uniform(0.14, 0.3) / max(brightness, 1e-3)
    gamma = rng.uniform(1.9, 2.5)
    steps = np.linspace(0, 1, 4096, dtype=np.float32)
    exposed = 1 - np.exp(-1.3 * min(gain, 3.0) * steps * 1.2)  # highlights bend instead of clipping
    curve = (255 * exposed ** np.float32(1 / gamma)).astype(np.float32)
    offsets = rng.integers(256, size=2)
    return render.develop(image, curve, grain_tile(), *offsets, np.float32(rng.uniform(0, 6)))


_LINEAR = (np.linspace(0, 1, 256, dtype=np.float32) ** np.float32(2.2)).astype(np.float32)


def _spot(rng, style: CameraStyle, angle: float) -> np.ndarray:
    distance, height = rng.uniform(*style.distance), rng.uniform(*style.height)
    return np.array([distance * np.cos(angle), distance * np.sin(angle), height])


def _looking_at(position, target) -> Camera:
    """A camera of focal length 1 at `position` with `target` on its axis and no roll."""
    level = Camera(np.eye(3), np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), position)
    forward = np.asarray(target, np.float64) - position
    angle = np.arctan2(forward[0], forward[1])
    cos, sin = np.cos(angle), np.sin(angle)
    yaw = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    level = replace(level, rotation=level.rotation @ yaw)
    return level.turned_to(level.world_to_image(target))
