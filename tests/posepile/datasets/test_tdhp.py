"""MPI-INF-3DHP: exchanged sides, labels that outlast the video, its two test cameras, and what is refused."""

import shutil

import h5py
import numpy as np
import pytest
from fakes import person
from fakes import tdhp as fake_tdhp

from posepile.datasets import RawDataError, _tdhp
from posepile.datasets.tdhp import TDHP
from posepile.prepare.crop import StandardCrop

MOVED_AT = 4000


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    return fake_tdhp.write(tmp_path_factory.mktemp("tdhp"))


@pytest.fixture
def copy(fake, tmp_path):
    return shutil.copytree(fake.root, tmp_path / "copy")


def read(dataset, root, name):
    (sequence,) = (s for s in dataset.sequences(root) if s.name == name)
    return list(dataset.read(sequence))


@pytest.fixture(scope="module", params=["exchanged", "mended by the owner"])
def swapped(request, tmp_path_factory):
    """S4/Seq2, in which one joint moves once, and sides may be exchanged from one known frame to another."""
    root = tmp_path_factory.mktemp("swapped")
    is_exchanged = request.param == "exchanged"
    true = np.repeat(person(28, (0, 1000, 0), up=1)[np.newaxis], 5900, axis=0)
    true[MOVED_AT:, 11, 0] += 101
    labelled = true.copy()
    if is_exchanged:
        sides = [*range(8), *range(13, 18), *range(8, 13), *range(23, 28), *range(18, 23)]
        labelled[3759:5853] = true[3759:5853, sides]
    cameras = fake_tdhp.make_cameras()[:1]
    folder = root / "S4/Seq2"
    fake_tdhp.write_calibration(folder / "camera.calibration", cameras)
    fake_tdhp.write_labels(folder / "annot.mat", cameras, labelled)
    (folder / "imageSequence").mkdir()
    for i in (0, 3759, MOVED_AT, 5853):
        (folder / f"imageSequence/img_0_{i:06d}.jpg").touch()
    return root, true[:, fake_tdhp.SLOTS], is_exchanged


def test_sides_are_put_back(swapped):
    root, true, _ = swapped
    frames = read(TDHP(), root, "S4/Seq2/0")
    assert [f.tags["frame"] for f in frames] == ["0", "4000"]
    for frame in frames:
        np.testing.assert_allclose(frame.joints3d, true[int(frame.tags["frame"])], atol=1e-3)


def test_sides_stay_on_request(swapped):
    root, _, is_exchanged = swapped
    frames = read(TDHP(mend_swap=False), root, "S4/Seq2/0")
    expected = ["0", "3759", "4000", "5853"] if is_exchanged else ["0", "4000"]
    assert [f.tags["frame"] for f in frames] == expected


def test_labels_end_with_the_video(fake, monkeypatch):
    monkeypatch.setitem(_tdhp.N_FRAMES, "S1/Seq1", 3)
    assert [f.tags["frame"] for f in read(TDHP(), fake.root, "S1/Seq1/1")] == ["0", "2"]


def test_universal_people_have_the_boxes_of_the_real_ones(fake):
    real, universal = read(TDHP(), fake.root, "TS5"), read(TDHP(universal=True), fake.root, "TS5")
    for a, b in zip(real, universal, strict=True):
        in_camera = [f.camera.world_to_camera(f.joints3d) for f in (a, b)]
        np.testing.assert_allclose(in_camera[1], 0.9 * in_camera[0], atol=1e-6)
        np.testing.assert_array_equal(a.box, b.box)


def test_the_test_set_alone_can_be_read(copy):
    for subject in copy.glob("S*"):
        shutil.rmtree(subject)
    assert [s.name for s in TDHP().sequences(copy)] == ["TS1", "TS5"]


def test_outdoor_images_keep_their_colours(fake):
    dataset = TDHP()
    assert dataset.crop_of(read(dataset, fake.root, "TS5")[0]) == StandardCrop()
    for name in ("TS1", "S1/Seq1/0"):
        crop = dataset.crop_of(read(dataset, fake.root, name)[0])
        assert crop.white_balance == (110, 145) and crop.encoding_exponent == pytest.approx(0.67 / 2.2)


def test_frames_numbered_from_one_are_refused(copy):
    for folder in ("S1/Seq1", "TS1", "TS5"):
        shutil.rmtree(copy / folder)
    first = copy / "S1/Seq2/imageSequence/img_12_000000.jpg"
    first.rename(first.with_name("img_12_000002.jpg"))
    with pytest.raises(RawDataError, match="numbered from 0"):
        TDHP().sequences(copy)


def test_another_recordings_calibration_is_noticed(copy):
    cameras = fake_tdhp.make_cameras()
    fake_tdhp.write_calibration(copy / "S1/Seq1/camera.calibration", cameras[::-1])
    # 3D labels are in the camera's frame: only the intrinsics could disagree, and they hardly do
    small = [camera.zoomed(0.5) for camera in cameras]
    fake_tdhp.write_calibration(copy / "S1/Seq2/camera.calibration", small)
    with pytest.raises(RawDataError, match=r"S1/Seq2/annot.mat: 'annot3' projects .* px"):
        read(TDHP(), copy, "S1/Seq2/12")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("activity_annotation", 8.0, "other values than 1 to 7"),
        ("annot3", np.nan, "NaN in valid frames"),
        ("annot2", 0.0, "px .median. off 'annot2' with the camera of TS1"),
    ],
)
def test_a_wrong_test_set_is_one_error(copy, field, value, message):
    with h5py.File(copy / "TS1/annot_data.mat", "r+") as file:
        file[field][...] = value
    with pytest.raises(RawDataError, match=f"TS1/annot_data.mat: .*{message}"):
        read(TDHP(), copy, "TS1")
