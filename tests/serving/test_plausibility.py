"""Filters promise to keep and to reject people on each side of every threshold of the serving sheet."""

import numpy as np
import pytest
import tensorflow as tf

from serving import plausibility

DISTANCE = 5000.0  # mm


@pytest.mark.parametrize(
    "length, mean, possible",
    [
        (899, 299, False),  # 3.007 times, 600 mm off
        (890, 299, True),  # below 3 times
        (390, 99, True),  # 3.9 times, but 291 mm off only
        (402, 99, False),  # 303 mm off
        (39, 400, False),  # below a tenth, 361 mm off
        (41, 400, True),
        (10, 309, True),  # below a tenth, 299 mm off
        (10, 311, False),
        (5000, np.nan, True),  # nobody knows this bone
    ],
)
def test_bones(length, mean, possible):
    poses = np.float32([[(0, 0, DISTANCE), (length, 0, DISTANCE), (length, 200, DISTANCE)]])
    edges, means = np.int32([(0, 1), (1, 2)]), np.float32([mean, 200])
    assert plausibility.bones_are_possible(poses, edges, means).numpy().tolist() == [possible]


@pytest.mark.parametrize(
    "std, n_agreeing, agree", [(199, 3, True), (201, 3, True), (201, 2, False), (199, 2, True)]
)
def test_crops_agree_on_more_than_a_quarter_of_the_joints(std, n_agreeing, agree):
    # 8 joints, of which the first n stay; the others' std over two crops is half of their distance
    poses = np.zeros((1, 2, 8, 3), np.float32)
    poses[..., 2] = DISTANCE
    poses[0, 0, n_agreeing:, 0], poses[0, 1, n_agreeing:, 0] = std, -std  # of one size, so nothing is scaled
    assert plausibility.crops_agree(poses).numpy().tolist() == [agree]


def test_one_crop_agrees_and_scale_does_not_matter():
    pose = np.random.default_rng(0).normal(0, 400, (1, 1, 8, 3)).astype(np.float32) + np.float32(
        [0, 0, DISTANCE]
    )
    assert plausibility.crops_agree(pose).numpy().all()
    assert plausibility.crops_agree(np.concatenate([pose, 2 * pose], axis=1)).numpy().all()


@pytest.mark.parametrize("width, fills", [(51, True), (50, False), (49, False)])
def test_the_joints_cover_more_than_half_of_the_detected_box(width, fills):
    boxes = np.float32([[10, 20, 100, 40, 0.9]])
    inside = np.float32([[(10, 20), (10 + width, 60)]])
    assert plausibility.fills_box(inside, boxes).numpy().tolist() == [fills]
    beyond = inside + np.float32([[(-500, -500), (0, 500)]])  # only what is inside the box counts
    assert plausibility.fills_box(beyond, boxes).numpy().tolist() == [fills]


def test_joints_beside_the_box_cover_nothing():
    boxes = np.float32([[10, 20, 100, 40]])
    assert not plausibility.fills_box(np.float32([[(-90, -90), (5, 15)]]), boxes).numpy()[0]


@pytest.mark.parametrize("distance, same", [(179, True), (181, False)])
def test_of_equal_poses_the_best_is_kept(distance, same):
    # 8 joints: the 2 furthest decide; 1 - 180 / 300 is the threshold 0.4
    poses = np.tile(np.float32([0, 0, DISTANCE]), (3, 8, 1))
    poses[1, :2, 0] += [distance, -distance]
    poses[2, :, 0] += 2000
    kept = plausibility.different_people(poses, np.float32([0.5, 0.9, 0.7])).numpy().tolist()
    assert kept == ([1, 2] if same else [1, 2, 0])


def test_similarity_is_of_the_furthest_quarter_after_scaling():
    pose = np.random.default_rng(1).normal(0, 400, (8, 3)).astype(np.float32) + np.float32([0, 0, DISTANCE])
    others = np.stack([pose, 1.5 * pose, pose + np.float32([30, 0, 0])])
    found = plausibility.similarities(tf.constant(pose), others).numpy()
    np.testing.assert_allclose(found, [slow_similarity(pose, other) for other in others], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found[:2], 1, atol=1e-4)


def test_few_joints():
    poses = np.tile(np.float32([0, 0, DISTANCE]), (2, 3, 1))
    assert plausibility.different_people(poses, np.float32([0.5, 0.9])).numpy().tolist() == [1]


def test_nobody_differs_from_nobody():
    nobody = tf.function(plausibility.different_people)(tf.zeros([0, 8, 3]), tf.zeros([0]))
    assert nobody.numpy().tolist() == []


def slow_similarity(a, b):
    sizes = np.mean(a**2), np.mean(b**2)
    a, b = (pose * np.sqrt(np.mean(sizes) / size) for pose, size in zip((a, b), sizes, strict=True))
    furthest = np.sort(np.linalg.norm(a - b, axis=1))[-(len(a) // 4) :]
    return np.maximum(1 - furthest / 300, 0).mean()
