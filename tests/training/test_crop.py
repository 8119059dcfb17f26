"""Crops promise: image and labels agree; cameras equal their step-by-step construction; mirrors are exact."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_ins import IMAGE_SIZE, encode, make_example, make_image

from posepile import masks
from posepile.cameras import Camera
from posepile.example import PoseExample
from training import crop
from training.augment.geometry import ViewChanges, draw_changes, no_changes
from training.augment.randomness import Draws
from training.config import AugmentConfig

SIDE = 96
SEEDS = st.integers(0, 10_000)


def changes_of(seed, n, **config) -> ViewChanges:
    return draw_changes(AugmentConfig(partial_visibility=0.5, **config), Draws(seed, 0, n))


def cameras_of(examples, changes, side=SIDE) -> crop.CropCameras:
    return crop.crop_cameras(examples, np.array([IMAGE_SIZE] * len(examples)), changes, side)


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, distorted=st.booleans())
def test_camera_equals_the_chain_of_single_changes(seed, distorted):
    example = make_example(np.random.default_rng(seed), distorted=distorted)
    changes = changes_of(seed, 1)
    found = cameras_of([example], changes)
    x, y, w, h = example.box.astype(float)
    if changes.part[0, 2] < 1:
        longer = max(w, h)
        x, y = x + (w - longer) / 2, y + (h - longer) / 2
        x, y, w, h = *((x, y) + changes.part[0, :2] * longer), *([changes.part[0, 2] * longer] * 2)
    centre = np.array([x + w / 2, y + h / 2]) + changes.shift[0] * max(w, h)
    half = np.array([0, h / 2]) if w < h else np.array([w / 2, 0])
    old = example.camera
    camera = old.turned_to(centre).with_square_pixels()
    ends = camera.world_to_image(old.image_to_world(np.stack([centre - half, centre + half]), 1000.0))
    camera = camera.zoomed(SIDE / np.linalg.norm(ends[0] - ends[1])).zoomed(changes.zoom[0])
    camera = camera.with_principal_point([(SIDE - 1) / 2] * 2).rolled(changes.roll[0])
    if changes.flip[0]:
        camera = camera.mirrored()
    np.testing.assert_allclose(
        found.rotation[0], camera.rotation, rtol=0, atol=1e-9
    )  # float64, inverse of lens
    np.testing.assert_allclose(found.position[0], camera.position, rtol=0, atol=1e-9)
    np.testing.assert_allclose(np.abs(found.intrinsics[0]), np.abs(camera.intrinsics), rtol=1e-9, atol=1e-9)
    pixels = found.world_to_camera(example.joints3d[np.newaxis].astype(float))[0]
    pixels = pixels @ found.intrinsics[0].T
    expected = camera.world_to_image(example.joints3d)
    np.testing.assert_allclose(pixels[:, :2] / pixels[:, 2:], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("distorted", [False, True])
@pytest.mark.parametrize("with_camera", [False, True])
def test_image_and_labels_are_moved_alike(distorted, with_camera):
    random = np.random.default_rng(3)
    changes = changes_of(5, 8)
    for i in range(8):
        example = make_example(random, n_joints=1, distorted=distorted and with_camera)
        point = example.camera.world_to_image(example.joints3d)[0]
        example = draw_blob(example, point, with_camera)
        one = ViewChanges(*(getattr(changes, name)[i : i + 1] for name in changes.__dataclass_fields__))
        cameras = cameras_of([example], one)
        image = crop.warp_crop(crop.decode_image(example), example, cameras, 0)
        if with_camera:
            expected = (
                cameras.world_to_camera(example.joints3d[np.newaxis].astype(float))[0]
                @ cameras.intrinsics[0].T
            )
            expected = expected[0, :2] / expected[0, 2]
        else:
            expected = crop.warp_labels(point[np.newaxis], example, IMAGE_SIZE[1], cameras, 0)[0]
        if ((expected > 8) & (expected < SIDE - 9)).all():
            np.testing.assert_allclose(centre_of_mass(image), expected, rtol=0, atol=0.25)  # 8-bit blob, JPEG


def test_plain_crop_spans_the_box():
    example = make_example(np.random.default_rng(0))
    cameras = cameras_of([example], no_changes(1))
    x, y, w, h = example.box.astype(float)
    half = np.array([0, h / 2]) if w < h else np.array([w / 2, 0])
    ends = np.array([x + w / 2, y + h / 2]) + np.stack([-half, half])
    moved = crop.warp_labels(ends, example, IMAGE_SIZE[1], cameras, 0)
    assert np.linalg.norm(moved[0] - moved[1]) == pytest.approx(SIDE, abs=1e-6)
    centre = crop.warp_labels(ends.mean(axis=0, keepdims=True), example, IMAGE_SIZE[1], cameras, 0)[0]
    np.testing.assert_allclose(centre, [(SIDE - 1) / 2] * 2, rtol=0, atol=1e-6)


@pytest.mark.parametrize("distorted", [False, True])
def test_low_labels_are_dropped_with_a_camera_too(distorted):
    example = make_example(np.random.default_rng(1), distorted=distorted)
    labels = np.array([[20.0, 0.94 * IMAGE_SIZE[1]], [20.0, 0.96 * IMAGE_SIZE[1]]])
    moved = crop.warp_labels(labels, example, IMAGE_SIZE[1], cameras_of([example], no_changes(1)), 0)
    assert np.isfinite(moved).all(axis=1).tolist() == [True, False]


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS)
def test_mirror_crop_is_the_mirror_image_and_twice_is_nothing(seed):
    example = make_example(np.random.default_rng(seed))
    plain = cameras_of([example], no_changes(1))
    mirrored = cameras_of([example], no_changes(1, flip=True))
    image = crop.decode_image(example)
    a, b = (crop.warp_crop(image, example, cameras, 0).astype(int) for cameras in (plain, mirrored))
    assert np.abs(a[:, ::-1] - b).max() <= 2  # OpenCV interpolates with 1/32 px; the image is smooth
    np.testing.assert_array_equal(plain.intrinsics, mirrored.intrinsics)
    world = example.joints3d[np.newaxis].astype(float)
    there = mirrored.world_to_camera(world)
    np.testing.assert_allclose(there * [-1, 1, 1], plain.world_to_camera(world), rtol=0, atol=1e-9)
    np.testing.assert_allclose(mirrored.camera_to_world(there), world, rtol=0, atol=1e-6)


def test_without_camera_the_view_is_narrow_and_low_labels_are_dropped():
    random = np.random.default_rng(1)
    example = make_example(random, role="2d")
    cameras = cameras_of([example], no_changes(1))
    labels = np.array([[20.0, 0.94 * IMAGE_SIZE[1]], [20.0, 0.96 * IMAGE_SIZE[1]], [np.nan, np.nan]])
    moved = crop.warp_labels(labels, example, IMAGE_SIZE[1], cameras, 0)
    assert np.isfinite(moved).all(axis=1).tolist() == [True, False, False]
    box_side = example.box[2:].max()
    field_of_view = 2 * np.arctan(SIDE / 2 / cameras.intrinsics[0, 0, 0])
    whole = field_of_view * max(IMAGE_SIZE) / box_side  # small angles are proportional
    assert np.rad2deg(whole) == pytest.approx(8.0, rel=0.01)


@pytest.mark.parametrize("box", [(10, 10, 0, 0), (10, 10, np.nan, 5)])
def test_a_box_without_area_names_the_example(box):
    example = make_example(np.random.default_rng(0), key="set/7")
    example = PoseExample("set/7", example.image, example.camera, np.float32(box), joints3d=example.joints3d)
    with pytest.raises(crop.CropError, match="set/7.*no area"):
        cameras_of([example], no_changes(1))


def test_a_broken_image_names_the_example():
    example = make_example(np.random.default_rng(0), key="set/8", image=b"no jpeg")
    with pytest.raises(crop.CropError, match="set/8.*cannot be decoded"):
        crop.decode_image(example)


def test_looking_straight_down_keeps_the_roll():
    camera = Camera(
        np.diag([150.0, 150.0, 1.0]) + [[0, 0, 80], [0, 0, 60], [0, 0, 0]], np.diag([1.0, -1.0, -1.0])
    )
    example = make_example(np.random.default_rng(0))
    example = PoseExample(
        "down", example.image, camera, np.float32([60, 40, 40, 40]), joints3d=example.joints3d
    )
    np.testing.assert_allclose(cameras_of([example], no_changes(1)).rotation[0], camera.rotation, atol=1e-12)


@pytest.mark.parametrize("kind", ["plain", "distorted", "without a camera"])
def test_a_cut_out_is_the_crop_beside_the_warped_mask(kind):
    random = np.random.default_rng(4)
    example = make_example(random, role="2d" if "without" in kind else "3d", distorted=kind == "distorted")
    mask = np.zeros(IMAGE_SIZE[::-1], bool)
    mask[20:90, 30:75] = True  # neither symmetric nor square: a transposed one would differ
    example = replace(example, mask=masks.encode(mask))
    cameras, image = cameras_of([example], no_changes(1)), crop.decode_image(example)
    cut_out = crop.warp_cut_out(image, example, cameras, 0, with_mask=True)
    np.testing.assert_array_equal(cut_out[..., :3], crop.warp_crop(image, example, cameras, 0))
    grey = mask.astype(np.uint8) * np.uint8(255)
    np.testing.assert_array_equal(cut_out[..., 3], crop.warp_crop(grey, example, cameras, 0))
    assert ((cut_out[..., 3] > 0) & (cut_out[..., 3] < 255)).any()  # soft
    without = crop.warp_cut_out(image, example, cameras, 0, with_mask=False)
    np.testing.assert_array_equal(without[..., :3], cut_out[..., :3])


def test_sizes_are_read_from_the_headers():
    random = np.random.default_rng(0)
    examples = [make_example(random, image=make_image(random, size)) for size in [(160, 120), (64, 96)]]
    assert crop.image_sizes(examples).tolist() == [[160, 120], [64, 96]]
    broken = make_example(random, key="set/9", image=examples[0].image[:300])
    with pytest.raises(crop.CropError, match="set/9.*cut off"):
        crop.image_sizes([examples[0], broken])


def draw_blob(example: PoseExample, point, with_camera: bool) -> PoseExample:
    x, y = np.meshgrid(np.arange(IMAGE_SIZE[0]), np.arange(IMAGE_SIZE[1]))
    blob = 250 * np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * 1.5**2))
    image = encode(cv2.merge([blob.astype(np.uint8)] * 3))
    box = np.float32([point[0] - 25, point[1] - 40, 50, 80])
    return PoseExample(
        example.key, image, example.camera if with_camera else None, box, joints3d=example.joints3d
    )


def centre_of_mass(image):
    weight = np.where(image[..., 0] > 20, image[..., 0], 0).astype(float)  # above what JPEG adds
    y, x = np.indices(weight.shape)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()
