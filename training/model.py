"""The pose estimator: crop -> features -> heat maps -> absolute pose, and its losses."""

from dataclasses import dataclass

import keras
from keras import ops

from training import losses
from training.absolute import reconstruct_absolute
from training.config import LossConfig, ModelConfig
from training.devices import replicas
from training.grid import CropGrid
from training.heads import PoseHead
from training.loss_by_store import LossByStore

COMMON_2D_JOINTS = tuple(
    "rank rkne rhip lhip lkne lank rwri relb rsho lsho lelb lwri leye reye lear rear nose".split()
)
"""Joints of the 2D-labelled data sets; each stands for all 3D joints whose names start with it."""


class PoseEstimator(keras.Model):
    """Predicts every joint of the union skeleton directly ("separate heads"), mm in the crop's camera frame.

    Input {"image": [B, R, R, 3] uint8, or float in 0..1, "intrinsics": [B, 3, 3] px}, output
    {"joints": [B, J, 3]}. Labels {"joints3d": [B3, J, 3] mm, "valid3d": [B3, J] bool} belong to the first B3
    examples; where 2D-labelled examples take part, {"joints2d": [B2, 17, 2] px, "valid2d": [B2, 17] bool}
    belong to the other B2.

    The model itself is float32, so that geometry is, whatever the policy of backbone and heads. Its state
    holds a step counter, which advances once a training call and switches the terms that depend on it, also
    inside a compiled step. The variants of training/variants.py override `estimate` and `loss_terms`.

    Args:
        backbone: image -> features, with attributes `stride` and `first_centre` (training/backbones.py).
        joint_names: the J names.
        model_config, loss_config: the settings.
        seed: of the random mix of both heads in training.

    Source: training sheet, §4-§6 and §10.
    """

    term_names: tuple[str, ...] = ("relative", "projection", "absolute", "weak_2d")

    def __init__(
        self, backbone, joint_names, model_config: ModelConfig, loss_config: LossConfig, seed: int = 0
    ):
        super().__init__(dtype="float32", name="pose_estimator")
        self.joint_names = tuple(joint_names)
        self.model_config, self.loss_config = model_config, loss_config
        self.grid = CropGrid(
            model_config.crop_side,
            backbone.stride,
            backbone.first_centre,
            model_config.box_size_mm,
            model_config.fov_border_strides,
        )
        self.groups_2d = losses.prefix_groups(self.joint_names, COMMON_2D_JOINTS)
        self.train_in_inference_mode = False
        """Set for the last phase (and have the train function rebuilt): frozen batch norm, fixed mix."""
        self.calls_per_step = 1
        """Training calls that make one step: more than one where gradients are accumulated."""
        self.by_store = OutsideTheWeights()
        self.backbone = backbone
        self.build_heads()
        self.step = self.add_weight(
            name="step",
            shape=(),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )
        self.mix_seed = keras.random.SeedGenerator(seed)
        self.term_metrics = {name: keras.metrics.Mean(name=name) for name in self.term_names}

    def build_heads(self):
        """Creates the heads; a variant overrides it."""
        self.joint_head = self.make_head(len(self.joint_names), "joint_head")

    def make_head(self, n_points: int, name: str) -> PoseHead:
        return PoseHead(
            n_points, self.model_config.depth_bins, self.grid, name=name, dtype=keras.config.dtype_policy()
        )

    def build(self, input_shape=None):
        for head in self.heads:
            head.build(self.backbone.output_shape)
        self.built = True

    @property
    def heads(self) -> list[PoseHead]:
        return [layer for layer in self.layers if isinstance(layer, PoseHead)]

    def call(self, inputs, training=False):
        return self.estimate(
            self.extract(inputs["image"], training), self.placer(inputs["intrinsics"], training)
        )

    def extract(self, image, training=False):
        """image [B, R, R, 3], uint8 or float in 0..1 -> features [B, h, w, C]."""
        if keras.backend.standardize_dtype(image.dtype) == "uint8":  # as batches come: a quarter of the bytes
            image = ops.cast(image, "float32") / 255
        return self.backbone(image, training=training and not self.train_in_inference_mode)

    def estimate(self, features, place) -> dict:
        """Features -> everything that the losses need, among it "joints" [B, J, 3]; a variant overrides it.

        `place` turns the output of a head into absolute points, and is the same for all heads of one call.
        """
        return {"joints": place(self.joint_head(features))}

    def predict_joints(self, image, intrinsics):
        """image [B, R, R, 3] in 0..1, intrinsics [B, 3, 3] px -> joints [B, J, 3] mm, camera frame."""
        return self({"image": image, "intrinsics": intrinsics}, training=False)["joints"]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y = {k: ops.cast(v, "bool") if k.startswith("valid") else v for k, v in y.items()}
        total = 0.0
        for name, (weight, value) in self.loss_terms(x, y, y_pred).items():
            self.term_metrics[name].update_state(value)
            total = total + weight * value
        if self.by_store.metric is not None and "store3d" in y:
            n = y["joints3d"].shape[0]
            self.by_store.metric.update_state(y_pred["joints"][:n], y["joints3d"], y["valid3d"], y["store3d"])
        if training:
            self.step.assign_add(1)
        return total / replicas() if replicas() > 1 else total  # gradients of replicas are summed

    @property
    def metrics(self):
        return [*super().metrics, *([self.by_store.metric] if self.by_store.metric else [])]

    def loss_terms(self, x, y, y_pred) -> dict:
        """Name -> (weight, value) of every term; weights may be tensors. A variant extends it."""
        first, second = split_batch(y, x["intrinsics"], y_pred["joints"])
        terms = self.pose_3d_terms(first[1], y["joints3d"], y["valid3d"], first[0])
        if "joints2d" in y:
            terms["weak_2d"] = self.loss_config.weak_2d, self.pose_2d_loss(second[1], y, second[0])
        return terms

    def pose_3d_terms(self, predicted, labelled, valid, intrinsics) -> dict:
        """The three terms of L_3D: predicted, labelled [B3, J, 3] mm, valid [B3, J]."""
        config = self.loss_config
        return {
            "relative": (1.0, losses.mean_relative_loss(predicted, labelled, valid)),
            "projection": (
                config.projection,
                losses.projection_loss(predicted, labelled, valid, intrinsics, self.grid),
            ),
            "absolute": (
                config.absolute * self.after(config.absolute_from_step),
                losses.absolute_loss(predicted, labelled, valid),
            ),
        }

    def pose_3d_loss(self, predicted, labelled, valid, intrinsics):
        """L_3D as one number."""
        terms = self.pose_3d_terms(predicted, labelled, valid, intrinsics).values()
        return sum(weight * value for weight, value in terms)

    def pose_2d_loss(self, predicted, y, intrinsics):
        """L_2D of predictions [B2, J, 3] mm for the 2D-labelled examples."""
        return losses.weak_2d_loss(
            predicted, y["joints2d"], y["valid2d"], intrinsics, self.groups_2d, self.grid
        )

    def after(self, step: int):
        """1.0 when more than `step` steps are over, else 0.0."""
        return ops.cast(self.steps_done > step, "float32")

    @property
    def steps_done(self):
        """Whole steps; `self.step` counts training calls."""
        return self.step if self.calls_per_step == 1 else self.step // self.calls_per_step

    def placer(self, intrinsics, training):
        random = training and not self.train_in_inference_mode
        mix, weak = self.model_config.mix_3d, False
        if random:
            mix = keras.random.uniform((ops.shape(intrinsics)[0], 1, 1), seed=self.mix_seed)
        if training:
            weak = self.steps_done < self.loss_config.weak_perspective_steps

        def place(head_output):
            pixels, metric = head_output
            return reconstruct_absolute(
                pixels, metric, intrinsics, self.grid, weak, mix, self.model_config.ridge
            )

        return place


@dataclass
class OutsideTheWeights:
    """Holds a metric for a training run without making it a part of the model, whose weights files stay the same."""

    metric: LossByStore | None = None


def split_batch(y, *arrays):
    """Cuts arrays [B, ...] into those of the 3D-labelled and those of the 2D-labelled examples."""
    n = y["joints3d"].shape[0]
    return [a[:n] for a in arrays], [a[n:] for a in arrays]
