"""Pixels of the crops: sampled bilinearly, in linear light, from the level of an image pyramid that fits the zoom.

Source: serving sheet, sections 3.6 and 3.7.
"""

from collections.abc import Sequence

import tensorflow as tf

from posepile import linear_light
from serving import lens
from serving.augmentation import Schedule
from serving.crop_views import CropViews, ImageCameras

LEVELS = 3


def pyramid(images: tf.Tensor, views: CropViews, antialias: tf.Tensor) -> list[tf.Tensor]:
    """Images in linear light at full, half and quarter size: [N, h, w, 3] float32, 0..1.

    A level is the mean of 2x2 pixels of the one before; an odd last row or column is dropped, so that no pixel moves.
    Levels that no crop needs have no pixels.

    Args:
        images: [N, H, W, 3] uint8.
        views, antialias: of all crops, as in `crops`.
    """
    highest = tf.reduce_max(_levels(views, antialias, tf.shape(images)))
    levels = [linear_light.decode(images)]
    for number in range(1, LEVELS):
        halved, nothing = (
            (lambda finer=levels[-1]: _halved(finer)),
            (lambda finer=levels[-1]: finer[:, :0, :0]),
        )
        levels.append(tf.cond(highest >= number, halved, nothing))
    return levels


def crops(
    images: Sequence[tf.Tensor],
    image_ids: tf.Tensor,
    cameras: ImageCameras,
    views: CropViews,
    changes: Schedule,
    side: int,
    antialias: tf.Tensor,
) -> tf.Tensor:
    """The A crops of each of B boxes.

    Args:
        images: their pyramid.
        image_ids: [B] int32, cameras: of the image of each box.
        views, changes: of the A crops.
        side: S, px.
        antialias: [] int32; so many times as many pixels are sampled each way, and averaged.

    Returns:
        [B, A, S, S, 3] float16 RGB, 0..1, encoded with the gamma of `changes`; black outside the image.
    """
    to_ray = tf.linalg.matmul(
        views.rotation, tf.linalg.inv(views.intrinsics), transpose_a=True
    )  # [B, A, 3, 3]
    level = _levels(views, antialias, tf.shape(images[0]))
    count, per_box = tf.shape(level)[0], tf.shape(level)[1]

    def flat(value):
        """[B, A, ...] to [B * A, ...]; float64 becomes float32."""
        value = tf.reshape(value, tf.concat([[count * per_box], tf.shape(value)[2:]], 0))
        return tf.cast(value, tf.float32) if value.dtype == tf.float64 else value

    def of_crops(value):
        return flat(tf.repeat(value[:, tf.newaxis], per_box, axis=1))

    def crop(elements):
        to_ray, level, image, intrinsics, distortion, radius, gamma = elements
        x, y = _source_pixels(side, antialias, to_ray, intrinsics, distortion, radius)
        # Levels stay apart: joined, they would all be copied
        linear = tf.switch_case(
            level,
            [lambda k=k, pixels=pixels: _sample(pixels, k, image, x, y) for k, pixels in enumerate(images)],
        )
        averaged = tf.reduce_mean(tf.reshape(linear, [side, antialias, side, antialias, 3]), axis=[1, 3])
        return tf.cast(linear_light.power(averaged, gamma / linear_light.GAMMA), tf.float16)

    elements = (
        flat(to_ray),
        flat(level),
        of_crops(tf.cast(image_ids, tf.int32)),
        of_crops(cameras.intrinsics),
        of_crops(cameras.distortion),
        of_crops(cameras.largest_radius),
        flat(tf.repeat(changes.gamma[tf.newaxis], count, axis=0)),
    )
    found = tf.map_fn(crop, elements, fn_output_signature=tf.TensorSpec([side, side, 3], tf.float16))
    return tf.reshape(found, [count, per_box, side, side, 3])


def _halved(images: tf.Tensor) -> tf.Tensor:
    """The means of 2x2 pixels: what bilinear resizing by 2 gives. Pooling on a CPU (oneDNN) would keep something in
    memory for every size of image that it has seen."""
    size = tf.shape(images)[1:3] // 2
    return tf.image.resize(images[:, : 2 * size[0], : 2 * size[1]], size)


def _levels(views: CropViews, antialias: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """[B, A] int32: of the levels of images of `size` (N, H, W, 3), the smallest that has as many pixels as the crop,
    and any at all."""
    zoom = views.zoom * tf.cast(antialias, tf.float64)
    wanted = tf.floor(-tf.math.log(zoom) / tf.math.log(tf.constant(2.0, zoom.dtype)))
    shorter = tf.reduce_min(size[1:3])
    last = tf.reduce_sum(tf.cast(tf.bitwise.right_shift(shorter, tf.range(1, LEVELS)) > 0, tf.int32))
    return tf.clip_by_value(tf.cast(wanted, tf.int32), 0, last)


def _source_pixels(side, antialias, to_ray, intrinsics, distortion, radius):
    """Where the pixels of a crop lie in the image at full size: x [n, n], y [n, n], n = side * antialias px.

    What the image's camera cannot see (behind it, or outside the lens) is far outside the image.
    """
    finer = tf.cast(antialias, tf.float32)
    place = (
        tf.range(tf.cast(side, tf.float32) * finer) + 0.5
    ) / finer - 0.5  # pixel centres, in px of the crop
    column, row = place, place[:, tf.newaxis]
    x, y, z = (to_ray[i, 0] * column + (to_ray[i, 1] * row + to_ray[i, 2]) for i in range(3))
    seen = z > 1e-6
    inverse = 1 / tf.where(seen, z, 1.0)
    x, y = x * inverse, y * inverse

    def through_the_lens():
        inside = seen & (tf.square(x) + tf.square(y) < tf.square(radius))
        return (*lens.distort_xy(x, y, tf.unstack(distortion)), inside)

    x, y, seen = tf.cond(tf.reduce_any(distortion != 0), through_the_lens, lambda: (x, y, seen))
    k = intrinsics
    x, y = k[0, 0] * x + k[0, 1] * y + k[0, 2], k[1, 1] * y + k[1, 2]
    return tf.where(seen, x, -1e4), y


def _sample(images: tf.Tensor, level: int, image, x, y) -> tf.Tensor:
    """Bilinear samples [n, n, 3] of one of the images of a level at x, y [n, n] px of the full size; 0 outside."""
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    x, y = (tf.clip_by_value((at + 0.5) / 2**level - 0.5, -2.0, 1e6) for at in (x, y))
    left, upper = tf.floor(x), tf.floor(y)
    right_part, lower_part = x - left, y - upper
    left, upper = tf.cast(left, tf.int32), tf.cast(upper, tf.int32)

    def along(first, part, count):
        """Indices and weights of both neighbours; weight 0 where there is no pixel."""
        for index, weight in ((first, 1 - part), (first + 1, part)):
            inside = (index >= 0) & (index < count)
            yield tf.where(inside, index, 0), tf.where(inside, weight, 0.0)

    columns, rows = list(along(left, right_part, width)), list(along(upper, lower_part, height))
    pixels, start = tf.reshape(images, [-1, 3]), image * height * width
    corners = [
        tf.gather(pixels, start + row * width + column) * (row_weight * column_weight)[..., tf.newaxis]
        for row, row_weight in rows
        for column, column_weight in columns
    ]
    return tf.add_n(corners)
