"""Lets the tests of this room import their fake models, and shares what several need."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def standing_model(tmp_path_factory) -> Path:
    """A SavedModel that sees a standing person in every crop."""
    from fake_models import save_standing

    return save_standing(tmp_path_factory.mktemp("standing") / "model")


@pytest.fixture(scope="session")
def samples() -> Path:
    """Real photos and videos, where the machine has them."""
    folder = os.environ.get("DOZENS_SAMPLES")
    if not folder:
        pytest.skip("DOZENS_SAMPLES names no folder of sample photos and videos")
    return Path(folder)


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """[120, 160, 3] uint8 RGB with smooth colours."""
    y, x = np.mgrid[:120, :160]
    return np.stack([x, 2 * y, 255 - x], axis=-1).astype(np.uint8)
