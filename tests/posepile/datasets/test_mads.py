"""MADS: the sheet's camera, a camera that does not see the person, labels of another kind."""

import numpy as np
import pytest
import scipy.io
from fakes import mads as fake_mads

from posepile.datasets import RawDataError, mads
from posepile.datasets.mads import Mads


def write_camera(path, turn, distortion):
    facts = {"KK": [[1000.0, 0, 512], [0, 1000, 384], [0, 0, 1]], "kc": distortion, "om_ext": turn}
    scipy.io.savemat(path, facts | {"T_ext": [[0.0], [1000.0], [4000.0]]})


def test_the_camera_is_placed_by_hand_computed_numbers(tmp_path):
    path = tmp_path / "Calib_Cam0.mat"
    write_camera(path, [[np.pi], [0.0], [0.0]], [[0.0]] * 5)
    camera = mads._camera(path)
    np.testing.assert_allclose(camera.position, [0, 1000, 4000], atol=1e-6)
    np.testing.assert_allclose(camera.world_to_image([0, 1500, 0]), [512, 259], atol=1e-6)
    write_camera(path, [[np.pi], [0.0], [0.0]], [[-0.1], [0.0], [0.0], [0.0], [0.0]])
    np.testing.assert_allclose(
        mads._camera(path).world_to_image([500, 1500, 0]), [636.609, 259.391], atol=1e-3
    )


def test_a_camera_that_sees_nobody_is_one_error(tmp_path):
    root = fake_mads.write(tmp_path).root
    path = root / "multi_view_data/HipHop/Calib_Cam1.mat"
    facts = scipy.io.loadmat(path)
    scipy.io.savemat(path, {key: facts[key] for key in ("KK", "kc", "om_ext")} | {"T_ext": -facts["T_ext"]})
    _, sequence = Mads().sequences(root)
    with pytest.raises(RawDataError, match="Calib_Cam1.mat: .* joints of a video project into its image"):
        list(Mads().read(sequence))


def test_poses_of_another_size_are_one_error(tmp_path):
    cells = np.empty((1, 1), object)
    cells[0, 0] = np.zeros((17, 3))
    scipy.io.savemat(tmp_path / "x_GT.mat", {"GTpose2": cells})
    with pytest.raises(RawDataError, match=r"x_GT.mat: 'GTpose2' has shape \[17, 3\], expected \[15, 3\]"):
        mads._poses(tmp_path / "x_GT.mat")
