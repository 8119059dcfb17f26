"""People on their way through the multi-person model's graph."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from serving.crop_views import CropViews, ImageCameras
from serving.plausibility import different_people, plausible


class People(NamedTuple):
    """B people, those of one image together, images in order.

    boxes [B, 4 or 5] px (and score); image_ids [B] int64; cameras of their images; views of A crops each; poses
    [B, A, J, 3] mm in the frame of the image's camera; pixels [B, A, J, 2] px of the image.
    """

    boxes: tf.Tensor
    image_ids: tf.Tensor
    cameras: ImageCameras
    views: CropViews
    poses: tf.Tensor
    pixels: tf.Tensor


def gathered(people: People, indices: tf.Tensor) -> People:
    """The people at the indices [M], in their order."""
    return tf.nest.map_structure(lambda value: tf.gather(value, indices), people)


def keep_plausible(people: People, wanted: tf.Tensor, bones: np.ndarray, bone_lengths: np.ndarray) -> People:
    """Those who pass the checks of their poses, each once, best score first; everyone unless `wanted` [] bool."""

    def kept():
        passed = tf.where(plausible(people.poses, people.pixels, people.boxes, bones, bone_lengths))[:, 0]
        mean, scores = tf.reduce_mean(people.poses, axis=1), people.boxes[:, 4]
        image_of = tf.gather(people.image_ids, passed)

        def add(image, indices):
            here = tf.boolean_mask(passed, image_of == image)
            order = different_people(tf.gather(mean, here), tf.gather(scores, here))
            return image + 1, tf.concat([indices, tf.gather(here, order)], axis=0)

        end = tf.reduce_max(tf.concat([image_of, [-1]], axis=0)) + 1
        start = (tf.constant(0, tf.int64), tf.zeros([0], tf.int64))
        shapes = (tf.TensorShape([]), tf.TensorShape([None]))
        return tf.while_loop(lambda image, _: image < end, add, start, shape_invariants=shapes)[1]

    everyone = tf.range(tf.shape(people.boxes, tf.int64)[0])
    return gathered(people, tf.cond(wanted, kept, lambda: everyone))
