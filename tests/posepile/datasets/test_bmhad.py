"""Berkeley MHAD: real cameras of the sheet, and files that do not fit."""

import numpy as np
import pytest

from posepile.datasets import RawDataError, bmhad

ROTATION = (
    "0.895701051 0.002872461 -0.444647521 0.050160084 -0.994248986 0.094619878 "
    "-0.441818565 -0.107054681 -0.890693903"
)
TRANSLATION = "-654.692443848 1101.511840820 3154.582519531"
CAMERAS = (
    ((523.62481689, 524.78002930, 351.50247192, 225.29899597),
     (-0.30726913, 0.11957706, 7.77966125e-06, -1.81283604e-03), (0.0,) * 6),
    ((532.78863525, 533.49108887, 320.36187744, 231.61149597),
     (-0.30525380, 0.11849667, -2.24173709e-05, -1.13707327e-03),
     (-113.23552704, -3.12581921, 5.35904837, 0.02384871, 0.10327590, 0.03027969)),
)  # fmt: skip


@pytest.fixture
def calibration(tmp_path):
    """The real cluster l01, some numbers as columns."""
    (tmp_path / "RwTw_l01.txt").write_text(f"Rw={ROTATION} \nTw={TRANSLATION} \n")
    lines = ["%YAML:1.0", "Number of cameras: 2"]
    for number, ((fx, fy, cx, cy), distortion, place) in enumerate(CAMERAS, start=1):
        lines.append(f"Camera_{number}:")
        k = (fx, 0, cx, 0, fy, cy, 0, 0, 1)
        for key, values, rows, columns in (
            ("K", k, 3, 3),
            ("Dist", distortion, 4, 1),
            ("PosRel", place, 1, 6),
        ):
            data = ", ".join(repr(float(x)) for x in values)
            lines += [
                f"   {key}: !!opencv-matrix",
                f"      rows: {rows}",
                f"      cols: {columns}",
                "      dt: d",
            ]
            lines.append(f"      data: [ {data} ]")
    (tmp_path / "camcfg_l01.yml").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_cameras_are_placed_by_the_sheets_numbers(calibration):
    positions = ((1924.91, 1434.77, 2414.44), (2023.53, 1434.71, 2358.44))
    for number, position, pixel in zip(
        (1, 2), positions, ((240.963, 243.522), (243.746, 234.307)), strict=True
    ):
        camera = bmhad._camera(calibration, "l01", number)
        np.testing.assert_allclose(camera.position, position, atol=0.01)
        np.testing.assert_allclose(camera.world_to_image([0, 1000, 0]), pixel, atol=1e-3)


def test_a_camera_that_the_file_lacks_is_one_error(calibration):
    with pytest.raises(RawDataError, match="camcfg_l01.yml: no matrix 'K' of Camera_3"):
        bmhad._camera(calibration, "l01", 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [("0 0 0\n2 0 1\n", "count images"), ("0 0 0\n1 0 9\n", "rows below 5"), ("0 0\n", "at least 3")],
)
def test_images_without_markers_are_one_error(tmp_path, text, message):
    (tmp_path / "corr.txt").write_text(text)
    with pytest.raises(RawDataError, match=f"corr.txt: .*{message}"):
        bmhad._rows(tmp_path / "corr.txt", 5)
