"""Fit3D, CHI3D and HumanSC3D: the owners' lens, poses and frames that do not go together, whose poses they are."""

import json

import numpy as np
import pytest
from fakes import _imar as fake_imar
from fakes import chi3d as fake_chi3d
from fakes import fit3d as fake_fit3d

from posepile.datasets import RawDataError
from posepile.datasets.fit3d import Fit3D

POSES = "train/s03/joints3d_25/band_pull_apart.json"


def read(fake):
    return [frame for sequence in fake.dataset.sequences(fake.root) for frame in fake.dataset.read(sequence)]


def test_the_lens_is_the_owners_in_the_corners_too(tmp_path):
    for frame in read(fake_fit3d.write(tmp_path)):
        points = np.random.default_rng(0).uniform((-1200, -1200, 0), (1200, 1200, 2000), (20, 3))
        expected = fake_imar.project(frame.tags["camera"], points)
        np.testing.assert_allclose(frame.camera.world_to_image(points), expected, atol=1e-6)


def test_without_a_detector_the_box_is_around_the_joints(tmp_path):
    frame, *_ = read(fake_fit3d.write(tmp_path))
    pixels = fake_imar.project(frame.tags["camera"], frame.joints3d)
    np.testing.assert_allclose(frame.box[:2] + frame.box[2:] / 2, (pixels.min(0) + pixels.max(0)) / 2)
    np.testing.assert_allclose(frame.box[2:], 1.2 * np.ptp(pixels, axis=0))


def test_the_official_name_of_the_info_file_will_do(tmp_path):
    fake = fake_fit3d.write(tmp_path)
    (tmp_path / "fit3d_info.json").rename(tmp_path / "info.json")
    assert len(fake.dataset.sequences(tmp_path)) == 4


@pytest.mark.parametrize("n_poses, message", [(18, "18 poses for 9 frames"), (3, "3 poses for 9 frames")])
def test_counts_that_fit_neither_release_are_refused(tmp_path, n_poses, message):
    fake = fake_fit3d.write(tmp_path)
    (tmp_path / POSES).write_text(json.dumps({"joints3d_25": np.zeros((n_poses, 25, 3)).tolist()}))
    with pytest.raises(RawDataError, match=f"{POSES}.*{message}"):
        read(fake)


def test_millimetres_are_refused(tmp_path):
    fake = fake_fit3d.write(tmp_path)
    (tmp_path / POSES).write_text(json.dumps({"joints3d_25": fake_imar.known_poses(1).tolist()}))
    with pytest.raises(RawDataError, match=f"{POSES}.*expected at most"):
        read(fake)


def test_only_chi3d_has_poses_of_two_people(tmp_path):
    fake = fake_chi3d.write(tmp_path)
    assert {frame.tags["activity"] for frame in read(fake)} == {"Grab 4", "Hug 12"}
    (tmp_path / "chi3d_info.json").rename(tmp_path / "fit3d_info.json")
    with pytest.raises(RawDataError, match="Grab 4.json: 'joints3d_25' has shape"):
        list(Fit3D().read(Fit3D().sequences(tmp_path)[0]))
