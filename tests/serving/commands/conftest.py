"""`dozens pose` in a folder of its own, with a model that sees a standing person in every crop."""

import numpy as np
import pytest

from dozens.cli import main
from serving import media, predictor


@pytest.fixture
def folder(tmp_path, photo, monkeypatch):
    """A folder, the current one, with photo.png and clip.mp4 of five frames."""
    monkeypatch.chdir(tmp_path)
    media.write_photo(tmp_path / "photo.png", photo)
    with media.video_writer(tmp_path / "clip.mp4", fps=10) as write:
        for shift in range(5):
            write(np.roll(photo, 8 * shift, axis=1))
    return tmp_path


@pytest.fixture(scope="module")
def loaded():
    return {}


@pytest.fixture
def load_once(monkeypatch, loaded):
    """Loads each model once for all tests: that takes seconds."""
    real = predictor._load

    def load(folder):
        if folder not in loaded:
            loaded[folder] = real(folder)
        return loaded[folder]

    monkeypatch.setattr(predictor, "_load", load)


@pytest.fixture
def pose(standing_model, folder, capsys, load_once):
    """Runs `dozens pose ARGUMENTS --model … --out out`; returns exit code, standard output and error."""

    def run(*arguments, model=standing_model):
        try:
            code = main(["pose", *map(str, arguments), "--model", str(model), "--out", "out"])
        except SystemExit as stop:  # a usage error found by the argument parser
            code = stop.code
        return code, *capsys.readouterr()

    return run
