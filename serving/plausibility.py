"""Which detected people are kept: poses must be possible, alike in all crops, fill their box and differ.

Source: serving sheet, sections 3.9 and 3.10.
"""

import tensorflow as tf

LARGEST_BONE_RATIO, SMALLEST_BONE_RATIO = 3.0, 0.1
BONE_TOLERANCE_MM = 300.0
CONSISTENT_STD_MM = 200.0
SMALLEST_COVER = 0.5
SAME_POSE_SIMILARITY = 0.4
SIMILAR_MM = 300.0
MAX_PEOPLE = 150  # of one image


def plausible(
    poses: tf.Tensor, pixels: tf.Tensor, boxes: tf.Tensor, edges: tf.Tensor, bone_lengths: tf.Tensor
) -> tf.Tensor:
    """[B] bool: whether a person passes the three checks.

    Args:
        poses: [B, A, J, 3] mm, camera frame, of the A crops.
        pixels: [B, A, J, 2] px of the image.
        boxes: [B, 4 or 5] px.
        edges: [E, 2] int32, between joints.
        bone_lengths: [E] mm, of a mean person; NaN where nobody knows.
    """
    return (
        bones_are_possible(tf.reduce_mean(poses, axis=1), edges, bone_lengths)
        & crops_agree(poses)
        & fills_box(tf.reduce_mean(pixels, axis=1), boxes)
    )


def bones_are_possible(poses: tf.Tensor, edges: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
    """[B]: no bone of poses [B, J, 3] has three times or a tenth of its mean length [E], and differs by 300 mm."""
    ends = tf.gather(poses, edges, axis=1)  # [B, E, 2, 3]
    length = tf.norm(ends[:, :, 0] - ends[:, :, 1], axis=-1)
    ratio = length / mean
    strange = (ratio > LARGEST_BONE_RATIO) | (ratio < SMALLEST_BONE_RATIO)  # NaN is neither
    return ~tf.reduce_any(strange & (tf.abs(length - mean) > BONE_TOLERANCE_MM), axis=1)


def crops_agree(poses: tf.Tensor) -> tf.Tensor:
    """[B]: more than a quarter of the joints of poses [B, A, J, 3] are at the same place in all crops, after the
    poses are scaled to one size. One crop always agrees."""
    size = tf.reduce_mean(tf.square(poses), axis=(2, 3), keepdims=True)
    scaled = poses * tf.sqrt(tf.reduce_mean(size, axis=1, keepdims=True) / size)
    std = tf.sqrt(tf.reduce_sum(tf.math.reduce_variance(scaled, axis=1), axis=-1))  # [B, J]
    agreeing = tf.reduce_sum(tf.cast(std < CONSISTENT_STD_MM, tf.int32), axis=1)
    return (agreeing > tf.shape(poses)[2] // 4) | (tf.shape(poses)[1] == 1)


def fills_box(pixels: tf.Tensor, boxes: tf.Tensor) -> tf.Tensor:
    """[B]: the box around the joints [B, J, 2] covers more than half of the detected box [B, 4 or 5]."""
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:4]
    common_low = tf.maximum(tf.reduce_min(pixels, axis=1), low)
    common_high = tf.minimum(tf.reduce_max(pixels, axis=1), high)
    common = tf.reduce_prod(tf.maximum(common_high - common_low, 0), axis=1)
    return common > SMALLEST_COVER * tf.reduce_prod(boxes[:, 2:4], axis=1)


def different_people(poses: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """Indices [M] int32 of the people of one image who are kept, best score first.

    Args:
        poses: [B, J, 3] mm, camera frame.
        scores: [B]. Of two almost equal poses the one with the better score is kept.
    """
    similarity = tf.cond(
        tf.shape(poses)[0] > 0,  # a loop over nobody has no rows whose length it could know
        lambda: tf.map_fn(lambda pose: similarities(pose, poses), poses, fn_output_signature=tf.float32),
        lambda: tf.zeros([0, 0]),
    )
    return tf.image.non_max_suppression_overlaps(
        tf.reshape(similarity, [tf.shape(poses)[0]] * 2), scores, MAX_PEOPLE, SAME_POSE_SIMILARITY
    )


def similarities(pose: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """[B], 0..1: how near the furthest quarter of the joints of `pose` [J, 3] is to those of `others` [B, J, 3],
    after both are scaled to one size."""
    size, sizes = tf.reduce_mean(tf.square(pose)), tf.reduce_mean(tf.square(others), axis=(1, 2))
    middle = (size + sizes) / 2
    scaled = pose * tf.sqrt(middle / size)[:, tf.newaxis, tf.newaxis]
    others = others * tf.sqrt(middle / sizes)[:, tf.newaxis, tf.newaxis]
    distances = tf.norm(scaled - others, axis=-1)  # [B, J]
    largest = tf.math.top_k(distances, tf.maximum(tf.shape(distances)[1] // 4, 1)).values
    return tf.reduce_mean(tf.maximum(1 - largest / SIMILAR_MM, 0), axis=1)
