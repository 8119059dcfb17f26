"""`dozens evaluate` prints a table or JSON, and names what does not fit."""

import json

import cv2
import numpy as np
import pytest

from evaluation import commands
from posepile import skeletons
from posepile.cameras import Camera
from posepile.example import PoseExample
from posepile.store import StoreWriter

SKELETON = skeletons.union(["smpl", "h36m"])


@pytest.fixture
def files(tmp_path):
    """A store of three examples, and predictions in which the left wrist of SMPL is off by 30 mm."""
    rng = np.random.default_rng(0)
    joints = (rng.normal(size=(3, len(SKELETON), 3)) * 200 + [0, 4000, 0]).astype(np.float32)
    jpeg = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    camera = Camera([[60, 0, 31.5], [0, 60, 31.5], [0, 0, 1]], [[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    with StoreWriter(tmp_path / "store", id="t", role="test", skeleton=SKELETON, licence="CC0-1.0") as writer:
        for i in range(3):
            writer.append(PoseExample(f"e{i}", jpeg, camera, np.float32([10, 10, 40, 40]), joints[i]))
    predicted = joints.copy()
    predicted[:, SKELETON.index("lwri"), 0] += 30
    fields = {"key": np.array([f"t:e{i}" for i in range(3)]), "joint_names": np.array(SKELETON.joints)}
    np.savez(tmp_path / "p.npz", poses=predicted, coords3d_pred_world=predicted, **fields)
    return [str(tmp_path / "p.npz"), "--store", str(tmp_path / "store")]


def test_json(files, capsys):
    assert commands.main([*files, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["formats"]["smpl"]["mpjpe"] == pytest.approx(30 / 24, rel=1e-4)
    assert found["formats"]["h36m"]["mpjpe"] == pytest.approx(0, abs=1e-2)
    assert found["n_examples"] == 3 and found["disagreement"] > 0


def test_table(files, capsys):
    assert commands.main([*files, "--formats", "smpl"]) == 0
    printed = capsys.readouterr().out
    assert "smpl" in printed and "h36m" not in printed


def test_unknown_format_is_named(files):
    with pytest.raises(ValueError, match="'coco' is not labelled"):
        commands.main([*files, "--formats", "coco"])
