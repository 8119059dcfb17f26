"""Inputs and labels of a network of two formats, for the tests of models."""

import numpy as np

JOINTS = ("lsho_a", "rsho_a", "nose_a", "lsho_b", "rsho_b", "nose_b")
SIDE = 64


def make_poses(points=6):
    """[6, points, 3] mm: poses that project into the crop, unlike those of an untrained network."""
    return (np.random.default_rng(7).normal(size=(6, points, 3)) * 300 + [0, 0, 4000]).astype(np.float32)


def make_batch():
    rng = np.random.default_rng(0)
    centre = (SIDE - 1) / 2
    intrinsics = np.tile(np.float32([[100, 0, centre], [0, 100, centre], [0, 0, 1]]), (6, 1, 1))
    x = {"image": rng.random((6, SIDE, SIDE, 3), np.float32), "intrinsics": intrinsics}
    y = {
        "joints3d": (rng.normal(size=(4, 6, 3)) * 300 + [0, 0, 4000]).astype(np.float32),
        "valid3d": rng.random((4, 6)) < 0.7,
        "joints2d": rng.uniform(0, SIDE - 1, (2, 17, 2)).astype(np.float32),
        "valid2d": rng.random((2, 17)) < 0.7,
    }
    return x, y
