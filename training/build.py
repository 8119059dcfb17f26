"""From a configuration to a network: variant by name, precision, and weights from an earlier network."""

import contextlib

import keras
import numpy as np

from affine_combining.weights import AcaeWeights
from posepile.names import unknown_name
from posepile.skeletons import Skeleton
from training.backbones import build_backbone
from training.config import TrainConfig
from training.model import PoseEstimator
from training.variants import Autoencoder, DirectLatent, HybridStudentTeacher, OutputRegularized

VARIANTS = {
    "separate": PoseEstimator,
    "regularized": OutputRegularized,
    "latent": DirectLatent,
    "hybrid": HybridStudentTeacher,
}


def build_model(config: TrainConfig, skeleton: Skeleton, acae: AcaeWeights | None = None) -> PoseEstimator:
    """Makes the network of a run with random weights, all variables created.

    The initial weights depend on `config.seed` alone: it re-seeds the global generators of Python, NumPy and
    Keras. Backbone and heads follow `config.precision`, geometry is float32.

    Raises:
        ValueError: the variant needs an autoencoder and there is none; or its joints are not the skeleton's.
    """
    if config.variant not in VARIANTS:
        raise unknown_name("variant", config.variant, VARIANTS)
    keras.utils.set_random_seed(config.seed)
    with _dtype_policy(config.precision):
        backbone = build_backbone(
            config.model.backbone,
            config.model.crop_side,
            config.model.ghost_group_size,
            max_norm=config.optimizer.max_norm,
        )
        arguments = [backbone, skeleton.joints, config.model, config.loss]
        if config.variant != "separate":
            if acae is None:
                raise ValueError(f"variant {config.variant!r} needs an autoencoder: set `acae` to its file")
            acae.check_joints(skeleton.joints)
            arguments.append(Autoencoder(acae.w1, acae.w2))
        model = VARIANTS[config.variant](*arguments, seed=config.seed)
    model.calls_per_step = config.optimizer.accumulate
    side = config.model.crop_side
    model(
        {"image": np.zeros((1, side, side, 3), np.float32), "intrinsics": np.eye(3, dtype=np.float32)[None]}
    )
    return model


def transfer_weights(source: PoseEstimator, target: PoseEstimator) -> list[str]:
    """Starts a fine-tuning network from a trained one: the backbone, and the all-joint head if it has one.

    A latent head stays random: a weighted sum of joints' heat maps is not the heat map of the weighted point.
    Step counter and optimizer state are not carried over.

    Returns:
        Names of the parts that were copied.

    Raises:
        ValueError: backbones differ, or an all-joint head is for other joints.

    Source: finetuning sheet, §1, §5 and §6.
    """
    _copy(source.backbone, target.backbone, "backbone")
    if not hasattr(target, "joint_head"):
        return ["backbone"]
    if not hasattr(source, "joint_head") or source.joint_names != target.joint_names:
        raise ValueError("the all-joint head cannot be copied: the networks have different joints")
    _copy(source.joint_head, target.joint_head, "joint_head")
    return ["backbone", "joint_head"]


def _copy(source, target, part: str) -> None:
    """Copies weight by weight, matched by the name of layer and weight (their order must agree, too)."""
    ours, theirs = _named_weights(target), _named_weights(source)
    if [(name, w.shape) for name, w in ours] != [(name, w.shape) for name, w in theirs]:
        raise ValueError(f"{part} cannot be copied: the networks' weights have different names or shapes")
    for (_, new), (_, old) in zip(ours, theirs, strict=True):
        new.assign(old)


def _named_weights(layer):
    return [("/".join(weight.path.split("/")[-2:]), weight) for weight in layer.weights]


@contextlib.contextmanager
def _dtype_policy(name: str):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
