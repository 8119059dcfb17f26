"""Motion promises: clips and splits, repeatable samples, poses on the floor, real files, clear errors."""

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posepile.names import UnknownNameError
from posepile.synthetic import motion
from posepile.synthetic.rig import HINGES, mirrored

SEEDS = st.integers(0, 10_000)


def test_fifteen_clips_ship_with_the_package():
    clips = motion.clips()
    assert len({clip.name for clip in clips}) == 15
    assert {"walk", "run", "crawl", "getup_faceup"} <= {clip.name for clip in clips}
    assert motion.DATA.stat().st_size < 2e6
    for clip in clips:
        assert clip.rotations.dtype == clip.root.dtype == np.float32
        assert clip.rotations.shape == (len(clip.root), 31, 3, 3)
        assert 10 <= clip.fps <= 61


def test_clips_hold_rotations_and_stand_on_the_floor():
    body, lowest = motion.rig(), {}
    for clip in motion.clips():
        products = clip.rotations @ clip.rotations.swapaxes(-1, -2)
        np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), products.shape), atol=1e-5)
        np.testing.assert_allclose(np.linalg.det(clip.rotations), 1, atol=1e-5)
        lowest.setdefault(clip.name, []).extend(body.lowest(clip.rotations, clip.root))
    for name, heights in lowest.items():
        # mm; hands and toes dip in where a recording's do, and flips and jumps leave the floor for a while
        assert -60 < min(heights) < 15 and np.quantile(heights, 0.3) < 50, name


def test_the_rig_is_that_of_the_body():
    body = pytest.importorskip("posepile.synthetic.body").load_body()
    rig = motion.rig()
    assert rig.bones == tuple(body.bones) and list(rig.parents) == list(body.parents)
    shaped = body.shape({"age": np.array([2 / 3])})
    np.testing.assert_allclose(rig.heads, shaped.heads[0], atol=1e-3)  # mm; stored as float32
    pose = motion.sample_frames("train", np.random.default_rng(0), 4)
    vertices, heads = body.pose(shaped, pose.rotations, pose.root)
    np.testing.assert_allclose(rig.posed_heads(pose.rotations, pose.root), heads, atol=0.01)
    # mm; contact points ride on one bone each, the skin on several
    np.testing.assert_allclose(rig.lowest(pose.rotations, pose.root), vertices[..., 2].min(axis=1), atol=40)


def test_splits_of_a_clip_are_apart():
    frames = np.arange(300)
    parts = {c.split: c for c in motion.cut_splits("x", 60.0, frames, frames)}
    assert list(parts) == ["train", "val", "test"]
    assert len(parts["test"].root) == 60 and len(parts["val"].root) == 30
    for earlier, later in (("train", "val"), ("val", "test")):
        assert parts[later].root[0] - parts[earlier].root[-1] > motion.GAP_S * 60
    assert parts["train"].root[0] == 0 and parts["test"].root[-1] == 299


@given(count=st.integers(1, 200), fps=st.floats(10, 120))
def test_splits_never_share_a_frame_and_leave_enough_to_train(count, fps):
    frames = np.arange(count)
    parts = motion.cut_splits("x", fps, frames, frames)
    every = np.concatenate([clip.root for clip in parts])
    assert len(every) == len(set(every.tolist())) and all(len(clip.root) for clip in parts)
    if len(parts) > 1:
        assert len(parts[0].root) >= motion.LEAST_TRAIN_SHARE * count


def test_single_poses_go_to_all_splits():
    one = np.zeros(1)
    splits = [motion.cut_splits(f"pose{i}", 24.0, one, one)[0].split for i in range(200)]
    shares = {split: splits.count(split) / 200 for split in ("train", "val", "test")}
    assert 0.6 < shares["train"] < 0.8 and 0.04 < shares["val"] < 0.16 and 0.13 < shares["test"] < 0.28


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_samples_are_repeatable_and_mixed(split):
    first, again = (motion.sample_frames(split, np.random.default_rng(5), 400) for _ in range(2))
    np.testing.assert_array_equal(first.rotations, again.rotations)
    np.testing.assert_array_equal(first.root, again.root)
    assert first.sources == again.sources
    share = np.mean([not source.startswith("random/") for source in first.sources])
    flipped = np.mean([source.endswith("~") for source in first.sources])
    # Three standard deviations of 400 draws.
    assert abs(share - motion.CLIP_SHARE) < 0.075 and abs(flipped - 0.5) < 0.075
    assert np.isfinite(first.rotations).all() and np.isfinite(first.root).all()


def test_samples_of_a_split_without_clips_are_refused():
    train = [clip for clip in motion.clips() if clip.split == "train"]
    with pytest.raises(ValueError, match="no clip of split 'test'"):
        motion.sample_frames("test", np.random.default_rng(0), 3, train)


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_mirroring_twice_is_the_identity_and_swaps_the_sides(seed):
    body = motion.rig()
    pose = motion.sample_frames("train", np.random.default_rng(seed), 3)
    once = mirrored(body, pose.rotations, pose.root)
    twice = mirrored(body, *once)
    np.testing.assert_array_equal(twice[0], pose.rotations)
    np.testing.assert_array_equal(twice[1], pose.root)
    heads, flipped = body.posed_heads(pose.rotations, pose.root), body.posed_heads(*once)
    # mm; the neck of the average body is 0.9 mm off its middle
    np.testing.assert_allclose(flipped[:, body.mirror] * (-1, 1, 1), heads, atol=2)


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_noise_keeps_height_and_hinges(seed):
    body, rng = motion.rig(), np.random.default_rng(seed)
    clip = motion.clips()[seed % len(motion.clips())]
    rotations, root = motion.with_noise(rng, clip.rotations[:3], clip.root[:3])
    np.testing.assert_allclose(
        body.lowest(rotations, root), body.lowest(clip.rotations[:3], clip.root[:3]), atol=0.01
    )
    for upper in HINGES:
        assert body.fold(rotations, upper).min() > -1e-3  # rad, float32
    assert np.abs(rotations - clip.rotations[:3]).max() > 0.01


@pytest.mark.parametrize("kind", motion.KINDS)
def test_random_poses_of_every_kind_lie_on_the_floor(kind):
    body = motion.rig()
    for seed in range(5):
        rotations, root = motion.random_pose(np.random.default_rng(seed), kind)
        assert rotations.shape == (31, 3, 3) and root.shape == (3,)
        assert abs(body.lowest(rotations[None], root[None])[0]) < 0.01  # mm, float32
        assert body.posed_heads(rotations[None], root[None])[0, :, 2].min() > 0
        for upper in HINGES:
            assert -1e-3 < body.fold(rotations[None], upper)[0] < np.radians(151)


@pytest.mark.parametrize(
    ("kind", "lowest", "highest"),
    [
        ("lie_back", 0, 350),
        ("lie_front", 0, 350),
        ("sit_floor", 50, 450),
        ("stand", 850, 1050),
        ("kneel", 200, 700),
    ],
)
def test_pelvis_height_of_kinds(kind, lowest, highest):
    heights = [motion.random_pose(np.random.default_rng(seed), kind)[1][2] for seed in range(20)]
    assert lowest < min(heights) and max(heights) < highest, (min(heights), max(heights))


def test_lying_people_face_up_or_down():
    for kind, sign in (("lie_back", 1), ("lie_front", -1)):
        rotations, _ = motion.random_pose(np.random.default_rng(1), kind)
        assert sign * (rotations[0] @ (0, -1, 0))[2] > 0.9


def test_unknown_kinds_list_the_nearest():
    with pytest.raises(UnknownNameError, match="sit_floor"):
        motion.random_pose(np.random.default_rng(0), "sitfloor")


def test_real_folders_are_read(samples):
    for name, count in (("mocap_bvh_mixed", 1), ("mocap_cmu_asf", 3), ("poses_makehuman_cc0", 10)):
        clips = motion.load_folder(samples / name)
        assert len({clip.name for clip in clips}) == count
        for clip in clips:
            assert clip.fps <= motion.MAX_FPS
            assert clip.rotations.shape[1:] == (31, 3, 3) and np.isfinite(clip.rotations).all()
            assert motion.rig().lowest(clip.rotations, clip.root).min() > -60  # mm


def test_seated_artist_pose_sits(samples):
    (clip,) = (c for c in motion.load_folder(samples / "poses_makehuman_cc0") if c.name == "sit01")
    assert 50 < clip.root[0, 2] < 250  # mm, on the floor


def test_an_unmatched_amc_lists_the_skeletons(samples, tmp_path):
    shutil.copy(samples / "mocap_cmu_asf/02_01.amc", tmp_path / "07_01.amc")
    for name in ("02.asf", "03.asf"):
        shutil.copy(samples / "mocap_cmu_asf" / name, tmp_path / name)
    with pytest.raises(ValueError, match="07_01.amc: its skeleton was not found, expected 07.asf or"):
        motion.load_folder(tmp_path)


def test_folders_without_motion_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no motion found"):
        motion.load_folder(tmp_path)
    with pytest.raises(NotADirectoryError, match="no such folder"):
        motion.load_folder(tmp_path / "missing")
