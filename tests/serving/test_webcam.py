"""A webcam's frames carry the place in time that they have, and end as the user wants."""

import itertools
import os
import signal
import threading

import cv2
import numpy as np
import pytest

from serving import webcam
from serving.media import USUAL_FPS, MediaError

PICTURE = np.full((48, 64, 3), (250, 0, 10), np.uint8)  # BGR


class Camera:
    """A capture device of OpenCV, and the clock of the world around it."""

    def __init__(self, fps=16.0, seconds_a_frame=1 / 16, frames=10**6, opens=True):
        self.fps, self.step, self.left, self.opens = fps, seconds_a_frame, frames, opens
        self.now, self.released = 100.0, False

    def isOpened(self):
        return self.opens

    def get(self, what):
        return {cv2.CAP_PROP_FPS: self.fps, cv2.CAP_PROP_FRAME_WIDTH: 64, cv2.CAP_PROP_FRAME_HEIGHT: 48}[what]

    def set(self, what, value):
        return False

    def read(self):
        self.now += self.step
        self.left -= 1
        return (True, PICTURE) if self.left >= 0 else (False, None)

    def release(self):
        self.released = True


@pytest.fixture
def plug_in(monkeypatch):
    def plug_in(camera):
        monkeypatch.setattr(cv2, "VideoCapture", lambda number: camera)
        monkeypatch.setattr(webcam.time, "monotonic", lambda: camera.now)
        return camera

    return plug_in


def test_frames_until_the_time_is_over(plug_in):
    camera = plug_in(Camera())
    with webcam.open_webcam(0, seconds=0.5) as video:
        assert (video.size, video.fps, video.count) == ((64, 48), 16, None)
        frames = list(video.frames)
    assert [index for index, _ in frames] == [1, 2, 3, 4, 5, 6, 7, 8]  # each took one frame's time
    assert frames[0][1][0, 0].tolist() == [10, 0, 250] and camera.released  # RGB


@pytest.mark.parametrize("fps", [0.0, float("nan"), -1.0])
def test_a_slow_computer_and_a_camera_that_hides_its_rate(plug_in, fps):
    plug_in(Camera(fps=fps, seconds_a_frame=0.2))
    with webcam.open_webcam(0, seconds=1) as video:
        assert video.fps == USUAL_FPS
        assert [index for index, _ in video.frames] == [5, 10, 15, 20, 25]


def test_a_camera_faster_than_it_says(plug_in):
    plug_in(Camera(seconds_a_frame=0.001))
    with webcam.open_webcam(0) as video:
        assert [index for index, _ in itertools.islice(video.frames, 4)] == [0, 1, 2, 3]


def test_interrupting_ends_it_without_an_error(plug_in):
    plug_in(Camera())
    before = signal.getsignal(signal.SIGINT)
    with webcam.open_webcam(0) as video:
        for index, _ in video.frames:
            if index == 5:
                os.kill(os.getpid(), signal.SIGINT)
    assert index == 5 and signal.getsignal(signal.SIGINT) is before


def test_works_outside_of_the_main_thread(plug_in):
    plug_in(Camera())
    counts = []

    def run():
        with webcam.open_webcam(0, seconds=0.25) as video:
            counts.append(len(list(video.frames)))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert counts == [4]


def test_no_camera_and_one_that_stops(plug_in):
    camera = plug_in(Camera(opens=False))
    with pytest.raises(MediaError, match="webcam 2: cannot be opened"), webcam.open_webcam(2):
        pass
    assert camera.released
    plug_in(Camera(frames=3))
    seen = []
    with pytest.raises(MediaError, match="webcam 2: gave no more frames after 4"):
        with webcam.open_webcam(2) as video:
            seen.extend(video.frames)
    assert len(seen) == 3
