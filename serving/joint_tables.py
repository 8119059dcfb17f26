"""Skeletons by name inside a graph.

Constant tables and no hash table, which a server would have to initialise.
"""

import numpy as np
import tensorflow as tf

from serving.graph_functions import required
from serving.joint_sets import JointSets


class JointTables:
    """Looks skeletons up. InvalidArgumentError, which names the argument `skeleton` and the valid names, for others."""

    def __init__(self, joints: JointSets):
        sets = list(joints.by_name.values())
        self._names = list(joints.by_name)
        self._n_joints = [len(one.indices) for one in sets]
        self._n_edges = [len(one.edges) for one in sets]
        self._indices = np.full((len(sets), max(self._n_joints)), -1, np.int32)
        self._joint_names = np.full(self._indices.shape, "", object)
        self._edges = np.full((len(sets), max(self._n_edges), 2), -1, np.int32)
        for row, one in enumerate(sets):
            self._indices[row, : len(one.indices)] = one.indices
            self._joint_names[row, : len(one.names)] = one.names
            self._edges[row, : len(one.edges)] = np.reshape(one.edges, (-1, 2))

    def indices(self, skeleton: tf.Tensor) -> tf.Tensor:
        """[J] int32, of the model's joints."""
        row = self._row(skeleton)
        return tf.gather(self._indices, row)[: tf.gather(self._n_joints, row)]

    def joint_names(self, skeleton: tf.Tensor) -> tf.Tensor:
        """[J] string."""
        row = self._row(skeleton)
        return tf.gather(tf.constant(self._joint_names.tolist()), row)[: tf.gather(self._n_joints, row)]

    def edges(self, skeleton: tf.Tensor) -> tf.Tensor:
        """[E, 2] int32, between the skeleton's joints."""
        row = self._row(skeleton)
        return tf.gather(self._edges, row)[: tf.gather(self._n_edges, row)]

    def _row(self, skeleton: tf.Tensor) -> tf.Tensor:
        found = tf.constant(self._names) == skeleton
        names = ", ".join(name or "the empty text" for name in self._names)
        known = required(tf.reduce_any(found), f"skeleton: expected one of {names}, got", skeleton)
        with tf.control_dependencies([known]):
            return tf.argmax(tf.cast(found, tf.int32))
