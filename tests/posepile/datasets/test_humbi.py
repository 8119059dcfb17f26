"""HUMBI: what is broken is counted, boxes with a body model, faults of the calibration."""

import warnings

import fake_body_models as bodies
import numpy as np
import pytest
from fakes import humbi as fake_humbi
from fakes.scene import project

from posepile.datasets import RawDataError
from posepile.datasets.humbi import Humbi
from posepile.datasets.raw import RawDataWarning


def read(root, dataset):
    return list(dataset.read(dataset.sequences(root)[0]))


def test_broken_images_and_poses_without_labels_are_counted(tmp_path):
    fake_humbi.write(tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read(tmp_path, Humbi())
    assert [str(w.message).rpartition(": ")[2] for w in caught if w.category is RawDataWarning] == [
        "1 images are broken",
        "1 poses have no keypoints.txt",
    ]


@pytest.mark.filterwarnings("ignore::posepile.datasets.raw.RawDataWarning")
def test_boxes_are_around_the_body_models_joints_too(tmp_path):
    fake_humbi.write(tmp_path)
    fields = bodies.fake_body_model("smpl", seed=3)
    bodies.write_pickle(tmp_path / "models/smpl/SMPL_NEUTRAL.pkl", fields)
    frame = read(tmp_path, Humbi(body_models=tmp_path / "models"))[1]
    file = tmp_path / f"subject_1/body/{fake_humbi.POSES[0]}/reconstruction/smpl_parameter.txt"
    scale, *rest = map(float, file.read_text().split())
    joints, _ = bodies.slow_body(fields, rest[3:75], rest[75:])
    joints = joints * scale + 1000 * np.array(rest[:3])
    pixels = project(fake_humbi.known_cameras()[4], np.concatenate([joints, frame.joints3d]))
    low, high = np.nanmin(pixels, axis=0), np.nanmax(pixels, axis=0)
    middle, half = (low + high) / 2, (high - low) / 2 * 1.05
    corners = np.clip([middle - half, middle + half], 0, fake_humbi.SIZE)
    np.testing.assert_allclose(frame.box, np.concatenate([corners[0], corners[1] - corners[0]]), atol=0.1)


@pytest.mark.parametrize(
    "name, old, new, message",
    [
        ("intrinsic.txt", "0 4\n", "", "expected 4 for each camera"),
        ("extrinsic.txt", "0 4\n", "0 4 \n1 2 3\n", "expected 5 for each camera"),
        ("intrinsic.txt", "0 4\n", "0 four\n", "damaged"),
        (
            "00000001/reconstruction/keypoints.txt",
            "nan nan nan\n",
            "",
            r"shape \[24, 3\], expected \[25, 3\]",
        ),
    ],
)
def test_faults_are_named(tmp_path, name, old, new, message):
    fake_humbi.write(tmp_path)
    file = tmp_path / "subject_1/body" / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(RawDataError, match=f"{file}: .*{message}"):
        read(tmp_path, Humbi())
