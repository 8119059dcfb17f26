"""AIST++: frames of odd rates, frames without joints, faults of its files."""

import pickle

import numpy as np
import pytest
from fakes import aist as fake_aist

from posepile.datasets import RawDataError
from posepile.datasets.aist import Aist

LABELS = f"annotations/keypoints3d/{fake_aist.DANCE}.pkl"


def frames(root, dataset, place=0):
    return list(dataset.read(dataset.sequences(root)[place]))


@pytest.mark.parametrize("round_up, expected", [(True, [0, 1, 3]), (False, [0, 2, 4])])
def test_frames_of_a_video_of_another_rate(tmp_path, round_up, expected):
    fake_aist.write(tmp_path)
    found = frames(tmp_path, Aist(round_up=round_up), -1)  # 59.94 frames/s
    assert [frame.image.frame for frame in found] == expected


def test_a_missing_joint_keeps_a_frame_and_a_missing_person_does_not(tmp_path):
    fake_aist.write(tmp_path)
    raw = pickle.loads((tmp_path / LABELS).read_bytes())
    raw["keypoints3d_optim"][1, 5] = np.nan  # a shoulder, and so the neck
    raw["keypoints3d_optim"][5] = np.nan
    (tmp_path / LABELS).write_bytes(pickle.dumps(raw))
    found = frames(tmp_path, Aist())
    # Frame 2 differs from the kept frame 1 by a missing joint
    assert [frame.key[-6:] for frame in found] == ["000000", "000001", "000002", "000004"]
    missing = np.isnan(found[1].joints3d).any(axis=1)
    assert [Aist().skeleton.joints[i] for i in np.flatnonzero(missing)] == ["neck", "lsho"]


@pytest.mark.parametrize(
    "name, old, new, message",
    [
        ("splits/pose_train.txt", fake_aist.DANCE, "", f"no pose_.* names {fake_aist.DANCE}"),
        ("splits/pose_val.txt", "", fake_aist.DANCE, "in pose_train.txt too"),
        ("cameras/mapping.txt", fake_aist.DANCE, "x", f"{fake_aist.DANCE}' is missing"),
        ("cameras/mapping.txt", "setting4", "../../setting4", "leads out"),
        ("cameras/setting4.json", '"c01"', '"c02"', "camera 'c02'.*expected 'c01'"),
    ],
)
def test_faults_are_named(tmp_path, name, old, new, message):
    fake_aist.write(tmp_path)
    file = tmp_path / "annotations" / name
    file.write_text(file.read_text().replace(old, new) if old else new)
    with pytest.raises(RawDataError, match=message) as caught:
        frames(tmp_path, Aist())
    assert str(tmp_path) in str(caught.value)
