"""Whatever images, boxes and arguments are given: the documented result, or an error that names the argument."""

import numpy as np
import pytest
import tensorflow as tf
from fake_models import fake_estimator, nearer_where_brighter
from wrong_arguments import OF_DETECTIONS, OF_ESTIMATES

from posepile import boxes as geometry


@pytest.fixture(scope="module")
def estimator():
    return nearer_where_brighter()


def test_boxes_that_show_nothing_have_no_pose(estimator):
    boxes = [(10, 10, 50, 60), (10, 10, 0.9, 60), (np.nan, 0, 9, 9), (0, 0, np.inf, 9), (9, 9, -50, 9)]
    poses = estimator.estimate_poses(blank(1)[0], np.float32(boxes), num_aug=1)["poses3d"].numpy()
    assert np.isfinite(poses).all(axis=(1, 2)).tolist() == [True, False, False, False, False]
    assert np.isnan(poses[1:]).all()


@pytest.mark.parametrize("shape", [(1, 1), (20, 20_000), (20_000, 20)])
@pytest.mark.parametrize(
    "box", [(0, 0, 1, 1), (-500, -500, 300, 300), (-1e5, -1e5, 2e5, 2e5), (1e6, 3, 50, 50)]
)
def test_extreme_images_and_boxes_outside_them(estimator, shape, box):
    image = np.zeros((*shape, 3), np.uint8)
    found = estimator.estimate_poses(image, [box], num_aug=1)
    assert np.isfinite(found["poses3d"]).all() and np.isfinite(found["poses2d"]).all()
    assert len(estimator.detect_poses(image, num_aug=1)["boxes"]) <= 2


def test_two_hundred_people(estimator):
    boxes = random_boxes(np.random.default_rng(0), 200)
    poses = estimator.estimate_poses(blank(1)[0], boxes, num_aug=1)["poses3d"].numpy()
    some = estimator.estimate_poses(blank(1)[0], boxes[150:160], num_aug=1)["poses3d"].numpy()
    assert poses.shape == (200, 17, 3)
    np.testing.assert_allclose(poses[150:160], some, rtol=1e-5, atol=1e-2)


@pytest.mark.parametrize("name", OF_ESTIMATES)
def test_wrong_arguments_are_named(estimator, name):
    for value in OF_ESTIMATES[name]:
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"{name}: expected"):
            estimator.estimate_poses(blank(1)[0], [[0.0, 0, 50, 50]], **{name: value})
    assert len(estimator.estimate_poses(blank(1)[0], [[0.0, 0, 50, 50]])["poses3d"]) == 1  # it lives on


def test_wrong_arguments_of_detection_and_batches(estimator):
    wrong = tf.errors.InvalidArgumentError
    for name, values in OF_DETECTIONS.items():
        for value in values:
            with pytest.raises(wrong, match=f"{name}: expected"):
                estimator.detect_poses(blank(1)[0], **{name: value})
    with pytest.raises(wrong, match="images: expected at least one pixel"):
        estimator.detect_poses(np.zeros((0, 5, 3), np.uint8))
    with pytest.raises(wrong, match="intrinsic_matrix: expected one for each image"):
        estimator.detect_poses_batched(blank(3), intrinsic_matrix=np.float32([np.eye(3)] * 2))
    with pytest.raises(wrong, match="boxes: expected one row for each image"):
        estimator.estimate_poses_batched(
            blank(3), tf.RaggedTensor.from_row_lengths(np.zeros((0, 4), np.float32), np.int64([0, 0]))
        )


def test_images_of_other_sizes_and_other_numbers_of_people_are_not_traced_again(tmp_path):
    traces = []

    def predict(images, intrinsics):
        traces.append(images.shape)
        return tf.zeros([tf.shape(images)[0], 1, 3])

    def use(model):
        rng = np.random.default_rng(0)
        for i in range(8):
            height, width = rng.integers(1, 100, 2)
            image = np.zeros((height, width, 3), np.uint8)
            model.estimate_poses(
                image, random_boxes(rng, i % 4), num_aug=1 + i % 3, antialias_factor=1 + i % 2
            )
            model.detect_poses_batched(np.stack([image] * (1 + i % 3)), internal_batch_size=i)
        return len(traces)

    estimator = fake_estimator(predict, ["point"], detected=[(0, 0, 9, 9, 0.9)])
    assert use(estimator) == 1  # a function with one fixed signature
    for method in (estimator.estimate_poses, estimator.detect_poses_batched):
        assert method.experimental_get_tracing_count() == 1
    tf.saved_model.save(estimator, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    use(loaded)
    assert len(loaded.estimate_poses.concrete_functions) == 1
    assert len(loaded.detect_poses_batched.concrete_functions) == 1


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 4), (48, 64, 1), (1, 48, 64, 3)])
def test_images_of_another_shape_are_refused(estimator, shape):
    with pytest.raises((TypeError, ValueError), match="image"):
        estimator.detect_poses(np.zeros(shape, np.uint8))


def random_boxes(rng, count):
    centres, sizes = rng.uniform((100, 100), (540, 380), (count, 2)), rng.uniform(20, 250, (count, 2))
    return geometry.around(centres, sizes)


def blank(count):
    return np.zeros((count, 480, 640, 3), np.uint8)
