"""BML-MoVi: points between rows, columns of the rounds, and what is skipped."""

import numpy as np
import pytest
import scipy.io
from fakes import bml_movi as fake_bml_movi

from posepile.datasets import RawDataError, _bml_movi
from posepile.datasets.bml_movi import BmlMovi
from posepile.datasets.raw import RawDataWarning


def test_frames_between_rows_are_interpolated():
    points = np.zeros((7, 87, 3))
    points[:, :, 0] = np.arange(7)[:, np.newaxis] ** 2
    points[4, 1] = np.nan
    found = _bml_movi.at_frames(points, 9, rate=80.0, offset=1 / 80)  # 1.5 rows a frame
    # Row 6 is the last, and the end is before it
    np.testing.assert_allclose(found[:, 0, 0], [np.nan, 0, 2.5, 9, 20.5])
    np.testing.assert_allclose(found[:, 1, 0], [np.nan, 0, 2.5, 9, np.nan])


def test_a_row_that_is_hit_needs_no_next_one():
    points = np.zeros((9, 87, 3))
    points[[1, 5]] = np.nan
    assert np.isfinite(_bml_movi.at_frames(points, 9, rate=30.0, offset=0.0)).all()


def test_videos_without_camera_or_markers_are_counted(tmp_path):
    root = fake_bml_movi.write(tmp_path).root
    with pytest.warns(RawDataWarning, match="2 videos skipped"):
        assert len(BmlMovi().sequences(root)) == 3


def test_the_fixed_cameras_alone_are_enough(tmp_path):
    root = fake_bml_movi.write(tmp_path).root
    (root / "Calib/F_CP2.json").unlink()
    with pytest.warns(RawDataWarning, match="3 videos skipped"):
        assert len(BmlMovi().sequences(root)) == 2


def test_centres_that_disagree_are_one_error(tmp_path):
    path = tmp_path / "F_v3d_Subject_7.mat"
    markers = np.random.default_rng(0).uniform(500, 900, (4, 87, 3))
    move = {"markerLocation": markers, "virtualMarkerLocation": markers[:, :20]}
    scipy.io.savemat(path, {"Subject_7_F": {"move": move}})
    with pytest.raises(RawDataError, match="F_v3d_Subject_7.mat: columns 67 and up .* mm .median. from"):
        _bml_movi.load_points(path, "F", 7)
