"""MuPoTS-3D: everybody is read without a detector, the universal skeleton, and labels that no camera explains."""

import numpy as np
import pytest
from fakes import mupots as fake_mupots

from posepile.datasets import RawDataError
from posepile.datasets.mupots import MuPoTS


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    return fake_mupots.write(tmp_path_factory.mktemp("mupots"))


def read(dataset, root):
    return [frame for sequence in dataset.sequences(root) for frame in dataset.read(sequence)]


def test_without_a_detector_all_labelled_people_are_there(fake):
    found = {(f.tags["sequence"], f.tags["frame"], f.tags["person"]) for f in read(MuPoTS(), fake.root)}
    everybody = {("TS1", str(i), str(p)) for i in range(3) for p in range(2)} - {("TS1", "1", "0")}
    assert found == everybody | {("TS7", str(i), "0") for i in range(3)}


def test_universal_people_have_the_boxes_of_the_real_ones(fake):
    for a, b in zip(read(MuPoTS(), fake.root), read(MuPoTS(universal=True), fake.root), strict=True):
        np.testing.assert_allclose(b.joints3d, 0.9 * a.joints3d)
        np.testing.assert_array_equal(a.box, b.box)


def test_the_fitted_camera_is_the_true_one(fake):
    for frame in read(MuPoTS(), fake.root):
        true = fake_mupots.make_camera(frame.tags["sequence"])
        np.testing.assert_allclose(frame.camera.intrinsics, true.intrinsics, atol=1e-6)


def test_indoor_images_are_brightened(fake):
    exponents = {f.tags["sequence"]: MuPoTS().crop_of(f).encoding_exponent for f in read(MuPoTS(), fake.root)}
    assert exponents == {"TS1": pytest.approx(0.67 / 2.2), "TS7": pytest.approx(1 / 2.2)}


@pytest.mark.parametrize("is_valid", [True, False])
def test_labels_without_a_camera_are_one_error(tmp_path, is_valid):
    poses = fake_mupots.make_poses(1)
    mirrored = fake_mupots.make_camera("TS1").mirrored()
    fake_mupots.write_labels(tmp_path / "TS3/annot.mat", mirrored, poses, np.full((3, 1), is_valid))
    with pytest.raises(RawDataError, match="TS3/annot.mat"):
        read(MuPoTS(), tmp_path)
