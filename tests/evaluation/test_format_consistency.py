"""Formats that agree have no spread; what is put in comes out, in depth and across."""

import json

import numpy as np
import pytest

from evaluation.commands import consistency as command
from evaluation.format_consistency import FormatConsistency, Latents, along_line_of_sight
from evaluation.prediction_writer import PredictionWriter
from evaluation.predictions import PredictionError
from posepile import skeletons

FORMATS = ("smpl", "coco")
NAMES = tuple(name for f in FORMATS for name in skeletons.load(f).union_names)
LWRI = NAMES.index("lwri"), NAMES.index("lwri_coco")
LELB = NAMES.index("lelb_coco")


def poses(n=200):
    """Equal joints of all formats where their names are; 4 m away."""
    rng = np.random.default_rng(0)
    base = [name for f in FORMATS for name in skeletons.load(f).base_names]
    place = {name: rng.normal(size=(n, 3)) * 300 + [0, 0, 4000] for name in dict.fromkeys(base)}
    return np.stack([place[name] for name in base], axis=1)


def result(points, latents=None):
    collected = FormatConsistency(NAMES, latents)
    for part in np.array_split(points, 3):  # in pieces: nothing may depend on them
        collected.add(part)
    return collected.result()


def test_formats_that_agree():
    found = result(poses())
    assert found["formats"] == ["smpl", "coco"] or set(found["formats"]) == set(FORMATS)
    assert found["pairs"]["pairs"] == 12 and found["pairs"]["distance"] == found["pairs"]["spread"] == 0
    assert found["bones"]["mean"]["across_formats"] == pytest.approx(0) and found["latents"] is None


def test_a_constant_offset_has_no_spread():
    points = poses()
    points[:, LWRI[1]] += [12, 0, 9]
    pairs = result(points)["pairs"]
    assert pairs["distance"] == pytest.approx(15 / 12) and pairs["distance_depth"] == pytest.approx(9 / 12)
    assert pairs["distance_plane"] == pytest.approx(1) and pairs["spread"] == pytest.approx(0, abs=1e-4)


def test_spread_in_depth_and_across():
    points = poses()
    noise = np.random.default_rng(1).normal(size=(len(points), 3)) * [10, 10, 40]
    points[:, LWRI[1]] += noise
    pairs = result(points)["pairs"]
    assert pairs["spread_depth"] == pytest.approx(noise[:, 2].std() / 12)
    across = np.sqrt((noise[:, 0].var() + noise[:, 1].var()) / 2)
    assert pairs["spread_plane"] == pytest.approx(across / 12)
    assert pairs["spread"] == pytest.approx(np.linalg.norm(noise, axis=1).std() / 12)


def test_bones():
    """coco's forearm is 20 mm longer in every second image: 10 mm from the mean of both formats."""
    points = poses()
    bone = points[::2, LWRI[1]] - points[::2, LELB]
    points[::2, LWRI[1]] += 20 * bone / np.linalg.norm(bone, axis=1, keepdims=True)
    forearm = result(points)["bones"]["lelb-lwri"]
    # Standard deviation of two lengths that differ by 20: 10, in half of the images. A format's difference from the
    # mean is 10 or 0: over images, a standard deviation of 5.
    assert forearm["across_formats"] == pytest.approx(5) and forearm["unsteady"] == pytest.approx(5)


def test_latent_points():
    """An autoencoder that copies all joints but one, which it takes from the joint before it."""
    w1, w2 = np.eye(len(NAMES)), np.eye(len(NAMES))
    w2[:, LWRI[1]] = 0
    w2[LWRI[0], LWRI[1]] = 1
    points = poses()
    points[:, LWRI[1]] = points[:, LWRI[0]] + [3, 4, 12]
    found = result(points, Latents(w1, w2, NAMES))["latents"]
    n = len(skeletons.load("coco"))
    assert [found["by_format"]["coco"][f"error{k}"] * n for k in ("", "_depth", "_plane")] == pytest.approx(
        [13, 12, 5]
    )
    assert found["by_format"]["smpl"]["error"] == pytest.approx(0) and found["error"] == pytest.approx(
        13 / len(NAMES)
    )
    with pytest.raises(PredictionError, match="joints of the autoencoder are not predicted: x"):
        FormatConsistency(NAMES, Latents(np.ones((1, 1)), np.ones((1, 1)), ("x",)))


def test_missing_joints_are_left_out():
    points = poses()
    points[:, LWRI[1]] += [0, 0, 7]
    points[0, LWRI[1]] = np.nan
    assert result(points)["pairs"]["distance"] == pytest.approx(7 / 12)


def test_line_of_sight():
    points = np.random.default_rng(2).normal(size=(3, 5, 3)) * 300 + [2000, -500, 3000]
    turned = along_line_of_sight(points)
    mean = turned.mean(axis=1)
    np.testing.assert_allclose(mean[:, :2], 0, atol=1e-9)
    np.testing.assert_allclose(mean[:, 2], np.linalg.norm(points.mean(axis=1), axis=1))
    np.testing.assert_allclose(np.linalg.norm(turned, axis=-1), np.linalg.norm(points, axis=-1))


def test_command(tmp_path, capsys):
    points = poses(5)
    points[:, LWRI[1]] += [0, 0, 24]
    images = [f"x/{i}.jpg" for i in range(5)]
    for field in ("coords3d_pred_cam", "coords3d_pred_world"):
        with PredictionWriter(tmp_path / f"{field}.npz", NAMES) as writer:
            writer.append(images, **{field: points})
        assert command.main([str(tmp_path / f"{field}.npz"), "--json", "-"]) == 0
        pairs = json.loads(capsys.readouterr().out)["formats"]["pairs"]
        assert pairs["distance"] == pytest.approx(2, abs=1e-3)
        assert (pairs["distance_depth"] is None) == (field == "coords3d_pred_world")
    assert command.main([str(tmp_path / "coords3d_pred_cam.npz")]) == 0
    assert "bone mean: length" in capsys.readouterr().out
    with PredictionWriter(tmp_path / "one.npz", ["lhip", "rhip"]) as writer:
        writer.append(images, coords3d_pred_cam=points[:, :2])
    with pytest.raises(PredictionError, match="joints of 1 formats"):
        command.main([str(tmp_path / "one.npz")])
