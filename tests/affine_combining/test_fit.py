"""Fitting finds the points that explain the joints, whatever the order of joints, and tells how well."""

import json
from dataclasses import replace

import numpy as np
import pytest

from affine_combining import commands
from affine_combining.config import AcaeConfig, joint_weights
from affine_combining.fit import fit
from affine_combining.quality import quality
from affine_combining.weights import AcaeWeights

# 4 + 4 sided joints and 3 centre ones: two formats of a small body, and copies with 1 mm of noise.
NAMES = ("lsho", "rsho", "lhip", "rhip", "neck", "lsho_b", "rsho_b", "lhip_b", "rhip_b", "pelv_b", "neck_b")
SMALL = AcaeConfig(
    latents_sided=4, latents_center=1, schedule="fast", seeds=2
)  # as many latents as points that move
PUBLISHED = replace(SMALL, schedule="published", epochs=60, batch_size=16)


@pytest.fixture(scope="module", params=[SMALL, PUBLISHED], ids=["fast", "published"])
def result(request):
    return fit(bodies(320), NAMES, request.param)


@pytest.mark.parametrize("schedule", ["fast", "published"])
def test_with_a_latent_for_each_point_the_error_vanishes(schedule):
    poses = bodies(320)[:, :5]
    config = replace(PUBLISHED if schedule == "published" else SMALL, epochs=300, batch_size=32, sparsity=0.0)
    exact = fit(poses, NAMES[:5], config)
    assert exact.reports[0]["error_3d_mm"] < 8  # the joints move by hundreds of mm
    assert exact.reports[0]["pck_1cm"] > 99


def test_copies_of_a_joint_get_almost_equal_decoder_columns(result):
    w2 = result.weights.w2
    for a, b in (("lsho", "lsho_b"), ("rhip", "rhip_b"), ("neck", "neck_b")):
        difference = np.abs(w2[:, NAMES.index(a)] - w2[:, NAMES.index(b)]).sum()
        assert difference < 0.1, (a, b)  # two unrelated columns differ by up to 2
    unlike = np.abs(w2[:, NAMES.index("lsho")] - w2[:, NAMES.index("rhip")]).sum()
    assert unlike > 0.5


def test_the_order_of_joints_does_not_matter(result):
    order = np.random.default_rng(5).permutation(len(NAMES))
    names = tuple(NAMES[i] for i in order)
    config = AcaeConfig(**result.weights.provenance["config"])
    other = fit(bodies(320)[:, order], names, config).weights.reordered(NAMES)
    np.testing.assert_array_equal(other.w1, result.weights.w1)  # sorted by name before training: the same run
    np.testing.assert_array_equal(other.w2, result.weights.w2)


def test_the_result_is_chiral(result):
    weights = result.weights
    mirror = [NAMES.index({"l": "r", "r": "l"}.get(n[0], n[0]) + n[1:]) for n in NAMES]
    latents = weights.latent_mirror
    assert latents.tolist() == [2, 3, 0, 1, 4]
    np.testing.assert_allclose(weights.w1[mirror][:, latents], weights.w1, atol=1e-6)
    np.testing.assert_allclose(weights.w2[latents][:, mirror], weights.w2, atol=1e-6)


def test_left_latents_lean_to_the_left(result):
    left = [i for i, name in enumerate(NAMES) if name[0] == "l"]
    right = [i for i, name in enumerate(NAMES) if name[0] == "r"]
    leaning = result.weights.w1[left].sum(axis=0) - result.weights.w1[right].sum(axis=0)
    assert (leaning[:2] > 0).all() and (leaning[2:4] < 0).all()
    np.testing.assert_allclose(leaning[4:], 0, atol=1e-6)


def test_the_best_seed_is_kept_and_reported(result):
    assert [set(r) for r in result.reports] == [
        {
            "seed",
            "main_loss",
            "magnitude",
            "pck_1cm",
            "pck_2cm",
            "error_3d_mm",
            "negative_mass",
            "n_used_1",
            "n_used_2",
        }
    ] * 2
    assert result.reports[0]["pck_1cm"] >= result.reports[1]["pck_1cm"]
    assert result.weights.provenance["figures"] == result.reports[0]
    assert result.weights.provenance["poses"] == {"train": 288, "held_out": 32, "dropped": 0}
    assert len(result.history) >= 6 and len(result.history[0]["pck_1cm"]) == 2
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    json.dumps(result.weights.provenance, allow_nan=False)


def test_held_out_poses_may_be_given_and_unusable_poses_are_dropped():
    poses, held_out = bodies(40), bodies(20, seed=1)
    poses[3, 2, 0], poses[5, 1, 2], held_out[0] = np.nan, 299.0, np.inf
    result = fit(poses, NAMES, AcaeConfig(4, 2, schedule="fast", seeds=1), held_out)
    assert (result.n_train, result.n_held_out, result.n_dropped) == (38, 19, 3)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"poses has shape \(8, 10, 3\), expected \[n, 11, 3\]"):
        fit(bodies(8)[:, :10], NAMES, SMALL)
    with pytest.raises(ValueError, match="7 poses to train on and 1 held out.*expected at least 16"):
        fit(bodies(8), NAMES, PUBLISHED)
    with pytest.raises(ValueError, match="latents_sided is 3"):
        AcaeConfig(latents_sided=3)


def test_a_few_wild_predictions_change_little():
    poses = bodies(320)
    wild = np.random.default_rng(3).normal(size=(6, len(NAMES), 3)) * 400 + [0, 0, 4000]
    poses[::60] = wild[: len(poses[::60])]
    disturbed = fit(poses, NAMES, SMALL, held_out=bodies(100, seed=4)).reports[0]
    undisturbed = fit(bodies(320), NAMES, SMALL, held_out=bodies(100, seed=4)).reports[0]
    assert disturbed["main_loss"] < undisturbed["main_loss"] + 0.002  # m


def test_two_schedules_find_equally_good_autoencoders():
    held_out = bodies(100, seed=4)
    losses = {}
    for config in (SMALL, PUBLISHED):
        figures = fit(bodies(320), NAMES, config, held_out).reports[0]
        losses[config.schedule] = figures["main_loss"] + config.sparsity * figures["magnitude"]
    assert losses["fast"] < losses["published"] * 1.01


@pytest.mark.parametrize("change", [{"chiral": False}, {"loss": "metric"}, {"head_factor": 4.0}])
def test_other_settings_are_fitted_too(change):
    config = replace(SMALL, seeds=1, **change)
    weights = fit(bodies(320), NAMES, config).weights
    assert weights.provenance["figures"]["pck_2cm"] > 95
    assert weights.latents_sided == (0 if change == {"chiral": False} else 4)


def test_rates_of_the_published_schedule():
    from affine_combining.published import rate_schedule

    rate = rate_schedule(AcaeConfig(phase_ends=(0.5, 1.0)), 300_000)  # 320,000 poses, 30 epochs of 32
    steps = (0, 149_999, 150_000, 299_999, 300_000)
    np.testing.assert_allclose([float(rate(s)) for s in steps], [3e-2, 3e-2, 3e-3, 3e-3, 3e-4], rtol=1e-6)


def test_quality_of_a_perfect_autoencoder():
    eye = np.eye(len(NAMES))
    figures = quality(AcaeWeights(eye, eye, NAMES), bodies(4))
    assert figures == {
        "main_loss": 0, "magnitude": 2 / len(NAMES), "pck_1cm": 100, "pck_2cm": 100, "error_3d_mm": 0,
        "negative_mass": 0, "n_used_1": 1, "n_used_2": 1,
    }  # fmt: skip


def test_head_joints_may_weigh_more():
    weights = joint_weights(("lear_coco", "lforearm", "htop", "pelv"), head_factor=3.0)
    np.testing.assert_allclose(weights, np.array([3, 1, 3, 1]) / 2)
    np.testing.assert_array_equal(joint_weights(("neck", "pelv"), head_factor=1.0), 1.0)


def test_the_printed_sparsity_is_a_multiple_of_the_mean_one():
    # 1.2 / L is the printed form of 0.6 (autoencoder sheet, section 6)
    printed = AcaeConfig(sparsity=1.2 / 48, sparsity_form="printed")
    assert printed.sparsity_of_means == pytest.approx(0.6)


@pytest.mark.parametrize("schedule", ["fast", "published"])
def test_command_writes_weights_and_json(tmp_path, capsys, schedule):
    np.savez(tmp_path / "poses.npz", poses=bodies(60), joint_names=np.array(NAMES))
    out = tmp_path / "sub" / "acae.npz"
    flags = "--latents-sided 4 --latents-center 2 --epochs 2 --batch-size 16 --seeds 2 --json".split()
    flags += ["--schedule", schedule]
    assert commands.main([str(tmp_path / "poses.npz"), "--out", str(out), *flags]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["joints"], summary["latents"], len(summary["seeds"])) == (11, 6, 2)
    AcaeWeights.load(out).check_joints(NAMES)


def test_command_names_the_missing_field(tmp_path):
    np.savez(tmp_path / "poses.npz", poses=bodies(4))
    with pytest.raises(ValueError, match=r"poses\.npz: field 'joint_names' is missing; it has poses"):
        commands.main([str(tmp_path / "poses.npz"), "--out", str(tmp_path / "w.npz")])


def bodies(n, seed=0):
    """[n, 11, 3]: five points that move by themselves, copies of them, and a pelvis between the hips."""
    rng = np.random.default_rng(seed)
    rest = np.array([(200, -500, 0), (-200, -500, 0), (100, 0, 0), (-100, 0, 0), (0, -600, 0)])
    points = (
        rest + rng.normal(size=(n, 5, 3)) * 150 + rng.normal(size=(n, 1, 3)) * [500, 100, 300] + [0, 0, 4000]
    )
    copies = points[:, [0, 1, 2, 3, 4]] + rng.normal(size=(n, 5, 3))
    pelvis = points[:, 2:4].mean(axis=1, keepdims=True)
    return np.concatenate([points, copies[:, :4], pelvis, copies[:, 4:]], axis=1).astype(np.float32)
