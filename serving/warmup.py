"""Requests that TensorFlow Serving runs before a model is said to be ready, so that no client waits for the first.

The file holds `PredictionLog` messages of TensorFlow Serving. They are written by hand, field by field: the
package with their definition would pin TensorFlow's version for two dozen bytes.
Source: serving sheet, section 7; tensorflow_serving/apis/{prediction_log,predict,model}.proto.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

FILE = "assets.extra/tf_serving_warmup_requests"
MODEL_NAME = "pose"
SIZES = ((1280, 720), (1920, 1080))  # px
# Field numbers
PREDICT_LOG, REQUEST, MODEL_SPEC, INPUTS, NAME, SIGNATURE_NAME, KEY, VALUE = 6, 1, 1, 2, 1, 3, 1, 2


def write(model: Path, picture: np.ndarray) -> int:
    """Writes the requests of a SavedModel, and gives their number.

    Args:
        model: the folder of the version.
        picture: [h, w, 3] uint8 RGB, preferably with a person; it is repeated to fill images of usual sizes.
    """
    records = [encode(signature, inputs) for signature, inputs in _requests(picture)]
    path = model / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return len(records)


def encode(signature: str, inputs: Mapping[str, Any]) -> bytes:
    """A serialised PredictionLog with a request for a signature; inputs by name, as arrays of the right type."""
    spec = _field(NAME, MODEL_NAME.encode()) + _field(SIGNATURE_NAME, signature.encode())
    request = _field(MODEL_SPEC, spec)
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(INPUTS, _field(KEY, name.encode()) + _field(VALUE, tensor))
    return _field(PREDICT_LOG, _field(REQUEST, request))


def _requests(picture: np.ndarray):
    """(signature, inputs): nobody may be found in the pictures, so boxes are given too, one and several."""
    small = _filled(picture, (320, 240))
    for size in SIZES:
        jpeg = np.array([tf.io.encode_jpeg(_filled(picture, size), quality=80).numpy()], object)
        yield "serving_default", {"image_bytes": jpeg}
        for count in (1, 4):
            yield "estimate_poses_bytes", {"image_bytes": jpeg, **_boxes(count, size)}
    yield "detect_poses_batched", {"images": small[np.newaxis]}
    yield "estimate_poses_batched", {"images": small[np.newaxis], **_boxes(1, (320, 240))}
    yield "metadata", {"skeleton": np.array(b"", object)}


def _boxes(count: int, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """`count` people side by side."""
    width = size[0] / count
    boxes = [[i * width, 0, width, size[1]] for i in range(count)]
    return {"boxes": np.array([boxes], np.float32), "num_boxes": np.array([count], np.int32)}


def _filled(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = picture.shape[:2]
    times = (-(-size[1] // height), -(-size[0] // width), 1)
    return np.tile(picture, times)[: size[1], : size[0]]


def _field(number: int, payload: bytes) -> bytes:
    """A field of a message that holds bytes, a text or another message."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
