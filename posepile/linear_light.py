"""Pixel values and linear light, in TensorFlow graphs; posepile/prepare/colour.py is for files on the CPU."""

import tensorflow as tf

GAMMA = 2.2


def decode(images: tf.Tensor) -> tf.Tensor:
    """Linear light, 0..1 float32, of pixels of any shape, uint8 or 0..255: (v / 255)^2.2."""
    return power(tf.cast(images, tf.float32) / 255, GAMMA)


def power(values: tf.Tensor, exponent: tf.Tensor | float) -> tf.Tensor:
    """values ** exponent for values >= 0 and an exponent > 0: tf.pow takes eight times as long on a CPU."""
    return tf.exp(exponent * tf.math.log(values))  # log(0) is -inf, of which exp is 0
