"""A run that several tests export."""

from pathlib import Path

import pytest
from finished_runs import CONFIG, UNION, make_store, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A finished run with random weights, and the store that it trained on."""
    folder = tmp_path_factory.mktemp("run")
    return write_run(folder / "run", CONFIG, UNION, [make_store(folder / "store")])
