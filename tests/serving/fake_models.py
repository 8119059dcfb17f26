"""Crop models whose answers are known, in multi-person models without a detector or with a fake one."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from posepile import skeletons
from posepile.skeletons import Skeleton
from serving.estimator import PoseEstimator
from serving.joint_sets import joint_sets

SIDE = 64
H36M = skeletons.load("h36m_17")
TWO_PEOPLE = [(10, 20, 60, 80, 0.9), (90, 20, 50, 70, 0.6)]  # x, y, width, height, score

# A standing person, mm, x right, y down, z forward; the right forearm points at the camera.
STANDING = {
    **dict(pelv=(0, 0, 0), spin=(0, -250, 0), neck=(0, -500, 0), head=(0, -600, -40), htop=(0, -720, 0)),
    **dict(rhip=(-130, 0, 0), rkne=(-140, 440, -30), rank=(-140, 880, 20)),
    **dict(lhip=(130, 0, 0), lkne=(150, 440, -60), lank=(160, 880, 20)),
    **dict(rsho=(-170, -490, 0), relb=(-190, -230, 20), rwri=(-190, -260, -250)),
    **dict(lsho=(170, -490, 0), lelb=(330, -260, 20), lwri=(470, -40, -20)),
}


class FakeCropModel(tf.Module):
    """The given function as `predict_multi`, and the attributes of serving.crop_model.CropModel."""

    def __init__(self, predict, names, edges, formats):
        super().__init__()
        self.joint_names = tf.Variable(list(names), trainable=False)
        self.joint_formats = tf.Variable(list(formats), trainable=False)
        self.joint_edges = tf.Variable(np.reshape(edges, (-1, 2)).astype(np.int32), trainable=False)
        self.input_resolution = tf.Variable(SIDE, dtype=tf.int32, trainable=False)
        self.provenance = tf.Variable(json.dumps({}), trainable=False)
        images = tf.TensorSpec([None, SIDE, SIDE, 3], tf.float16)
        intrinsics = tf.TensorSpec([None, 3, 3], tf.float32)
        self.predict_multi = tf.function(predict, input_signature=[images, intrinsics])


class FakeDetector(tf.Module):
    """Finds the given boxes [M, 5], best first, in every image, if their scores are high enough."""

    def __init__(self, boxes):
        super().__init__()
        boxes = np.reshape(boxes, (-1, 5)).astype(np.float32)

        def predict_multi_image(images, threshold, nms_iou_threshold, flip_aug, bothflip_aug):
            found = tf.boolean_mask(boxes, boxes[:, 4] > threshold)
            count = tf.shape(images)[0]
            return tf.RaggedTensor.from_row_lengths(
                tf.tile(found, [count, 1]), tf.fill([count], tf.shape(found)[0])
            )

        number, flag = tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.bool)
        images = tf.TensorSpec([None, None, None, 3], tf.uint8)
        self.predict_multi_image = tf.function(
            predict_multi_image, input_signature=[images, number, number, flag, flag]
        )


def fake_estimator(
    predict, names, edges=(), formats=None, own=(), detected=None, detector=None, **options
) -> PoseEstimator:
    """A multi-person model whose network is `predict`; joints as in a union of formats.

    detected: [M, 5], what a fake detector finds in every image; detector: another one instead.
    """
    formats = formats or ["h36m"] * len(names)
    detector = detector if detected is None else FakeDetector(detected)
    skeleton = as_skeleton(names, edges, formats)
    crop_model = FakeCropModel(predict, names, edges, formats)
    return PoseEstimator(crop_model, joint_sets(skeleton, own), detector, **options)


def as_skeleton(names, edges, formats) -> Skeleton:
    """The joints of a network, each called as in a union, or as they are."""
    base = [n.removesuffix(f"_{f}") for n, f in zip(names, formats, strict=True)]
    edges = tuple(sorted(tuple(sorted(edge)) for edge in edges))
    return Skeleton("fake", tuple(names), edges, tuple(names), "", tuple(formats), tuple(base))


def nearer_where_brighter() -> PoseEstimator:
    """TWO_PEOPLE are found in every image; the brighter a crop is, the nearer are its joints."""
    pixels = np.random.default_rng(0).uniform(0, SIDE - 1, (17, 2)).astype(np.float32)
    pixels[:2] = (0, 0), (SIDE - 1, SIDE - 1)  # people fill their boxes

    def predict(images, intrinsics):
        light = tf.reduce_mean(tf.cast(images, tf.float32), axis=(1, 2, 3))
        places = tf.repeat(pixels[tf.newaxis], tf.shape(images)[0], axis=0)
        return back_project(places, (700 * (2 - light))[:, tf.newaxis], intrinsics)

    names = [f"{joint}_h36m" for joint in H36M.joints]
    return fake_estimator(predict, names, H36M.edges, detected=TWO_PEOPLE)


def save_fake(folder: Path, predict, names, edges=(), formats=None, **options) -> Path:
    """Writes a multi-person model's SavedModel."""
    tf.saved_model.save(fake_estimator(predict, names, edges, formats, **options), str(folder))
    return folder


def save_standing(folder: Path, **options) -> Path:
    """Whatever the crop shows: a person of 1.6 m whose middle is the crop's and who fills 80 % of it."""
    person = tf.constant([STANDING[joint] for joint in H36M.joints], tf.float32) + [0, -80, 0]

    def predict(images, intrinsics):
        distance = intrinsics[:, 0, 0] * 1600 / (0.8 * SIDE)
        offset = distance[:, tf.newaxis, tf.newaxis] * tf.constant([0.0, 0.0, 1.0])
        return person[tf.newaxis] + offset

    names = [f"{joint}_h36m" for joint in H36M.joints]
    return save_fake(folder, predict, names, H36M.edges, **options)


def save_fixed_pixels(folder: Path, pixels, depths) -> Path:
    """Points at given pixels [J, 2] of every crop, at given depths [J] mm."""
    pixels, depths = tf.constant(pixels, tf.float32), tf.constant(depths, tf.float32)

    def predict(images, intrinsics):
        n = tf.shape(images)[0]
        return back_project(tf.repeat(pixels[tf.newaxis], n, axis=0), depths, intrinsics)

    return save_fake(folder, predict, [f"point{i}" for i in range(len(depths))])


def save_dot_finder(folder: Path, depth: float) -> Path:
    """Point 0 is the centre of the bright part of the crop, at `depth` mm; point 1 is its mean colour."""

    def predict(images, intrinsics):
        images = tf.cast(images, tf.float32)
        weight = tf.reduce_sum(images, axis=-1)
        total = tf.reduce_sum(weight, axis=(1, 2)) + 1e-9
        place = tf.range(SIDE, dtype=tf.float32)
        x = tf.reduce_sum(weight * place, axis=(1, 2)) / total
        y = tf.reduce_sum(weight * place[:, tf.newaxis], axis=(1, 2)) / total
        dot = back_project(tf.stack([x, y], axis=-1)[:, tf.newaxis], depth, intrinsics)
        return tf.concat([dot, tf.reduce_mean(images, axis=(1, 2))[:, tf.newaxis]], axis=1)

    return save_fake(folder, predict, ["dot", "colour"])


def back_project(pixels, depths, intrinsics):
    """Crop pixels [B, J, 2] at `depths` mm -> [B, J, 3] mm in the crop's camera frame."""
    homogeneous = tf.concat([pixels, tf.ones_like(pixels[..., :1])], axis=-1)
    rays = tf.einsum("bij,bpj->bpi", tf.linalg.inv(intrinsics), homogeneous)
    return rays * tf.convert_to_tensor(depths)[..., tf.newaxis]
