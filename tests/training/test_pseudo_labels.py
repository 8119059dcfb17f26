"""Which predictions become pseudo-labels: near, broken and disagreeing poses do not."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from posepile import skeletons
from training.pseudo_labels import Predictions, _predict, joined, label_agreement, labelled_columns


def test_agreement_is_blind_to_rotation_translation_and_scale():
    labelled = np.random.default_rng(0).normal(size=(9, 3)) * 300
    turned = 0.7 * labelled @ Rotation.from_rotvec([1, 2, -0.5]).as_matrix() + [500, -100, 4000]
    assert label_agreement(turned, labelled) == pytest.approx(1)
    mirrored = turned * [-1, 1, 1]
    assert label_agreement(mirrored, labelled) < 0.7


def test_agreement_is_the_area_under_the_curve():
    # Errors that no rotation, translation or scale mends: a symmetric cross, its ends moved along the normal.
    labelled = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)]) * 1e6
    predicted = labelled + np.array([(0, 0, 1), (0, 0, 1), (0, 0, -1), (0, 0, -1)]) * 60
    thresholds = np.linspace(0, 150, 100_001)
    expected = (60 < thresholds).mean()
    assert label_agreement(predicted, labelled) == pytest.approx(expected, abs=1e-4)


def test_agreement_needs_four_labels():
    labelled = np.full((9, 3), np.nan)
    labelled[:3] = np.random.default_rng(0).normal(size=(3, 3)) * 300
    assert np.isnan(label_agreement(np.ones((9, 3)), labelled))
    labelled[3] = 100
    assert label_agreement(np.ones((9, 3)), labelled) >= 0
    assert label_agreement(np.full((9, 3), np.nan), labelled) == 0


def test_filter_by_agreement_keeps_what_cannot_be_compared():
    found = predictions("abcd", agreement=[0.9, 0.4, np.nan, 0.5])
    assert found.filtered().keys.tolist() == list("abcd")
    kept = found.filtered(least_agreement=0.5)
    assert kept.keys.tolist() == list("acd") and kept.n_rejected == 1
    assert len(kept.agreement) == 3


def test_broken_near_and_joined_poses():
    found = predictions("abc", agreement=[0.9, 0.9, 0.9])
    found.poses[0, 0, 2], found.poses[1, 0, 0] = 300, np.inf
    both = joined([found.filtered(), predictions("de")])
    assert both.keys.tolist() == list("cde") and both.n_rejected == 2
    np.testing.assert_array_equal(np.isnan(both.agreement), [False, True, True])


@pytest.mark.parametrize("flip", [True, False])
def test_a_pose_is_averaged_with_that_of_the_mirror_image(flip):
    """A left joint follows what is red, a right one what is blue: mirrored, they change places."""
    images = np.zeros((1, 8, 8, 3), np.uint8)
    images[0, 2, 1, 0], images[0, 5, 3, 2] = 255, 255  # red in column 1, blue in column 3; the middle is 3.5
    found = _predict(ColourModel(), images, np.eye(3)[None], np.array([1, 0]), flip)
    left, right = [(-150, 35, 3000)] * 2 if flip else [(-250, 20, 3000), (-50, 50, 3000)]
    np.testing.assert_allclose(found, [[left, right]], rtol=1e-5)


class ColourModel:
    def predict_on_batch(self, inputs):
        image = inputs["image"]
        total = np.maximum(image.sum(axis=(1, 2)), 1e-9)[:, [0, 2]]  # [B, 2]
        x = (image.sum(axis=1)[..., [0, 2]] * (np.arange(8) - 3.5)[None, :, None]).sum(axis=1) / total
        y = np.broadcast_to([0.2, 0.5], x.shape)
        return {"joints": np.stack([100 * x, 100 * y, np.full_like(x, 3000)], axis=-1)}


def test_labels_are_found_by_name():
    skeleton = skeletons.union(["h36m", "coco"])
    names = ("lkne_coco", "somewhere_else", "pelv_h36m")
    store = SimpleNamespace(role="3d", info=SimpleNamespace(union_joints=names))
    labelled, columns = labelled_columns(store, skeleton)
    assert labelled == [0, 2]
    assert [skeleton.joints[i] for i in columns] == ["lkne_coco", "pelv_h36m"]


def predictions(keys, agreement=None):
    poses = np.full((len(keys), 2, 3), 1000.0, np.float32)
    agreement = None if agreement is None else np.float32(agreement)
    return Predictions(np.array(list(keys)), poses, poses, ("x", "y"), agreement=agreement)
