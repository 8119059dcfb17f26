"""Requests that TensorFlow Serving runs before a model is said to be ready, so that no client waits for the first.

The file holds `PredictionLog` messages of TensorFlow Serving.
Source: serving sheet, section 7.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from serving import predict_messages

FILE = "assets.extra/tf_serving_warmup_requests"
MODEL_NAME = "pose"
SIZES = ((1280, 720), (1920, 1080))  # px


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
    request = predict_messages.predict_request(MODEL_NAME, signature, inputs)
    return predict_messages.prediction_log(request).SerializeToString()


def _requests(picture: np.ndarray):
    """(signature, inputs): nobody may be found in the pictures, so boxes are given too, one and several."""
    small = _filled(picture, (320, 240))
    for size in SIZES:
        jpeg = np.array([tf.io.encode_jpeg(_filled(picture, size), quality=80).numpy()], object)
        yield "serving_default", {"image_bytes": jpeg}
        for count in (1, 4):
            yield "estimate_poses_bytes", {"image_bytes": jpeg, **_boxes(count, size)}
    yield "detect_poses_batched", {"images": small[np.newaxis]}
    yield "detect_fixed", {"images": small[np.newaxis]}
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
