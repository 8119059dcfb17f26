"""TotalCapture: the sheet's camera, other names, calibrations of other kinds."""

import numpy as np
import pytest
from fakes import totalcapture as fake_totalcapture

from posepile.datasets import RawDataError, totalcapture
from posepile.datasets.totalcapture import TotalCapture

CALIBRATION = "1 1\n0 1079 0 1919\n1000 1000 960 540\n-0.1\n1 0 0\n0 -1 0\n0 0 -1\n0 1.0 4.0\n"


def test_the_camera_is_placed_by_hand_computed_numbers(tmp_path):
    path = tmp_path / "calibration.cal"
    path.write_text(CALIBRATION)
    camera = totalcapture._camera(path, 1)
    np.testing.assert_allclose(camera.position, [0, 1000, 4000], atol=1e-6)
    np.testing.assert_allclose(camera.world_to_image([508, 1524, 0]), [1086.577, 409.436], atol=1e-3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1 1\n", "1 2\n", "order 2"),
        ("0 -1 0", "0 1 0", "no rotation"),
        ("-0.1\n", "", "22 numbers of 1 cameras"),
    ],
)
def test_other_calibrations_are_one_error(tmp_path, old, new, message):
    path = tmp_path / "calibration.cal"
    path.write_text(CALIBRATION.replace(old, new, 1))
    with pytest.raises(RawDataError, match=f"calibration.cal: .*{message}"):
        totalcapture._camera(path, 1)


def test_joints_are_found_by_their_names(tmp_path):
    root = fake_totalcapture.write(tmp_path).root
    path = root / "vicon/S1/acting1/gt_skel_gbl_pos.txt"
    before = totalcapture._poses(path)
    lines = [line.rstrip("\t").split("\t")[::-1] for line in path.read_text().splitlines()]
    path.write_text("\n".join("\t".join(line) for line in lines))
    np.testing.assert_array_equal(totalcapture._poses(path), before)
    path.write_text(path.read_text().replace("Spine3", "Chest"))
    (sequence, *_) = TotalCapture().sequences(root)
    with pytest.raises(RawDataError, match="gt_skel_gbl_pos.txt: no joint 'Spine3'"):
        list(TotalCapture().read(sequence))
