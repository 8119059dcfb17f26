"""Fakes that the tests of people share."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def yolov4_fake():
    """The module that makes YOLOv4's pseudo-random weights and its golden numbers."""
    path = Path(__file__).parent / "golden/make_yolov4_golden.py"
    spec = importlib.util.spec_from_file_location("make_yolov4_golden", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def photo():
    """[120, 160, 3] uint8, smooth colours."""
    rows, columns = np.mgrid[:120, :160]
    channels = [rows * 2, columns, (rows + columns) // 2]
    return np.stack(channels, axis=-1).astype(np.uint8)
