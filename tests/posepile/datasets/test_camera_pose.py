"""Camera poses from points and pixels: one camera despite wrong pixels, and the smooth cameras of a hand."""

import numpy as np
from fakes.scene import camera, project
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from posepile.cameras import Camera
from posepile.datasets import _smooth_cameras
from posepile.datasets._ransac_pnp import find_pose, rate
from posepile.datasets._smooth_cameras import smooth_cameras

K = np.array([[1500.0, 0, 960], [0, 1500, 540], [0, 0, 1]])


def seen(position=(3200, 2800, 1400)) -> Camera:
    made = camera(position, (250, 150, 900))
    return Camera(K, made.rotation, made.position)


def test_a_third_of_wrong_pixels_does_not_matter():
    rng, truth = np.random.default_rng(0), seen()
    points = rng.normal(size=(60, 3)) * (400, 400, 500) + (250, 150, 900)
    pixels = project(truth, points)
    pixels[:20] += rng.choice((-200, 200), size=(20, 2))
    pose = find_pose(points, pixels, K, 15, rng)
    assert pose.is_inlier.tolist() == [False] * 20 + [True] * 40
    np.testing.assert_allclose(pose.camera.position, truth.position, rtol=0, atol=0.1)  # mm; pixels are exact
    np.testing.assert_allclose(pose.score, 40 / 60, atol=1e-3)


def test_points_behind_the_camera_do_not_agree():
    truth = seen()
    points = truth.camera_to_world([[100, 100, 1000.0], [-100, -100, -1000.0]])  # the same pixel
    pixels = np.repeat(truth.world_to_image(points[:1]), 2, axis=0)
    assert rate(truth, points, pixels, 15).is_inlier.tolist() == [True, False]


def test_too_few_points_give_none():
    assert find_pose(np.zeros((5, 3)), np.zeros((5, 2)), K, 15, np.random.default_rng(0)) is None
    assert find_pose(np.zeros((9, 3)), np.zeros((9, 2)), K, 15, np.random.default_rng(0)) is None


def test_smooth_cameras_are_those_of_a_slow_solver():
    """A generic minimiser of the same sum: Cauchy's loss of the pixels, squares of the steps."""
    rng = np.random.default_rng(3)
    truth = [seen((3200 + 8 * i, 2800, 1400)) for i in range(4)]
    points = rng.normal(size=(4, 9, 3)) * 400 + (250, 150, 900)
    pixels = np.stack([project(one, shown) for one, shown in zip(truth, points, strict=True)])
    pixels += rng.normal(size=pixels.shape) * 4
    pixels[1, 0] += 300
    pixels[2] = np.nan  # nobody was found
    start = np.stack([one.rotation for one in truth]), np.stack([one.position for one in truth]) + 20
    rotations, positions = smooth_cameras(*start, points, pixels, K)

    def rests(unknowns):
        turns, places = unknowns[:12].reshape(4, 3), unknowns[12:].reshape(4, 3)
        turned = Rotation.from_rotvec(turns) * Rotation.from_matrix(start[0])
        cameras = [Camera(K, r, p) for r, p in zip(turned.as_matrix(), places, strict=True)]
        errors = [
            np.linalg.norm(c.world_to_image(x) - p, axis=-1)
            for c, x, p in zip(cameras, points, pixels, strict=True)
        ]
        square = np.square(np.nan_to_num(np.ravel(errors)) / _smooth_cameras.PIXEL_ERROR)
        steps = (turned[1:] * turned[:-1].inv()).as_rotvec() / _smooth_cameras.STEP_OF_ROTATION
        moves = np.diff(places, axis=0) / _smooth_cameras.STEP_OF_POSITION
        return np.concatenate([np.sqrt(np.log1p(square)), steps.ravel(), moves.ravel()])

    slow = least_squares(
        rests,
        np.concatenate([np.zeros(12), positions.ravel()]),
        x_scale=np.repeat([0.01, 10.0], 12),
        xtol=1e-12,
    ).x
    np.testing.assert_allclose(positions, slow[12:].reshape(4, 3), rtol=0, atol=2.0)  # mm, of a flat minimum
    turned = Rotation.from_rotvec(slow[:12].reshape(4, 3)) * Rotation.from_matrix(start[0])
    np.testing.assert_allclose(rotations, turned.as_matrix(), rtol=0, atol=1e-3)
