"""What detectors share: the way to the network's pixels and back, flips, suppression, SavedModel."""

import numpy as np
import pytest
import tensorflow as tf

from posepile.people.tensor_detector import TensorDetector, fit_to_side

SIDE = 64


class FindsRed(TensorDetector):
    """Its one candidate is the box of all red pixels; it only sees the left and upper half of the image."""

    def __init__(self):
        super().__init__("red", threshold=0.5, nms_iou_threshold=0.7)

    def prepare(self, images):
        return fit_to_side(tf.cast(images, tf.float32) / 255, SIDE, padding=0.5)

    def candidates(self, inputs):
        red = (inputs[..., 0] > 0.75) & (inputs[..., 1] < 0.25)  # [N, h, w]
        shape = tf.shape(inputs)
        rows, columns = tf.range(shape[1]), tf.range(shape[2])
        red &= (columns < shape[2] // 2)[tf.newaxis, tf.newaxis] & (rows < shape[1] // 2)[:, tf.newaxis]
        x1, x2 = extent(tf.reduce_any(red, axis=1), columns)
        y1, y2 = extent(tf.reduce_any(red, axis=2), rows)
        corners = tf.stack([x1, y1, x2, y2], axis=-1)[:, tf.newaxis]
        return corners, tf.where(tf.reduce_any(red, axis=[1, 2]), 0.9, 0.1)[:, tf.newaxis]


class FindsGreen(TensorDetector):
    """Its candidates are the boxes of the green pixels in the left half and in the right half."""

    def __init__(self):
        super().__init__("green", threshold=0.5, nms_iou_threshold=0.7)

    def prepare(self, images):
        return fit_to_side(tf.cast(images, tf.float32) / 255, SIDE, padding=0)

    def candidates(self, inputs):
        green = inputs[..., 1] > 0.75
        rows, columns = (tf.range(side) for side in tf.unstack(tf.shape(inputs)[1:3]))
        middle = tf.shape(inputs)[2] // 2
        boxes = []
        for half in (columns < middle, columns >= middle):
            x1, x2 = extent(tf.reduce_any(green & half, axis=1), columns)
            y1, y2 = extent(tf.reduce_any(green & half, axis=2), rows)
            boxes.append(tf.stack([x1, y1, x2, y2], axis=-1))
        return tf.stack(boxes, axis=1), tf.fill([tf.shape(inputs)[0], 2], 0.9)


def extent(any_red, positions):
    positions = positions[tf.newaxis]
    low = tf.reduce_min(tf.where(any_red, positions, 10_000), axis=1)
    high = tf.reduce_max(tf.where(any_red, positions, -10_000), axis=1) + 1
    return tf.cast(low, tf.float32), tf.cast(high, tf.float32)


@pytest.fixture(scope="module")
def detector():
    return FindsRed()


def image_with(box, width, height):
    x, y, w, h = box
    image = np.zeros((height, width, 3), np.uint8)
    image[y : y + h, x : x + w, 0] = 255
    return image


@pytest.mark.parametrize(
    "width, height, box",
    [
        (128, 96, (20, 10, 30, 24)),  # halved
        (320, 130, (40, 20, 60, 30)),  # shrunk by 5, and padded
        (30, 50, (2, 6, 10, 12)),  # enlarged
        (64, 64, (4, 8, 15, 16)),  # as it is
    ],
)
def test_boxes_come_back_in_px_of_the_image(detector, width, height, box):
    (found,) = detector.detect(image_with(box, width, height))
    assert found[4] == pytest.approx(0.9)
    x, y, w, h = box
    expected = np.array([x - 0.5, y - 0.5, w, h])  # pixel centres are integers
    tolerance = 1.01 * max(width, height) / SIDE  # one px of the network's image
    assert np.abs(found[:4] - expected).max() <= (0 if width == height else tolerance)


@pytest.mark.parametrize(
    "box, flip, bothflip, count",
    [
        ((80, 8, 20, 16), False, False, 0),
        ((80, 8, 20, 16), True, False, 1),
        ((16, 64, 20, 16), False, True, 1),
        ((16, 8, 20, 16), True, True, 1),  # seen once: the mirrored images show nothing on their left
    ],
)
def test_flips_find_what_the_image_alone_does_not_show(detector, box, flip, bothflip, count):
    images = image_with(box, 128, 96)[np.newaxis]
    found = detector.predict_multi_image(images, 0.5, 0.7, flip, bothflip)
    assert found.row_lengths().numpy().tolist() == [count]
    if count:
        x, y, w, h = box
        np.testing.assert_allclose(found[0, 0, :4], [x - 0.5, y - 0.5, w, h], atol=1e-4)  # all even: exact


def test_flips_find_nothing_more_in_a_symmetric_image():
    image = np.zeros((96, 128, 3), np.uint8)
    image[20:60, 30:50, 1] = image[20:60, 78:98, 1] = 255
    detector = FindsGreen()
    plain, flipped = (
        detector.predict_multi_image(image[np.newaxis], 0.5, 0.7, flip, False)[0].numpy()
        for flip in (False, True)
    )
    assert len(plain) == 2
    np.testing.assert_allclose(np.sort(flipped, axis=0), np.sort(plain, axis=0), atol=1e-4)


def test_one_image_is_a_batch_of_one(detector):
    image = image_with((80, 8, 20, 16), 128, 96)
    for flip, count in ((False, 0), (True, 1)):
        found = detector.predict_single_image(image, threshold=0.5, flip_aug=flip)
        assert found.shape == (count, 5)
        np.testing.assert_array_equal(
            found, detector.predict_multi_image(image[np.newaxis], 0.5, 0.65, flip, False)[0]
        )


def test_batches_with_and_without_people(detector):
    images = [image_with((0, 0, 0, 0), 128, 96), image_with((20, 10, 30, 24), 128, 96)]
    nobody, somebody = detector.detect_batch(images)
    assert nobody.shape == (0, 5) and somebody.shape == (1, 5)
    assert detector.detect_batch([]) == []
    with pytest.raises(ValueError, match="expected one size"):
        detector.detect_batch([images[0], images[1][:50]])


def test_works_from_a_saved_model(detector, tmp_path):
    tf.saved_model.save(detector, str(tmp_path))
    image = image_with((20, 10, 30, 24), 128, 96)
    loaded = tf.saved_model.load(str(tmp_path))
    found = loaded.predict_multi_image(image[np.newaxis], threshold=0.5)
    np.testing.assert_array_equal(found[0], detector.detect(image))
    np.testing.assert_array_equal(loaded.predict_single_image(image, threshold=0.5), detector.detect(image))


def test_the_identity_changes_with_the_thresholds(detector):
    assert detector.identity == "red, score > 0.5, IoU 0.7"


@pytest.mark.parametrize("width, height", [(100, 37), (37, 100), (64, 64), (1, 500)])
def test_fitted_sides_are_divisible_and_evenly_padded(width, height):
    images = tf.ones([2, height, width, 3])
    fitted, scale, offset = fit_to_side(images, SIDE, padding=0)
    assert fitted.shape[1] % 32 == fitted.shape[2] % 32 == 0 and max(fitted.shape[1:3]) == SIDE
    columns = np.flatnonzero(fitted[0].numpy().any(axis=(0, 2)))
    rows = np.flatnonzero(fitted[0].numpy().any(axis=(1, 2)))
    assert offset.numpy().tolist() == [columns[0], rows[0]]
    np.testing.assert_allclose(scale * [len(columns), len(rows)], [width, height], rtol=1e-6)
    assert abs(columns[0] - (fitted.shape[2] - 1 - columns[-1])) <= 1
