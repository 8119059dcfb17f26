"""The multi-person model promises exact geometry, documented results at every edge, and errors that name arguments."""

import numpy as np
import pytest
import tensorflow as tf
from fake_models import SIDE, back_project, fake_estimator
from scipy.spatial.transform import Rotation

from posepile import boxes as geometry
from posepile import skeletons
from posepile.cameras import Camera
from serving.augmentation import schedule
from serving.estimator import _mirror_map
from serving.joint_sets import OwnSkeleton

SIZE = (640, 480)
# Left and right points, of which a mirrored crop shows one at the place of the other
NAMES = ["lpoint", "rpoint", "middle", "below", "outside"]
PIXELS = np.array([(31.5, 31.5), (0, 0), (63, 10), (20.25, 50), (40, 70)])
DEPTHS = np.array([4000.0, 3500, 5000, 4200, 2500])
PARTNER = np.array([1, 0, 2, 3, 4])
LENSES = [
    np.zeros(12),
    np.array([-0.12, 0.05, 0.002, -0.003, -0.01, 0.02, 0, 0, 0.001, 0, 0.002, 0]),
    np.array([-0.3, 0.02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
]
HALVES = np.array([[1, 0, 0, 0, 0], [0, 0.5, 0.5, 0, 0]]).T  # joints of an own skeleton: lpoint, and a middle


@pytest.fixture(scope="module")
def estimator():
    """Sees points at fixed pixels of every crop; boxes that the detector finds: two alike, and one without area."""

    def predict(images, intrinsics):
        pixels = tf.repeat(tf.constant(PIXELS, tf.float32)[tf.newaxis], tf.shape(images)[0], axis=0)
        return back_project(pixels, tf.constant(DEPTHS, tf.float32), intrinsics)

    found = [(100, 50, 80, 200, 0.9), (101, 50, 80, 200, 0.8), (9, 9, 0, 5, 0.7), (400, 60, 90, 210, 0.5)]
    own = [OwnSkeleton("mine", ("left", "halfway"), ((0, 1),), HALVES)]
    return fake_estimator(predict, NAMES, own=own, detected=found)


@pytest.mark.parametrize("augs", [1, 2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_known_points_come_back(estimator, seed, augs):
    rng = np.random.default_rng(seed)
    up = rng.normal(size=3)
    cameras = [random_camera(rng, lens, up) for lens in LENSES]
    boxes = [random_boxes(rng, count) for count in (2, 0, 1)]
    found = estimator.estimate_poses_batched(
        blank(3), ragged(boxes), average_aug=False, num_aug=augs, **arguments_of(cameras)
    )
    for camera, of_image, poses, pixels in zip(
        cameras, boxes, *(found[key] for key in ("poses3d", "poses2d")), strict=True
    ):
        expected = np.array([known_points(camera, box, augs) for box in of_image]).reshape(-1, augs, 6, 3)
        np.testing.assert_allclose(poses, expected, rtol=0, atol=0.1)  # mm; 0.1 is what is promised
        seen = camera.without_distortion().world_to_image(expected)
        if not camera.has_distortion:
            np.testing.assert_allclose(pixels, seen, rtol=1e-4, atol=0.02)
    averaged = estimator.estimate_poses_batched(
        blank(3), ragged(boxes), num_aug=augs, **arguments_of(cameras)
    )
    for key, value in averaged.items():
        np.testing.assert_allclose(
            value.flat_values, np.mean(found[key].flat_values, axis=1), rtol=1e-5, atol=0.01
        )


def test_distorted_pixels(estimator):
    camera = Camera(level().intrinsics, distortion=LENSES[1], world_up=(0, -1, 0))
    found = estimator.estimate_poses(
        blank(1)[0],
        [[250, 150, 100, 150.0]],
        num_aug=1,
        distortion_coeffs=LENSES[1],
        intrinsic_matrix=camera.intrinsics,
    )
    np.testing.assert_allclose(found["poses2d"], camera.camera_to_image(found["poses3d"]), rtol=0, atol=2e-3)


def test_any_chunk_gives_the_same_and_a_batch_is_its_images(estimator):
    rng = np.random.default_rng(1)
    boxes = [random_boxes(rng, count) for count in (3, 0, 2)]
    images, cameras = blank(3), [random_camera(rng, lens) for lens in LENSES]
    given = arguments_of(cameras)
    expected = estimator.estimate_poses_batched(images, ragged(boxes), num_aug=3, **given)
    for size in (0, 1, 3, 7):
        found = estimator.estimate_poses_batched(
            images, ragged(boxes), num_aug=3, internal_batch_size=size, **given
        )
        for key in found:
            np.testing.assert_allclose(
                found[key].flat_values, expected[key].flat_values, rtol=1e-5, atol=1e-2
            )
    for i, image in enumerate(images):
        alone = estimator.estimate_poses(
            image,
            boxes[i],
            num_aug=3,
            **{name: v[i] if len(v) == 3 and v.ndim > 1 else v for name, v in given.items()},
        )
        for key in alone:
            np.testing.assert_allclose(alone[key], expected[key][i], rtol=1e-5, atol=1e-2)


def test_one_camera_serves_all_images_and_known_and_unknown_ones_mix(estimator):
    boxes = [np.array([[250, 150, 100, 150]])] * 2
    unknown, known = -np.ones((3, 3)), level().intrinsics
    mixed = estimator.estimate_poses_batched(blank(2), ragged(boxes), intrinsic_matrix=[unknown, known])[
        "poses3d"
    ]
    one = estimator.estimate_poses_batched(blank(2), ragged(boxes), intrinsic_matrix=[known])["poses3d"]
    np.testing.assert_allclose(one[0], one[1])
    np.testing.assert_allclose(mixed[1], one[1])
    wide = estimator.estimate_poses(blank(1)[0], boxes[0], default_fov_degrees=90.0)["poses3d"]
    f = SIZE[0] / 2
    same = estimator.estimate_poses(
        blank(1)[0], boxes[0], intrinsic_matrix=[[f, 0, 319.5], [0, f, 239.5], [0, 0, 1]]
    )
    np.testing.assert_allclose(wide, same["poses3d"], rtol=1e-5)


@pytest.mark.parametrize("skeleton, n_joints", [("", 6), ("mine", 2)])
@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_nobody(estimator, skeleton, n_joints, average, count):
    options = dict(skeleton=skeleton, average_aug=average, num_aug=2)
    inner = [n_joints] if average else [2, n_joints]
    detected = estimator.detect_poses_batched(blank(count), detector_threshold=1.0, **options)
    assert detected["boxes"].flat_values.shape == (0, 5)
    estimated = estimator.estimate_poses_batched(blank(count), ragged([np.zeros((0, 4))] * count), **options)
    for found in (detected, estimated):
        for key, coordinates in (("poses3d", 3), ("poses2d", 2)):
            assert found[key].flat_values.shape == (0, *inner, coordinates)
            assert found[key].row_lengths().numpy().tolist() == [0] * count


def test_own_joints_are_affine_maps_and_come_last(estimator):
    box = [[250, 150, 100, 150.0]]
    everything = estimator.estimate_poses(blank(1)[0], box, num_aug=1)["poses3d"].numpy()[0]
    mine = estimator.estimate_poses(blank(1)[0], box, num_aug=1, skeleton="mine")["poses3d"].numpy()[0]
    np.testing.assert_allclose(mine, everything[[0, 5]])
    np.testing.assert_allclose(everything[5], (everything[1] + everything[2]) / 2, rtol=1e-5)
    assert estimator.per_skeleton_joint_names["mine"].numpy().tolist() == [b"left", b"halfway"]
    assert estimator.per_skeleton_edges["mine"].numpy().tolist() == [[0, 1]]
    assert estimator.joint_names.numpy()[5] == b"halfway_mine"


def test_detected_people(estimator):
    def scores(**options):
        found = estimator.detect_poses(blank(1)[0], num_aug=1, intrinsic_matrix=level().intrinsics, **options)
        assert {len(value) for value in found.values()} == {len(found["boxes"])}
        return [round(float(score), 2) for score in found["boxes"][:, 4]]

    everyone = dict(suppress_implausible_poses=False)
    assert scores(**everyone) == [0.9, 0.8, 0.5]  # best first; the box without area shows nothing
    assert scores(detector_threshold=0.5, **everyone) == [0.9, 0.8]  # strictly greater
    assert scores(max_detections=1, **everyone) == [0.9]
    assert scores(max_detections=0, **everyone) == [] and scores(max_detections=99, **everyone) == [
        0.9,
        0.8,
        0.5,
    ]
    assert scores() == [0.9, 0.5]  # the second is the first once more


@pytest.mark.parametrize("bright", [[1, 0], [0, 1], [1, 0, 0, 1], [0, 0]])
def test_an_image_without_possible_people_is_empty(bright):
    """Where it is dark, all joints fall on one point, which does not fill the box."""

    def predict(images, intrinsics):
        light = tf.reduce_mean(tf.cast(images, tf.float32), axis=(1, 2, 3))[:, tf.newaxis, tf.newaxis]
        pixels = SIDE / 2 + light * (tf.constant(PIXELS, tf.float32) - SIDE / 2)
        return back_project(pixels, tf.constant(DEPTHS, tf.float32), intrinsics)

    estimator = fake_estimator(predict, NAMES, detected=[(300, 150, 64, 64, 0.9)])
    images = np.array(bright, np.uint8)[:, None, None, None] * np.full((*SIZE[::-1], 3), 255, np.uint8)
    found = estimator.detect_poses_batched(images, num_aug=1)
    assert found["boxes"].row_lengths().numpy().tolist() == bright


def test_the_mirror_map_is_its_own_inverse_and_swaps_sides():
    names = skeletons.load("large").joints
    mirror = _mirror_map(names)
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(names)))
    moved = [i for i, partner in enumerate(mirror) if i != partner]
    assert len(moved) > len(names) / 2
    assert all(
        {names[i][0], names[mirror[i]][0]} == {"l", "r"} and names[i][1:] == names[mirror[i]][1:]
        for i in moved
    )


def known_points(camera, box, augs):
    """[A, 6, 3]: what lies at PIXELS and DEPTHS of the crops, by way of camera objects; the last is of HALVES."""
    turned = camera.turned_to(geometry.centre(box))
    left, right, upper, lower = turned.world_to_camera(camera.image_to_world(geometry.side_midpoints(box)))
    a, b = (left, right) if box[2] >= box[3] else (upper, lower)
    focal = SIDE / np.linalg.norm(a[:2] / a[2] - b[:2] / b[2])
    middle = (SIDE - 1) / 2
    facing = Camera([[focal, 0, middle], [0, focal, middle], [0, 0, 1]], turned.rotation, turned.position)
    changes = schedule(tf.constant(augs))
    poses = []
    for i in range(augs):
        crop = facing.rolled(float(changes.angle[i])).zoomed(float(changes.scale[i]))
        if changes.flip[i]:
            points = crop.mirrored().image_to_world(PIXELS, DEPTHS)[PARTNER]
        else:
            points = crop.image_to_world(PIXELS, DEPTHS)
        poses.append([*points, (points[1] + points[2]) / 2])
    return np.array(poses)


def arguments_of(cameras):
    """The arguments for a batch of cameras that share the direction up."""
    extrinsics = np.tile(np.eye(4), (len(cameras), 1, 1))
    for matrix, camera in zip(extrinsics, cameras, strict=True):
        matrix[:3, :3], matrix[:3, 3] = camera.rotation, -camera.rotation @ camera.position
    return {
        "intrinsic_matrix": np.stack([camera.intrinsics for camera in cameras]).astype(np.float32),
        "distortion_coeffs": np.stack([camera.distortion for camera in cameras]).astype(np.float32),
        "extrinsic_matrix": extrinsics.astype(np.float32),
        "world_up_vector": cameras[0].world_up.astype(np.float32),
    }


def random_camera(rng, distortion, up=(0.3, -0.9, 0.1)):
    """Every number is one of float32's, as the model gets it."""
    focal = rng.uniform(500, 1500)
    intrinsics = [[focal, 3, rng.uniform(300, 340)], [0, focal * rng.uniform(0.9, 1.1), 245], [0, 0, 1]]
    rotation = Rotation.random(random_state=int(rng.integers(1 << 30))).as_matrix().astype(np.float32)
    translation = rng.normal(0, 3000, 3).astype(np.float32)
    extrinsics = np.eye(4)
    extrinsics[:3, :3], extrinsics[:3, 3] = rotation, translation
    return Camera.from_matrices(np.float32(intrinsics), extrinsics, np.float32(distortion), np.float32(up))


def random_boxes(rng, count):
    return geometry.around(rng.uniform((100, 100), (540, 380), (count, 2)), rng.uniform(20, 250, (count, 2)))


def level():
    return Camera([[700, 0, 319.5], [0, 700, 239.5], [0, 0, 1]], world_up=(0, -1, 0))


def blank(count):
    return np.zeros((count, SIZE[1], SIZE[0], 3), np.uint8)


def ragged(boxes):
    flat = np.concatenate([np.zeros((0, 4)), *boxes]).astype(np.float32)
    return tf.RaggedTensor.from_row_lengths(flat, np.array([len(rows) for rows in boxes], np.int64))
