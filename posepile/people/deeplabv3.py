"""DeepLabv3+ as a person segmenter, through keras-hub (extra `prepare`).

keras-hub's network has a ResNet-50 and was trained on Pascal VOC; the one that the published masks were made with
(Xception-65, TensorFlow's model garden) is not available in Keras. Its input here is 512 px rather than 513: the
decoder joins maps of strides 4 and 32, which fit for multiples of 32 only.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from posepile.people.interfaces import check_image
from posepile.people.resize import resize, size_within

PRESET = "deeplab_v3_plus_resnet50_pascalvoc"
SIDE = 512  # px
CLASSES, PERSON = 21, 15  # of Pascal VOC


def load(weights: Path | None = None) -> "DeepLabV3":
    """Loads the network from a preset's folder (config.json, model.weights.h5, …), or lets keras-hub fetch it.

    Raises ImportError without keras-hub; OSError without a folder and a connection; ValueError for a folder that
    holds something else.
    """
    try:
        import keras_hub
    except ImportError as error:
        raise ImportError("deeplabv3 needs keras-hub: pip install 'dozens[prepare]'") from error
    segmenter = keras_hub.models.DeepLabV3ImageSegmenter
    if weights is not None:
        try:
            return DeepLabV3(segmenter.from_preset(str(weights)))
        except (ValueError, OSError, KeyError) as error:
            raise ValueError(f"{weights}: not the folder of a DeepLabV3 preset ({error})") from error
    try:
        return DeepLabV3(segmenter.from_preset(PRESET))
    except Exception as error:  # kagglehub's and requests' errors have no common ancestor
        raise OSError(
            f"keras-hub cannot fetch the preset {PRESET} ({type(error).__name__}: {error}); on a machine without "
            "a connection, bring its folder from elsewhere and name it as the weights"
        ) from error


class DeepLabV3:
    """Args: model, a keras_hub.models.DeepLabV3ImageSegmenter of Pascal VOC's 21 classes."""

    def __init__(self, model):
        if model.num_classes != CLASSES:
            raise ValueError(f"the network has {model.num_classes} classes, expected Pascal VOC's {CLASSES}")
        self._model = model
        self._gives_logits = model.output_conv.activation.__name__ != "softmax"

    def segment(self, image: np.ndarray) -> np.ndarray:
        """See posepile.people.Segmenter. Padding lies at the top and left. Source: serving sheet, section 6."""
        check_image(image)
        width, height = size_within(image.shape, SIDE)
        square = np.zeros((SIDE, SIDE, 3), np.uint8)
        square[SIDE - height :, SIDE - width :] = resize(image, (width, height))
        scores = self._scores(square)
        probability = tf.nn.softmax(scores) if self._gives_logits else scores
        person = np.asarray(probability)[SIDE - height :, SIDE - width :, PERSON]
        return resize(np.ascontiguousarray(person), image.shape[1::-1])

    def _scores(self, square):
        """[512, 512, 21] of an image [512, 512, 3] uint8."""
        inputs = square[np.newaxis].astype(np.float32)
        if (preprocessor := self._model.preprocessor) is not None:
            preprocessor.image_converter.image_size = (SIDE, SIDE)
            inputs = preprocessor(inputs)
        return tf.cast(self._model(inputs, training=False)[0], tf.float32)
