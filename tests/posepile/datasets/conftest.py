"""Real sample files for the readers."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of real sample files; the environment variable DOZENS_SAMPLES says where."""
    folder = os.environ.get("DOZENS_SAMPLES")
    if not folder:
        pytest.skip("DOZENS_SAMPLES is not set: no sample files of real data sets")
    return Path(folder)
