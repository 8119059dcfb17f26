"""Crops promise: the sheet's rule to the letter, and that image, camera, joints, box and mask stay together."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posepile import boxes, masks
from posepile.cameras import Camera
from posepile.prepare import colour
from posepile.prepare.crop import ShiftedCrop, StandardCrop, WholeImage

SEEDS = st.integers(0, 10_000)
LENS = (-0.2, 0.1, 1e-3, -2e-3, 0.01)
BARREL = (-0.25,)
CROPS = [StandardCrop(), StandardCrop(0.8), StandardCrop(0), StandardCrop(clip_to_image=False), ShiftedCrop()]


@given(seed=SEEDS, distortion=st.sampled_from([(), LENS]), crop=st.sampled_from(CROPS[:4]))
@settings(max_examples=20)
def test_the_standard_crop_is_the_rule_word_by_word(seed, distortion, crop):
    camera, box, image = scene(seed, distortion)
    cropped = crop(image, camera, box)
    expected_camera, expected_box, size = standard_rule(camera, box, crop.factor, crop.clip_to_image)
    for name in ("intrinsics", "rotation", "position", "distortion"):
        np.testing.assert_allclose(
            getattr(cropped.camera, name), getattr(expected_camera, name), rtol=0, atol=1e-7
        )
    np.testing.assert_allclose(cropped.box, expected_box, rtol=0, atol=1e-6)  # px; lenses are undone to 1e-6
    assert cropped.image.shape == (size[1], size[0], 3) and cropped.image.dtype == np.uint8


@pytest.mark.parametrize("distortion", [(), LENS])
def test_pixels_are_those_of_a_slow_version(distortion):
    camera, box, image = scene(3, distortion)
    cropped = StandardCrop()(image, camera, box)
    some = np.random.default_rng(0).integers(0, cropped.image.shape[1::-1], (200, 2))
    expected = slow_pixels(image, camera, cropped.camera, some)
    # OpenCV rounds positions to 1/32 px; the noise of the image changes by 20 levels a px
    difference = np.abs(cropped.image[some[:, 1], some[:, 0]] - expected)
    assert difference.max() <= 4 and difference.mean() < 0.7


@given(seed=SEEDS, distortion=st.sampled_from([(), LENS, BARREL]), crop=st.sampled_from(CROPS))
@settings(max_examples=25)
def test_dots_are_found_where_the_new_camera_projects_the_joints(seed, distortion, crop):
    camera, box, _ = scene(seed, distortion)
    rng = np.random.default_rng(seed)
    middle = boxes.centre(box) + rng.uniform(-0.2, 0.2, (1, 2)) * box[2:]
    joint = camera.image_to_world(middle, 3000.0)
    cropped = crop(dotted(middle[0]), camera, box, joints2d=np.concatenate([middle, [(np.nan, np.nan)]]))
    there = cropped.camera.world_to_image(joint)[0]
    np.testing.assert_allclose(cropped.joints2d[0], there, rtol=0, atol=1e-5)
    assert np.isnan(cropped.joints2d[1]).all()
    found = centre_of_mass(cropped.image)
    np.testing.assert_allclose(found, there, rtol=0, atol=0.1)  # px


@given(seed=SEEDS, distortion=st.sampled_from([(), LENS]), crop=st.sampled_from([CROPS[0], CROPS[4]]))
@settings(max_examples=15)
def test_the_mask_covers_what_it_covered(seed, distortion, crop):
    camera, box, _ = scene(seed, distortion)
    ellipse = np.zeros((480, 640), np.uint8)
    centre, axes = boxes.centre(box), box[2:] * 0.4
    cv2.ellipse(ellipse, (*map(tuple, (centre.tolist(), (2 * axes).tolist())), 0.0), 255, -1)
    cropped = crop(np.dstack([ellipse] * 3), camera, box, masks.encode(ellipse))
    assert tuple(cropped.mask["size"]) == cropped.image.shape[:2]
    # Linear light moves the edge of the picture by less than a pixel
    different = masks.decode(cropped.mask) != (cropped.image[..., 0] > 127)
    assert different.sum() <= 0.7 * np.pi * cropped.box[2:].sum() * 0.4 * 2
    inside = boxes.iou(masks.box(cropped.mask), cropped.box)
    assert inside > 0.5


def test_without_camera_the_image_is_shifted_and_scaled():
    image = noise((300, 384))
    box = np.array([0.0, 0, 384, 300])
    whole = StandardCrop()(image, None, box, joints2d=np.array([(10.0, 20), (np.nan, 3)]))
    assert whole.camera is None
    assert whole.image.shape == image.shape  # scale 1, window cut to the image
    difference = whole.image[2:-2, 2:-2].astype(float) - image[2:-2, 2:-2]
    assert (
        abs(difference.mean()) < 1.5 and np.abs(difference).mean() < 6
    )  # four samples blur the noise a little
    np.testing.assert_array_equal(whole.joints2d[0], (10, 20))
    doubled = StandardCrop(0)(cv2.resize(image, None, fx=2, fy=2), None, box * 2)
    assert doubled.image.shape == (300, 384, 3)
    small = StandardCrop(0)(image, None, np.array([10.0, 20, 100, 50]), joints2d=np.array([(30.0, 40)]))
    assert small.image.shape == (60, 120, 3)  # enlarged by at most 1.2
    np.testing.assert_allclose(small.joints2d, [(24, 24)])
    np.testing.assert_allclose(small.box, (0, 0, 120, 60))


def test_the_longer_side_becomes_384_px():
    camera, _, image = scene(0, ())
    cropped = StandardCrop()(
        cv2.resize(image, None, fx=4, fy=4), camera.scaled(4), np.array([400, 300, 800, 1000.0])
    )
    assert cropped.box[2:].max() == pytest.approx(384)


def test_white_stays_white_and_black_stays_black():
    for value in (0, 1, 7, 128, 254, 255):
        image = np.full((200, 200, 3), value, np.uint8)
        cropped = StandardCrop(0)(
            image, Camera([[200, 0, 100], [0, 200, 100], [0, 0, 1]]), np.array([60.0, 60, 80, 90])
        )
        assert (cropped.image == value).all()


def test_brightening_and_white_balance_are_applied_at_the_end():
    camera, box, image = scene(1, ())
    plain = StandardCrop(encoding_exponent=0.67 / 2.2)(image, camera, box).image
    balanced = StandardCrop(encoding_exponent=0.67 / 2.2, white_balance=colour.TDHP_CAST)(
        image, camera, box
    ).image
    assert plain.mean() > StandardCrop()(image, camera, box).image.mean() + 10
    np.testing.assert_array_equal(balanced, colour.white_balanced(plain, colour.TDHP_CAST))


def test_antialiasing_averages_what_the_crop_would_skip():
    stripes = np.zeros((3000, 3000, 3), np.uint8)
    stripes[:, ::2] = 255
    camera, box = Camera([[3000, 0, 1500], [0, 3000, 1500], [0, 0, 1]]), np.array([50.0, 50, 2900, 2900])
    grey = 255 * 0.5 ** (1 / 2.2)
    cropped = StandardCrop(antialias_input=True, factor=0)(stripes, camera, box).image
    assert np.abs(cropped[5:-5, 5:-5] - grey).max() < 8  # 7.6 px of the source become one
    assert np.ptp(StandardCrop(factor=0)(stripes, camera, box).image[5:-5, 5:-5]) > 30
    dot = StandardCrop(antialias_input=True, factor=0)(
        dotted((1402.0, 1613), (3000, 3000), 15), camera, box, joints2d=np.array([(1402.0, 1613)])
    )
    np.testing.assert_allclose(centre_of_mass(dot.image), dot.joints2d[0], rtol=0, atol=0.1)


def test_the_shifted_crop_is_mucos_rule():
    camera, image = Camera([[500, 0, 320], [0, 500, 240], [0, 0, 1]]), noise((480, 640))
    cropped = ShiftedCrop()(image, camera, np.array([300.0, 100, 100, 200]))
    side = (np.cos(np.pi / 6) * 200 + np.sin(np.pi / 6) * 100) * 1.2 / 0.85**2  # 370.8
    left, top = 350 - side / 2, 200 - side / 2
    np.testing.assert_allclose(cropped.box, (300 - left, 100 - top, 100, 200))
    np.testing.assert_allclose(cropped.camera.intrinsics[:2, 2], (320 - left, 240 - top))
    np.testing.assert_array_equal(cropped.camera.rotation, camera.rotation)
    assert cropped.image.shape == (round(side), round(side), 3)
    cut = ShiftedCrop()(image, camera, np.array([300.0, 20, 100, 200]))
    assert cut.box[1] == 20 and cut.camera.intrinsics[1, 2] == 240
    halved = ShiftedCrop()(image, camera, np.array([10.0, 10, 300, 256 / 0.85 * 1.5]))
    assert halved.box[3] == pytest.approx(256 / 0.85)
    smooth = cv2.GaussianBlur(image, (0, 0), 2)
    drawn = ShiftedCrop()(smooth, camera, np.array([300.0, 100, 100, 200])).image
    expected = cv2.warpAffine(
        smooth, np.array([[1, 0, -left], [0, 1, -top]]), drawn.shape[1::-1], flags=cv2.INTER_LINEAR
    )
    assert np.abs(drawn[5:-5, 5:-5].astype(int) - expected[5:-5, 5:-5]).mean() < 1.5


def test_the_whole_image_is_left_alone():
    camera, box, image = scene(0, LENS)
    mask, joints = masks.encode(image[..., 0] > 100), np.ones((3, 2))
    assert WholeImage()(image, camera, box, mask, joints)[:2] == (image, camera)
    np.testing.assert_array_equal(WholeImage()(image, camera, box).box, box)


def test_a_mask_outside_the_crop_is_none():
    image, mask = noise((480, 640)), np.zeros((480, 640))
    mask[470:, :5] = 1
    assert StandardCrop()(image, None, np.array([400.0, 50, 60, 60]), masks.encode(mask)).mask is None


@pytest.mark.parametrize("crop", CROPS[:1] + CROPS[4:])
def test_bad_input_is_named(crop):
    image = noise((480, 640))
    for box in ((0, 0, 0, 5), (np.nan, 0, 5, 5), (0, 0, 5)):
        with pytest.raises(ValueError, match=r"box is \[.*expected four finite numbers"):
            crop(image, None, np.array(box, float))
    with pytest.raises(ValueError, match="outside the image of 640 x 480 px"):
        crop(image, None, np.array([5000.0, 0, 10, 10]))
    with pytest.raises(ValueError, match="mask has size"):
        crop(image, None, np.array([50.0, 50, 10, 10]), masks.encode(np.ones((4, 4))))


def test_a_box_that_reaches_beyond_the_lens_model_is_cropped():
    camera = Camera([[300, 0, 320], [0, 300, 240], [0, 0, 1]], distortion=(-0.3,))  # shows a radius of 210 px
    cropped = StandardCrop(clip_to_image=False)(noise((480, 640)), camera, np.array([100.0, 30, 440, 420]))
    assert np.isfinite(cropped.box).all() and cropped.image.any()


def scene(seed, distortion):
    """A camera with 640 x 480 px, a box in its image, and noise as its image."""
    rng = np.random.default_rng(seed)
    upright = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    rotation = cv2.Rodrigues(rng.uniform(-0.4, 0.4, 3))[0] @ upright
    intrinsics = [[rng.uniform(400, 900), 0, 330], [0, rng.uniform(400, 900), 230], [0, 0, 1]]
    camera = Camera(intrinsics, rotation, rng.normal(size=3) * 1000, np.array(distortion))
    size = rng.uniform(60, 200, 2)
    return (
        camera,
        np.concatenate([rng.uniform((20, 20), (620 - size[0], 460 - size[1])), size]),
        noise((480, 640)),
    )


def noise(shape):
    image = np.random.default_rng(0).normal(128, 300, (*shape, 3))
    return np.clip(128 + cv2.GaussianBlur(image - 128, (0, 0), 1.5), 0, 255).astype(np.uint8)


def dotted(pixel, shape=(480, 640), radius=4.0):
    y, x = np.mgrid[: shape[0], : shape[1]]
    dot = np.exp(-((x - pixel[0]) ** 2 + (y - pixel[1]) ** 2) / (2 * radius**2))
    return np.repeat(np.rint(255 * dot).astype(np.uint8)[..., np.newaxis], 3, axis=2)


def centre_of_mass(image):
    light = (image[..., 0] / 255.0) ** 2
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(x * light).sum(), (y * light).sum()]) / light.sum()


def standard_rule(camera, box, factor, clip):
    """Steps 1 to 6 of the sheet, one point at a time, on OpenCV's functions."""

    def undistorted(point):
        criteria = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 200, 1e-14)
        source = np.array([[point]], float)
        ideal = cv2.undistortPoints(source, camera.intrinsics, camera.distortion, criteria=criteria)
        return np.append(ideal[0, 0], 1.0)

    forward = camera.rotation.T @ undistorted((box[0] + box[2] / 2, box[1] + box[3] / 2))
    z = forward / np.linalg.norm(forward)
    x = np.cross(z, camera.world_up)
    x /= np.linalg.norm(x)
    rotation = np.stack([x, np.cross(z, x), z])

    def turned(point):
        ray = camera.intrinsics @ rotation @ camera.rotation.T @ undistorted(point)
        return ray[:2] / ray[2]

    left, top, width, height = box
    middles = [turned(p) for p in ((left, top + height / 2), (left + width, top + height / 2),
                                   (left + width / 2, top), (left + width / 2, top + height))]  # fmt: skip
    low, high = np.min(middles, axis=0), np.max(middles, axis=0)
    w, h = high - low
    cos, sin = np.cos(np.deg2rad(30)), np.sin(np.deg2rad(30))
    side = max(cos * w + sin * h, cos * h + sin * w) * (1 / 0.85) * 1.1 * (1 / 0.85) * factor
    window = [(low + high - side) / 2, (low + high + side) / 2] if factor > 0 else [low, high]
    if clip:
        corners = [turned(p) for p in ((0, 0), (640, 0), (0, 480), (640, 480))]
        window = [
            np.maximum(window[0], np.min(corners, axis=0)),
            np.minimum(window[1], np.max(corners, axis=0)),
        ]
    scale = min(1.2, 1.5 * 256 / max(w, h))
    intrinsics = camera.intrinsics.copy()
    intrinsics[:2, 2] -= window[0]
    intrinsics[:2] *= scale
    size = [round(float(scale * s)) for s in window[1] - window[0]]
    new_box = np.concatenate([(low - window[0]) * scale, (high - low) * scale])
    return Camera(intrinsics, rotation, camera.position, (), camera.world_up), new_box, size


def slow_pixels(image, old, new, pixels):
    """Step 7 at some pixels [n, 2]: bicubic with A = -3/4 in linear light, four samples each."""
    light = np.pad((image / 255.0) ** 2.2, ((4, 4), (4, 4), (0, 0)))

    def weight(d):
        d, a = abs(d), -0.75
        if d < 1:
            return (a + 2) * d**3 - (a + 3) * d**2 + 1
        return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0

    result = []
    for pixel in pixels:
        total = np.zeros(3)
        for offset in ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)):
            x, y = old.world_to_image(new.image_to_world(pixel + np.array(offset), 1000.0))
            x, y = np.clip(x, -2, image.shape[1]), np.clip(y, -2, image.shape[0])
            for i in range(int(np.floor(y)) - 1, int(np.floor(y)) + 3):
                for j in range(int(np.floor(x)) - 1, int(np.floor(x)) + 3):
                    total += weight(y - i) * weight(x - j) * light[i + 4, j + 4]
        result.append(np.floor(255 * np.clip(total / 4, 0, 1) ** (1 / 2.2)))
    return np.array(result)
