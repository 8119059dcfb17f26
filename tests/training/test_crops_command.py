"""`dozens crops` promises: a picture of a batch, with dots where the labels are."""

import cv2
import numpy as np
from stand_ins import make_stores

from training.commands import crops


def test_a_picture_of_the_first_batch(tmp_path, capsys):
    make_stores(tmp_path / "pile", n_examples=4)
    options = ["--data.shares", "tiny_h36m", "6", "tiny_2d", "2", "--model.ghost-group-size", "8"]
    out = tmp_path / "sheets/crops.png"
    assert (
        crops.main(["smoke", "--pile", str(tmp_path / "pile"), "--out", str(out), "--columns", "3", *options])
        == 0
    )
    assert str(out) in capsys.readouterr().out
    sheet = cv2.imread(str(out))
    assert sheet.shape == (3 * 64, 3 * 64, 3)
    assert not sheet[-64:, -64:].any() and sheet[-64:, :128].any()  # 8 crops and an empty place


def test_dots_are_where_the_labels_are():
    batch = {
        "image": np.zeros((2, 64, 64, 3), np.uint8),
        "intrinsics": np.tile(np.float32([[100, 0, 31.5], [0, 100, 31.5], [0, 0, 1]]), (2, 1, 1)),
        "joints3d": np.float32([[[50, -100, 1000], [0, 0, -500]]]),
        "valid3d": np.ones((1, 2), bool),
        "joints2d": np.float32([[[10, 50], [30, 30]]]),
        "valid2d": np.array([[True, False]]),
    }
    sheet = crops.contact_sheet(batch, 2, 2)
    y, x = np.nonzero(sheet[..., 0])
    left = x < 64
    assert (x[left].mean(), y[left].mean()) == (36, 22)  # 31.5 + 100 * 0.05, 31.5 - 100 * 0.1, to even
    assert (x[~left].mean() - 64, y[~left].mean()) == (10, 50)


def test_without_arguments_the_presets_are_listed(capsys):
    assert crops.main([]) == 2
    assert "paper_s_256" in capsys.readouterr().out
