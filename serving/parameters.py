"""The arguments of the multi-person model as TensorFlow sees them, and what is refused.

Source: serving sheet, sections 1 and 4.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from serving.graph_functions import required
from serving.parameter_table import OF_DETECTION, OF_ESTIMATION, PARAMETERS

FEWEST_COEFFICIENTS, MOST_COEFFICIENTS = 5, 12
SMALLEST_FOV_DEG, LARGEST_FOV_DEG = 1.0, 170.0


IMAGE = tf.TensorSpec([None, None, 3], tf.uint8, "image")
IMAGES = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")
BOXES = tf.TensorSpec([None, 4], tf.float32, "boxes")
RAGGED_BOXES = tf.RaggedTensorSpec([None, None, 4], tf.float32, ragged_rank=1)


def signature(*first, batched: bool, detects: bool) -> list:
    """The input signature of a method: `first`, then its parameters in order."""
    names = (*OF_ESTIMATION, *(OF_DETECTION if detects else ()))
    return [*first, *(spec(name, batched) for name in names)]


def spec(name: str, batched: bool) -> tf.TensorSpec:
    """Of a parameter."""
    parameter = PARAMETERS[name]
    return tf.TensorSpec(parameter.shape_of(batched), parameter.dtype, name)


def defaults(batched: bool) -> dict[str, Any]:
    """The defaults of the parameters, by name."""
    return {name: parameter.default_of(batched) for name, parameter in PARAMETERS.items()}


def checked(arguments: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The arguments of a batched method, by name, for use after the checks have passed.

    In a graph they fail when it runs: InvalidArgumentError, whose message begins with the argument's name.
    """
    checks = [
        required(right, f"{name}: expected {expected}, got", arguments[name])
        for name, right, expected in _conditions(arguments)
    ]
    with tf.control_dependencies(checks):
        return {name: tf.identity(value) for name, value in arguments.items()}


def _conditions(a: dict[str, tf.Tensor]) -> Sequence[tuple[str, tf.Tensor, str]]:
    """(argument, whether it is right, what is expected)."""
    size = tf.shape(a["images"])
    conditions = [
        ("images", tf.reduce_all(size[1:] > 0), "at least one pixel"),
        *((name, _rows(a[name], size[0]), "one for each image, or one for all") for name in _per_image()),
        (
            "intrinsic_matrix",
            _are_intrinsics(a["intrinsic_matrix"]),
            "rows (f s c), (0 f c), (0 0 1), or all -1",
        ),
        ("distortion_coeffs", _are_coefficients(a["distortion_coeffs"]), "5 to 12 finite numbers"),
        ("extrinsic_matrix", _are_extrinsics(a["extrinsic_matrix"]), "finite rotation and translation"),
        ("world_up_vector", _is_direction(a["world_up_vector"]), "a finite direction"),
        ("default_fov_degrees", _between(a["default_fov_degrees"]), "more than 1 and less than 170"),
        ("internal_batch_size", a["internal_batch_size"] >= 0, "0 or more"),
        ("antialias_factor", a["antialias_factor"] >= 1, "1 or more"),
        ("num_aug", a["num_aug"] >= 1, "1 or more"),
    ]
    if "max_detections" in a:
        threshold, iou = a["detector_threshold"], a["detector_nms_iou_threshold"]
        conditions += [
            ("detector_threshold", ~tf.math.is_nan(threshold), "a number"),
            ("detector_nms_iou_threshold", (iou >= 0) & (iou <= 1), "0 to 1"),
            ("max_detections", a["max_detections"] >= -1, "-1 (all), 0 or more"),
        ]
    return conditions


def _per_image() -> list[str]:
    return [name for name, parameter in PARAMETERS.items() if parameter.per_image]


def _rows(value: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    rows = tf.shape(value)[0]
    return (rows == 1) | (rows == images)


def _are_intrinsics(matrices: tf.Tensor) -> tf.Tensor:
    unknown = tf.reduce_all(matrices == -1, axis=(1, 2))
    known = (
        tf.reduce_all(tf.math.is_finite(matrices), axis=(1, 2))
        & (matrices[:, 0, 0] > 0)
        & (matrices[:, 1, 1] > 0)
        & (matrices[:, 1, 0] == 0)
        & tf.reduce_all(matrices[:, 2] == [0.0, 0.0, 1.0], axis=1)
    )
    return tf.reduce_all(unknown | known)


def _are_coefficients(coefficients: tf.Tensor) -> tf.Tensor:
    count = tf.shape(coefficients)[1]
    right_count = (count >= FEWEST_COEFFICIENTS) & (count <= MOST_COEFFICIENTS)
    return right_count & tf.reduce_all(tf.math.is_finite(coefficients))


def _are_extrinsics(matrices: tf.Tensor) -> tf.Tensor:
    finite = tf.reduce_all(tf.math.is_finite(matrices))
    return finite & tf.reduce_all(tf.abs(tf.linalg.det(matrices[:, :3, :3])) > 1e-3)


def _is_direction(vector: tf.Tensor) -> tf.Tensor:
    return tf.reduce_all(tf.math.is_finite(vector)) & (tf.norm(vector) > 1e-6)


def _between(angle: tf.Tensor) -> tf.Tensor:
    return (angle > SMALLEST_FOV_DEG) & (angle < LARGEST_FOV_DEG)
