"""A detector as a TensorFlow module: from images to boxes in one graph, which a SavedModel can hold."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from posepile.people.interfaces import check_image

MAX_PEOPLE = 150  # of one image
SIDE_MULTIPLE = 32  # the coarsest stride of the networks here
OPTIONS = (
    tf.TensorSpec([], tf.float32, "threshold"),
    tf.TensorSpec([], tf.float32, "nms_iou_threshold"),
    tf.TensorSpec([], tf.bool, "flip_aug"),
    tf.TensorSpec([], tf.bool, "bothflip_aug"),
)


class TensorDetector(tf.Module):
    """Base of detectors. A subclass has `prepare` and `candidates`; flips, suppression and sizes are here.

    Args:
        name: of the model and its weights, for `identity`.
        threshold: `detect` gives boxes whose score is greater.
        nms_iou_threshold: `detect` drops a box that overlaps a better one by more.
    """

    def __init__(self, name: str, threshold: float, nms_iou_threshold: float):
        super().__init__(name="detector")
        self.threshold, self.nms_iou_threshold = threshold, nms_iou_threshold
        self.identity = f"{name}, score > {threshold:g}, IoU {nms_iou_threshold:g}"

    def prepare(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Images [N, H, W, 3] uint8 to the network's input and the way back, as `fit_to_side` gives it."""
        raise NotImplementedError

    def candidates(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Prepared images [N, h, w, 3] to boxes [N, C, 4] (x1, y1, x2, y2 in px of the input) and scores [N, C]."""
        raise NotImplementedError

    def detect(self, image: np.ndarray) -> np.ndarray:
        """See posepile.people.Detector."""
        return self.detect_batch([image])[0]

    def detect_batch(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See posepile.people.Detector. Raises ValueError if the sizes differ."""
        for image in images:
            check_image(image)
        if len(sizes := {image.shape for image in images}) > 1:
            raise ValueError(f"images of sizes {sorted(sizes)} in one batch, expected one size")
        if not sizes:
            return []
        found = self.predict_multi_image(
            np.stack(images), self.threshold, self.nms_iou_threshold, False, False
        )
        return np.split(found.values.numpy(), found.row_limits().numpy()[:-1])

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.uint8, "image"), *OPTIONS])
    def predict_single_image(
        self, image, threshold=0.1, nms_iou_threshold=0.65, flip_aug=False, bothflip_aug=False
    ) -> tf.Tensor:
        """`predict_multi_image` for one image [H, W, 3]: [M, 5]."""
        return self.predict_multi_image(
            image[tf.newaxis], threshold, nms_iou_threshold, flip_aug, bothflip_aug
        ).flat_values

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, "images"), *OPTIONS])
    def predict_multi_image(
        self, images, threshold=0.1, nms_iou_threshold=0.65, flip_aug=False, bothflip_aug=False
    ) -> tf.RaggedTensor:
        """People in each image, for use in a graph.

        Args:
            images: [N, H, W, 3] uint8 RGB.
            threshold: a box's score must be greater.
            nms_iou_threshold: a box that overlaps a better one by more is dropped.
            flip_aug: look at the mirrored images too.
            bothflip_aug: look at the images turned upside down too.

        Returns:
            ragged [N, (M), 5] float32: x, y, w, h in px of the image, not clipped, score; best first.

        Source: serving sheet, section 5.
        """
        inputs, scale, offset = self.prepare(images)
        corners, scores = self._candidates(inputs)
        for axis, wanted in ((2, flip_aug), (1, bothflip_aug)):
            more_corners, more_scores = tf.cond(
                wanted,
                lambda axis=axis: self._mirrored_candidates(inputs, axis),
                lambda: (corners[:, :0], scores[:, :0]),  # noqa: B023 - runs at once
            )
            corners = tf.concat([corners, more_corners], axis=1)
            scores = tf.concat([scores, more_scores], axis=1)
        kept, kept_scores, _, counts = tf.image.combined_non_max_suppression(
            corners[:, :, tf.newaxis],
            scores[:, :, tf.newaxis],
            max_output_size_per_class=MAX_PEOPLE,
            max_total_size=MAX_PEOPLE,
            iou_threshold=nms_iou_threshold,
            score_threshold=threshold,
            clip_boxes=False,
        )
        low, high = (kept[..., :2] - offset) * scale, (kept[..., 2:] - offset) * scale
        # The network's coordinates count from the image's corner, ours from the first pixel's centre
        boxes = tf.concat([low - 0.5, high - low, kept_scores[..., tf.newaxis]], axis=-1)
        return tf.RaggedTensor.from_tensor(boxes, lengths=counts)

    # A function of its own: the network is once in a graph, although it may run three times, and once in a SavedModel.
    # Not inlined: TensorFlow's optimizer fails on MoveNet's loop in a larger graph (it logs "topological sort failed").
    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)],
        experimental_attributes={"_noinline": True},
    )
    def _candidates(self, inputs):
        return self.candidates(inputs)

    def _mirrored_candidates(self, inputs, axis):
        corners, scores = self._candidates(tf.reverse(inputs, [axis]))
        x1, y1, x2, y2 = tf.unstack(corners, axis=-1)
        side = tf.cast(tf.shape(inputs)[axis], tf.float32)
        mirrored = [side - x2, y1, side - x1, y2] if axis == 2 else [x1, side - y2, x2, side - y1]
        return tf.stack(mirrored, axis=-1), scores


def fit_to_side(
    images: tf.Tensor, longer_side: int, padding: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Resizes images without distortion and pads them evenly to sides that the strides divide.

    Args:
        images: [N, H, W, 3] float.
        longer_side: px, of the longer side afterwards.
        padding: value of the pixels around the image.

    Returns:
        images [N, h, w, 3]; scale [2] and offset [2], float32, as (x, y), with which a point of the result
        lies at (point - offset) * scale in the image, both counted from the upper left pixel's outer corner.
    """
    size = tf.shape(images)[1:3]  # (h, w)
    new = tf.maximum(size * longer_side // tf.reduce_max(size), 1)
    images = tf.cond(
        tf.reduce_max(size) > longer_side,
        lambda: tf.image.resize(images, new, tf.image.ResizeMethod.AREA),
        lambda: tf.image.resize(images, new, tf.image.ResizeMethod.BILINEAR),
    )
    missing = -new % SIDE_MULTIPLE
    before = missing // 2
    around = tf.stack(
        [[0, 0], [before[0], missing[0] - before[0]], [before[1], missing[1] - before[1]], [0, 0]]
    )
    padded = tf.pad(images, around, constant_values=padding)
    scale = tf.cast(size / new, tf.float32)
    return padded, scale[::-1], tf.cast(before, tf.float32)[::-1]
