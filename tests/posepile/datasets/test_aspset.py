"""ASPset-510: the camera of a real clip, points that are none, and faults of its files."""

import json

import numpy as np
import pytest
from fakes import aspset as fake_aspset
from fakes.scene import person

from posepile.datasets import RawDataError
from posepile.datasets.aspset import ASPset, load_camera, load_poses

CAMERA = {  # subject 04ac, right
    "intrinsic_matrix": [3908.201416, 0, 1907.136108, 0, 0, 3904.395020, 1082.651855, 0, 0, 0, 1, 0],
    "extrinsic_matrix": [
        0.355310, -0.037651, 0.933990, -16513.444863, 0.010982, 0.999288, 0.036106, -694.394037,
        -0.934684, -0.002572, 0.355470, 12560.579233, 0, 0, 0, 1,
    ],
}  # fmt: skip


def test_a_real_camera_projects_as_published(tmp_path):
    (tmp_path / "camera.json").write_text(json.dumps(CAMERA))
    camera = load_camera(tmp_path / "camera.json")
    ankle = camera.world_to_image([-518.131775, 1121.474, 18538.8398])
    np.testing.assert_allclose(ankle, [2021.668, 1299.421], atol=0.2)
    np.testing.assert_allclose(camera.position, [17615.2, 104.5, 10983.6], atol=0.5)


def test_a_point_in_the_left_camera_is_none(tmp_path):
    poses = np.repeat(person(17, (0, 0, 9000))[np.newaxis], 2, axis=0)
    poses[1, 4] = 0
    fake_aspset.write_c3d(tmp_path / "a.c3d", poses)
    poses[1, 4] = np.nan
    np.testing.assert_allclose(load_poses(tmp_path / "a.c3d"), poses, atol=1e-2)


@pytest.mark.parametrize(
    "name, old, new, message",
    [
        ("splits.csv", "04ac,0001,train", "../x,0001,train", "a row '../x,0001,train,all'"),
        (
            "trainval/boxes/04ac/04ac-0001-left.csv",
            "x1,y1,x2,y2\n",
            "x1,y1,x2,y2\n9,9,1,1\n",
            "without a size",
        ),
        ("trainval/joints_3d/04ac/04ac-0001.c3d", "right_ankle", "right_heel ", "no point 'right_ankle'"),
        ("trainval/videos/04ac/04ac-0001-left.mkv", None, "", "not to be read as a video"),
    ],
)
def test_faults_are_named(tmp_path, name, old, new, message):
    fake_aspset.write(tmp_path)
    file = tmp_path / "data" / name
    data = file.read_bytes()
    assert old is None or old.encode() in data
    file.write_bytes(data.replace(old.encode(), new.encode()) if old else new.encode())
    with pytest.raises(RawDataError, match=f"{file}: .*{message}"):
        list(ASPset().read(ASPset().sequences(tmp_path)[0]))
