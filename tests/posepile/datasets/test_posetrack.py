"""PoseTrack: what is read without a detector, and images in which it finds nobody."""

import numpy as np
import pytest
from fakes import posetrack as fake_posetrack

from posepile.datasets.posetrack import PoseTrack


@pytest.fixture
def video(tmp_path):
    fake_posetrack.write(tmp_path)
    return PoseTrack().sequences(tmp_path)[0]


def test_without_a_detector_the_labelled_box_is_taken(video):
    boxes = {frame.key: frame.box.tolist() for frame in PoseTrack().read(video)}
    assert boxes["train/000001_x_train/000000_00"] == [110, 60, 100, 200]
    assert boxes["train/000001_x_train/000000_02"] == [5, 250, 40, 40]


def test_no_detections_no_examples(video):
    assert list(PoseTrack().read(video, lambda source: np.empty((0, 5)))) == []


def test_people_without_a_detection_are_not_remembered(video):
    def found_late(source):
        return fake_posetrack.detect(source) if source.path.stem == "000001" else np.empty((0, 5))

    keys = [frame.key[-9:] for frame in PoseTrack().read(video, found_late)]
    assert keys == ["000001_00", "000001_01"]
