"""INRIA Holidays: photos that lie on their side or are mirrored, the detector, and faulty files."""

import numpy as np
import pytest
from fakes import inria_holidays as fake_holidays

from posepile.datasets import RawDataError
from posepile.datasets.inria_holidays import InriaHolidays

STORED = {  # EXIF orientation: an upright image as a camera stores it
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, 1),
    7: lambda image: image.swapaxes(0, 1)[::-1, ::-1],
    8: lambda image: np.rot90(image, -1),
}


def read(root, detect=lambda source: np.empty((0, 5))):
    return dict(i for s in InriaHolidays().sequences(root) for i in InriaHolidays().images(s, detect))


@pytest.mark.parametrize("orientation", STORED)
def test_photos_come_upright(tmp_path, orientation):
    (tmp_path / "jpg").mkdir()
    upright = fake_holidays.quarters((80, 60))
    fake_holidays.write_photo(tmp_path / "jpg/1.jpg", STORED[orientation](upright), orientation)
    corners = read(tmp_path)["1"][[20, 20, -20, -20], [20, -20, 20, -20]]
    assert np.abs(corners - np.reshape(fake_holidays.COLOURS, (4, 3))).max() <= 6  # JPEG


def test_a_detector_is_needed(tmp_path):
    fake_holidays.write(tmp_path)
    with pytest.raises(ValueError, match="needs a person detector"):
        read(tmp_path, None)


def test_faults_name_the_file(tmp_path):
    fake_holidays.write(tmp_path)
    (tmp_path / "jpg/100002.jpg").write_bytes(b"\xff\xd8 not more")
    with pytest.raises(RawDataError, match=f"{tmp_path / 'jpg/100002.jpg'}.*no image"):
        read(tmp_path)
