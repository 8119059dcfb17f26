"""Cameras promise: OpenCV's projection, exact round trips, and warps on which images and points agree."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posepile.cameras import Camera, warp_image

SEEDS = st.integers(0, 10_000)
LENS = (-0.2, 0.1, 1e-3, -2e-3, 0.01, 0.02, 0.01, 0.001, 1e-3, 2e-3, -1e-3, 1e-3)  # every term takes part
BARREL = (-0.2,)  # folds back at a radius of 1.29, which it draws at 0.861


def test_an_identity_camera_divides_by_depth():
    camera = Camera(np.diag([100.0, 200, 1]))
    np.testing.assert_array_equal(camera.world_to_image([4, 8, 2]), [200, 800])


@given(seed=SEEDS)
def test_projection_agrees_with_opencv(seed):
    camera, points = make_camera(seed, LENS), points_before(seed)
    vector = cv2.Rodrigues(camera.rotation)[0]
    translation = -camera.rotation @ camera.position
    expected = cv2.projectPoints(points, vector, translation, camera.intrinsics, camera.distortion)[0][:, 0]
    np.testing.assert_allclose(
        camera.world_to_image(points), expected, rtol=0, atol=1e-6
    )  # px, of up to 2000


@given(seed=SEEDS)
def test_undistortion_agrees_with_opencv(seed):
    camera = make_camera(seed, np.array(LENS) / 10)
    pixels = np.random.default_rng(seed).uniform(0, 1000, (50, 2))
    expected = cv2.undistortPoints(pixels[:, np.newaxis], camera.intrinsics, camera.distortion)[:, 0]
    # OpenCV's default is five fixed-point steps, which leave the fifth power of a distortion below 0.03
    np.testing.assert_allclose(camera.image_to_camera(pixels)[:, :2], expected, rtol=0, atol=1e-6)


@given(seed=SEEDS)
def test_undistortion_into_another_view_agrees_with_opencv(seed):
    old = make_camera(seed, np.array(LENS) / 10)
    new = old.turned_to((300, 600)).zoomed(1.3)
    pixels = np.random.default_rng(seed).uniform(0, 1000, (50, 2))
    rotation = new.rotation @ old.rotation.T
    expected = cv2.undistortPoints(
        pixels[:, np.newaxis], old.intrinsics, old.distortion, R=rotation, P=new.intrinsics
    )[:, 0]
    in_new = new.camera_to_image(old.image_to_camera(pixels) @ rotation.T)
    np.testing.assert_allclose(in_new, expected, rtol=0, atol=2e-3)  # px: 1e-6 on the plane, times the focal


@given(seed=SEEDS, mirrored=st.booleans())
def test_the_map_between_two_views_agrees_with_opencv(seed, mirrored):
    old = make_camera(seed, LENS)
    new = old.turned_to((450, 520)).rolled(0.2).with_principal_point((60, 40)).scaled(0.4)
    new = new.mirrored() if mirrored else new
    rotation = new.rotation @ old.rotation.T
    expected = np.stack(cv2.initUndistortRectifyMap(
        old.intrinsics, old.distortion, rotation, new.intrinsics, (48, 32), cv2.CV_32FC1
    ), axis=-1)  # fmt: skip
    pixels = np.stack(np.meshgrid(np.arange(48), np.arange(32)), axis=-1)
    found = old.camera_to_image(new.image_to_camera(pixels) @ rotation)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)  # px: OpenCV's are float32, of up to 1000


def test_an_undistorted_image_is_that_of_opencv():
    image = cv2.GaussianBlur(
        np.random.default_rng(0).uniform(0, 255, (300, 300)).astype(np.float32), (0, 0), 4
    )
    for seed in range(5):
        camera = make_camera(seed, LENS).scaled(0.3)
        expected = cv2.undistort(image, camera.intrinsics, camera.distortion)
        found = warp_image(image, camera, camera.without_distortion(), (300, 300))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1.0)  # grey levels; both round to 1/32 px


@given(seed=SEEDS, distortion=st.sampled_from([(), BARREL, LENS]))
def test_back_projection_undoes_projection(seed, distortion):
    camera, points = make_camera(seed, distortion), points_before(seed)
    depth = camera.world_to_camera(points)[:, 2]
    back = camera.image_to_world(camera.world_to_image(points), depth)
    np.testing.assert_allclose(back, points, rtol=0, atol=1e-5)  # mm; 1e-10 on the plane at up to 10 m


def test_what_a_lens_cannot_show_is_nan():
    camera = Camera(np.diag([500.0, 500, 1]), distortion=np.array(BARREL))
    behind, beyond_the_fold = (0, 0, -1), (2, 0, 1)
    assert np.isnan(camera.camera_to_image([behind, beyond_the_fold])).all()
    assert np.isnan(camera.image_to_camera([(432.0, 0)])).all()  # the largest radius of the image is 430.3 px
    assert np.isfinite(camera.image_to_camera([(428.0, 0)])).all()
    assert np.isnan(camera.world_to_image([(np.nan, 0, 1)])).all()


@given(seed=SEEDS, distortion=st.sampled_from([(), LENS]), mirrored=st.booleans())
def test_turning_puts_the_pixel_on_the_axis_without_roll(seed, distortion, mirrored):
    camera = make_camera(seed, distortion)
    camera = camera.mirrored() if mirrored else camera
    pixel = np.random.default_rng(seed).uniform(100, 900, 2)
    turned = camera.turned_to(pixel)
    shown = turned.world_to_camera(camera.image_to_world(pixel, 1000.0))
    np.testing.assert_allclose(shown[:2], 0, rtol=0, atol=1e-6)  # mm
    assert shown[2] > 0
    up_in_camera = turned.rotation @ turned.world_up
    assert abs(up_in_camera[0]) < 1e-12 and up_in_camera[1] < 0  # up is up on the screen: no roll
    assert np.linalg.det(turned.rotation) == pytest.approx(-1 if mirrored else 1)
    np.testing.assert_allclose(turned.rotation @ turned.rotation.T, np.eye(3), atol=1e-12)


def test_turning_along_world_up_is_defined():
    camera = Camera(np.diag([500.0, 500, 1]))  # looks along +z, which is up
    np.testing.assert_allclose(camera.turned_to((0, 0)).rotation, np.eye(3), atol=1e-12)


@given(seed=SEEDS, distortion=st.sampled_from([(), LENS]))
def test_mirroring_flips_about_the_principal_point_and_undoes_itself(seed, distortion):
    camera, points = make_camera(seed, distortion, skew=3.0), points_before(seed)
    there, flipped = camera.world_to_image(points), camera.mirrored().world_to_image(points)
    np.testing.assert_allclose(flipped[:, 0] + there[:, 0], 2 * camera.intrinsics[0, 2], rtol=0, atol=1e-6)
    np.testing.assert_allclose(flipped[:, 1], there[:, 1], rtol=0, atol=1e-6)
    back = camera.mirrored().mirrored()
    for name in ("intrinsics", "rotation", "position", "distortion"):
        np.testing.assert_array_equal(getattr(back, name), getattr(camera, name))


@given(seed=SEEDS, angle=st.floats(-4, 4))
def test_rolling_turns_pixels_about_the_principal_point(seed, angle):
    camera, points = make_camera(seed).with_square_pixels(), points_before(seed)
    centre = camera.intrinsics[:2, 2]
    before = camera.world_to_image(points) - centre
    after = camera.rolled(angle).world_to_image(points) - centre
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(after, before @ turn.T, rtol=0, atol=1e-6)


def test_changes_of_the_image_plane():
    camera = Camera([[100, 0, 10], [0, 100, 20], [0, 0, 1]])
    point = [1.0, 1, 1]
    np.testing.assert_allclose(camera.zoomed(2).world_to_image(point), [210, 220])
    np.testing.assert_allclose(camera.shifted((5, -5)).world_to_image(point), [115, 115])
    np.testing.assert_allclose(camera.with_principal_point((0, 0)).world_to_image(point), [100, 100])
    np.testing.assert_allclose(camera.scaled(2).world_to_image(point), [220.5, 240.5])  # (p + 1/2) * 2 - 1/2


def test_a_distorted_camera_refuses_to_roll():
    with pytest.raises(ValueError, match="without_distortion"):
        make_camera(0, LENS).rolled(0.1)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"Camera.position has shape \[2\], expected \[3\]"):
        Camera(np.eye(3), position=np.zeros(2))
    with pytest.raises(ValueError, match=r"last row"):
        Camera(np.ones((3, 3)))


@given(seed=SEEDS)
def test_from_matrices_applies_the_extrinsics(seed):
    camera = make_camera(seed)
    extrinsics = np.column_stack([camera.rotation, -camera.rotation @ camera.position])
    again = Camera.from_matrices(camera.intrinsics, extrinsics)
    np.testing.assert_allclose(again.position, camera.position, rtol=0, atol=1e-8)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, old_lens=st.sampled_from([(), BARREL, LENS]), new_lens=st.sampled_from([(), LENS]),
       mirrored=st.booleans())  # fmt: skip
def test_warped_images_and_points_agree(seed, old_lens, new_lens, mirrored):
    rng = np.random.default_rng(seed)
    old = make_camera(seed, old_lens).scaled(0.3)
    pixel = rng.uniform(80, 220, 2)
    image = blob_at(pixel, (300, 300))
    new = old.turned_to(rng.uniform(80, 220, 2)).rolled(rng.uniform(-0.5, 0.5)).zoomed(rng.uniform(0.9, 1.1))
    new = new.mirrored() if mirrored else new
    new = Camera(new.intrinsics, new.rotation, new.position, new_lens).with_principal_point((250, 250))
    warped = warp_image(image, old, new, (500, 500))
    expected = new.world_to_image(old.image_to_world(pixel, 1000.0))
    # px: OpenCV interpolates at 1/32 px, and perspective skews a blob of 3 px a little
    np.testing.assert_allclose(centre_of_mass(warped), expected, rtol=0, atol=0.3)


def test_the_fast_and_the_general_warp_agree(monkeypatch):
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.uniform(0, 255, (500, 500)).astype(np.float32), (0, 0), 5)
    for distortion in ((), LENS):
        old = make_camera(0, distortion).scaled(0.5)
        new = old.turned_to((200, 220)).with_principal_point((63.5, 63.5))
        fast = warp_image(image, old, new, (128, 128))
        with monkeypatch.context() as patch:
            patch.setattr("posepile.cameras._corners_are_inside", lambda *_: False)
            general = warp_image(image, old, new, (128, 128))
        np.testing.assert_allclose(
            fast, general, rtol=0, atol=1.0
        )  # grey levels; 1/32 px of a slope below 20


def test_beyond_the_lens_model_is_border_and_not_a_second_image():
    old = Camera([[300, 0, 500], [0, 300, 500], [0, 0, 1]], distortion=np.array(BARREL))
    image = np.full((1000, 1000), 200, np.uint8)
    warped = warp_image(image, old, old.without_distortion().zoomed(0.3), (1000, 1000), border=7)
    assert warped[500, 500] == 200
    assert (warped[[0, 0, -1, -1], [0, -1, 0, -1]] == 7).all()


def test_warping_between_places_is_refused():
    camera = make_camera(0)
    with pytest.raises(ValueError, match="same place"):
        warp_image(np.zeros((4, 4)), camera, Camera(np.eye(3)), (4, 4))


def make_camera(seed, distortion=(), skew=0.0):
    rng = np.random.default_rng(seed)
    intrinsics = [[rng.uniform(900, 1300), skew, 500], [0, rng.uniform(900, 1300), 480], [0, 0, 1]]
    rotation = cv2.Rodrigues(rng.uniform(-0.4, 0.4, 3))[0]
    # z forward and y down, as seen by a camera that stands upright in a z-up world
    upright = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    return Camera(intrinsics, rotation @ upright, rng.normal(size=3) * 1000, np.array(distortion))


def points_before(seed):
    """World points [40, 3] that the camera of the same seed sees in its image."""
    rng = np.random.default_rng(seed + 1)
    camera = make_camera(seed)
    return camera.image_to_world(rng.uniform(100, 900, (40, 2)), rng.uniform(1000, 10_000, 40))


def blob_at(pixel, shape):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((x - pixel[0]) ** 2 + (y - pixel[1]) ** 2) / (2 * 3.0**2)).astype(np.float32)


def centre_of_mass(image):
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(x * image).sum(), (y * image).sum()]) / image.sum()
