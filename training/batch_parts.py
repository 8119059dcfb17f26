"""A batch cut into parts that are batches themselves: 3D-labelled examples first, then the 2D-labelled ones.

Accumulation computes the parts one after the other, TensorFlow replicas at the same time. Part k of n has the
k-th n-th of the 3D-labelled examples and the k-th n-th of the 2D-labelled ones, so a ghost group that lies within a
part has the members that it has in a batch computed as a whole.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def with_store_numbers(batches: tf.data.Dataset, store_of_3d: Sequence[int]) -> tf.data.Dataset:
    """Adds y["store3d"] [B3] int32, the number of each 3D-labelled example's store; the same in every batch."""
    numbers = tf.constant(np.asarray(store_of_3d, np.int32))
    return batches.map(lambda x, y: (x, {**y, "store3d": numbers}))


def in_parts(batches: tf.data.Dataset, n_3d: int, n_2d: int, parts: int) -> tf.data.Dataset:
    """Batches (x, y) of n_3d + n_2d examples -> their parts, in order. n_3d and n_2d are multiples of `parts`."""
    if parts == 1:
        return batches

    def cut(values):
        if values.shape[0] != n_3d + n_2d:
            return tf.reshape(values, (parts, -1, *values.shape[1:]))
        first, second = (
            tf.reshape(part, (parts, n // parts, *values.shape[1:]))
            for part, n in ((values[:n_3d], n_3d), (values[n_3d:], n_2d))
        )
        return tf.concat([first, second], axis=1)

    def as_parts(x, y):
        return tf.data.Dataset.from_tensor_slices(tf.nest.map_structure(cut, (x, y)))

    return batches.flat_map(as_parts)


def as_floats(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Masks and numbers as float32: before the first step Keras averages a batch over the replicas."""

    def cast(values):
        return tf.cast(values, tf.float32) if values.dtype in (tf.bool, tf.int32) else values

    return batches.map(lambda x, y: tf.nest.map_structure(cast, (x, y)))


def of_host(batches: tf.data.Dataset, host: int, hosts: int) -> tf.data.Dataset:
    """The rows of every array that the devices of one of several hosts hold."""
    if hosts == 1:
        return batches

    def rows(values):
        n = values.shape[0] // hosts
        return values[host * n : (host + 1) * n]

    return batches.map(lambda x, y: tf.nest.map_structure(rows, (x, y)))
