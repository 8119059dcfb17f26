"""Detectors and segmenters by name."""

import subprocess
import sys

import pytest

from posepile.names import UnknownNameError
from posepile.people import DETECTORS, SEGMENTERS, load_detector, load_segmenter


def test_unknown_names_show_the_names_that_exist():
    with pytest.raises(UnknownNameError, match="unknown detector 'yolo4'; valid: movenet, yolov4"):
        load_detector("yolo4")
    with pytest.raises(UnknownNameError, match="unknown segmenter 'movenet'; valid: blazepose, deeplabv3"):
        load_segmenter("movenet")


@pytest.mark.parametrize("name", DETECTORS)
def test_absent_weights_of_detectors_are_named(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"weights: the weights of detector {name} are not there"):
        load_detector(name, tmp_path / "weights")


@pytest.mark.parametrize("name", SEGMENTERS)
def test_absent_weights_of_segmenters_are_named(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"weights: the weights of segmenter {name} are not there"):
        load_segmenter(name, tmp_path / "weights")


def test_nothing_heavy_is_imported_before_it_is_used():
    code = "import sys, posepile.people; sys.exit(bool({'tensorflow', 'keras', 'cv2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
