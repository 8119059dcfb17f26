"""3DPW: labels that are not as its description says."""

import numpy as np
import pytest
from fakes import tdpw as fake_tdpw

from posepile.datasets import RawDataError
from posepile.datasets.tdpw import TDPW


@pytest.fixture
def raw():
    return fake_tdpw.make_raw("demo_00", *fake_tdpw.make_world(2))


def read(root, raw):
    fake_tdpw.write_raw(root / "sequenceFiles/train/demo_00.pkl", raw)
    return [frame for sequence in TDPW().sequences(root) for frame in TDPW().read(sequence)]


def test_images_in_order_and_their_people(tmp_path, raw):
    assert [f.key for f in read(tmp_path, raw)] == [
        f"train/demo_00/{i:05d}/{p}" for i in range(4) for p in range(2)
    ]


def test_stale_cameras_of_unused_images_do_not_matter(tmp_path, raw):
    raw["cam_poses"][2] = np.nan
    for valid in raw["campose_valid"]:
        valid[2] = 0
    assert len(read(tmp_path, raw)) == 6


@pytest.mark.parametrize(
    ("field", "damage", "message"),
    [
        ("jointPositions", lambda value: [1000 * v for v in value], "are they in metres"),
        ("jointPositions", lambda value: [np.where(v > 0.9, np.nan, v) for v in value], "has NaN where"),
        ("jointPositions", lambda value: value[:1], "numbers of people differ"),
        ("cam_poses", lambda value: value * [[1], [-1], [1], [1]], "no rotation"),
        (
            "campose_valid",
            lambda value: [v[:-1] for v in value],
            r"'campose_valid' has shape \[3\], expected \[4\]",
        ),
        ("sequence", lambda value: "demo_01", "'sequence' is 'demo_01', expected 'demo_00'"),
    ],
)
def test_other_labels_are_one_error(tmp_path, raw, field, damage, message):
    raw[field] = damage(raw[field])
    with pytest.raises(RawDataError, match=rf"demo_00.pkl: .*{message}"):
        read(tmp_path, raw)
