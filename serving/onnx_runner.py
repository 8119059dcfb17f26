"""Poses of people in photos from an exported `model.onnx`, without TensorFlow.

This one file needs NumPy, OpenCV and ONNX Runtime, nothing else (which is why it is long); `dozens export` puts a copy
beside the model. It gives the same poses as `estimate_poses` of the SavedModel: the same geometry, and crops that
differ by their rounding, which moves joints by less than a millimetre.

    import cv2, onnx_runner

    model = onnx_runner.OnnxPoseEstimator("model.onnx")
    image = cv2.cvtColor(cv2.imread("photo.jpg"), cv2.COLOR_BGR2RGB)
    people = model.estimate_poses(image, boxes=[[280, 45, 219, 347]], skeleton="h36m_17")

Source: serving sheet, section 3.
"""

import json
import math
from collections.abc import Sequence
from os import PathLike
from typing import NamedTuple

import cv2
import numpy as np
import onnxruntime

GAMMA = 2.2
LEVELS = 3  # of the image pyramid
SMALLEST_SIDE_PX = 1.0  # of a box
MIN_DEPTH_MM = 1.0  # nearer points are projected as if they were here
MOST_COEFFICIENTS = 12
STEEPEST = math.radians(88)  # ray that a lens model is asked about
NEWTON_STEPS = 20


class OnnxPoseEstimator:
    """The network, and what makes crops of whole images for it.

    Args:
        path: model.onnx, as `dozens export --to onnx` writes it.
        providers: of ONNX Runtime; on a GPU machine with onnxruntime-gpu: ["CUDAExecutionProvider"].

    Attributes:
        joint_names: all joints, of skeleton "". skeletons: name -> {"indices", "names", "edges"}. provenance: where
        the model comes from.

    Raises:
        ValueError: the file has no description of ours.
    """

    def __init__(self, path: str | PathLike[str], providers: Sequence[str] = ("CPUExecutionProvider",)):
        self._session = onnxruntime.InferenceSession(str(path), providers=list(providers))
        texts = self._session.get_modelmeta().custom_metadata_map
        if "test_time_augmentation" not in texts:
            raise ValueError(
                f"{path}: no description in its metadata, expected a file of `dozens export --to onnx`"
            )
        facts = {name: json.loads(text) for name, text in texts.items()}
        self.skeletons, self.provenance = facts["skeletons"], facts["provenance"]
        self.joint_names = tuple(self.skeletons[""]["names"])
        self._side = facts["input"]["crop_side"]
        self._turns = facts["test_time_augmentation"]
        self._mirror = _mirror_map(facts["joint_names"])
        self._computed = _weights(facts["computed_joints"], facts["joint_names"])

    def estimate_poses(
        self,
        image: np.ndarray,
        boxes: np.ndarray,
        intrinsic_matrix: np.ndarray | None = None,
        distortion_coeffs: Sequence[float] = (0.0,) * 5,
        extrinsic_matrix: np.ndarray | None = None,
        world_up_vector: Sequence[float] = (0.0, -1.0, 0.0),
        default_fov_degrees: float = 55.0,
        internal_batch_size: int = 64,
        antialias_factor: int = 1,
        num_aug: int = 5,
        average_aug: bool = True,
        skeleton: str = "",
    ) -> dict[str, np.ndarray]:
        """Poses of the people in boxes [M, 4] (x, y, width, height, px) of an image [H, W, 3] uint8 RGB.

        Args:
            intrinsic_matrix: [3, 3] px, pixel centres at integers; None: from `default_fov_degrees` over the longer
                side.
            distortion_coeffs: 5 to 12, in OpenCV's order.
            extrinsic_matrix: [4, 4] world to camera, mm; None: the camera's frame is the world.
            world_up_vector: up in the world.
            internal_batch_size: crops in one call of the network at most, all of a person together; 0: all at once.
            antialias_factor: so many samples per pixel of the crop each way.
            num_aug, average_aug: crops of each person, and whether their poses are averaged.
            skeleton: one of `skeletons`; "": all joints.

        Returns:
            {"poses3d": [M, J, 3] mm, world; "poses2d": [M, J, 2] px} float32, without `average_aug` [M, num_aug, J, …].
            NaN for a box that shows nothing: not finite, a side below 1 px, outside the lens.

        Raises:
            ValueError: an argument that is not as above; its name comes first.
        """
        _check(
            skeleton in self.skeletons, "skeleton", skeleton, f"one of {', '.join(map(repr, self.skeletons))}"
        )
        _check(_is_int(num_aug, 1), "num_aug", num_aug, "1 or more")
        _check(_is_int(antialias_factor, 1), "antialias_factor", antialias_factor, "1 or more")
        _check(_is_int(internal_batch_size, 0), "internal_batch_size", internal_batch_size, "0 or more")
        image, boxes = _checked_image(image), _checked_boxes(boxes)
        extrinsics = _checked_extrinsics(extrinsic_matrix)
        up = _checked_up(world_up_vector)
        intrinsics = _checked_intrinsics(intrinsic_matrix, default_fov_degrees, image.shape)
        camera = _camera(intrinsics, distortion_coeffs, extrinsics[:3, :3] @ up)
        changes = _schedule(num_aug, **self._turns)
        views = [_crop_views(box, camera, self._side, changes) for box in boxes]
        poses = self._predict(image, camera, views, changes, antialias_factor, internal_batch_size)
        poses = np.concatenate([poses, np.einsum("bajc,jk->bakc", poses, self._computed)], axis=2)
        poses = poses[:, :, self.skeletons[skeleton]["indices"]]
        pixels = _project(poses, camera)
        world = (poses - extrinsics[:3, 3]) @ np.linalg.inv(extrinsics[:3, :3]).T
        results = {"poses3d": world.astype(np.float32), "poses2d": pixels.astype(np.float32)}
        return {key: value.mean(axis=1) for key, value in results.items()} if average_aug else results

    def _predict(self, image, camera, views, changes, antialias: int, largest: int) -> np.ndarray:
        """[M, A, J0, 3] mm in the camera's frame; NaN for boxes without views (None)."""
        count = len(changes.angle)
        poses = np.full((len(views), count, len(self._mirror), 3), np.nan)
        seen = [i for i, view in enumerate(views) if view is not None]
        per_call = max(largest // count if largest else len(seen), 1)
        levels = _pyramid(image) if seen else []
        for start in range(0, len(seen), per_call):
            part = seen[start : start + per_call]
            crops = [
                _crop(levels, camera, views[i], a, changes.gamma[a], self._side, antialias)
                for i in part
                for a in range(count)
            ]
            inputs = {
                "images": np.stack(crops),
                "intrinsics": np.concatenate([views[i].intrinsics for i in part]).astype(np.float32),
            }
            found = (
                self._session.run(["joints"], inputs)[0].reshape(len(part), count, -1, 3).astype(np.float64)
            )
            found[:, changes.flip] = found[:, changes.flip][:, :, self._mirror]
            poses[part] = found @ np.stack([views[i].rotation for i in part])
        return poses


class Camera(NamedTuple):
    """intrinsics [3, 3] px; distortion [12]; largest_radius that the lens shows on the normalised plane; up [3]."""

    intrinsics: np.ndarray
    distortion: np.ndarray
    largest_radius: float
    up: np.ndarray


class Schedule(NamedTuple):
    """How the A crops of a box differ: gamma, angle (radians), scale, flip, each [A]."""

    gamma: np.ndarray
    angle: np.ndarray
    scale: np.ndarray
    flip: np.ndarray


class CropViews(NamedTuple):
    """The A crops of a box: intrinsics [A, 3, 3] px, rotation [A, 3, 3] from the camera's frame (determinant -1 where
    mirrored), zoom [A], pixels of the crop per pixel of the image."""

    intrinsics: np.ndarray
    rotation: np.ndarray
    zoom: np.ndarray


def _schedule(count: int, rotation_deg: float, turns: str) -> Schedule:
    half = count // 2
    zoom_out = 0.8 + 0.2 * np.arange(half) / max(half, 1)
    return Schedule(
        gamma=_line(0.6, 1.0, count),
        angle=_angles(count, math.radians(rotation_deg), turns),
        scale=np.concatenate([zoom_out, _line(1.0, 1.1, count - half)]),
        flip=(np.arange(count) - half) % 2 != 0,
    )


def _angles(count: int, largest: float, turns: str) -> np.ndarray:
    if turns == "upright":
        return _line(-largest, largest, count)
    if turns == "all":
        end = math.pi * (1 - 1 / max(count, 1))
        return _line(-end, end, count)
    half = count // 2
    return np.sort(np.concatenate([_angles(half, largest, "upright"), _angles(count - half, largest, "all")]))


def _line(start: float, end: float, count: int) -> np.ndarray:
    """[count] from start to end; a single number is the middle."""
    return np.linspace(start, end, count) if count != 1 else np.array([(start + end) / 2])


def _camera(intrinsics: np.ndarray, distortion: Sequence[float], up: np.ndarray) -> Camera:
    given = np.asarray(distortion, np.float64).ravel()
    right = 5 <= len(given) <= MOST_COEFFICIENTS and np.isfinite(given).all()
    _check(right, "distortion_coeffs", given.tolist(), "5 to 12 finite numbers")
    coefficients = np.pad(given, (0, MOST_COEFFICIENTS - len(given)))
    return Camera(intrinsics, coefficients, _largest_radius(coefficients), up / np.linalg.norm(up))


def _crop_views(box: np.ndarray, camera: Camera, side: int, changes: Schedule) -> CropViews | None:
    """The views of a box [4]; None where it shows nothing."""
    if not (np.isfinite(box).all() and (box[2:] >= SMALLEST_SIDE_PX).all()):
        return None
    places = np.array(
        [(0.5, 0.5), (0, 0.5), (1, 0.5), (0.5, 0), (0.5, 1)]
    )  # middle, left, right, upper, lower
    rays = _image_to_rays(box[:2] + places * box[2:], camera)
    if rays is None:
        return None
    upright = _looking_at(rays[0], camera.up)
    ends = rays[1:] @ upright.T
    ends = ends[:, :2] / np.maximum(ends[:, 2:], 1e-3)
    across, down = np.linalg.norm(ends[0] - ends[1]), np.linalg.norm(ends[2] - ends[3])
    focal = changes.scale * side / max(across if box[2] >= box[3] else down, 1e-9)
    cos, sin = np.cos(changes.angle), np.sin(changes.angle)
    zero, one, middle = np.zeros_like(cos), np.ones_like(cos), np.full_like(cos, (side - 1) / 2)
    sign = np.where(changes.flip, -1.0, 1.0)
    turned = _matrices([[sign * cos, sign * sin, zero], [-sin, cos, zero], [zero, zero, one]])
    k = camera.intrinsics
    return CropViews(
        intrinsics=_matrices([[focal, zero, middle], [zero, focal, middle], [zero, zero, one]]),
        rotation=turned @ upright,
        zoom=focal / math.sqrt(k[0, 0] * k[1, 1]),
    )


def _matrices(rows: list[list[np.ndarray]]) -> np.ndarray:
    """[A, 3, 3] of entries [A]."""
    return np.moveaxis(np.array(rows), -1, 0)


def _looking_at(ray: np.ndarray, up: np.ndarray) -> np.ndarray:
    """[3, 3]: of a camera along `ray` without roll against `up`; along it, with the image's roll."""
    forward = ray / np.linalg.norm(ray)
    right = np.cross(forward, up)
    if np.linalg.norm(right) < 1e-6:
        right = np.array([1.0, 0, 0]) - forward * forward[0]
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])


def _pyramid(image: np.ndarray) -> list[np.ndarray]:
    """The image in linear light at full, half and quarter size, as far as there is a pixel; an odd last row or column
    is dropped. Each has a border of one black pixel, float32."""
    linear = ((np.arange(256, dtype=np.float32) / 255) ** GAMMA)[image]
    levels = [linear]
    for _ in range(LEVELS - 1):
        height, width = (n // 2 for n in levels[-1].shape[:2])
        if min(height, width) == 0:
            break
        even = levels[-1][: 2 * height, : 2 * width]
        levels.append(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))
    return [cv2.copyMakeBorder(level, 1, 1, 1, 1, cv2.BORDER_CONSTANT) for level in levels]


def _crop(
    levels, camera: Camera, views: CropViews, a: int, gamma: float, side: int, antialias: int
) -> np.ndarray:
    """Crop `a` of a box: [S, S, 3] float32 RGB, 0..1; black outside the image."""
    n = side * antialias
    place = (np.arange(n) + 0.5) / antialias - 0.5  # pixel centres, in px of the crop
    to_ray = views.rotation[a].T @ np.linalg.inv(views.intrinsics[a])
    x, y, z = (row[0] * place + (row[1] * place[:, np.newaxis] + row[2]) for row in to_ray)
    seen = z > 1e-6
    inverse = 1 / np.where(seen, z, 1)
    x, y = x * inverse, y * inverse
    if camera.distortion.any():
        seen &= x * x + y * y < camera.largest_radius**2
        x, y = _distort(x, y, camera.distortion)
    k = camera.intrinsics
    x, y = np.where(seen, k[0, 0] * x + k[0, 1] * y + k[0, 2], -1e4), k[1, 1] * y + k[1, 2]
    level = min(max(math.floor(-math.log2(views.zoom[a] * antialias)), 0), len(levels) - 1)
    linear = _sample(levels[level], *((at + 0.5) * 0.5**level - 0.5 for at in (x, y)))
    averaged = cv2.resize(linear, (side, side), interpolation=cv2.INTER_AREA) if antialias > 1 else linear
    encoded = np.power(averaged, gamma / GAMMA, dtype=np.float32)
    # As the SavedModel's crops: a joint at the edge of the view moves by centimetres with the last digits
    return encoded.astype(np.float16).astype(np.float32)


def _sample(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear samples [n, n, 3] at x, y [n, n] px of an image with a black border of one pixel; 0 outside.

    Not `cv2.remap`: before OpenCV 5 it rounds positions to 1/32 px, which moves joints by a centimetre.
    """
    (left, right_part), (upper, lower_part) = (
        _cell(at, size) for at, size in ((x, image.shape[1]), (y, image.shape[0]))
    )
    pixels, width = image.reshape(-1, 3), image.shape[1]
    first = upper * width + left
    above, below = (
        pixels.take(row, axis=0) * (1 - right_part) + pixels.take(row + 1, axis=0) * right_part
        for row in (first, first + width)
    )
    return above * (1 - lower_part) + below * lower_part


def _cell(at: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Index of the pixel before each position, and how far behind it, [n, n, 1]; the border is at -1."""
    at = np.clip(at, -1, size - 2) + 1
    before = np.minimum(at.astype(np.intp), size - 2)
    return before, (at - before).astype(np.float32)[..., np.newaxis]


def _image_to_rays(pixels: np.ndarray, camera: Camera) -> np.ndarray | None:
    """Directions [P, 3], z = 1, of what pixels [P, 2] show; None if the lens shows nothing at one of them."""
    k = camera.intrinsics
    y = (pixels[:, 1] - k[1, 2]) / k[1, 1]
    x = (pixels[:, 0] - k[0, 2] - k[0, 1] * y) / k[0, 0]
    seen = np.stack([x, y], axis=-1)
    ideal = _undistort(seen, camera) if camera.distortion.any() else seen
    return None if ideal is None else np.pad(ideal, [(0, 0), (0, 1)], constant_values=1)


def _project(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Pixels [..., 2] of points [..., 3] mm in the camera's frame; those that the lens does not show: at its edge."""
    ideal = points[..., :2] / np.maximum(points[..., 2:], MIN_DEPTH_MM)
    if camera.distortion.any():
        ideal = _pulled_inside(ideal, camera.largest_radius)
        ideal = np.stack(_distort(ideal[..., 0], ideal[..., 1], camera.distortion), axis=-1)
    return ideal @ camera.intrinsics[:2, :2].T + camera.intrinsics[:2, 2]


def _distort(x, y, coefficients):
    """OpenCV's lens model on the normalised plane."""
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = coefficients
    u = x * x + y * y
    radial = (1 + u * (k1 + u * (k2 + u * k3))) / (1 + u * (k4 + u * (k5 + u * k6)))
    return (
        x * radial + 2 * p1 * x * y + p2 * (u + 2 * x * x) + u * (s1 + u * s2),
        y * radial + p1 * (u + 2 * y * y) + 2 * p2 * x * y + u * (s3 + u * s4),
    )


def _undistort(goal: np.ndarray, camera: Camera) -> np.ndarray | None:
    """Ideal points [P, 2] of distorted ones, by Newton's method; None if there is none for one of them."""

    def distorted(points):
        return np.stack(_distort(points[:, 0], points[:, 1], camera.distortion), axis=-1)

    found, tiny = _pulled_inside(goal, 0.999 * camera.largest_radius), 1e-6
    for _ in range(NEWTON_STEPS):
        here = distorted(found)
        along_x, along_y = ((distorted(found + shift) - here) / tiny for shift in ((tiny, 0), (0, tiny)))
        (a, c), (b, d), (x, y) = along_x.T, along_y.T, (goal - here).T
        determinant = a * d - b * c
        # A singular Jacobian is a fold: the step stays finite, and the iteration fails by itself
        determinant = np.where(np.abs(determinant) < 1e-12, 1e-12, determinant)
        step = np.stack([d * x - b * y, a * y - c * x], axis=-1) / determinant[:, np.newaxis]
        found = _pulled_inside(found + step, 0.999 * camera.largest_radius)
        if np.abs(step).max() < 1e-10:
            break
    return found if np.linalg.norm(distorted(found) - goal, axis=-1).max() < 1e-6 else None


def _largest_radius(coefficients: np.ndarray) -> float:
    """Up to which radius the radial distortion grows, beyond which the model folds back; looked up at 512 angles."""
    radii = np.tan(np.linspace(0, STEEPEST, 512))
    u = radii**2
    k1, k2, _, _, k3, k4, k5, k6 = coefficients[:8]
    above, below = 1 + u * (k1 + u * (k2 + u * k3)), 1 + u * (k4 + u * (k5 + u * k6))
    above_slope, below_slope = k1 + u * (2 * k2 + 3 * u * k3), k4 + u * (2 * k5 + 3 * u * k6)
    slope = above * below + 2 * u * (above_slope * below - above * below_slope)
    folded = (slope <= 0) | (below <= 0)  # never the first
    return float(radii[np.argmax(folded) - 1]) if folded.any() else math.inf


def _pulled_inside(points: np.ndarray, limit: float) -> np.ndarray:
    radius = np.linalg.norm(points, axis=-1, keepdims=True)
    return points * np.minimum(1, limit / np.maximum(radius, 1e-12))


def _mirror_map(names: Sequence[str]) -> np.ndarray:
    """[J]: each joint's partner on the other side, which differs in the first letter, l or r; others are their own."""
    place, other = {name: i for i, name in enumerate(names)}, {"l": "r", "r": "l"}
    return np.array([place.get(other.get(name[:1], name[:1]) + name[1:], i) for i, name in enumerate(names)])


def _weights(computed: Sequence[dict], names: Sequence[str]) -> np.ndarray:
    """[J0, n]: what the computed joints consist of."""
    return np.array([[one["weights"].get(name, 0.0) for one in computed] for name in names]).reshape(
        len(names), -1
    )


def _check(right: bool, name: str, found: object, expected: str) -> None:
    if not right:
        raise ValueError(f"{name}: expected {expected}, got {found!r}")


def _is_int(value, smallest: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= smallest


def _checked_image(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    right = image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size > 0
    _check(right, "image", f"{image.dtype} {list(image.shape)}", "uint8 [H, W, 3], RGB")
    return image


def _checked_boxes(boxes: np.ndarray) -> np.ndarray:
    given = np.asarray(boxes, np.float32).astype(np.float64)
    right = given.ndim == 2 and given.shape[1] == 4 or given.size == 0
    _check(right, "boxes", list(given.shape), "[M, 4]: x, y, width, height")
    return given.reshape(-1, 4)


def _checked_intrinsics(matrix, fov_deg: float, shape: tuple[int, ...]) -> np.ndarray:
    _check(1 < fov_deg < 170, "default_fov_degrees", fov_deg, "more than 1 and less than 170")
    if matrix is None:
        height, width = shape[:2]
        focal = max(height, width) / (2 * math.tan(math.radians(fov_deg) / 2))
        return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    k = np.asarray(matrix, np.float32).astype(np.float64)
    right = k.shape == (3, 3) and np.isfinite(k).all() and k[0, 0] > 0 and k[1, 1] > 0 and k[1, 0] == 0
    _check(
        right and (k[2] == [0, 0, 1]).all(), "intrinsic_matrix", k.tolist(), "rows (f s c), (0 f c), (0 0 1)"
    )
    return k


def _checked_extrinsics(matrix) -> np.ndarray:
    e = np.eye(4) if matrix is None else np.asarray(matrix, np.float32).astype(np.float64)
    right = e.shape == (4, 4) and np.isfinite(e).all() and abs(np.linalg.det(e[:3, :3])) > 1e-3
    _check(right, "extrinsic_matrix", e.tolist(), "[4, 4], finite rotation and translation")
    return e


def _checked_up(vector) -> np.ndarray:
    up = np.asarray(vector, np.float64)
    right = up.shape == (3,) and np.isfinite(up).all() and np.linalg.norm(up) > 1e-6
    _check(right, "world_up_vector", up.tolist(), "a finite direction")
    return up
