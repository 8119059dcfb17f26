"""YOLOv4 computes what darknet's configuration says, from darknet's own file of weights."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from posepile import boxes as boxlib
from posepile.people import load_detector
from posepile.people.yolov4_network import build_network

GOLDEN = Path(__file__).parent / "golden/yolov4.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN, allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(scope="module")
def detector(yolov4_fake, tmp_path_factory):
    path = tmp_path_factory.mktemp("yolov4") / "yolov4.weights"
    yolov4_fake.write_weights(path)
    assert path.stat().st_size == 257_717_640  # as the official file
    detector = load_detector("yolov4", path)
    path.unlink()
    return detector


def test_network_agrees_with_opencv(detector, yolov4_fake, golden):
    raw = detector._network(yolov4_fake.image()[np.newaxis], training=False)
    assert [r.shape for r in raw] == [(1, 8, 12, 255), (1, 4, 6, 255), (1, 2, 3, 255)]
    # 110 convolutions in float32, in another order of sums; the values are up to 0.7 (2e-6 found)
    np.testing.assert_allclose(raw[2][0], golden["raw_stride_32"], rtol=0, atol=2e-5)
    assert golden["raw_stride_32"].std() > 0.05


def test_decoded_boxes_agree_with_opencv(detector, yolov4_fake, golden):
    corners, scores = detector.candidates(tf.constant(yolov4_fake.image()[np.newaxis]))
    centre, size = golden["decoded"][:, :2], golden["decoded"][:, 2:4]
    sides = (yolov4_fake.WIDTH, yolov4_fake.HEIGHT)
    expected = np.concatenate([centre - size / 2, centre + size / 2], axis=-1) * np.tile(sides, 2)
    np.testing.assert_allclose(corners[0], expected, rtol=1e-4, atol=0.004)  # px (4e-4 found)
    np.testing.assert_allclose(scores[0], golden["decoded"][:, 5], rtol=0, atol=1e-5)
    assert golden["decoded"][:, 5].std() > 0.01


def test_detections_are_sorted_apart_and_above_the_threshold(detector, photo):
    found, again = detector.detect_batch([photo, photo])
    assert found.dtype == np.float32 and found.shape[1] == 5 and len(found) > 1
    assert (np.diff(found[:, 4]) <= 0).all() and (found[:, 4] > 0.2).all()
    overlaps = boxlib.iou(found[:, np.newaxis, :4], found[:, :4])
    assert overlaps[~np.eye(len(found), dtype=bool)].max() <= 0.7 + 1e-4
    np.testing.assert_allclose(again[:, 4], found[:, 4], rtol=0, atol=1e-4)  # near ties may change places


def test_the_port_differs_in_two_things():
    network, convs = build_network(upsampling="bilinear", bn_epsilon=1e-3)
    assert {conv.norm.epsilon for conv in convs if conv.norm} == {1e-3}
    assert {layer.interpolation for layer in network.layers if "up_sampling" in layer.name} == {"bilinear"}
    assert [i for i, conv in enumerate(convs) if conv.norm is None] == [93, 101, 109]


def test_needs_weights_and_says_where_they_are():
    with pytest.raises(FileNotFoundError, match="yolov4.weights .*AlexeyAB"):
        load_detector("yolov4")
