"""YOLOv4 as a person detector, with weights in darknet's format that the user brings.

Source: Bochkovskiy et al., arXiv:2004.10934; serving sheet, section 5.
"""

from pathlib import Path

import keras
import tensorflow as tf

from posepile import linear_light
from posepile.people.tensor_detector import TensorDetector, fit_to_side
from posepile.people.yolov4_network import ANCHORS_PER_CELL, CLASSES, build_network, load_darknet

INPUT_SIDE = 416  # px, of the longer side
THRESHOLD, NMS_IOU_THRESHOLD = 0.2, 0.7  # of the preparation of data sets
GREY = 0.5
HOW_TO_GET = "yolov4 needs yolov4.weights (258 MB) of github.com/AlexeyAB/darknet's releases; it is not fetched for you"
# (stride, spread of the centres, anchors (w, h)), px of the input
LEVELS = (
    (8, 1.2, ((12, 16), (19, 36), (40, 28))),
    (16, 1.1, ((36, 75), (76, 55), (72, 146))),
    (32, 1.05, ((142, 110), (192, 243), (459, 401))),
)


def load(weights: Path | None = None) -> "YoloV4":
    """Loads the detector from darknet's file. Raises FileNotFoundError without one, ValueError for another."""
    if weights is None:
        raise FileNotFoundError(HOW_TO_GET)
    return YoloV4(weights)


class YoloV4(TensorDetector):
    """Finds people as darknet's network does.

    Args:
        weights: darknet's file.
        threshold, nms_iou_threshold: as in TensorDetector.
        as_ported: compute as the port does that published results were obtained with: bilinear upsampling in
            the network, epsilon 1e-3 in its batch norms.
    """

    def __init__(
        self,
        weights: Path,
        threshold: float = THRESHOLD,
        nms_iou_threshold: float = NMS_IOU_THRESHOLD,
        as_ported: bool = False,
    ):
        if keras.backend.backend() != "tensorflow":
            raise ValueError(f"the Keras backend is {keras.backend.backend()}, expected tensorflow")
        options = {"upsampling": "bilinear", "bn_epsilon": 1e-3} if as_ported else {}
        network, convs = build_network(**options)
        crc = load_darknet(Path(weights), convs)
        super().__init__(f"yolov4{'-ported' * as_ported} {crc}", threshold, nms_iou_threshold)
        self._network = network

    def prepare(self, images):
        light = linear_light.decode(images)
        inputs, scale, offset = fit_to_side(light, INPUT_SIDE, padding=GREY**linear_light.GAMMA)
        return linear_light.power(inputs, 1 / linear_light.GAMMA), scale, offset

    def candidates(self, inputs):
        maps = self._network(inputs, training=False)
        boxes, scores = zip(*map(_decode, maps, LEVELS), strict=True)
        return tf.concat(boxes, axis=1), tf.concat(scores, axis=1)


def _decode(raw: tf.Tensor, level: tuple) -> tuple[tf.Tensor, tf.Tensor]:
    """A map [N, h, w, 255] to corners [N, h*w*3, 4] in px of the input and the scores of a person [N, h*w*3]."""
    stride, spread, anchors = level
    shape = tf.shape(raw)
    raw = tf.reshape(tf.cast(raw, tf.float32), [shape[0], shape[1], shape[2], ANCHORS_PER_CELL, 5 + CLASSES])
    columns, rows = tf.meshgrid(tf.range(shape[2]), tf.range(shape[1]))
    cells = tf.cast(tf.stack([columns, rows], axis=-1), tf.float32)[:, :, tf.newaxis]  # [h, w, 1, 2]
    centre = (tf.sigmoid(raw[..., :2]) * spread - (spread - 1) / 2 + cells) * stride
    half = tf.exp(raw[..., 2:4]) * tf.constant(anchors, tf.float32) / 2
    corners = tf.concat([centre - half, centre + half], axis=-1)
    scores = tf.sigmoid(raw[..., 4]) * tf.sigmoid(raw[..., 5])  # objectness, and class 0: a person
    return tf.reshape(corners, [shape[0], -1, 4]), tf.reshape(scores, [shape[0], -1])
