"""A SavedModel that knows the truth: it tells images apart by their grey (see `small_benchmarks`).

Its methods have the documented signatures and nothing of ours behind them. Poses are kept in the cameras' frames and
moved to the world by the extrinsics that the caller sends, so that a wrong camera gives wrong poses.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import small_benchmarks
import tensorflow as tf

from posepile import skeletons

NUMBER, INTEGER, TEXT, FLAG = (tf.TensorSpec([], kind) for kind in (tf.float32, tf.int32, tf.string, tf.bool))
CAMERA = [[3, 3], [None], [4, 4]]  # intrinsics, distortion, extrinsics
SHARED = [tf.TensorSpec([3], tf.float32), NUMBER, INTEGER, INTEGER, INTEGER, FLAG, TEXT]
DETECTOR = [NUMBER, NUMBER, INTEGER, FLAG, FLAG]


def specs(batched: bool, detects: bool) -> list[tf.TypeSpec]:
    batch = [None] if batched else []
    boxes = (
        tf.RaggedTensorSpec([None, None, 4], tf.float32, 1)
        if batched
        else tf.TensorSpec([None, 4], tf.float32)
    )
    cameras = [tf.TensorSpec([*batch, *shape], tf.float32) for shape in CAMERA]
    images = tf.TensorSpec([*batch, None, None, 3], tf.uint8)
    return [images, *([] if detects else [boxes]), *cameras, *SHARED, *(DETECTOR if detects else [])]


class Oracle(tf.Module):
    """poses: by the number of the image [people, J, 3] mm, its camera's frame."""

    def __init__(self, skeleton: str, poses: Sequence[np.ndarray]):
        super().__init__()
        self.per_skeleton_joint_names = {skeleton: tf.Variable(list(skeletons.load(skeleton).joints))}
        self._counts = tf.constant([len(of_image) for of_image in poses], tf.int64)
        self._poses = tf.constant(np.concatenate(poses), tf.float32)

    def _answer(self, images, extrinsics):
        greys = tf.reduce_mean(tf.cast(images[:, :4, :4], tf.float32), axis=(1, 2, 3))
        numbers = tf.cast(
            tf.round((greys - small_benchmarks.FIRST_GREY) / small_benchmarks.GREY_STEP), tf.int32
        )
        chosen = tf.gather(tf.RaggedTensor.from_row_lengths(self._poses, self._counts), numbers)
        back = tf.linalg.inv(tf.gather(extrinsics, chosen.value_rowids()))
        world = tf.einsum("nij,nkj->nki", back[:, :3, :3], chosen.flat_values) + back[:, tf.newaxis, :3, 3]
        return {"poses3d": chosen.with_flat_values(world)}

    def _answer_one(self, image, extrinsics):
        return {"poses3d": self._answer(image[tf.newaxis], extrinsics[tf.newaxis])["poses3d"][0]}


class BatchOracle(Oracle):
    @tf.function(input_signature=specs(batched=True, detects=True))
    def detect_poses_batched(
        self, images, intrinsic_matrix, distortion_coeffs, extrinsic_matrix, world_up_vector, default_fov_degrees=55,
        internal_batch_size=64, antialias_factor=1, num_aug=5, average_aug=True, skeleton="", detector_threshold=0.3,
        detector_nms_iou_threshold=0.7, max_detections=-1, detector_flip_aug=False, suppress_implausible_poses=True,
    ):  # fmt: skip
        return self._answer(images, extrinsic_matrix)

    @tf.function(input_signature=specs(batched=True, detects=False))
    def estimate_poses_batched(
        self, images, boxes, intrinsic_matrix, distortion_coeffs, extrinsic_matrix, world_up_vector,
        default_fov_degrees=55, internal_batch_size=64, antialias_factor=1, num_aug=5, average_aug=True, skeleton="",
    ):  # fmt: skip
        return self._answer(images, extrinsic_matrix)


class SingleOracle(Oracle):
    """Only the methods for one image."""

    @tf.function(input_signature=specs(batched=False, detects=True))
    def detect_poses(
        self, image, intrinsic_matrix, distortion_coeffs, extrinsic_matrix, world_up_vector, default_fov_degrees=55,
        internal_batch_size=64, antialias_factor=1, num_aug=5, average_aug=True, skeleton="", detector_threshold=0.3,
        detector_nms_iou_threshold=0.7, max_detections=-1, detector_flip_aug=False, suppress_implausible_poses=True,
    ):  # fmt: skip
        return self._answer_one(image, extrinsic_matrix)

    @tf.function(input_signature=specs(batched=False, detects=False))
    def estimate_poses(
        self, image, boxes, intrinsic_matrix, distortion_coeffs, extrinsic_matrix, world_up_vector,
        default_fov_degrees=55, internal_batch_size=64, antialias_factor=1, num_aug=5, average_aug=True, skeleton="",
    ):  # fmt: skip
        return self._answer_one(image, extrinsic_matrix)


def save_oracle(folder: Path, protocol, root: Path, kind: type[Oracle] = BatchOracle) -> Path:
    """Writes one for a benchmark, whose images it draws. Detected people come in another order than the labels'."""
    numbers = small_benchmarks.draw_images(protocol, root)
    poses: list[list[np.ndarray]] = [[] for _ in numbers]
    for labelled in protocol.labelled(root):
        for name, pose in zip(labelled.image_paths, labelled.in_camera_frame(), strict=True):
            poses[numbers[name]].append(pose)
    turn = -1 if protocol.inference.detects else 1
    model = kind(protocol.skeleton_name, [np.stack(of_image[::turn]) for of_image in poses])
    tf.saved_model.save(model, str(folder))
    return folder
