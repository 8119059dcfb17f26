"""The multi-person model: images in, every person's pose in millimetres out, in one TensorFlow graph.

Source: serving sheet, sections 1 to 4.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from posepile.skeletons.skeleton import mirror_name
from serving import parameters as p
from serving.augmentation import ROTATION_DEG, Turns, schedule
from serving.crop_views import boxes_are_usable, crop_views, image_cameras, project, to_world
from serving.graph_functions import graph_function, required
from serving.joint_sets import JointSets
from serving.joint_tables import JointTables
from serving.people import People, gathered, keep_plausible
from serving.warping import crops, pyramid

RESULTS = ("boxes", "poses3d", "poses2d")


class PoseEstimator(tf.Module):
    """Finds people and estimates their poses, in batches of images of one size.

    Four functions, called by position or keyword, here and after `tf.saved_model.load`:

        detect_poses(image, …)                  estimate_poses(image, boxes, …)
        detect_poses_batched(images, …)         estimate_poses_batched(images, boxes, …)

    image [H, W, 3], images [N, H, W, 3] uint8 RGB; boxes [M, 4], or ragged [N, (M), 4], float32 [x, y, w, h] px.
    The other arguments, their shapes and defaults are `serving.parameter_table.PARAMETERS`; docs/model.md explains
    them.

    They return a dict: "poses3d" [M, J, 3] mm, world (the camera's frame without extrinsics), "poses2d" [M, J, 2] px,
    and, where people are detected, "boxes" [M, 5] with the score, best first; ragged [N, (M), …] for a batch. With
    average_aug=False an axis of the num_aug crops comes before J. A box that shows nothing (not finite, a side
    below 1 px, outside the lens) has NaN poses in `estimate_poses` and is left out by `detect_poses`.

    InvalidArgumentError, whose message begins with the argument's name, for what PARAMETERS does not allow.

    Args:
        crop_model: has `predict_multi(images [B, S, S, 3] float16, intrinsics [B, 3, 3]) -> [B, J0, 3] mm` and the
            variables input_resolution, joint_names, joint_edges.
        joints: all joints and the skeletons to answer in.
        detector: has `predict_multi_image` (posepile.people.tensor_detector); None: nobody is ever detected.
        bone_lengths: [E] mm, one an edge of the crop model, of a mean person; NaN or None: not known.
        provenance: JSON, kept as a variable.
        rotation_deg, turns: of the test-time augmentation.
        detector_flip_vertical_too: whether detector_flip_aug looks at the images upside down as well.

    Attributes, all variables: crop_model, detector, joint_names [J], joint_edges [E, 2], provenance;
    per_skeleton_indices, per_skeleton_joint_names, per_skeleton_joint_edges (also per_skeleton_edges): by name.
    `tables` looks the latter up in a graph; it is not saved.
    """

    def __init__(
        self,
        crop_model: tf.Module,
        joints: JointSets,
        detector: tf.Module | None = None,
        bone_lengths: np.ndarray | None = None,
        provenance: str = "{}",
        rotation_deg: float = ROTATION_DEG,
        turns: Turns = "upright",
        detector_flip_vertical_too: bool = False,
    ):
        super().__init__(name="pose_estimator")
        self.crop_model, self.detector = crop_model, detector
        self._joints, self.tables = joints, JointTables(joints)
        self._rotation_deg, self._turns = rotation_deg, turns
        self._flip_vertical_too = detector_flip_vertical_too
        self._side = int(crop_model.input_resolution.numpy())
        names = [name.decode() for name in crop_model.joint_names.numpy()]
        self._mirror = _mirror_map(names)
        self._bones = crop_model.joint_edges.numpy().reshape(-1, 2)
        unknown = np.full(len(self._bones), np.nan)
        self._bone_lengths = np.asarray(unknown if bone_lengths is None else bone_lengths, np.float32)
        self._add_attributes(joints, provenance)
        self._add_methods()

    def _add_attributes(self, joints: JointSets, provenance: str) -> None:
        def variable(value, dtype=None):
            return tf.Variable(value, trainable=False, dtype=dtype)

        def edges(pairs):
            return variable(np.reshape(pairs, (-1, 2)).astype(np.int32))

        sets = joints.by_name.items()
        self.provenance = variable(provenance)
        self.joint_names, self.joint_edges = variable(list(joints.joints)), edges(joints.edges)
        self.per_skeleton_indices = {name: variable(one.indices, tf.int32) for name, one in sets}
        self.per_skeleton_joint_names = {name: variable(list(one.names)) for name, one in sets}
        self.per_skeleton_joint_edges = {name: edges(one.edges) for name, one in sets}
        self.per_skeleton_edges = dict(self.per_skeleton_joint_edges)

    def _add_methods(self) -> None:
        def method(name, run, first, batched, detects):
            specs = p.signature(*first, batched=batched, detects=detects)
            names = ["images" if batched else "image", *([] if detects else ["boxes"])]
            names += [spec.name for spec in specs[len(first) :]]
            return graph_function(name, run, specs, p.defaults(batched), names)

        self.detect_poses_batched = method("detect_poses_batched", self._detect, [p.IMAGES], True, True)
        self.estimate_poses_batched = method(
            "estimate_poses_batched", self._estimate, [p.IMAGES, p.RAGGED_BOXES], True, False
        )
        self.detect_poses = method("detect_poses", self._detect_one, [p.IMAGE], False, True)
        self.estimate_poses = method("estimate_poses", self._estimate_one, [p.IMAGE, p.BOXES], False, False)

    def _detect_one(self, arguments: dict) -> dict:
        return _first(self.detect_poses_batched(**_as_batch(arguments)))

    def _estimate_one(self, arguments: dict) -> dict:
        boxes = arguments.pop("boxes")
        ragged = tf.RaggedTensor.from_row_lengths(boxes, [tf.shape(boxes, tf.int64)[0]])
        return _first(self.estimate_poses_batched(**_as_batch(arguments), boxes=ragged))

    def _detect(self, arguments: dict) -> dict:
        arguments = p.checked(arguments)
        boxes = self._detected_boxes(arguments)
        people = self._people(boxes.flat_values, boxes.value_rowids(), arguments)
        people = gathered(people, tf.where(people.views.valid)[:, 0])
        people = self._with_poses(people, arguments)
        people = keep_plausible(
            people, arguments["suppress_implausible_poses"], self._bones, self._bone_lengths
        )
        return self._results(people, arguments)

    def _estimate(self, arguments: dict) -> dict:
        boxes = arguments.pop("boxes")
        count = tf.shape(arguments["images"], tf.int64)[0]
        right = required(
            boxes.nrows() == count, "boxes: expected one row for each image, got", boxes.nrows(), "rows"
        )
        with tf.control_dependencies([right]):
            arguments = p.checked(arguments)
        people = self._people(boxes.flat_values, boxes.value_rowids(), arguments)
        people = self._with_poses(people, arguments)
        invalid = ~people.views.valid[:, tf.newaxis, tf.newaxis, tf.newaxis]
        people = people._replace(
            poses=tf.where(invalid, np.float32(np.nan), people.poses),
            pixels=tf.where(invalid, np.float32(np.nan), people.pixels),
        )
        results = self._results(people, arguments)
        return {key: results[key] for key in RESULTS[1:]}

    def _detected_boxes(self, arguments: dict) -> tf.RaggedTensor:
        """Ragged [N, (M), 5]: usable boxes, best first, at most max_detections of an image."""
        images = arguments["images"]
        if self.detector is None:
            splits = tf.zeros([tf.shape(images)[0] + 1], tf.int64)
            return tf.RaggedTensor.from_row_splits(tf.zeros([0, 5]), splits)
        flip = arguments["detector_flip_aug"]
        boxes = self.detector.predict_multi_image(
            images,
            arguments["detector_threshold"],
            arguments["detector_nms_iou_threshold"],
            flip,
            flip & self._flip_vertical_too,
        ).with_row_splits_dtype(tf.int64)
        boxes = tf.ragged.boolean_mask(boxes, boxes.with_flat_values(boxes_are_usable(boxes.flat_values)))
        most = arguments["max_detections"]
        place = tf.ragged.range(boxes.row_lengths()).flat_values
        return tf.ragged.boolean_mask(
            boxes, boxes.with_flat_values((place < tf.cast(most, tf.int64)) | (most == -1))
        )

    def _people(self, boxes: tf.Tensor, image_ids: tf.Tensor, arguments: dict) -> People:
        """The people of boxes [B, 4 or 5] in the images [B]: where to look, no poses yet."""
        size = tf.shape(arguments["images"])
        cameras = image_cameras(size, arguments).of(image_ids)
        views = crop_views(boxes[:, :4], cameras, size, self._side, self._schedule(arguments))
        nothing = tf.zeros([tf.shape(boxes)[0], 0, 0, 0])
        return People(boxes, image_ids, cameras, views, nothing, nothing)

    def _schedule(self, arguments: dict):
        return schedule(arguments["num_aug"], self._rotation_deg, self._turns)

    def _with_poses(self, people: People, arguments: dict) -> People:
        """Adds the poses of all crops, in the frame of the image's camera, and where they are in the image."""
        count, augs = tf.shape(people.boxes)[0], arguments["num_aug"]
        n_crop_joints, n_joints = len(self._mirror), len(self._joints.joints)
        poses = tf.cond(
            count > 0,
            lambda: self._predict(people, arguments),
            lambda: tf.zeros([0, augs, n_crop_joints, 3]),
        )
        if self._joints.weights is not None:
            poses = tf.einsum("bajc,jk->bakc", poses, self._joints.weights.astype(np.float32))
        pixels = project(tf.reshape(poses, [count, augs * n_joints, 3]), people.cameras)
        return people._replace(poses=poses, pixels=tf.reshape(pixels, [count, augs, n_joints, 2]))

    def _predict(self, people: People, arguments: dict) -> tf.Tensor:
        """[B, A, J0, 3] mm, chunk by chunk. All crops of a box are in one chunk."""
        count, augs, largest = (
            tf.shape(people.boxes)[0],
            arguments["num_aug"],
            arguments["internal_batch_size"],
        )
        chunk = tf.maximum(tf.where(largest > 0, largest // augs, count), 1)
        images = pyramid(arguments["images"], people.views, arguments["antialias_factor"])
        n_joints = len(self._mirror)

        def add(start, poses):
            part = gathered(people, tf.range(start, tf.minimum(start + chunk, count)))
            return start + chunk, tf.concat([poses, self._predict_chunk(images, part, arguments)], axis=0)

        start = (tf.constant(0), tf.zeros([0, augs, n_joints, 3]))
        shapes = (tf.TensorShape([]), tf.TensorShape([None, None, n_joints, 3]))
        return tf.while_loop(
            lambda start, _: start < count, add, start, shape_invariants=shapes, parallel_iterations=1
        )[1]

    def _predict_chunk(self, images, people: People, arguments: dict) -> tf.Tensor:
        changes = self._schedule(arguments)
        views, side = people.views, self._side
        shown = crops(
            images, people.image_ids, people.cameras, views, changes, side, arguments["antialias_factor"]
        )
        intrinsics = tf.cast(tf.reshape(views.intrinsics, [-1, 3, 3]), tf.float32)
        poses = self.crop_model.predict_multi(tf.reshape(shown, [-1, side, side, 3]), intrinsics)
        shape = [tf.shape(people.boxes)[0], arguments["num_aug"], len(self._mirror), 3]
        poses = tf.reshape(poses, shape)
        flipped = changes.flip[:, tf.newaxis, tf.newaxis]
        poses = tf.where(flipped, tf.gather(poses, self._mirror, axis=2), poses)
        return tf.linalg.matmul(poses, tf.cast(views.rotation, tf.float32))

    def _results(self, people: People, arguments: dict) -> dict:
        indices = self.tables.indices(arguments["skeleton"])
        poses, pixels = (tf.gather(value, indices, axis=2) for value in (people.poses, people.pixels))
        count, augs, n_joints = tf.shape(poses)[0], tf.shape(poses)[1], tf.shape(indices)[0]
        world = to_world(tf.reshape(poses, [count, augs * n_joints, 3]), people.cameras)
        world = tf.reshape(world, [count, augs, n_joints, 3])
        poses, pixels = (
            tf.cond(arguments["average_aug"], lambda v=v: tf.reduce_mean(v, axis=1), lambda v=v: v)
            for v in (world, pixels)
        )
        images = tf.shape(arguments["images"], tf.int64)[0]
        return {
            key: tf.RaggedTensor.from_value_rowids(value, people.image_ids, images, validate=False)
            for key, value in zip(RESULTS, (people.boxes, poses, pixels), strict=True)
        }


def _mirror_map(names: Sequence[str]) -> np.ndarray:
    """[J]: each joint's partner on the other side; a joint without one is its own."""
    place = {name: i for i, name in enumerate(names)}
    return np.array([place.get(mirror_name(name), i) for i, name in enumerate(names)], np.int32)


def _as_batch(arguments: dict) -> dict:
    """The arguments of a method for one image as those of the method for a batch."""
    batch = {"images": arguments["image"][tf.newaxis]}
    for name, value in arguments.items():
        if name != "image":
            batch[name] = value[tf.newaxis] if p.PARAMETERS[name].per_image else value
    return batch


def _first(results: dict) -> dict:
    return {key: value.flat_values for key, value in results.items()}
