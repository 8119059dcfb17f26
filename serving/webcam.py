"""Webcams: frames as they come, until enough seconds are over or the user presses Ctrl-C."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np

from serving.media import USUAL_FPS, MediaError, Video


@contextlib.contextmanager
def open_webcam(number: int, seconds: float | None = None) -> Iterator[Video]:
    """Opens a webcam by its number.

    Frames carry the index that they have at the camera's rate: what passes while a frame is worked on is
    missed. They end after `seconds`, or at Ctrl-C, which then does not interrupt the program.

    Raises MediaError if there is no such camera, and after the last frame if it stopped by itself.
    """
    camera = cv2.VideoCapture(number)
    stop = threading.Event()
    try:
        if not camera.isOpened():
            raise MediaError(
                f"webcam {number}: cannot be opened, expected the number of a camera that is free"
            )
        camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # otherwise the frames are older the slower we are
        size = int(camera.get(cv2.CAP_PROP_FRAME_WIDTH)), int(camera.get(cv2.CAP_PROP_FRAME_HEIGHT))
        fps = camera.get(cv2.CAP_PROP_FPS)
        fps = fps if np.isfinite(fps) and fps > 0 else USUAL_FPS
        with _interrupt_sets(stop):
            yield Video(size, fps, _frames(camera, number, fps, seconds, stop))
    finally:
        camera.release()


def _frames(camera, number: int, fps: float, seconds: float | None, stop: threading.Event):
    start, last = time.monotonic(), -1
    while not stop.is_set() and (seconds is None or time.monotonic() - start < seconds):
        done, image = camera.read()
        if not done:
            raise MediaError(f"webcam {number}: gave no more frames after {last + 1}")
        last = max(last + 1, round((time.monotonic() - start) * fps))
        yield last, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


@contextlib.contextmanager
def _interrupt_sets(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C sets the event instead of interrupting, so that the files are complete."""
    if threading.current_thread() is not threading.main_thread():  # only that one may handle signals
        yield
        return
    before = signal.signal(signal.SIGINT, lambda number, stack: stop.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
