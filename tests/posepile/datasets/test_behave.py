"""BEHAVE: what the shared test of readers does not show."""

import json

import numpy as np
import pytest
from fakes import behave as fake

from posepile.datasets import RawDataError, behave
from posepile.datasets.behave import Behave
from posepile.datasets.raw import RawDataWarning


def test_the_lens_model_of_the_kinect(tmp_path):
    """Known answers, computed with OpenCV."""
    colour = {"fx": 980, "fy": 980, "cx": 1024, "cy": 768, "width": 2048, "height": 1536}
    colour |= {"k1": 0.5, "k2": -2.5, "p1": 0, "p2": 0, "k3": 1.5, "k4": 0.4, "k5": -2.4, "k6": 1.4}
    write(tmp_path / "c.json", {"color": colour})
    write(tmp_path / "e.json", {"rotation": [1, 0, 0, 0, 1, 0, 0, 0, 1], "translation": [0, 0, 0]})
    camera, size = behave._camera(tmp_path / "e.json", tmp_path / "c.json")
    assert size == (2048, 1536)
    np.testing.assert_allclose(camera.world_to_image([200, -300, 2500]), [1102.559, 650.162], atol=1e-3)

    colour |= dict.fromkeys(behave.LENS, 0)
    write(tmp_path / "c.json", {"color": colour})
    write(tmp_path / "e.json", {"rotation": [0, 0, -1, 0, 1, 0, 1, 0, 0], "translation": [3, 0, 2.5]})
    camera, _ = behave._camera(tmp_path / "e.json", tmp_path / "c.json")
    np.testing.assert_allclose(camera.world_to_image([200, -300, 2500]), [1024, 663], atol=1e-9)


def test_counts_moments_without_labels(tmp_path):
    made = fake.write(tmp_path)
    sequence = next(s for s in made.dataset.sequences(made.root) if s.split == "train")
    with pytest.warns(RawDataWarning, match="1 of 5 moments without labels"):
        list(made.dataset.read(sequence))


def test_a_path_that_leads_out(tmp_path):
    root = fake.write(tmp_path / "behave").root
    info = root / f"sequences/{fake.TEST}/info.json"
    write(info, json.loads(info.read_text()) | {"config": "../../../elsewhere"})
    sequence = next(s for s in Behave().sequences(root) if s.split == "test")
    with pytest.raises(RawDataError, match="leads out"):
        list(Behave().read(sequence))


def write(path, content):
    path.write_text(json.dumps(content))
