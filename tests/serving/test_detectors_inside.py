"""A SavedModel promises to find people as the detector does that was put into it."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from fake_models import SIDE, back_project, fake_estimator

from posepile.people import load_detector

GOLDEN = Path(__file__).parents[1] / "posepile/people/golden/make_yolov4_golden.py"


@pytest.fixture(scope="module")
def yolov4(tmp_path_factory):
    """All of YOLOv4, with pseudo-random weights from a file of darknet's."""
    spec = importlib.util.spec_from_file_location("make_yolov4_golden", GOLDEN)
    fake = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fake)
    path = tmp_path_factory.mktemp("yolov4") / "yolov4.weights"
    fake.write_weights(path)
    detector = load_detector("yolov4", path)
    path.unlink()
    return detector


def test_yolov4_finds_the_same_after_loading(yolov4, photo, tmp_path):
    def predict(images, intrinsics):
        middle = tf.fill([tf.shape(images)[0], 2, 2], (SIDE - 1) / 2)
        return back_project(middle, [4000.0, 5000.0], intrinsics)

    tf.saved_model.save(fake_estimator(predict, ["a", "b"], detector=yolov4), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    expected = yolov4.predict_single_image(photo, 0.2, 0.7, False, False)
    found = loaded.detect_poses(photo, detector_threshold=0.2, num_aug=1, suppress_implausible_poses=False)
    assert len(found["boxes"]) == len(expected) > 1 and found["poses3d"].shape == (len(expected), 2, 3)
    np.testing.assert_allclose(found["boxes"], expected, rtol=0, atol=1e-3)  # px
    alone = loaded.detector.predict_single_image(photo, threshold=0.2, nms_iou_threshold=0.7)
    np.testing.assert_allclose(alone, expected, rtol=0, atol=1e-3)
