"""Joints are sorted into left, right and centre by their names."""

import numpy as np
import pytest

from affine_combining.chirality import sided_order

NAMES = ("rwri_x", "pelv_x", "lwri_x", "head", "lsho", "rsho")


def test_order_and_inverse():
    sides = sided_order(NAMES)
    assert [NAMES[i] for i in sides.order] == ["lsho", "lwri_x", "rsho", "rwri_x", "head", "pelv_x"]
    assert (sides.pairs, sides.centres) == (2, 2)
    assert np.array(NAMES)[sides.order][sides.inverse].tolist() == list(NAMES)


def test_mirror_pairs_partners():
    mirrored = [NAMES[i] for i in sided_order(NAMES).mirror]
    assert mirrored == ["lwri_x", "pelv_x", "rwri_x", "head", "rsho", "lsho"]


def test_a_joint_without_partner_is_named():
    with pytest.raises(ValueError, match="partner.*lank"):
        sided_order(("lsho", "rsho", "lank"))


def test_repeated_names_are_named():
    with pytest.raises(ValueError, match="repeated: head"):
        sided_order(("head", "pelv", "head"))
