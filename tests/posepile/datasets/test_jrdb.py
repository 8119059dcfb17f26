"""JRDB: its cameras, the options for what its sheet leaves open, and labels beyond the last image."""

import cv2
import numpy as np
import pytest
from fakes import jrdb as fake_jrdb

from posepile.datasets import RawDataError
from posepile.datasets.jrdb import Jrdb
from posepile.datasets.raw import RawDataWarning

CALIBRATION = "train_dataset/calibration/cameras.yaml"
POINTS = np.random.default_rng(0).uniform((-1500, -900, 3000), (1500, 900, 9000), (20, 3))


def read(root, dataset):
    """The frames of both cameras, by image number of their folder."""
    return {int(s.name[-1]): list(dataset.read(s, fake_jrdb.detect)) for s in dataset.sequences(root)}


@pytest.mark.parametrize("per_sensor", [2, 1])
@pytest.mark.filterwarnings("ignore::posepile.datasets.raw.RawDataWarning")
def test_cameras_project_as_published(tmp_path, per_sensor):
    fake_jrdb.write(tmp_path)
    for k, frames in read(tmp_path, Jrdb(image_numbers_per_sensor=per_sensor)).items():
        intrinsics, distortion, rotation, translation = fake_jrdb.calibration_of(k // per_sensor)
        rotation_vector, _ = cv2.Rodrigues(rotation)
        expected = cv2.projectPoints(POINTS, rotation_vector, translation, intrinsics, distortion)[0][:, 0]
        np.testing.assert_allclose(frames[0].camera.world_to_image(POINTS), expected, atol=1e-3)
        assert frames[0].camera.world_up.tolist() == [0, -1, 0]


def test_without_offset_labels_belong_to_images_of_their_number(tmp_path, recwarn):
    fake_jrdb.write(tmp_path)
    (first, *_), _ = read(tmp_path, Jrdb(frame_offset=0)).values()
    assert first.image.path.name == "000000.jpg"
    assert not recwarn


def test_labels_without_image_are_counted(tmp_path):
    fake_jrdb.write(tmp_path)
    with pytest.warns(
        RawDataWarning, match=f"{fake_jrdb.PLACE}_image0.json: 1 labelled frames have no image"
    ):
        list(Jrdb().read(Jrdb().sequences(tmp_path)[0]))


@pytest.mark.filterwarnings("ignore::posepile.datasets.raw.RawDataWarning")
def test_without_a_detector_the_box_is_around_the_joints(tmp_path):
    fake_jrdb.write(tmp_path)
    frames = list(Jrdb().read(Jrdb().sequences(tmp_path)[0]))
    np.testing.assert_allclose(frames[0].box, [100 - 6, 100 - 22.5, 92, 345], atol=1e-4)


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("    T: -57.0 3.5 -12.25", "    T: -0.057 0.0035 -0.01225", "expected mm"),
        ("    T: -57.0 3.5 -12.25", "    T: -57.0 3.5", r"'sensor_0.T' has shape \[2\]"),
        ("    R: ", "    R: 9", "no rotation"),
        ("    D: ", "    E: ", "'D' is missing"),
        ("  sensor_0:", "  sensor_0: [", "damaged"),
    ],
)
def test_faults_of_the_calibration_are_named(tmp_path, old, new, message):
    fake_jrdb.write(tmp_path)
    text = (tmp_path / CALIBRATION).read_text()
    assert old in text
    (tmp_path / CALIBRATION).write_text(text.replace(old, new))
    with pytest.raises(RawDataError, match=f"{tmp_path / CALIBRATION}.*{message}"):
        list(Jrdb().read(Jrdb().sequences(tmp_path)[0]))
