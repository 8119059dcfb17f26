"""The variants: their totals term by term, what is copied, what learns from what, what inference needs."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops
from model_inputs import JOINTS, SIDE, make_batch, make_poses

from affine_combining.weights import AcaeWeights, JointMismatchError
from training import losses
from training.build import build_model, transfer_weights
from training.config import DataConfig, LossConfig, ModelConfig, TrainConfig
from training.variants import AffineMap, Autoencoder

LATENTS = 4
LATE = 10_000
"""A step after all switches."""


def test_affine_map_keeps_fractions_of_a_millimetre():
    rng = np.random.default_rng(0)
    w1, _ = make_weights()
    points = rng.normal(size=(2, 6, 3)) * 300 + [1000, 0, 10_000]
    expected = np.einsum("bjc,jl->blc", points, w1.astype(np.float64))
    np.testing.assert_allclose(AffineMap(w1)(points.astype(np.float32)), expected, rtol=0, atol=2e-3)


def test_autoencoder_refuses_transposed_weights():
    w1, w2 = make_weights()
    with pytest.raises(ValueError, match=r"expected \[J, L\] and \[L, J\]"):
        Autoencoder(w1, w2.T)


def test_needs_an_autoencoder_for_its_joints():
    with pytest.raises(ValueError, match="acae"):
        make_model("latent", acae=None)
    with pytest.raises(JointMismatchError):
        make_model("latent", acae=AcaeWeights(*make_weights(), JOINTS[::-1]))


@pytest.mark.parametrize("step", [0, LATE])
def test_total_of_regularized(step):
    model, (x, y) = make_model("regularized"), make_batch()
    model.step.assign(step)
    outputs = {"joints": make_poses(6)}
    first, second = outputs["joints"][:4], outputs["joints"][4:]
    expected = pose3d(model, first, y["joints3d"], y["valid3d"], x["intrinsics"][:4])
    expected += consistency(model, first)
    expected += 0.2 * pose2d(model, second, x, y) + 0.2 * consistency(model, second)
    np.testing.assert_allclose(model.compute_loss(x, y, outputs, training=False), expected, rtol=1e-5)


def test_total_of_latent():
    model, (x, y) = make_model("latent"), make_batch()
    model.step.assign(LATE)
    outputs = model(x)
    np.testing.assert_allclose(
        outputs["joints"], np.einsum("blc,lj->bjc", outputs["latents"], make_weights()[1]), rtol=0, atol=0.02
    )
    outputs = {"joints": make_poses(6)}
    first, second = outputs["joints"][:4], outputs["joints"][4:]
    expected = pose3d(model, first, y["joints3d"], y["valid3d"], x["intrinsics"][:4])
    expected += 0.2 * pose2d(model, second, x, y)
    np.testing.assert_allclose(model.compute_loss(x, y, outputs, training=False), expected, rtol=1e-5)


@pytest.mark.parametrize("step", [0, LATE])
def test_total_of_hybrid(step):
    model, (x, y) = make_model("hybrid"), make_batch()
    model.step.assign(step)
    latents = make_poses(LATENTS)
    outputs = {"direct": make_poses(6), "latents": latents, "joints": model.autoencoder.decode(latents)}
    teaches = 1.0 if step else 0.0
    w1, w2 = (w.astype(np.float64) for w in make_weights())
    parts = []
    for half, k in ((slice(0, 4), x["intrinsics"][:4]), (slice(4, 6), x["intrinsics"][4:])):
        direct, latents = (
            ops.convert_to_numpy(outputs[n][half]).astype(np.float64) for n in ("direct", "latents")
        )
        encoded = np.einsum("bjc,jl->blc", direct, w1)
        everything = np.ones(encoded.shape[:2], bool)
        parts.append(
            {
                "direct": direct.astype(np.float32),
                "decoded": np.einsum("blc,lj->bjc", latents, w2).astype(np.float32),
                "autoencoded": np.einsum("blc,lj->bjc", encoded, w2).astype(np.float32),
                "teacher": pose3d(model, outputs["latents"][half], encoded.astype(np.float32), everything, k),
            }
        )
    first, second = parts
    expected = consistency(model, first["direct"]) + teaches * first["teacher"]
    expected2d = 0.5 * consistency(model, second["direct"]) + 0.5 * teaches * second["teacher"]
    for name in ("direct", "decoded", "autoencoded"):
        expected += pose3d(model, first[name], y["joints3d"], y["valid3d"], x["intrinsics"][:4])
        expected2d += pose2d(model, second[name], x, y)
    total = model.compute_loss(x, y, outputs, training=False)
    np.testing.assert_allclose(total, expected + 0.2 * expected2d, rtol=1e-4)


def test_consistency_is_zero_only_for_autoencoded_poses():
    autoencoder = Autoencoder(np.eye(6, dtype=np.float32)[:, :6], np.eye(6, dtype=np.float32))
    joints = np.random.default_rng(0).normal(size=(2, 6, 3)).astype(np.float32) * 300 + 4000
    np.testing.assert_allclose(autoencoder(joints), joints, rtol=0, atol=1e-3)
    w1, w2 = make_weights()
    lossy = Autoencoder(w1, w2)
    assert np.abs(lossy(joints) - joints).max() > 10
    assert np.abs(lossy(lossy(joints)) - lossy(joints)).max() > 1  # not idempotent


@pytest.mark.parametrize(
    ("variant", "parts"),
    [
        ("regularized", ["backbone", "joint_head"]),
        ("latent", ["backbone"]),
        ("hybrid", ["backbone", "joint_head"]),
    ],
)
def test_transfer_starts_from_the_trained_network(variant, parts):
    trained, (x, _) = make_model("separate", seed=1), make_batch()
    trained(x, training=True)  # moves the moving statistics
    target = make_model(variant, seed=2)
    assert transfer_weights(trained, target) == parts
    for ours, theirs in zip(target.backbone.weights, trained.backbone.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert int(target.step) == 0
    if "joint_head" in parts:
        outputs = target(x)
        joints = outputs["direct" if variant == "hybrid" else "joints"]
        np.testing.assert_array_equal(joints, trained(x)["joints"])


def test_transfer_refuses_other_networks():
    with pytest.raises(ValueError, match="joint"):
        transfer_weights(make_model("latent"), make_model("hybrid"))


def test_teacher_is_not_taught():
    """With only the teacher term on, the all-joint head gets no gradient, latent head and backbone do."""
    model, (x, y) = make_model("hybrid"), make_batch()
    model.step.assign(LATE)
    all_terms = type(model).loss_terms

    def only_teacher(self, *args):
        return {k: v for k, v in all_terms(self, *args).items() if k.startswith("teacher")}

    variables = model.trainable_variables
    gradients = dict(zip([v.path for v in variables], gradients_of(model, only_teacher, x, y), strict=True))
    for path, gradient in gradients.items():
        learns = gradient is not None and np.abs(gradient).max() > 0
        assert learns == ("joint_head" not in path), path


@pytest.mark.parametrize("variant", ["separate", "regularized", "latent", "hybrid"])
def test_gradients_reach_every_weight_and_are_finite(variant):
    model, (x, y) = make_model(variant), make_batch()
    y["valid3d"][:] = False  # 2D labels and consistency only
    for step in (0, LATE):
        model.step.assign(step)
        for variable, g in zip(model.trainable_variables, gradients_of(model, None, x, y), strict=True):
            assert g is not None and np.isfinite(g).all(), variable.path


def test_hybrid_predicts_without_the_teacher():
    model, (x, _) = make_model("hybrid"), make_batch()
    expected = ops.convert_to_numpy(model(x)["joints"])
    kernel = model.joint_head.logits.kernel
    kernel.assign(np.full(kernel.shape, np.nan))
    np.testing.assert_array_equal(model.predict_joints(x["image"], x["intrinsics"]), expected)


def test_one_mix_for_both_heads():
    model, (x, _) = make_model("hybrid"), make_batch()
    before = int(np.ravel(model.mix_seed.state)[1])
    model(x, training=True)
    assert int(np.ravel(model.mix_seed.state)[1]) == before + 1


def test_consistency_is_blind_to_where_the_person_stands():
    joints = make_poses(6)
    moved = joints + np.float32([800, -300, 2000])
    autoencoder = Autoencoder(*make_weights())
    before, after = (losses.consistency_loss(p, autoencoder(p)) for p in (joints, moved))
    np.testing.assert_allclose(before, after, rtol=1e-5)


def test_gradient_of_consistency_goes_both_ways():
    """Through the pose and through its autoencoded self, of every joint, labelled or not."""
    w1, w2 = (w.astype(np.float64) for w in make_weights())
    joints = make_poses(6).astype(np.float64)
    sign = np.sign(joints - np.einsum("bjc,jl,lk->bkc", joints, w1, w2))
    expected = (sign - np.einsum("bkc,jl,lk->bjc", sign, w1, w2)) / joints.size / 1000
    tensorflow = tensorflow_or_skip()
    pose = tensorflow.Variable(make_poses(6))
    with tensorflow.GradientTape() as tape:
        value = losses.consistency_loss(pose, Autoencoder(*make_weights())(pose))
    np.testing.assert_allclose(tape.gradient(value, pose), expected, rtol=1e-3, atol=1e-9)


def test_without_stop_gradient_the_teacher_is_taught():
    model, (x, y) = make_model("hybrid", stop_gradient_teacher=False), make_batch()
    model.step.assign(LATE)
    all_terms = type(model).loss_terms

    def only_teacher(self, *args):
        return {k: v for k, v in all_terms(self, *args).items() if k.startswith("teacher")}

    gradients = gradients_of(model, only_teacher, x, y)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None and np.abs(gradient).max() > 0, variable.path


@pytest.mark.parametrize("variant", ["regularized", "latent", "hybrid"])
def test_poses_and_losses_are_float32_under_float16(variant):
    model, (x, y) = make_model(variant, precision="mixed_float16"), make_batch()
    assert model.heads[0].logits.compute_dtype == "float16"
    outputs = model(x, training=True)
    for name, value in outputs.items():
        assert keras.backend.standardize_dtype(value.dtype) == "float32", name
    for name, (_, value) in model.loss_terms(x, y, outputs).items():
        assert keras.backend.standardize_dtype(value.dtype) == "float32", name


@pytest.mark.parametrize("variant", ["regularized", "latent", "hybrid"])
def test_a_fine_tuned_head_starts_by_weak_perspective_again(variant):
    model, (x, _) = make_model(variant), make_batch()
    model.train_in_inference_mode = True  # nothing random, so that only the step makes a difference
    outputs = []
    for step in (0, 499, 500):
        model.step.assign(step)
        outputs.append(ops.convert_to_numpy(model(x, training=True)["joints"]))
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.abs(outputs[1] - outputs[2]).max() > 1  # mm


@pytest.mark.parametrize(("variant", "points"), [("regularized", 6), ("latent", LATENTS), ("hybrid", 10)])
def test_channels_of_the_heads(variant, points):
    kernels = [head.logits.kernel for head in make_model(variant).heads]
    bins = ModelConfig().depth_bins
    assert sum(kernel.shape[-1] for kernel in kernels) == points * (1 + bins)


def pose3d(model, predicted, labelled, valid, intrinsics):
    return float(model.pose_3d_loss(predicted, labelled, valid, intrinsics))


def pose2d(model, predicted, x, y):
    loss = float(model.pose_2d_loss(predicted, y, x["intrinsics"][4:]))
    assert loss > 0
    return loss


def consistency(model, joints):
    w1, w2 = (w.astype(np.float64) for w in make_weights())
    joints = ops.convert_to_numpy(joints).astype(np.float64)
    return np.abs(joints - np.einsum("bjc,jl,lk->bkc", joints, w1, w2)).mean() / 1000


def gradients_of(model, loss_terms, x, y):
    tf = tensorflow_or_skip()
    with tf.GradientTape() as tape:
        outputs = model(x, training=True)
        # An untrained network's poses may lie behind the camera, where the 2D loss is off.
        outputs = {k: v + np.float32([0, 0, 4000]) for k, v in outputs.items()}
        terms = model.loss_terms(x, y, outputs) if loss_terms is None else loss_terms(model, x, y, outputs)
        total = sum(weight * value for weight, value in terms.values())
    return tape.gradient(total, [v.value for v in model.trainable_variables])


def tensorflow_or_skip():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("takes gradients by tf.GradientTape")
    import tensorflow

    return tensorflow


def make_model(variant, acae="made", seed=1, precision="float32", **loss):
    config = TrainConfig(
        model=ModelConfig("tiny", crop_side=SIDE, ghost_group_size=2),
        data=DataConfig(shares=(("a", 4), ("b", 2))),
        loss=LossConfig(**loss),
        precision=precision,
        variant=variant,
        seed=seed,
    )
    acae = AcaeWeights(*make_weights(), JOINTS) if acae == "made" else acae
    model = build_model(config, SimpleNamespace(joints=JOINTS), acae)
    for head in model.heads:  # heat maps with peaks, so that poses spread out
        head.logits.kernel.assign(head.logits.kernel * 20)
    return model


def make_weights():
    rng = np.random.default_rng(5)
    w1, w2 = rng.uniform(-0.1, 1, (len(JOINTS), LATENTS)), rng.uniform(-0.1, 1, (LATENTS, len(JOINTS)))
    return (w1 / w1.sum(0)).astype(np.float32), (w2 / w2.sum(0)).astype(np.float32)
