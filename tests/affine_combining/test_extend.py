"""Joints of an unseen skeleton are found from labels in the image alone, and hold in space."""

import numpy as np
import pytest

from affine_combining import extend_command
from affine_combining.extend import AddedJoints, add_joints
from affine_combining.weights import AcaeWeights, AcaeWeightsError, JointMismatchError

NAMES = ("lhip", "rhip", "lsho", "rsho", "head")
NEW = ("pelvis", "spine", "ltip")
TRUE = np.array([[0.5, 0.5, 0, 0, 0], [0.25, 0.25, 0.25, 0.25, 0], [0.2, 0, 0.8, 0, 0]]).T  # [5, 3]


def test_finds_the_combinations():
    poses = people(200)
    added, n_left_out = add_joints(identity(), poses, image_points(new_joints(poses)), NEW)
    assert n_left_out == 0
    np.testing.assert_allclose(added.coefficients.sum(axis=0), 1, atol=1e-6)
    # The penalty and perspective shift the minimum a little; mm, where the joints move by hundreds.
    error = np.linalg.norm(added(poses) - new_joints(poses), axis=-1)
    assert error.mean() < 10


def test_wrong_labels_and_unlabelled_joints_are_left_out():
    poses = people(200)
    labels = image_points(new_joints(poses))
    clean, _ = add_joints(identity(), poses, labels, NEW)
    labels[:4, 1] += 0.5  # 2 m at the distance of the person
    labels[4:100, 0] = np.nan
    added, n_left_out = add_joints(identity(), poses, labels, NEW)
    assert n_left_out == 4
    np.testing.assert_allclose(added.coefficients, clean.coefficients, atol=0.03)


def test_all_new_columns_go_through_the_encoder():
    rng = np.random.default_rng(1)
    w1, w2 = rng.uniform(0, 1, (5, 3)), rng.uniform(0, 1, (3, 5))
    weights = AcaeWeights(w1 / w1.sum(axis=0), w2 / w2.sum(axis=0), NAMES)
    poses = people(50)
    added, _ = add_joints(weights, poses, image_points(new_joints(poses)), NEW, largest_error=np.inf)
    assert added.matrix.shape == (5, 3) and added.coefficients.shape == (3, 3)
    np.testing.assert_allclose(added.matrix, weights.w1 @ added.coefficients, atol=1e-6)


def test_a_joint_without_labels_is_named():
    poses = people(20)
    labels = image_points(new_joints(poses))
    labels[:, 1] = np.nan
    with pytest.raises(ValueError, match="'spine' has no label"):
        add_joints(identity(), poses, labels, NEW)
    with pytest.raises(ValueError, match="no pose is left: all have an error above 1e-09"):
        add_joints(identity(), poses, image_points(new_joints(poses)), NEW, largest_error=1e-9)
    with pytest.raises(ValueError, match=r"expected \[n, 5, 3\] and \[n, 2, 2\]"):
        add_joints(identity(), poses, labels, NEW[:2])


@pytest.mark.parametrize("kind", ["joints3d", "joints2d"])
def test_command_writes_names_and_matrices(tmp_path, kind, capsys):
    poses = people(60)
    identity().save(tmp_path / "acae.npz")
    np.savez(tmp_path / "poses.npz", poses=poses, joint_names=np.array(NAMES))
    new = new_joints(poses)
    intrinsics = np.tile([[800.0, 0, 320], [0, 800, 240], [0, 0, 1]], (60, 1, 1))
    pixels = image_points(new) * 800 + [320, 240]
    fields = {"joints3d": new} if kind == "joints3d" else {"joints2d": pixels, "intrinsics": intrinsics}
    np.savez(tmp_path / "labels.npz", new_names=np.array(NEW), **fields)
    files = [str(tmp_path / name) for name in ("acae.npz", "poses.npz", "labels.npz")]
    assert extend_command.main([*files, "--out", str(tmp_path / "sub/new.npz")]) == 0
    assert "3 joints from 60 poses" in capsys.readouterr().out
    added = AddedJoints.load(tmp_path / "sub/new.npz")
    assert added.new_names == NEW
    expected, _ = add_joints(identity(), poses, image_points(new), NEW)
    np.testing.assert_allclose(added.matrix, expected.matrix, atol=1e-5)
    added.check_joints(NAMES)
    with pytest.raises(JointMismatchError, match="in surplus head"):
        added.check_joints(NAMES[:4])


def test_bad_files_are_named(tmp_path):
    np.savez(tmp_path / "labels.npz", joints3d=np.ones((2, 3, 3)))
    with pytest.raises(ValueError, match=r"labels\.npz: it has joints3d; expected new_names"):
        extend_command.read_labels(tmp_path / "labels.npz")
    with pytest.raises(AcaeWeightsError, match=r"labels\.npz: not a file of added joints"):
        AddedJoints.load(tmp_path / "labels.npz")


def people(n):
    rng = np.random.default_rng(0)
    rest = np.array([(100, 0, 0), (-100, 0, 0), (200, -500, 0), (-200, -500, 0), (0, -700, 0)])
    return (
        rest + rng.normal(size=(n, 5, 3)) * 60 + rng.normal(size=(n, 1, 3)) * [500, 100, 300] + [0, 0, 4000]
    )


def new_joints(poses):
    return np.einsum("njc,jk->nkc", poses, TRUE)


def image_points(points):
    return points[..., :2] / points[..., 2:]


def identity():
    return AcaeWeights(np.eye(5), np.eye(5), NAMES)
