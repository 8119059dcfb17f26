"""A BVH file, read back by the reader of motion capture, has the joints where they were."""

import numpy as np
import pytest

from posepile import skeletons
from posepile.synthetic import motion as mocap
from posepile.synthetic.mocap.bvh import read_bvh
from posepile.synthetic.mocap.recording import to_global, to_positions
from serving.rows import row_type
from serving.video.bone_tree import link
from serving.video.bvh import Y_UP, write_bvh
from serving.video.motion import motions


@pytest.fixture(scope="module")
def dance():
    """Names, edges and joints [T, 31, 3] mm, camera axes, of a recorded motion: bones keep their length."""
    rig = mocap.rig()
    [clip] = [clip for clip in mocap.clips() if (clip.name, clip.split) == ("dance_a", "train")]
    joints = to_positions(rig.parents, rig.heads, to_global(rig.parents, clip.rotations), clip.root)
    edges = [(joint, parent) for joint, parent in enumerate(rig.parents) if parent >= 0]
    names = ("pelv", *rig.bones[1:])  # so that the root does not depend on distances
    return names, edges, joints[..., [0, 2, 1]] * [1, -1, 1] + [0, 500, 4000]  # z up to y down


def test_bones_of_constant_length_come_back_exactly(tmp_path, dance):
    names, edges, poses = dance
    read = round_trip(tmp_path, names, edges, poses)
    np.testing.assert_allclose(read, poses, rtol=0, atol=0.01)  # mm; rows are float32, angles have 6 digits


def test_joints_are_off_by_no_more_than_the_bones_before_them(tmp_path, dance, rng):
    names, edges, poses = dance
    poses = poses + rng.normal(0, 10, poses.shape)
    read = round_trip(tmp_path, names, edges, poses)
    tree = link(names, edges, poses[:5])
    excess = np.zeros(poses.shape[:2])  # of the lengths of all bones from the root to a joint
    for joint in tree.order[1:]:
        parent = tree.parents[joint]
        length = np.linalg.norm(poses[:, joint] - poses[:, parent], axis=-1)
        excess[:, joint] = excess[:, parent] + np.abs(length - np.median(length))
    assert (np.linalg.norm(read - poses, axis=-1) <= excess + 0.1).all()
    assert np.linalg.norm(read - poses, axis=-1).mean() < 25


def test_directions_are_kept_whatever_the_lengths(tmp_path, rng):
    names, edges = ["pelv", "a", "b", "c", "d"], [(0, 1), (1, 2), (0, 3), (3, 4)]
    poses = rng.normal(0, 500, (20, 5, 3)) + [0, 0, 4000]
    read = round_trip(tmp_path, names, edges, poses)
    for a, b in edges:
        np.testing.assert_allclose(unit(read[:, b] - read[:, a]), unit(poses[:, b] - poses[:, a]), atol=1e-4)
    np.testing.assert_allclose(read[:, 0], poses[:, 0], atol=0.01)


def test_a_gap_is_interpolated_and_half_a_turn_is_a_rotation(tmp_path):
    poses = np.array([[(0, 0, 4000), (0, 100, 4000)], [(20, 0, 4000), (20, -100, 4000)]], float)
    path = tmp_path / "a.bvh"
    write_bvh(path, ["pelv", "a"], [(0, 1)], motion_of(poses, frames=[4, 6]), 25.0)
    recording = read_bvh(path)
    assert recording.fps == pytest.approx(25) and len(recording.positions) == 3
    np.testing.assert_allclose(recording.positions[:, 0] * Y_UP, [(0, 0, 4000), (10, 0, 4000), (20, 0, 4000)])
    np.testing.assert_allclose(recording.positions[2, 1] * Y_UP, poses[1, 1], atol=1e-3)


@pytest.mark.parametrize("name", ["coco", "bmlmovi", "smplx", "3doh", "ikea"])
def test_skeletons_with_cycles_and_loose_parts_become_trees(name, rng):
    skeleton = skeletons.load(name)
    tree = link(skeleton.joints, skeleton.edges, rng.normal(0, 500, (3, len(skeleton), 3)))
    assert sorted(tree.order) == [*range(len(skeleton))] and (tree.parents < 0).sum() == 1
    seen = set()
    for joint in tree.order:  # parents come first
        assert tree.parents[joint] < 0 or tree.parents[joint] in seen
        seen.add(joint)
    own = {frozenset(edge) for edge in skeleton.edges}
    used = {frozenset((i, p)) for i, p in enumerate(tree.parents.tolist()) if p >= 0}
    assert len(own - used) == {"coco": 1, "ikea": 1}.get(name, 0)  # one edge of each cycle is cut
    if "pelv" in skeleton.joints:
        assert skeleton.joints[tree.order[0]] == "pelv"


def round_trip(folder, names, edges, poses):
    """The joints [T, J, 3] of the file, camera axes."""
    write_bvh(folder / "a.bvh", names, edges, motion_of(poses), 30.0)
    recording = read_bvh(folder / "a.bvh")
    return recording.positions[:, [recording.joints.index(name) for name in names]] * Y_UP


def motion_of(poses, frames=None):
    rows = np.zeros(len(poses), row_type(poses.shape[1]))
    rows["frame"], rows["id"] = np.arange(len(poses)) if frames is None else frames, 1
    rows["joints3d"] = poses
    return motions(rows)[0, 1]


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
