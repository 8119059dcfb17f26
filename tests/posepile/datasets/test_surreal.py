"""SURREAL: what the shared test of readers does not show."""

import numpy as np
import pytest
from fakes import surreal as fake

from posepile import skeletons
from posepile.datasets import RawDataError, _smpl, surreal
from posepile.datasets.surreal import Surreal


def test_the_camera_of_a_real_clip():
    """Clip 01_01_c0001, frame 0: the release puts the pelvis at (162.44, 117.44) of the unmirrored image."""
    camera = surreal._camera(None, (6.745622, -0.983883, -1.929299))
    pixel = camera.world_to_image(1000 * np.array([0.05123147, -1.0124669, -1.9565752]))
    corner_based = pixel + 0.5
    np.testing.assert_allclose(corner_based, [320 - 162.44, 117.44], atol=0.01)


def test_joints_as_released(tmp_path):
    root = fake.write(tmp_path).root
    reader = Surreal(released_joints=True)
    sequence = next(s for s in reader.sequences(root) if s.split == "test")
    (frame,) = reader.read(sequence)
    released = 1000 * fake._labels(0, 1)["joints3D"].T
    np.testing.assert_allclose(frame.joints3d, [*released[1:], released[0]], atol=1e-3)


def test_says_how_to_get_the_body_model(tmp_path):
    root = fake.write(tmp_path).root
    with pytest.raises(RawDataError, match="no folder of body models") as caught:
        list(Surreal().read(Surreal().sequences(root)[0]))
    assert "smpl.is.tue.mpg.de" in caught.value.__notes__[0]


def test_order_of_the_joints():
    raw = (
        "pelv lhip rhip bell lkne rkne spin lank rank thor ltoe rtoe neck lcla rcla head lsho rsho lelb relb lwri "
        "rwri lhan rhan"
    ).split()
    assert tuple(raw[i] for i in _smpl.SMPL) == skeletons.load_data_set("surreal").joints
