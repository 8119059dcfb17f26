"""MoveNet: the way from its output to boxes, on a fake graph; people in real photos, where it has been fetched."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import json_format

from posepile import boxes as boxlib
from posepile.people import fetch, load_detector


def write_fake(folder, people):
    """A graph that sees the same people [6, 56] in every image."""

    with tf.Graph().as_default() as graph:
        tf.compat.v1.placeholder(tf.int32, [1, None, None, 3], name="input")
        tf.identity(tf.constant(people[np.newaxis]), name="Identity")
    nodes = graph.as_graph_def().node
    values = {n.name: tf.make_ndarray(n.attr["value"].tensor) for n in nodes if n.op == "Const"}
    entries = [{"name": k, "shape": list(v.shape), "dtype": str(v.dtype)} for k, v in values.items()]
    (folder / "net.bin").write_bytes(b"".join(v.tobytes() for v in values.values()))
    manifest = [{"paths": ["net.bin"], "weights": entries}]
    topology = json_format.MessageToDict(graph.as_graph_def())
    model = {"modelTopology": topology, "weightsManifest": manifest}
    (folder / "net.json").write_text(json.dumps(model))
    return folder / "net.json"


def test_boxes_are_those_of_the_output(tmp_path):
    people = np.zeros((6, 56), np.float32)
    people[0, 51:] = 0.25, 0.125, 0.75, 0.5, 0.3  # y1, x1, y2, x2 of the padded image's sides, score
    people[1, 51:] = 0.0, 0.5, 1.0, 1.0, 0.9
    people[2, 51:] = 0.0, 0.5, 0.9, 1.0, 0.8  # the same person again
    people[3, 51:] = 0.5, 0.5, 0.7, 0.7, 0.1  # too unsure
    detector = load_detector("movenet", write_fake(tmp_path, people))
    image = np.zeros((600, 768, 3), np.uint8)  # halved, 300 x 384, then padded to 320 x 384
    expected = [[384, -20, 384, 640, 0.9], [96, 140, 288, 320, 0.3]] - np.array([0.5, 0.5, 0, 0, 0])
    for found in detector.detect_batch([image, image]):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
    tf.saved_model.save(detector, str(tmp_path / "saved"))
    again = tf.saved_model.load(str(tmp_path / "saved"))
    found = again.predict_multi_image(image[np.newaxis], 0.2, 0.7, flip_aug=True)
    assert found[0].shape == (4, 5)  # both boxes, and both mirrored
    stored = (tmp_path / "saved/saved_model.pb").read_bytes()
    assert stored.count(people.tobytes()) == 1  # the graph's weights are once in it


def test_keypoints_are_those_of_the_people_that_are_found(tmp_path):
    people = np.zeros((6, 56), np.float32)
    people[0, :51] = np.tile([0.25, 0.5, 0.7], 17)  # y, x of the padded image's sides, score
    people[0, 3:6] = 0.75, 0.125, 0.4
    people[0, 51:] = 0.25, 0.125, 0.75, 0.5, 0.3
    people[1] = people[0]  # the same person, found better
    people[1, 0], people[1, 55] = 0.5, 0.9
    people[2, 51:] = 0.5, 0.5, 0.7, 0.7, 0.1  # too unsure
    detector = load_detector("movenet", write_fake(tmp_path, people))
    (found,) = detector.keypoints(np.zeros((600, 768, 3), np.uint8))  # halved, then 10 px above and below
    expected = np.tile([384 - 0.5, 140 - 0.5, 0.7], (17, 1))
    expected[0, 1], expected[1] = 300 - 0.5, (96 - 0.5, 460 - 0.5, 0.4)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
    nobody = load_detector("movenet", write_fake(tmp_path, np.zeros((6, 56), np.float32)))
    assert nobody.keypoints(np.zeros((60, 80, 3), np.uint8)).shape == (0, 17, 3)


@pytest.fixture(scope="module")
def real():
    """The fetched detector and the folder of sample photos."""
    samples = os.environ.get("DOZENS_SAMPLES")
    try:
        fetch.installed("detector")
    except FileNotFoundError as error:
        pytest.skip(f"no real detector: {error}")
    if not samples:
        pytest.skip("no real photos: DOZENS_SAMPLES is not set")
    return load_detector("movenet"), Path(samples)


def test_finds_the_skier(real):
    detector, samples = real
    folder = samples / "coco_keypoints_4img"
    labels = json.loads((folder / "example_coco_val.json").read_text())["annotations"]
    (labelled,) = (label["bbox"] for label in labels if label["image_id"] == 785)
    found = detector.detect(cv2.imread(str(folder / "000000000785.jpg"))[..., ::-1])
    assert len(found) == 1 and boxlib.iou(found[0, :4], labelled) > 0.6


def test_finds_the_walker_beside_the_one_on_the_roof(real):
    detector, samples = real
    video = cv2.VideoCapture(str(samples / "video_walk_sports2d/walk_f000-089.mp4"))
    frames = [video.read()[1][..., ::-1] for _ in range(90)]
    found = detector.detect_batch(frames[45:81:35])
    assert boxlib.iou(found[0][:, :4], [717, 276, 69, 194]).max() > 0.6  # drawn and looked at
    assert boxlib.iou(found[1][:, :4], [549, 259, 122, 208]).max() > 0.6


def test_the_skiers_keypoints_are_near_their_labels(real):
    detector, samples = real
    folder = samples / "coco_keypoints_4img"
    labels = json.loads((folder / "example_coco_val.json").read_text())["annotations"]
    (labelled,) = (np.reshape(label["keypoints"], (17, 3)) for label in labels if label["image_id"] == 785)
    (found,) = detector.keypoints(cv2.imread(str(folder / "000000000785.jpg"))[..., ::-1].copy())
    distance = np.linalg.norm(found[:, :2] - labelled[:, :2], axis=1)[labelled[:, 2] > 0]
    assert np.median(distance) < 8  # px, of a person who is 300 px tall; a pixel of the network is 1.7 px
