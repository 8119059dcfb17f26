"""The page of the worst people shows them over their images."""

import numpy as np
import pytest
from benchmark_files import write_predictions
from fakes import mupots

from evaluation.benchmark_results import score_benchmark
from evaluation.gallery import write_gallery
from evaluation.protocols import load


@pytest.mark.filterwarnings("ignore::evaluation.joint_columns.PredictionWarning")
def test_pictures_of_the_worst(tmp_path):
    protocol, rng = load("mupots")(), np.random.default_rng(0)
    mupots.write(tmp_path / "raw")

    def noisy(labelled, poses):
        return poses + rng.normal(size=poses.shape) * 50

    path = write_predictions(tmp_path / "p.npz", protocol, tmp_path / "raw", noisy)
    found = score_benchmark(protocol, tmp_path / "raw", [path])
    (page,) = write_gallery(found, tmp_path, limit=2)
    text = page.read_text()
    assert page.name == "worst_p.html" and text.count("<figure") == 2 and "could not be read" not in text
    worst = found["models"]["p"]["details"]["worst"]
    assert worst[0]["mpjpe"] >= worst[1]["mpjpe"] and f"{worst[1]['mpjpe']:.0f} mm: mupots/TS" in text
    assert not write_gallery(found, tmp_path, limit=0)
