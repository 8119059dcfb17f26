"""Test-time augmentation: how the crops of one box differ. Their poses are averaged.

Source: serving sheet, section 3.5.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from serving.packing import Packing, Turns

ROTATION_DEG = Packing.rotation_deg


class Schedule(NamedTuple):
    """A crops of a box: gamma [A], angle [A] radians, scale [A] float32, flip [A] bool."""

    gamma: tf.Tensor
    angle: tf.Tensor
    scale: tf.Tensor
    flip: tf.Tensor


def schedule(count: tf.Tensor, rotation_deg: float = ROTATION_DEG, turns: Turns = "upright") -> Schedule:
    """The changes of `count` [] int32 >= 1 crops, for people as `Packing.turns` expects them."""
    half = count // 2
    return Schedule(
        gamma=_line(0.6, 1.0, count),
        angle=_angles(count, math.radians(rotation_deg), turns),
        scale=tf.concat([_line_without_end(0.8, 1.0, half), _line(1.0, 1.1, count - half)], axis=0),
        flip=tf.math.floormod(tf.range(count) - half, 2) != 0,
    )


def _angles(count: tf.Tensor, largest: float, turns: Turns) -> tf.Tensor:
    if turns == "upright":
        return _line(-largest, largest, count)
    if turns == "all":
        end = math.pi * (1 - 1 / tf.cast(count, tf.float32))
        return _line(-end, end, count)
    half = count // 2
    return tf.sort(
        tf.concat([_angles(half, largest, "upright"), _angles(count - half, largest, "all")], axis=0)
    )


def _line(start, end, count: tf.Tensor) -> tf.Tensor:
    """[count] from start to end; a single number is the middle."""
    steps = tf.cast(tf.range(count), tf.float32) / tf.cast(tf.maximum(count - 1, 1), tf.float32)
    steps = tf.where(count == 1, 0.5, steps)
    return start + (end - start) * steps


def _line_without_end(start: float, end: float, count: tf.Tensor) -> tf.Tensor:
    """[count] from start, as far from each other as the last one is from the end."""
    steps = tf.cast(tf.range(count), tf.float32) / tf.cast(tf.maximum(count, 1), tf.float32)
    return start + (end - start) * steps
