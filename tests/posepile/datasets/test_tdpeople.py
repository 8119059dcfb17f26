"""3DPeople: fitted cameras, and the two ways in which the joints are named."""

import numpy as np
import pytest
from fakes import tdpeople as fake

from posepile.datasets import RawDataError
from posepile.datasets.tdpeople import LISTED_ROWS, ROWS, TDPeople


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return fake.write(tmp_path_factory.mktemp("tdpeople")).root


def first(reader, root):
    sequence = next(s for s in reader.sequences(root) if s.name == "woman01")
    return next(reader.read(sequence))


def test_the_fitted_camera_is_the_true_one(root):
    camera = first(TDPeople(), root).camera
    np.testing.assert_allclose(camera.rotation, fake._camera(1).rotation, atol=1e-5)
    np.testing.assert_allclose(camera.position, fake._camera(1).position, atol=0.1)
    assert camera.world_up.tolist() == [0, 0, 1]


def test_wrong_sides_are_told(root):
    with pytest.raises(RawDataError, match="0001.txt: the left hip"):
        first(TDPeople(names_as_listed=True), root)


def test_the_two_namings_have_the_same_joints():
    names, listed = ([pair.split(":")[0] for pair in rows.split()] for rows in (ROWS, LISTED_ROWS))
    assert sorted(names) == sorted(listed) == sorted(TDPeople().skeleton.joints)
    assert TDPeople()._rows() == fake.RAW


def test_pixels_of_another_lens_are_told(tmp_path):
    root = fake.write(tmp_path).root
    file = root / "skeleton/woman01/02_04_jump/camera01/0001.txt"
    table = np.loadtxt(file)
    table[:, :2] = np.random.default_rng(0).uniform(0, 400, (67, 2))
    np.savetxt(file, table)
    with pytest.raises(RawDataError, match=f"{file}: .*expected at most 5"):
        first(TDPeople(), root)
