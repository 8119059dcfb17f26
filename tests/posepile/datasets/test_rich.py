"""RICH: what the shared test of readers does not show."""

import numpy as np
import pytest

from posepile import skeletons
from posepile.datasets import RawDataError, _smpl, rich

NAMES = {
    **dict(enumerate(
        "pelv lhip rhip bell lkne rkne spin lank rank thor ltoe rtoe neck lcla rcla head lsho rsho lelb relb lwri rwri "
        "jaw leyehf reyehf".split()
    )),
    28: "lmiddle1", 43: "rmiddle1", 55: "nose", 56: "reye", 57: "leye", 58: "rear", 59: "lear", 60: "lto2", 61: "lto3",
    62: "lhee", 63: "rto2", 64: "rto3", 65: "rhee", 66: "lthu", 68: "lmiddle", 71: "rthu", 73: "rmiddle",
}  # fmt: skip


def test_order_of_the_joints():
    assert tuple(NAMES[i] for i in _smpl.SMPLX) == skeletons.load_data_set("rich").joints


def test_up_is_that_of_the_image(tmp_path):
    """A camera that is rolled by a quarter keeps its images' roll in the crops."""
    write_calibration(tmp_path / "c.xml")
    camera = rich._camera(tmp_path / "c.xml")
    np.testing.assert_array_equal(camera.world_up, [-1, 0, 0])
    np.testing.assert_allclose(camera.position, [-2000, 1000, -3000])
    np.testing.assert_allclose(camera.turned_to((500, 400)).rotation, camera.rotation, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("1 1 0 0 2", "1 2 0 0 2"), "no rotation"),
        (("Distortion", "Distortions"), "damaged"),
        (("0 0 1</data>", "0 0</data>"), r"'Intrinsics' has shape \[8\]"),
    ],
)
def test_a_faulty_calibration_is_named(tmp_path, change, message):
    write_calibration(tmp_path / "c.xml")
    file = tmp_path / "c.xml"
    file.write_text(file.read_text().replace(*change))
    with pytest.raises(RawDataError, match=f"{file}.*{message}"):
        rich._camera(file)


@pytest.mark.parametrize(("subject", "gender"), [("003", "male"), ("018", "female"), ("010", "female")])
def test_genders(tmp_path, subject, gender):
    assert rich._gender(tmp_path, subject) == gender
    with pytest.raises(RawDataError, match="subject '099'"):
        rich._gender(tmp_path, "099")


def write_calibration(file):
    """World to camera: x = -Y - 1, y = X + 2, z = Z + 3, in m."""
    file.write_text(
        "<s><CameraMatrix><data>0 -1 0 1 1 0 0 2 0 0 1 3</data></CameraMatrix>"
        "<Intrinsics><data>900 0 500 0 900 400 0 0 1</data></Intrinsics>"
        "<Distortion><data>0 0 0 0 0</data></Distortion></s>"
    )
