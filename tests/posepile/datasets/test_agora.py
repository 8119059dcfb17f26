"""AGORA: what the shared test of readers does not show."""

import cv2
import numpy as np
import pytest
from fakes import agora as fake

from posepile.datasets import RawDataError, agora
from posepile.datasets.agora import Agora

TABLE = {"camX": 120.0, "camY": -340.0, "camZ": 50.0, "camYaw": 25.0}


@pytest.mark.parametrize(
    ("name", "focal", "axis", "position"),
    [
        ("ag_trainset_x_hdri_50mm_5_10_cam02_00000", 5333.33, (0, 0, 1), (0, -1700, 0)),
        ("ag_trainset_3dpeople_bfh_archviz_5_10_cam00_00003", 1920, (1, 1, -1), (-2750, -2650, 4000)),
        ("ag_trainset_3dpeople_bfh_archviz_5_10_cam02_00003", 1920, (-1, 1, 1), (1700, -2650, -4900)),
        ("ag2_trainset_x_5_15_00003", 2986.67, (0, 1, 1), (0, -1700, 0)),
        ("ag_trainset_x_archviz_5_15_00003", 2986.67, (1, 0, 1), (-3400, -2200, 1200)),
    ],
)
def test_cameras_by_name(name, focal, axis, position):
    """Positive yaw turns right, positive pitch looks down, as the places of the four corner cameras ask for."""
    camera = agora._camera(None, name, TABLE)
    np.testing.assert_allclose(camera.intrinsics[0, 0], focal, atol=0.01)
    np.testing.assert_allclose(camera.position, position)
    np.testing.assert_array_equal(np.sign(np.round(camera.rotation[2], 9)), axis)


def test_a_palette_of_another_version(tmp_path):
    root = fake.write(tmp_path).root
    file = root / "seg_rgbs.txt"
    file.write_text("0\t[0, 0, 0]\n1\t[1, 1, 1]\n2\t[2, 2, 2]\n")
    with pytest.raises(RawDataError, match=r"seg_rgbs.txt: 0 of 2 people"):
        list(Agora().read(Agora().sequences(root)[0], fake._detect))


def test_masks_of_another_size(tmp_path):
    root = fake.write(tmp_path).root
    file = next(root.glob(f"train/*/{fake.PANORAMA[:-6]}_mask_000012_00000.png"))
    cv2.imwrite(str(file), np.zeros((720, 1280, 3), np.uint8))
    with pytest.raises(RawDataError, match="1280 x 720 px, expected 3840 x 2160"):
        list(Agora().read(Agora().sequences(root)[0], fake._detect))
