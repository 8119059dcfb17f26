"""A C3D file that we write says the same to ezc3d, to our own reader and to the header's rules."""

import numpy as np
import pytest

from posepile.datasets._c3d import load_c3d
from serving.video.c3d import MOST_FRAMES, write_c3d

FPS = 29.97


@pytest.fixture
def poses(rng):
    """[40, 3, 3] mm, up to 20 m away; frame 5 and a joint of frame 6 are missing."""
    poses = rng.uniform(-20_000, 20_000, (40, 3, 3))
    poses[5] = poses[6, 1] = np.nan
    return poses


def test_ezc3d_reads_the_same(tmp_path, poses):
    ezc3d = pytest.importorskip("ezc3d")
    path = tmp_path / "a.c3d"
    write_c3d(path, ["pelv", "lhip", "rhip"], [poses[:7], poses[7:]], 40, FPS, first=12)
    file = ezc3d.c3d(str(path))
    point = file["parameters"]["POINT"]
    assert point["LABELS"]["value"] == ["pelv", "lhip", "rhip"]
    assert point["UNITS"]["value"] == ["mm"]
    assert (point["X_SCREEN"]["value"], point["Y_SCREEN"]["value"]) == (["+X"], ["-Y"])
    assert point["RATE"]["value"][0] == pytest.approx(FPS)
    header = file["header"]["points"]
    assert (header["size"], header["first_frame"], header["last_frame"]) == (3, 12, 51)
    read = file["data"]["points"][:3].transpose(2, 1, 0)
    # float32 steps are 0.002 mm at 20 m; what is missing is NaN in both
    np.testing.assert_allclose(read, poses, rtol=0, atol=0.002)
    missing = file["data"]["meta_points"]["residuals"][0].T < 0
    np.testing.assert_array_equal(missing, np.isnan(poses[..., 0]))


def test_many_names_and_a_late_start(tmp_path, rng):
    """More names than a list of a C3D file holds, and frame numbers beyond its header's 16 bits."""
    names = [f"joint{i}" for i in range(400)]
    poses = rng.normal(0, 1000, (3, 400, 3))
    write_c3d(tmp_path / "a.c3d", names, [poses], 3, 25.0, first=66_000)
    points = load_c3d(tmp_path / "a.c3d")
    assert points.labels == tuple(names) and (points.unit, points.rate) == ("mm", 25.0)
    np.testing.assert_array_equal(points.positions, poses.astype(np.float32))
    ezc3d = pytest.importorskip("ezc3d")
    start = ezc3d.c3d(str(tmp_path / "a.c3d"))["parameters"]["TRIAL"]["ACTUAL_START_FIELD"]["value"]
    assert start[0] + 65_536 * start[1] == 66_001  # counted from 1


def test_too_many_frames(tmp_path):
    with pytest.raises(ValueError, match="a.c3d: 65536 frames, expected at most 65535"):
        write_c3d(tmp_path / "a.c3d", ["a"], [], MOST_FRAMES + 1, 30.0)
