"""IKEA ASM: the published check of its projection, and calibrations that lack the scan's."""

import json

import numpy as np
import pytest
from fakes import ikea as fake_ikea

from posepile.datasets import RawDataError
from posepile.datasets.ikea import Ikea

CALIBRATION = "Calibration/camera_parameters.pkl"


def test_the_known_answer(tmp_path):
    """A joint at (10, -20, 300) cm of any camera is at (993.333, 473.333) px."""
    fake = fake_ikea.write(tmp_path)
    for sequence in fake.dataset.sequences(tmp_path):
        file = tmp_path / sequence.name / "pose3d/000000.json"
        numbers = [10, -20, 300, 0.5] + [30, 10, 300, 0.5] * 16
        file.write_text(json.dumps({"format": "ikea", "pose_keypoints_3d": numbers}))
        frame = next(fake.dataset.read(sequence))
        intrinsics = frame.camera.intrinsics
        expected = intrinsics[:2, 2] + np.diag(intrinsics)[:2] * (10 / 300, -20 / 300)
        np.testing.assert_allclose(frame.camera.world_to_image(frame.joints3d)[0], expected)


def test_a_scan_without_calibration_is_named(tmp_path):
    fake = fake_ikea.write(tmp_path)
    folder = tmp_path / "Lack_TV_Bench"
    (folder / fake_ikea.SCAN).rename(folder / fake_ikea.SCAN.replace("_02_", "_03_", 1))
    with pytest.raises(RawDataError, match=f"{CALIBRATION}: no calibration '03'"):
        list(fake.dataset.read(Ikea().sequences(tmp_path)[0], fake.detect))


def test_a_frame_without_pixels_is_named(tmp_path):
    fake_ikea.write(tmp_path)
    images = tmp_path / "Lack_TV_Bench" / fake_ikea.SCAN / "dev3/images"
    (images / "000001.jpg").unlink()
    with pytest.raises(RawDataError, match=f"{images}: neither 000001.jpg nor scan_video.avi"):
        list(Ikea().read(Ikea().sequences(tmp_path)[2]))
