"""Crops promise the pixels that their cameras see: bilinear, in linear light, black outside, without aliasing."""

import numpy as np
import pytest
import tensorflow as tf

from posepile.cameras import Camera, warp_image
from posepile.linear_light import GAMMA
from serving import lens, warping
from serving.augmentation import Schedule
from serving.crop_views import CropViews, ImageCameras

SIDE = 32
HEIGHT, WIDTH = 60, 90
LINEAR = GAMMA  # crops encoded with this gamma are in linear light
LENSES = {"ideal": [0] * 12, "real": [-0.1, 0.02, 0.001, 0.002, 0, 0.02, 0, 0, 0.001, 0, 0.002, 0]}


@pytest.mark.parametrize("lens_model", LENSES)
def test_equals_a_slow_warp_of_a_smooth_image(lens_model):
    old = Camera([[80, 2, 44], [0, 85, 29], [0, 0, 1]], distortion=np.array(LENSES[lens_model]))
    new = Camera([[70, 0, 15.5], [0, 70, 15.5], [0, 0, 1]], rotation(0.1, -0.15, 0.3))
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    linear = np.stack([x / WIDTH, y / HEIGHT, np.sin(x / 9) ** 2], axis=-1).astype(np.float32)
    found = warp(encoded(linear), old, [new])[0, 0]
    expected = warp_image(decoded(encoded(linear)), old, new, (SIDE, SIDE))
    # OpenCV looks at 32 places between two pixels only; float16
    np.testing.assert_allclose(found, expected, rtol=0, atol=6e-3)


@pytest.mark.parametrize("lens_model", LENSES)
def test_a_constant_image_is_constant_inside_and_black_outside(lens_model):
    old = Camera([[80, 0, 44.5], [0, 80, 29.5], [0, 0, 1]], distortion=np.array(LENSES[lens_model]))
    found = warp(np.full((HEIGHT, WIDTH, 3), 255, np.uint8), old, [facing(old, zoom=0.25)])[0, 0]
    # A crop's pixel is 4 of the image's, so the image is 22.5 x 15 px of the crop
    np.testing.assert_array_equal(found[11:21, 8:24], 1)
    np.testing.assert_array_equal(found[:6], 0)
    np.testing.assert_array_equal(found[:, :3], 0)


def test_a_linear_ramp_is_reproduced_where_pixels_are_enlarged():
    old = Camera([[80, 0, 44.5], [0, 80, 29.5], [0, 0, 1]])
    linear = np.tile(np.arange(WIDTH, dtype=np.float32)[:, np.newaxis] / WIDTH, (HEIGHT, 1, 3))
    found = warp(encoded(linear), old, [facing(old, zoom=3)])[0, 0]
    expected = (44.5 + (np.arange(SIDE) - 15.5) / 3) / WIDTH
    # 256 grey values of the image, at most 2.2 / 255 apart in linear light
    np.testing.assert_allclose(found, np.tile(expected[:, np.newaxis], (SIDE, 1, 3)), rtol=0, atol=5e-3)


def test_a_tiny_distortion_equals_none():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    k = [[80, 0, 44.5], [0, 80, 29.5], [0, 0, 1]]
    ideal, almost = Camera(k), Camera(k, distortion=np.array([1e-9]))
    new = facing(ideal, zoom=1.3)
    np.testing.assert_allclose(warp(image, almost, [new]), warp(image, ideal, [new]), rtol=0, atol=2e-3)


def test_each_box_sees_its_own_image_and_each_crop_its_own_gamma():
    images = np.stack([np.full((HEIGHT, WIDTH, 3), grey, np.uint8) for grey in (51, 102, 204)])
    old = Camera([[80, 0, 44.5], [0, 80, 29.5], [0, 0, 1]])
    changes = Schedule(tf.constant([1.0, 0.5]), *[None] * 3)
    found = crops(images, [2, 0], [old] * 2, [[facing(old, 2)] * 2] * 2, changes)
    assert found.shape == (2, 2, SIDE, SIDE, 3) and found.dtype == np.float16
    centre = found[:, :, 16, 16, 0].astype(float)
    np.testing.assert_allclose(centre, [[0.8, 0.8**0.5], [0.2, 0.2**0.5]], rtol=0, atol=1e-3)


@pytest.mark.parametrize("zoom, antialias", [(0.5, 1), (0.25, 1), (1, 2), (0.5, 3), (0.125, 1)])
def test_light_is_averaged_not_skipped(zoom, antialias):
    image = np.zeros((240, 360, 3), np.uint8)
    image[::2] = 255
    old = Camera([[320, 0, 179.5], [0, 320, 119.5], [0, 0, 1]])
    found = warp(image, old, [facing(old, zoom)], antialias=antialias)[0, 0, 14:18, 14:18]
    # Every second row: half of the light; at other zooms the pyramid leaves a rest of the pattern
    np.testing.assert_allclose(found, 0.5, rtol=0, atol=0.002 if zoom * antialias <= 0.5 else 0.26)


def test_levels_fit_the_zoom_and_the_size_of_the_image():
    def levels(shape, zoom, antialias=1):
        found = warping._levels(zoomed(zoom), tf.constant(antialias), tf.constant([1, *shape, 3]))
        return found.numpy()[0].tolist()

    assert levels((64, 64), [2, 1, 0.51, 0.5, 0.26, 0.25, 0.01]) == [0, 0, 0, 1, 1, 2, 2]
    assert levels((64, 64), [0.5, 0.25, 0.1], antialias=2) == [0, 1, 2]
    assert levels((64, 3), [0.5, 0.25]) == [1, 1]
    assert levels((1, 64), [0.5, 0.25]) == [0, 0]


def test_the_pyramid_drops_an_odd_last_row_and_column():
    image = np.arange(7 * 5 * 3, dtype=np.uint8).reshape(1, 7, 5, 3)
    found = warping.pyramid(tf.constant(image), zoomed([1, 0.1]), tf.constant(1))
    assert [level.shape[1:3] for level in found] == [(7, 5), (3, 2), (1, 1)]
    linear = decoded(image[0])
    np.testing.assert_allclose(found[0][0], linear, rtol=1e-5)
    expected = linear[:6, :4].reshape(3, 2, 2, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(found[1][0], expected, rtol=1e-5)


def test_levels_that_no_crop_needs_are_not_made():
    image = tf.zeros([1, 64, 64, 3], tf.uint8)
    for zoom, antialias, made in ((1, 1, 1), (0.5, 1, 2), (0.5, 2, 1), (0.1, 1, 3)):
        found = warping.pyramid(image, zoomed([zoom, 1]), tf.constant(antialias))
        assert [tf.size(level) > 0 for level in found] == [True] * made + [False] * (3 - made)


def test_what_is_behind_the_camera_is_black():
    old = Camera([[80, 0, 44.5], [0, 80, 29.5], [0, 0, 1]])
    away = Camera([[30, 0, 15.5], [0, 30, 15.5], [0, 0, 1]], np.diag([-1.0, 1, -1]))
    np.testing.assert_array_equal(warp(np.full((HEIGHT, WIDTH, 3), 255, np.uint8), old, [away]), 0)


def warp(image, old, news, antialias=1):
    changes = Schedule(tf.fill([len(news)], LINEAR), *[None] * 3)
    return crops(image[np.newaxis], [0], [old], [news], changes, antialias)


def crops(images, image_ids, olds, news, changes, antialias=1):
    c = tf.constant(np.stack([old.distortion for old in olds]))
    k = tf.constant(np.stack([old.intrinsics for old in olds]))
    cameras = ImageCameras(k, c, lens.largest_radius(c), None, None)
    intrinsics = np.array([[new.intrinsics for new in row] for row in news])
    views = CropViews(
        tf.constant(intrinsics),
        tf.constant(np.array([[new.rotation for new in row] for row in news])),
        tf.constant(intrinsics[..., 0, 0]) / k[:, 0, 0, np.newaxis],
        None,
    )
    ids, antialias = tf.constant(image_ids, tf.int64), tf.constant(antialias)
    levels = warping.pyramid(tf.constant(images), views, antialias)
    return warping.crops(levels, ids, cameras, views, changes, SIDE, antialias).numpy()


def zoomed(zoom):
    """Views of one box, of which the zoom alone is known."""
    return CropViews(None, None, tf.constant([zoom], tf.float64), None)


def facing(old, zoom):
    """A crop around the old camera's axis."""
    focal = old.intrinsics[0, 0] * zoom
    return Camera([[focal, 0, 15.5], [0, focal, 15.5], [0, 0, 1]])


def rotation(x, y, z):
    from scipy.spatial.transform import Rotation

    return Rotation.from_euler("xyz", (x, y, z)).as_matrix()


def encoded(linear):
    return np.round(255 * linear ** (1 / GAMMA)).astype(np.uint8)


def decoded(image):
    return ((image / 255) ** GAMMA).astype(np.float32)
