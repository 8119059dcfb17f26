"""Outliers promise: planted defects are found and named, good examples are not, the order is by score."""

import re
from dataclasses import replace

import numpy as np
import pytest

from posepile import masks
from posepile.inspection import find_outliers

N = 40


def far_away(e):
    return {"camera": replace(e.camera, position=e.camera.position + [0, 30_000, 0])}


def one_long_bone(e):
    joints = e.joints3d.copy()
    joints[13] += [900, 0, 0]  # the left wrist
    return {"joints3d": joints}


def body_too_large(e):
    middle = e.joints3d.mean(axis=0)
    return {"joints3d": (e.joints3d - middle) * 2.5 + middle}


def box_elsewhere(e):
    return {"box": [80, 2, 14, 30]}


def tiny_box(e):
    return {"box": [40, 40, 9, 9]}


def tiny_mask(e):
    bits = np.zeros((96, 96), bool)
    bits[40:43, 45:47] = True
    return {"mask": masks.encode(bits)}


def mask_beside(e):
    bits = np.zeros((96, 96), bool)
    bits[:, 75:] = True
    return {"mask": masks.encode(bits)}


def few_labels(e):
    joints = e.joints3d.copy()
    joints[3:] = np.nan
    return {"joints3d": joints}


def outside_the_image(e):
    return {"joints3d": e.joints3d + np.float32([2500, 0, 0])}


def behind_the_camera(e):
    joints = e.joints3d.copy()
    joints[[3, 6]] += [0, 9000, 0]
    return {"joints3d": joints}


DEFECTS = {
    far_away: r"3\d m from the camera, usually 4",
    one_long_bone: r"bone lelb–lwri is \d+ mm, expected about 2\d\d mm",
    body_too_large: "all bones together are 2.* times their usual length",
    box_elsewhere: r"only \d of 17 joints in the box",
    tiny_box: r"box of 9 px, usually \d\d px",
    tiny_mask: "mask covers under 1 % of the box",
    mask_beside: "of the joints are on the mask",
    few_labels: "3 joints labelled, usually 17",
    outside_the_image: "of the joints are outside the image",
    behind_the_camera: "2 joints behind the camera",
}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda f: f.__name__)
def test_a_planted_defect_is_first_and_named(defect, people, tmp_path):
    made = [people.make(i) for i in range(N)]
    made[7] = replace(made[7], **defect(made[7]))
    store = people.write(tmp_path / "s", made)
    assert len(store) == N
    found = find_outliers(people.labels(store), store.joints, store.edges)
    assert [outlier.index for outlier in found] == [7]
    assert any(re.search(DEFECTS[defect], reason) for reason in found[0].reasons), found[0].reasons


def test_good_people_do_not_stand_out(people, tmp_path):
    store = people.write(tmp_path / "s", [people.make(i) for i in range(N)])
    assert find_outliers(people.labels(store), store.joints, store.edges) == ()


def test_all_defects_at_once_are_in_the_order_of_their_scores(people, tmp_path):
    made = [people.make(i) for i in range(N)]
    for i, defect in enumerate(DEFECTS):
        made[i] = replace(made[i], **defect(made[i]))
    store = people.write(tmp_path / "s", made)
    found = find_outliers(people.labels(store), store.joints, store.edges)
    scores = [outlier.score for outlier in found]
    assert {outlier.index for outlier in found} == set(range(len(DEFECTS)))
    assert scores == sorted(scores, reverse=True) and scores[-1] > 1


def test_small_and_empty_stores(people, tmp_path):
    empty = people.write(tmp_path / "none", [])
    assert find_outliers(people.labels(empty), empty.joints, empty.edges) == ()
    single = people.write(tmp_path / "one", [people.make(0)])
    assert find_outliers(people.labels(single), single.joints, single.edges) == ()
