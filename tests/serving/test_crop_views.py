"""Crop cameras promise to be those of training, turned and mirrored, whatever the image's camera."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.transform import Rotation

from posepile import boxes as geometry
from posepile.cameras import Camera
from posepile.example import PoseExample
from serving import crop_views
from serving import parameter_table as p
from serving.augmentation import Schedule
from training import crop
from training.augment.geometry import no_changes

SIDE = 64
SIZE = (640, 480)
LENSES = [
    (),
    (-0.12, 0.05, 0.002, -0.003, -0.01),
    (-0.1, 0.02, 0.001, 0.002, 0, 0.02, 0, 0, 0.001, 0, 0.002, 0),
]


@pytest.mark.parametrize("lens", LENSES, ids=["ideal", "real", "twelve"])
def test_plain_views_are_those_of_training(lens):
    rng = np.random.default_rng(len(lens))
    boxes = geometry.around(rng.uniform((100, 100), (540, 380), (20, 2)), rng.uniform(20, 200, (20, 2)))
    cameras = [random_camera(rng, lens) for _ in boxes]
    views = make_views(boxes, cameras, plain())
    examples = [PoseExample("x", b"", camera, box) for camera, box in zip(cameras, boxes, strict=True)]
    expected = crop.crop_cameras(examples, np.tile(SIZE, (20, 1)), no_changes(20), SIDE)
    np.testing.assert_allclose(views.intrinsics[:, 0], expected.intrinsics, rtol=1e-5)
    to_world = np.stack([camera.rotation for camera in cameras])
    np.testing.assert_allclose(views.rotation[:, 0] @ to_world, expected.rotation, rtol=0, atol=1e-5)
    assert np.all(views.valid)


def test_the_middle_of_the_box_is_the_middle_of_the_crop():
    rng = np.random.default_rng(7)
    camera, box = random_camera(rng, ()), np.array([200.0, 100, 90, 150])
    views = make_views(box[np.newaxis], [camera], turned())
    ray = camera.image_to_camera(geometry.centre(box))
    for k, rotation in zip(views.intrinsics[0].numpy(), views.rotation[0].numpy(), strict=True):
        seen = k @ rotation @ ray
        np.testing.assert_allclose(seen[:2] / seen[2], (SIDE - 1) / 2, atol=1e-4)  # float32 boxes and cameras


def test_rotations_turn_and_mirror():
    views = make_views(np.array([[270.0, 190, 100, 100]]), [level()], turned())
    rotation = views.rotation[0].numpy()
    np.testing.assert_allclose(np.linalg.det(rotation), [1, -1, 1], atol=1e-12)
    cos, sin = math.cos(0.3), math.sin(0.3)
    mirrored = np.diag([-1, 1, 1]) @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    np.testing.assert_allclose(rotation[1] @ np.linalg.inv(rotation[0]), mirrored, atol=1e-6)
    np.testing.assert_allclose(
        rotation @ rotation.transpose(0, 2, 1), np.tile(np.eye(3), (3, 1, 1)), atol=1e-12
    )
    focal = views.intrinsics[0, :, 0, 0].numpy()
    np.testing.assert_allclose(focal / focal[0], [1, 0.8, 1.1], rtol=1e-6)
    np.testing.assert_allclose(views.zoom[0], focal / 700, rtol=1e-6)


def test_an_unknown_camera_has_the_given_view_over_the_longer_side():
    size = tf.constant([2, 1080, 1920, 3])
    known = np.array([[1000, 2, 900], [0, 1100, 500], [0, 0, 1]])
    arguments = arguments_of([p.UNKNOWN_INTRINSICS, known])
    intrinsics = crop_views.image_cameras(size, arguments).intrinsics.numpy()
    assert intrinsics[0, 0, 0] == pytest.approx(1844.14, abs=0.005)
    np.testing.assert_allclose(intrinsics[0, :2, 2], [959.5, 539.5])  # pixel centres are at integers
    np.testing.assert_array_equal(intrinsics[1], known)


def test_looking_along_up_keeps_the_roll_of_the_image():
    camera = Camera(level().intrinsics, world_up=(0, 0, 1))
    views = make_views(np.array([[269.5, 189.5, 100, 100]]), [camera], plain())
    np.testing.assert_allclose(views.rotation[0, 0], np.eye(3), atol=1e-6)


def test_boxes_that_show_nothing():
    boxes = np.array(
        [(10, 10, 50, 50), (10, 10, 0.5, 50), (np.nan, 10, 50, 50), (np.inf, 0, 9, 9), (1, 1, -5, 9)]
    )
    views = make_views(boxes, [level()] * 5, plain())
    assert views.valid.numpy().tolist() == [True, False, False, False, False]
    assert np.isfinite(views.rotation).all() and np.isfinite(views.intrinsics).all()
    fisheye = Camera(level().intrinsics, distortion=np.array([-0.3, 0.02]), world_up=(0, -1, 0))
    outside = make_views(np.array([[5000.0, 10, 50, 50]]), [fisheye], plain())
    assert not outside.valid[0] and np.isfinite(outside.rotation).all()


def test_projection_has_a_pixel_for_points_behind_the_camera_too():
    cameras = image_cameras([level()])
    points = np.array([[[0, 0, 1000], [100, 0, -50], [10, 0, 0]]], np.float32)
    found = crop_views.project(tf.constant(points), cameras)
    np.testing.assert_allclose(found, [[[319.5, 239.5], [319.5 + 70000, 239.5], [319.5 + 7000, 239.5]]])


def test_points_come_back_to_a_world_that_is_far_away():
    rng = np.random.default_rng(3)
    rotation, position = Rotation.random(random_state=3).as_matrix(), np.array([1e6, -2e6, 3e5])
    camera = Camera(level().intrinsics, rotation, position)
    points = rng.normal(0, 1000, (1, 5, 3))
    found = crop_views.to_world(tf.constant(points, tf.float32), image_cameras([camera]))
    np.testing.assert_allclose(found, camera.camera_to_world(points), rtol=0, atol=0.5)  # float32 at 2 km


def make_views(boxes, cameras, changes):
    size = tf.constant([len(cameras), SIZE[1], SIZE[0], 3])
    return crop_views.crop_views(tf.constant(boxes, tf.float32), image_cameras(cameras), size, SIDE, changes)


def image_cameras(cameras):
    """Each camera's frame is turned by extrinsics, so that up and position take part."""
    size = tf.constant([len(cameras), SIZE[1], SIZE[0], 3])
    parts = [
        crop_views.image_cameras(
            tf.constant([1, *size.numpy()[1:]]),
            arguments_of([c.intrinsics], c.distortion, extrinsics(c), c.world_up),
        )
        for c in cameras
    ]
    return crop_views.ImageCameras(*(tf.concat(field, axis=0) for field in zip(*parts, strict=True)))


def arguments_of(intrinsics, distortion=(0, 0, 0, 0, 0), extrinsic=p.IDENTITY, up=(0, -1, 0)):
    return {
        "intrinsic_matrix": tf.constant(np.array(intrinsics), tf.float32),
        "distortion_coeffs": tf.constant([distortion], tf.float32),
        "extrinsic_matrix": tf.constant([extrinsic], tf.float32),
        "world_up_vector": tf.constant(up, tf.float32),
        "default_fov_degrees": tf.constant(55.0),
    }


def extrinsics(camera):
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = camera.rotation, -camera.rotation @ camera.position
    return matrix


def plain():
    return Schedule(tf.ones([1]), tf.zeros([1]), tf.ones([1]), tf.constant([False]))


def turned():
    return Schedule(
        tf.ones([3]),
        tf.constant([0.0, 0.3, -0.2]),
        tf.constant([1.0, 0.8, 1.1]),
        tf.constant([False, True, False]),
    )


def level():
    return Camera([[700, 0, 319.5], [0, 700, 239.5], [0, 0, 1]], world_up=(0, -1, 0))


def random_camera(rng, distortion):
    focal = rng.uniform(500, 1500)
    intrinsics = [[focal, 3, rng.uniform(300, 340)], [0, focal * rng.uniform(0.9, 1.1), 245], [0, 0, 1]]
    rotation = Rotation.random(random_state=int(rng.integers(1 << 30))).as_matrix()
    return Camera(intrinsics, rotation, rng.normal(0, 5000, 3), np.array(distortion), rng.normal(size=3))
