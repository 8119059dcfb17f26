"""Who is found: by the user's boxes, by another detector, by the model's own, or everybody in the whole image."""

from types import SimpleNamespace

import numpy as np
import pytest

from posepile.cameras import Camera
from serving import people_finder
from serving.given_boxes import BoxError
from serving.people_finder import PeopleFinder
from serving.predictor import People

CAMERA = Camera(np.eye(3))
IMAGES = [np.zeros((48, 64, 3), np.uint8)] * 2
DETECTED = [np.array([[1.0, 2, 30, 40, 0.9], [5, 5, 9, 9, 0.4]], np.float32), np.zeros((0, 5), np.float32)]


class FakePredictor:
    """Notes what it is asked; a box narrower than 10 px shows nobody."""

    def __init__(self, has_detector=False):
        self.has_detector, self.calls = has_detector, []

    def predict_frames(self, images, camera, boxes=None, num_aug=1):
        self.calls.append((boxes, num_aug))
        if boxes is None:
            boxes = [rows[:, :4] for rows in DETECTED]
        poses = [
            np.where(rows[:, 2] < 10, np.nan, 1.0)[:, np.newaxis, np.newaxis] * np.ones((1, 2, 3))
            for rows in boxes
        ]
        return [People(rows, pose, pose[..., :2]) for rows, pose in zip(boxes, poses, strict=True)]


@pytest.fixture
def other_detector(monkeypatch):
    fake = SimpleNamespace(detect_batch=lambda images: DETECTED)
    monkeypatch.setattr(people_finder, "load_detector", lambda name, weights: fake)


def test_the_users_boxes_hold_for_every_image(other_detector):
    predictor = FakePredictor(has_detector=True)
    finder = PeopleFinder(predictor, num_aug=3)
    given = np.array([[1.0, 2, 20, 30]])
    for people in finder(IMAGES, CAMERA, given, "a.mp4"):
        np.testing.assert_array_equal(people.boxes, given)
        assert people.scores.tolist() == [1]
    [(boxes, num_aug)] = predictor.calls
    assert len(boxes) == 2 and num_aug == 3 and finder.detector == "of the model"
    with pytest.raises(BoxError, match="a.mp4: box .* outside the image of 64 x 48 px"):
        finder(IMAGES, CAMERA, np.array([[100.0, 2, 20, 30]]), "a.mp4")


def test_another_detector_with_its_scores(other_detector):
    finder = PeopleFinder(FakePredictor(has_detector=True), detector="movenet")
    first, second = finder(IMAGES, CAMERA, None, "a.mp4")
    assert finder.detector == "movenet"
    np.testing.assert_allclose(first.scores, [0.9])  # the other one's box shows nothing
    np.testing.assert_allclose(first.boxes, [[1, 2, 30, 40]])
    assert len(second.boxes) == 0


def test_the_models_own_detector():
    predictor = FakePredictor(has_detector=True)
    first, second = PeopleFinder(predictor)(IMAGES, CAMERA, None, "a.mp4")
    assert predictor.calls == [(None, 1)] and len(first.boxes) == 1 and len(second.boxes) == 0


def test_without_a_detector_the_whole_image_is_a_box():
    finder = PeopleFinder(FakePredictor())
    first, _ = finder(IMAGES, CAMERA, None, "a.mp4")
    assert finder.detector is None
    np.testing.assert_array_equal(first.boxes, [[-0.5, -0.5, 64, 48]])
