"""Consistency fine-tuning: three ways to let an affine-combining autoencoder tie the skeletons together.

Source: finetuning sheet, §3-§6.
"""

import numpy as np
from keras import ops

from training import losses
from training.model import PoseEstimator, split_batch


class AffineMap:
    """Frozen weights [points in, points out], each column summing to one, applied to poses [B, points, 3]."""

    def __init__(self, weights: np.ndarray):
        self._transposed = np.asarray(weights, np.float32).T

    def __call__(self, points):
        # Affine maps commute with translations. Poses lie metres away; near the origin float32 (and TF32 on a
        # GPU) keeps the fractions of a millimetre.
        centre = ops.mean(points, axis=1, keepdims=True)
        return ops.einsum("oj,bjc->boc", ops.convert_to_tensor(self._transposed), points - centre) + centre


class Autoencoder:
    """Encoder w1 [J, L] and decoder w2 [L, J], frozen."""

    def __init__(self, w1: np.ndarray, w2: np.ndarray):
        if np.shape(w1) != np.shape(w2)[::-1]:
            raise ValueError(f"w1 has shape {np.shape(w1)} and w2 {np.shape(w2)}, expected [J, L] and [L, J]")
        self.encode, self.decode = AffineMap(w1), AffineMap(w2)
        self.n_joints, self.n_latents = np.shape(w1)

    def __call__(self, joints):
        return self.decode(self.encode(joints))


class _WithAutoencoder(PoseEstimator):
    def __init__(
        self, backbone, joint_names, model_config, loss_config, autoencoder: Autoencoder, seed: int = 0
    ):
        if autoencoder.n_joints != len(joint_names):
            raise ValueError(
                f"the autoencoder is for {autoencoder.n_joints} joints, expected {len(joint_names)}"
            )
        self.autoencoder = autoencoder
        super().__init__(backbone, joint_names, model_config, loss_config, seed)


class OutputRegularized(_WithAutoencoder):
    """Variant (a): the separate-head model whose outputs are drawn to their autoencoded selves."""

    term_names = (*PoseEstimator.term_names, "consistency", "consistency_2d")

    def loss_terms(self, x, y, y_pred):
        config = self.loss_config
        [first], [second] = split_batch(y, y_pred["joints"])
        terms = super().loss_terms(x, y, y_pred)
        terms["consistency"] = config.consistency, losses.consistency_loss(first, self.autoencoder(first))
        if "joints2d" in y:
            weight = config.weak_2d * config.consistency * config.consistency_2d
            terms["consistency_2d"] = weight, losses.consistency_loss(second, self.autoencoder(second))
        return terms


class DirectLatent(_WithAutoencoder):
    """Variant (b): the head predicts only the latent points; joints are decoded, so they agree exactly."""

    def build_heads(self):
        self.latent_head = self.make_head(self.autoencoder.n_latents, "latent_head")

    def estimate(self, features, place):
        latents = place(self.latent_head(features))
        return {"joints": self.autoencoder.decode(latents), "latents": latents}


class HybridStudentTeacher(_WithAutoencoder):
    """Variant (c): a latent head, the student, learns also from an all-joint head, the teacher.

    The published network has both in one convolution, [latents, joints]; two convolutions compute the same
    and let inference drop the teacher. "joints" are the decoded latents, "direct" the teacher's.
    """

    term_names = (
        *("direct", "decoded", "autoencoded", "consistency", "teacher"),
        *("direct_2d", "decoded_2d", "autoencoded_2d", "consistency_2d", "teacher_2d"),
    )

    def build_heads(self):
        self.latent_head = self.make_head(self.autoencoder.n_latents, "latent_head")
        self.joint_head = self.make_head(len(self.joint_names), "joint_head")

    def estimate(self, features, place):
        latents, direct = place(self.latent_head(features)), place(self.joint_head(features))
        return {"joints": self.autoencoder.decode(latents), "latents": latents, "direct": direct}

    def predict_joints(self, image, intrinsics):
        place = self.placer(intrinsics, training=False)
        return self.autoencoder.decode(place(self.latent_head(self.extract(image))))

    def loss_terms(self, x, y, y_pred):
        outputs = (x["intrinsics"], *(y_pred[k] for k in ("direct", "joints", "latents")))
        first, second = split_batch(y, *outputs)
        terms = self._terms_3d(*first, y)
        if "joints2d" in y:
            terms |= self._terms_2d(*second, y)
        return terms

    def _terms_3d(self, intrinsics, direct, decoded, latents, y):
        autoencoded = self.autoencoder(direct)

        def against_labels(predicted):
            return self.pose_3d_loss(predicted, y["joints3d"], y["valid3d"], intrinsics)

        return {
            "direct": (1.0, against_labels(direct)),
            "decoded": (1.0, against_labels(decoded)),
            "autoencoded": (1.0, against_labels(autoencoded)),
            "consistency": (self.loss_config.consistency, losses.consistency_loss(direct, autoencoded)),
            "teacher": (self._teaches(), self._teacher_loss(latents, direct, intrinsics)),
        }

    def _terms_2d(self, intrinsics, direct, decoded, latents, y):
        autoencoded, config = self.autoencoder(direct), self.loss_config
        return {
            "direct_2d": (config.weak_2d, self.pose_2d_loss(direct, y, intrinsics)),
            "decoded_2d": (config.weak_2d, self.pose_2d_loss(decoded, y, intrinsics)),
            "autoencoded_2d": (config.weak_2d, self.pose_2d_loss(autoencoded, y, intrinsics)),
            "consistency_2d": (
                config.weak_2d * 0.5 * config.consistency * config.consistency_2d,
                losses.consistency_loss(direct, autoencoded),
            ),
            "teacher_2d": (
                config.weak_2d * 0.5 * self._teaches(),
                self._teacher_loss(latents, direct, intrinsics),
            ),
        }

    def _teacher_loss(self, latents, direct, intrinsics):
        """L_3D of the latents against the encoded all-joint output, which the gradient leaves alone."""
        target = self.autoencoder.encode(direct)
        if self.loss_config.stop_gradient_teacher:
            target = ops.stop_gradient(target)
        valid = ops.ones(ops.shape(target)[:2], dtype="bool")
        return self.pose_3d_loss(latents, target, valid, intrinsics)

    def _teaches(self):
        return self.after(self.loss_config.teacher_from_step)
