"""MuCo-3DHP: how many composites are read, where their sources are looked for, and reading without a detector."""

import warnings

import pytest
from fakes import muco as fake_muco

from posepile.datasets import RawDataError
from posepile.datasets.muco import MuCo
from posepile.datasets.raw import RawDataWarning


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    return fake_muco.write(tmp_path_factory.mktemp("data") / "muco")


def keys(dataset, root, detect=None):
    return [frame.key for sequence in dataset.sequences(root) for frame in dataset.read(sequence, detect)]


def test_the_number_of_composites_is_a_choice(fake):
    dataset = MuCo(tdhp_root=fake.root / "3dhp", below=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing of the first is missing
        assert keys(dataset, fake.root, fake.detect) == [f"000001/000001/{i}" for i in (1, 2, 3)]


def test_skipped_composites_are_counted(fake):
    with pytest.warns(RawDataWarning, match="2 of the composites 1 to 5 skipped"):
        keys(fake.dataset, fake.root, fake.detect)


def test_sources_are_beside_the_root_unless_told(fake):
    (fake.root.parent / "3dhp").symlink_to(fake.root / "3dhp")
    assert keys(MuCo(below=2), fake.root, fake.detect) == keys(
        MuCo(tdhp_root=fake.root / "3dhp", below=2), fake.root, fake.detect
    )


def test_without_a_detector_the_hidden_are_left_out(fake):
    # Less than half is to be seen of the fourth, nothing of the first
    assert keys(MuCo(tdhp_root=fake.root / "3dhp", below=2), fake.root) == [
        "000001/000001/1",
        "000001/000001/2",
    ]


def test_an_unknown_camera_is_one_error(fake, tmp_path, monkeypatch):
    (tmp_path / "unaugmented_set_001").mkdir()
    monkeypatch.setattr(fake_muco, "CAMERA", 11)
    fake_muco.write_info(tmp_path / "sampled_dataset_info.mat", [fake_muco.PEOPLE])
    with pytest.raises(RawDataError, match="sampled_dataset_info.mat: .*camera 0 to 10"):
        keys(MuCo(tdhp_root=fake.root / "3dhp"), tmp_path)
