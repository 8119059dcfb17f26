"""The network in a graph: crops in, absolute poses out. It is inside every exported multi-person model."""

import json
from typing import Any

import numpy as np
import tensorflow as tf

from posepile.skeletons import Skeleton
from training.model import PoseEstimator


class CropModel(tf.Module):
    """What a trained network knows, without the code that made it.

    `predict_multi(images [B, S, S, 3] float16 RGB in 0..1, intrinsics [B, 3, 3] float32 px) -> [B, J, 3]
    float32 mm`, camera frame of the crop (x right, y down, z forward).

    Attributes, all variables because plain constants do not survive loading: `joint_names` [J], `joint_edges`
    [E, 2], `joint_formats` [J] (the format that defines the joint; "merged" where several share it),
    `input_resolution` S, `provenance` (JSON).

    Source: serving sheet, section 1.
    """

    def __init__(self, model: PoseEstimator, skeleton: Skeleton, provenance: dict[str, Any]):
        super().__init__()
        side = model.model_config.crop_side
        self.joint_names = tf.Variable(list(skeleton.joints), trainable=False)
        self.joint_formats = tf.Variable(list(skeleton.formats), trainable=False)
        self.joint_edges = tf.Variable(np.reshape(skeleton.edges, (-1, 2)).astype(np.int32), trainable=False)
        self.input_resolution = tf.Variable(side, dtype=tf.int32, trainable=False)
        text = json.dumps(provenance, sort_keys=True, allow_nan=False)
        self.provenance = tf.Variable(text, trainable=False)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, side, side, 3], tf.float16, "images"),
                tf.TensorSpec([None, 3, 3], tf.float32, "intrinsics"),
            ],
            autograph=False,
        )
        def predict_multi(images, intrinsics):
            return model.predict_joints(tf.cast(images, tf.float32), intrinsics)

        self.predict_multi = predict_multi
        # Only what inference reads is saved: no optimizer, no teacher head.
        self.network_variables = list(predict_multi.get_concrete_function().graph.variables)
