"""What TensorFlow Serving calls: plain dense tensors in and out, images as pixels or as JPEG and PNG files.

The server knows tensors by name and has no ragged ones, so the methods of the multi-person model cannot be called
as they are. Defaults are constants: the server fills in what a request leaves out. Results are padded with zeros
to the largest number of people in the request; num_detections says how many rows count. `detect_fixed` is for a server
that joins the requests of several clients: its only input are images, and it always has room for as many people.
Source: serving sheet, section 7.
"""

from typing import Any

import tensorflow as tf

from serving import parameters as p
from serving.estimator import PoseEstimator
from serving.graph_functions import graph_function, required
from serving.parameter_table import AVERAGED

IMAGE_BYTES = tf.TensorSpec([None], tf.string, "image_bytes")
DENSE_BOXES = tf.TensorSpec([None, None, 4], tf.float32, "boxes")
NUM_BOXES = tf.TensorSpec([None], tf.int32, "num_boxes")
OF_A_PERSON = {"boxes": [5], "poses3d": [None, 3], "poses2d": [None, 2]}  # shapes of the results
FIXED_PEOPLE = 32  # rows of an image in the results of `detect_fixed`


def serving_signatures(estimator: PoseEstimator) -> dict[str, Any]:
    """The signatures by name, for `tf.saved_model.save`."""

    def detect(arguments):
        return _dense(estimator.detect_poses_batched(**_with_images(arguments)))

    def detect_fixed(arguments):
        found = estimator.detect_poses_batched(**arguments, max_detections=FIXED_PEOPLE)
        return _dense(found, FIXED_PEOPLE)

    def estimate(arguments):
        arguments = _with_images(arguments)
        boxes = _ragged(arguments.pop("boxes"), arguments.pop("num_boxes"))
        return _dense(estimator.estimate_poses_batched(**arguments, boxes=boxes))

    def metadata(arguments):
        skeleton = arguments["skeleton"]
        tables = estimator.tables
        return {"joint_names": tables.joint_names(skeleton), "joint_edges": tables.edges(skeleton)}

    def signature(name, run, *first, detects):
        specs = [s for s in p.signature(*first, batched=True, detects=detects) if s.name != AVERAGED]
        defaults = {n: tf.constant(v, p.PARAMETERS[n].dtype) for n, v in p.defaults(batched=True).items()}
        return graph_function(name, run, specs, defaults)

    return {
        "serving_default": signature("serving_default", detect, IMAGE_BYTES, detects=True),
        "detect_poses_batched": signature("detect_poses_batched", detect, p.IMAGES, detects=True),
        "detect_fixed": graph_function("detect_fixed", detect_fixed, [p.IMAGES], {}),
        "estimate_poses_bytes": signature(
            "estimate_poses_bytes", estimate, IMAGE_BYTES, DENSE_BOXES, NUM_BOXES, detects=False
        ),
        "estimate_poses_batched": signature(
            "estimate_poses_batched", estimate, p.IMAGES, DENSE_BOXES, NUM_BOXES, detects=False
        ),
        "metadata": graph_function(
            "metadata", metadata, [p.spec("skeleton", batched=True)], {"skeleton": tf.constant("")}
        ),
    }


def decode(files: tf.Tensor) -> tf.Tensor:
    """Images [N, H, W, 3] uint8 RGB from JPEG or PNG files [N], all of one size.

    Grey images get three equal channels, an alpha channel is dropped, the EXIF rotation is ignored.
    InvalidArgumentError, which names image_bytes, for other bytes and for different sizes.
    """
    count = tf.shape(files)[0]

    def read(i, size, images):
        image = tf.io.decode_image(files[i], channels=3, expand_animations=False, name="image_bytes")
        size = tf.where(i == 0, tf.shape(image), size)
        same = required(
            tf.reduce_all(tf.shape(image) == size),
            "image_bytes: expected images of one size, got",
            size,
            "and",
            tf.shape(image),
        )
        with tf.control_dependencies([same]):
            return i + 1, size, images.write(i, tf.reshape(image, size))

    images = tf.TensorArray(tf.uint8, count, infer_shape=False, element_shape=[None, None, 3])
    start = (tf.constant(0), tf.constant([1, 1, 3]), images)
    _, size, images = tf.while_loop(lambda i, *_: i < count, read, start)
    found = tf.cond(count > 0, images.stack, lambda: tf.zeros(tf.concat([[0], size], 0), tf.uint8))
    return tf.ensure_shape(found, p.IMAGES.shape)


def _with_images(arguments: dict) -> dict:
    if "image_bytes" in arguments:
        arguments["images"] = decode(arguments.pop("image_bytes"))
    return arguments


def _ragged(boxes: tf.Tensor, counts: tf.Tensor) -> tf.RaggedTensor:
    shape = tf.shape(boxes)
    right = (tf.shape(counts)[0] == shape[0]) & tf.reduce_all((counts >= 0) & (counts <= shape[1]))
    check = required(right, "num_boxes: expected a count for each image, at most", shape[1], "got", counts)
    with tf.control_dependencies([check]):
        return tf.RaggedTensor.from_tensor(boxes, tf.cast(counts, tf.int64), ragged_rank=1)


def _dense(results: dict, people: int | None = None) -> dict:
    """The results padded to `people` rows an image; None: to the most that an image has."""
    dense = {"num_detections": tf.cast(results["poses3d"].row_lengths(), tf.int32)}
    for key, rows in results.items():
        known = rows.with_flat_values(tf.ensure_shape(rows.flat_values, [None, *OF_A_PERSON[key]]))
        dense[key] = known.to_tensor(shape=[None, people, *OF_A_PERSON[key]])
    return dense
