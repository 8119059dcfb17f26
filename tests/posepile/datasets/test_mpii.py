"""MPII: labels that MPII published, and what is read without a detector."""

import json

import numpy as np
import pytest
import scipy.io
from fakes import mpii as fake_mpii
from fakes.scene import write_image

from posepile.boxes import of_points
from posepile.datasets import RawDataError
from posepile.datasets.mpii import Mpii


@pytest.fixture
def published(samples, tmp_path):
    """Five real people's joints [16, 2] by image; ROOT holds the same as MPII's own kind of file."""
    people = {
        person["image"]: np.where(np.array(person["joints_vis"])[:, None] > 0, person["joints"], np.nan)
        for person in json.loads((samples / "mpii_annotations_5/test_mpii.json").read_text())
    }
    images = [fake_mpii._image(name, [joints]) for name, joints in people.items()]
    release = {"annolist": fake_mpii._cells(images), "img_train": np.ones((1, len(people)))}
    scipy.io.savemat(tmp_path / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": release})
    write_image(tmp_path / f"images/{next(iter(people))}", (16, 16), 0)
    return tmp_path, people


def test_real_people_have_their_limbs_together(published):
    root, people = published
    dataset = Mpii()
    frames = [f for s in dataset.sequences(root) for f in dataset.read(s)]
    assert len(frames) == 5
    edges = np.array(dataset.skeleton.edges)
    for frame in frames:
        np.testing.assert_array_equal(frame.joints2d, people[frame.image.path.name])
        bones = np.linalg.norm(frame.joints2d[edges[:, 0]] - frame.joints2d[edges[:, 1]], axis=1)
        assert np.nanmax(bones) < 0.45 * of_points(frame.joints2d)[2:].max()  # no edge joins distant joints
        at = dict(zip(dataset.skeleton.joints, frame.joints2d, strict=True))
        # They stand, ride or sit: head over neck over thorax over pelvis
        assert at["head"][1] < at["neck"][1] < at["thor"][1] < at["pelv"][1]
        for pair, middle in (("hip", "pelv"), ("sho", "thor")):
            ends = np.stack([at[f"l{pair}"], at[f"r{pair}"]])
            off = np.linalg.norm(ends.mean(axis=0) - at[middle])
            assert off < 0.15 * of_points(frame.joints2d)[2:].max()


def test_without_a_detector_the_box_is_around_the_joints(tmp_path):
    fake_mpii.write(tmp_path)
    frames = {f.key: f for s in Mpii().sequences(tmp_path) for f in Mpii().read(s)}
    assert sorted(frames) == ["00/a_01", "02/d_00", "02/d_01", "02/d_02", "03/e_00"]
    np.testing.assert_allclose(frames["00/a_01"].box, [100 - 12.5, 50 - 24.375, 125, 243.75])


def test_faults_name_file_and_field(tmp_path):
    fake_mpii.write(tmp_path)
    file = tmp_path / "mpii_human_pose_v1_u12_1.mat"
    person = fake_mpii._person(np.ones((16, 2)))
    person["annopoints"]["point"][0, 3]["id"] = 16
    release = {"annolist": fake_mpii._cells([fake_mpii._image("a.jpg", [])]), "img_train": np.ones((1, 2))}
    scipy.io.savemat(file, {"RELEASE": release})
    with pytest.raises(RawDataError, match=f"{file}: 'img_train' has 2 entries, expected 1"):
        list(Mpii().read(Mpii().sequences(tmp_path)[0]))
    image = fake_mpii._image("a.jpg", []) | {"annorect": fake_mpii._cells([person])}
    release = {"annolist": fake_mpii._cells([image]), "img_train": np.ones((1, 1))}
    scipy.io.savemat(file, {"RELEASE": release})
    with pytest.raises(RawDataError, match=f"{file}: 'point.id' has .*16.*, expected 0 to 15"):
        list(Mpii().read(Mpii().sequences(tmp_path)[0]))
