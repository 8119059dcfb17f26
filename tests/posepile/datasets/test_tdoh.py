"""3DOH50K: its unit, upright cameras, and labels that contradict each other."""

import json

import numpy as np
import pytest
from fakes import tdoh as fake_tdoh

from posepile.datasets import RawDataError
from posepile.datasets.raw import RawDataWarning
from posepile.datasets.tdoh import TDOH


def read(root):
    return list(TDOH().read(TDOH().sequences(root)[0]))


def change(root, field, value):
    """Sets a field of the first entry, or of all for a function of the old value."""
    file = root / "trainset/annots.json"
    entries = json.loads(file.read_text())
    for entry in list(entries.values()) if callable(value) else [next(iter(entries.values()))]:
        entry[field] = value(entry[field]) if callable(value) else value
    file.write_text(json.dumps(entries))
    return file


def test_every_camera_is_upright(tmp_path):
    fake_tdoh.write(tmp_path)
    for frame in read(tmp_path):
        np.testing.assert_allclose(frame.camera.world_up, -frame.camera.rotation[1])


def test_another_unit_is_told(tmp_path):
    fake_tdoh.write(tmp_path)
    file = change(tmp_path, "scale", [1.0])
    with pytest.warns(RawDataWarning, match=f"{file}: 'scale' of 1 of 3 images .*from 1 to 7"):
        read(tmp_path)


@pytest.mark.parametrize(
    "field, value, message",
    [
        ("lsp_joints_2d", lambda pixels: (np.array(pixels) + 40).tolist(), "56.6 px .median. off"),
        ("bbox", [[5, 5], [5, 9]], "'bbox of 00002'"),
        ("extri", np.diag([1, 1, -1, 1]).tolist(), "'extri of 00002' is no rotation"),
        ("intri", np.eye(3)[::-1].tolist(), "'intri of 00002'"),
    ],
)
def test_faults_are_named(tmp_path, field, value, message):
    fake_tdoh.write(tmp_path)
    file = change(tmp_path, field, value)
    with pytest.raises(RawDataError, match=f"{file}: .*{message}"):
        read(tmp_path)


def test_a_missing_mask_is_named_when_it_is_read(tmp_path):
    fake_tdoh.write(tmp_path)
    (tmp_path / "trainset/masks/00002.png").unlink()
    frame = read(tmp_path)[0]
    with pytest.raises(RawDataError, match="00002.png"):
        frame.mask()
