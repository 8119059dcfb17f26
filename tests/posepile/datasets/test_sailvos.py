"""SAIL-VOS: the fitted camera, and which people are left out."""

import numpy as np
import pytest
from fakes import sailvos as fake_sailvos
from fakes.scene import project

from posepile.cameras import Camera
from posepile.datasets import RawDataError
from posepile.datasets._fit_camera import fit_camera
from posepile.datasets.sailvos import has_moved, has_plausible_spread


def test_a_fitted_camera_is_the_true_one_kilometres_from_the_origin():
    true = fake_sailvos._camera(0)
    true = Camera([[830, 0, 640], [0, 870, 400], [0, 0, 1]], true.rotation, true.position)
    points = fake_sailvos.BASE + np.random.default_rng(0).uniform(-900, 900, (40, 3))
    fitted = fit_camera(points, project(true, points), (1280, 800))
    assert fitted.error < 0.01
    np.testing.assert_allclose(fitted.camera.intrinsics, true.intrinsics, atol=0.5)
    np.testing.assert_allclose(fitted.camera.position, true.position, atol=3)
    np.testing.assert_allclose(fitted.camera.rotation, true.rotation, atol=1e-3)
    assert fit_camera(points[:5], project(true, points[:5]), (1280, 800)) is None


def test_only_joints_known_in_both_poses_say_who_has_moved():
    reference = np.array([(0, 0, 0), (0, 0, 500), (np.nan,) * 3])
    moved = reference + (100, 0, 0)
    assert has_moved(moved, reference)
    assert not has_moved(reference + (99, 0, 0), reference)
    assert not has_moved(np.where([[True], [True], [False]], np.nan, 7.0), reference)


def test_spread_of_joints():
    square = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    at = np.sqrt(0.75)  # of the unit cube's corners
    assert has_plausible_spread(square * 101 / at) and has_plausible_spread(square * 2999 / at)
    assert not has_plausible_spread(square * 99 / at) and not has_plausible_spread(square * 3001 / at)
    square[5:] = np.nan
    assert not has_plausible_spread(square * 500)


def test_pixels_of_other_bones_are_told(tmp_path):
    fake = fake_sailvos.write(tmp_path)
    for file in tmp_path.glob("ph_1/*/*_2d.txt"):
        pixels = np.loadtxt(file)
        np.savetxt(
            file, np.where(pixels < -700, pixels, np.random.default_rng(0).uniform(0, 700, pixels.shape))
        )
    with pytest.raises(RawDataError, match="ph_1: fitted cameras are"):
        list(fake.dataset.read(fake.dataset.sequences(tmp_path)[0], fake.detect))
