"""BlazePose's mask: the way there and back on a fake model; a real person, where it has been fetched."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import rlemasklib
import tensorflow as tf

from posepile import masks
from posepile.people import fetch, load_segmenter


class SeesRed(tf.Module):
    """Three outputs, as the real model has before its mask; logits +-10 by the red channel."""

    @tf.function(input_signature=[tf.TensorSpec([1, 256, 256, 3], tf.float32)])
    def run(self, image):
        return tf.reduce_mean(image), tf.reduce_max(image), (image[..., :1] - 0.5) * 20


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    module = SeesRed()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.run.get_concrete_function()], module)
    path = tmp_path_factory.mktemp("blazepose") / "net.tflite"
    path.write_bytes(converter.convert())
    return path


@pytest.mark.parametrize("height, width", [(300, 200), (90, 130), (256, 256)])
def test_the_mask_lies_where_the_pixels_do(fake, height, width):
    image = np.zeros((height, width, 3), np.uint8)
    image[20:70, 30:80, 0] = 255
    probability = load_segmenter("blazepose", fake).segment(image)
    assert probability.dtype == np.float32 and probability.shape == (height, width)
    assert 0 <= probability.min() and probability.max() <= 1
    expected = image[..., 0] > 0
    border = cv2.morphologyEx(expected.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((7, 7))) > 0
    np.testing.assert_array_equal((probability > 0.5)[~border], expected[~border])


def test_refuses_other_models(tmp_path, fake):
    path = tmp_path / "net.tflite"
    path.write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(ValueError, match="net.tflite: not a LiteRT model"):
        load_segmenter("blazepose", path)
    with pytest.raises(ValueError, match="expected uint8"):
        load_segmenter("blazepose", fake).segment(np.zeros((10, 10), np.uint8))


def test_masks_the_skier():
    samples = os.environ.get("DOZENS_SAMPLES")
    try:
        fetch.installed("segmenter")
    except FileNotFoundError as error:
        pytest.skip(f"no real segmenter: {error}")
    if not samples:
        pytest.skip("no real photo: DOZENS_SAMPLES is not set")
    folder = Path(samples) / "coco_keypoints_4img"
    labels = json.loads((folder / "example_coco_val.json").read_text())["annotations"]
    (label,) = (label for label in labels if label["image_id"] == 785)
    image = cv2.imread(str(folder / "000000000785.jpg"))[..., ::-1]
    labelled = masks.decode(rlemasklib.from_polygon(label["segmentation"][0], imshape=image.shape[:2]))
    x, y, w, h = map(int, label["bbox"])
    crop = slice(max(y - 30, 0), y + h + 30), slice(max(x - 80, 0), x + w + 80)
    found = load_segmenter("blazepose").segment(image[crop]) > 0.5
    assert (found & labelled[crop]).sum() / (found | labelled[crop]).sum() > 0.75
