"""A weights file keeps the matrices, the names and the provenance, and refuses what does not fit."""

import numpy as np
import pytest

from affine_combining.weights import AcaeWeights, AcaeWeightsError, JointMismatchError

NAMES = ("lhip", "rhip", "pelv", "lhip_h36m", "rhip_h36m")


def test_save_and_load(tmp_path):
    path = tmp_path / "acae.weights"  # the given name is kept
    weights = make_weights()
    weights.save(path)
    loaded = AcaeWeights.load(path)
    np.testing.assert_array_equal(loaded.w1, weights.w1)
    np.testing.assert_array_equal(loaded.w2, weights.w2)
    assert loaded.joint_names == NAMES and loaded.latents_sided == 2
    assert loaded.provenance == {"sparsity": 0.6}


def test_encode_then_decode():
    weights, poses = make_weights(), np.random.default_rng(1).normal(size=(4, 5, 3))
    latents = weights.encode(poses)
    assert latents.shape == (4, 3, 3)
    np.testing.assert_allclose(weights.decode(latents)[2], (weights.w1 @ weights.w2).T @ poses[2], atol=1e-6)


def test_latent_mirror_swaps_sides():
    assert make_weights().latent_mirror.tolist() == [1, 0, 2]
    assert AcaeWeights(make_weights().w1, make_weights().w2, NAMES).latent_mirror.tolist() == [0, 1, 2]


def test_check_joints_names_what_differs():
    weights = make_weights()
    weights.check_joints(NAMES)
    with pytest.raises(JointMismatchError, match="lacks head; it has in surplus pelv"):
        weights.check_joints(("lhip", "rhip", "head", "lhip_h36m", "rhip_h36m"))
    with pytest.raises(JointMismatchError, match="another order, first at joint 0: 'lhip', expected 'rhip'"):
        weights.check_joints(("rhip", "lhip", "pelv", "lhip_h36m", "rhip_h36m"))
    with pytest.raises(JointMismatchError, match="repeated: pelv"):
        weights.check_joints((*NAMES, "pelv"))


def test_reordered_moves_rows_and_columns():
    weights = make_weights()
    moved = weights.reordered(NAMES[::-1])
    np.testing.assert_array_equal(moved.w1, weights.w1[::-1])
    np.testing.assert_array_equal(moved.w2, weights.w2[:, ::-1])
    with pytest.raises(JointMismatchError):
        weights.reordered(NAMES[:4])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w2": np.ones((3, 4)) / 3}, r"expected \[J, L\] and \[L, J\]"),
        ({"w1": np.ones((5, 3))}, "w1: a column's sum"),
        ({"w1": np.full((5, 3), np.nan)}, "w1 has values that are not finite"),
        ({"joint_names": NAMES[:4]}, "4 names, expected 5"),
        ({"latents_sided": 3}, "latents_sided is 3, expected an even number"),
    ],
)
def test_bad_weights_are_refused(change, message):
    good = make_weights()
    fields = {name: getattr(good, name) for name in ("w1", "w2", "joint_names", "latents_sided")}
    with pytest.raises(AcaeWeightsError, match=message):
        AcaeWeights(**(fields | change))


def test_bad_files_are_named(tmp_path):
    text = tmp_path / "text.npz"
    text.write_text("no numbers")
    with pytest.raises(AcaeWeightsError, match=r"text\.npz: not an \.npz file"):
        AcaeWeights.load(text)
    np.savez(tmp_path / "half.npz", w1=make_weights().w1)
    with pytest.raises(AcaeWeightsError, match=r"half\.npz: field 'w2' is missing"):
        AcaeWeights.load(tmp_path / "half.npz")
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, w1=make_weights().w1, w2=make_weights().w2, joint_names=np.array(NAMES, dtype=object))
    with pytest.raises(AcaeWeightsError, match=r"pickled\.npz"):
        AcaeWeights.load(pickled)


def make_weights():
    rng = np.random.default_rng(0)
    w1, w2 = rng.uniform(-0.1, 1, (5, 3)), rng.uniform(-0.1, 1, (3, 5))
    return AcaeWeights(w1 / w1.sum(axis=0), w2 / w2.sum(axis=0), NAMES, {"sparsity": 0.6}, latents_sided=2)
