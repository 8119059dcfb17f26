"""C3D files: what another library writes is read, numbers of both kinds, damage is named."""

import numpy as np
import pytest
from fakes.aspset import write_c3d
from fakes.scene import person

from posepile.datasets import RawDataError
from posepile.datasets._c3d import BLOCK, load_c3d

SCALE = 0.5


@pytest.fixture
def poses():
    return np.array([person(17, (0, 0, 9000), seed) for seed in range(3)])


@pytest.fixture
def file(tmp_path, poses):
    write_c3d(tmp_path / "a.c3d", poses)
    return tmp_path / "a.c3d"


def with_whole_numbers(data: bytes) -> bytes:
    """The same file with 16-bit numbers, that times SCALE are mm."""
    at = data.index(b"SCALE") + 5 + 4  # after the name: where the next one is, type, number of axes
    assert data[at - 2] == 4
    at += data[at - 1]  # the axes
    at_start = data.index(b"DATA_START") + 10 + 4
    at_start += data[at_start - 1]
    start = (int.from_bytes(data[at_start : at_start + 2], "little") - 1) * BLOCK
    numbers = np.frombuffer(data[start:], "<f4", len(data[start:]) // 4).reshape(-1, 4).copy()
    numbers[:, :3] /= SCALE
    scale = np.array(SCALE, "<f4").tobytes()
    return data[:at] + scale + data[at + 4 : start] + np.rint(numbers).astype("<i2").tobytes()


def test_reads_floats(file, poses):
    points = load_c3d(file)
    assert points.labels[0] == "pelvis" and points.labels[-1] == "extra"
    assert (points.unit, points.rate) == ("mm", 50)
    np.testing.assert_allclose(points.positions[:, 16::-1], poses, atol=1e-3)
    assert points.residuals.shape == (3, 18)


def test_reads_whole_numbers(file, poses):
    file.write_bytes(with_whole_numbers(file.read_bytes()))
    np.testing.assert_allclose(load_c3d(file).positions[:, 16::-1], poses, atol=SCALE)


def test_damage_is_named(file):
    original, rng = file.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(original)
        for at in rng.integers(len(data), size=8):
            data[at] ^= 1 << int(rng.integers(8))
        file.write_bytes(data[: rng.integers(1, 2 * len(data))])
        try:
            load_c3d(file)
        except RawDataError as error:
            assert str(file) in str(error)
