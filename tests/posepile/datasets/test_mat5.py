"""MATLAB v5 files: whole ones of every kind are read as before, damaged ones never reach SciPy's reader."""

import os

import numpy as np
import pytest
import scipy.io

from posepile.datasets import RawDataError
from posepile.datasets.raw import load_mat

CELLS = np.empty((2, 2), object)
CELLS[:] = [[np.ones((3, 2)), "text"], [{"a": 1, "longer": "ü"}, np.zeros((0, 3), np.float32)]]
CONTENTS = {
    "cells": CELLS,
    "structs": np.array([(1, 2.5), (3, 4.5)], [("n", "i4"), ("x", "f8")]),
    "numbers": np.arange(300.0).reshape(100, 3),
    "bytes": np.arange(5, dtype=np.uint8),
    "complex": np.array([1 + 2j]),
    "yes": True,
}


@pytest.fixture(params=[False, True], ids=["plain", "compressed"])
def file(request, tmp_path):
    path = tmp_path / "file.mat"
    scipy.io.savemat(path, CONTENTS, do_compression=request.param)
    return path


def test_whole_files_are_read(file):
    found, expected = load_mat(file), scipy.io.loadmat(file)
    assert set(found) == set(CONTENTS)
    for name, value in found.items():
        assert repr(value) == repr(expected[name])  # cells of cells; short enough to be written whole
    assert list(load_mat(file, "numbers")) == ["numbers"]


def test_a_missing_field_is_named(file):
    with pytest.raises(RawDataError, match=r"file.mat: 'other' is missing"):
        load_mat(file, "other")


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files_crash_nothing(file, seed):
    """In a process of its own: SciPy alone dies of some of these."""
    data, rng = file.read_bytes(), np.random.default_rng(seed)
    child = os.fork()
    if not child:
        try:
            for _ in range(150):
                damaged = bytearray(data)
                for place in rng.integers(128, len(data), rng.integers(1, 4)):
                    damaged[place] = rng.integers(256)
                file.write_bytes(damaged[: rng.integers(len(data))] if rng.random() < 0.2 else damaged)
                try:
                    load_mat(file)
                except RawDataError:
                    pass
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_other_kinds_of_files_are_refused(tmp_path):
    path = tmp_path / "file.mat"
    scipy.io.savemat(path, {"x": 1}, format="4")
    with pytest.raises(RawDataError, match="no MATLAB v5 file"):
        load_mat(path)
