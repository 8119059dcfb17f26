"""CachedDetector: an image is looked at once, whatever happens in between."""

import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from posepile.people.cache import FILE, WRITE_EVERY, CachedDetector


class Counting:
    """Finds as many boxes as the first pixel says, and counts the images."""

    def __init__(self, identity="fake, score > 0.2"):
        self.identity, self.images = identity, 0

    def detect_batch(self, images):
        self.images += len(images)
        return [np.arange(5 * image[0, 0, 0], dtype=np.float32).reshape(-1, 5) for image in images]


def image(count):
    return np.full((2, 2, 3), count, np.uint8)


def never():
    raise AssertionError("a known image is read")


def test_known_images_are_not_read_again(tmp_path):
    with CachedDetector(Counting(), tmp_path) as cached:
        first = cached.detect("S1/a.jpg", lambda: image(3))
        assert first.shape == (3, 5) and cached.detect("S1/a.jpg", never) is first
        assert cached.detect("S1/nobody.jpg", lambda: image(0)).shape == (0, 5)
    again = Counting()
    with CachedDetector(again, tmp_path) as cached:
        np.testing.assert_array_equal(cached.detect("S1/a.jpg", never), first)
        assert cached.detect("S1/nobody.jpg", never).shape == (0, 5)
    assert again.images == 0


def test_batches_ask_for_the_new_images_only(tmp_path):
    asked = []

    def read(names):
        asked.append(list(names))
        return [image(int(name)) for name in names]

    with CachedDetector(Counting(), tmp_path) as cached:
        cached.detect("2", lambda: image(2))
        found = cached.detect_batch(["1", "2", "4"], read)
        assert [len(boxes) for boxes in found] == [1, 2, 4] and asked == [["1", "4"]]
        cached.detect_batch(["4", "1"], read)
    assert len(asked) == 1


def test_another_detector_looks_anew(tmp_path):
    with CachedDetector(Counting(), tmp_path) as cached:
        cached.detect("a", lambda: image(1))
    other = Counting("fake, score > 0.5")
    with CachedDetector(other, tmp_path) as cached:
        cached.detect("a", lambda: image(1))
    assert other.images == 1


def test_what_was_found_survives_without_a_close(tmp_path):
    cached = CachedDetector(Counting(), tmp_path)
    for i in range(WRITE_EVERY + 5):
        cached.detect(str(i), lambda: image(1))
    rows = sqlite3.connect(tmp_path / FILE).execute("SELECT count(*) FROM detections").fetchone()
    assert rows == (WRITE_EVERY,)


WORKER = """
import sys
import numpy as np
from posepile.people.cache import CachedDetector

class Detector:
    identity = "fake, score > 0.2"
    def detect_batch(self, images):
        return [np.ones((1, 5), np.float32) for _ in images]

with CachedDetector(Detector(), sys.argv[1]) as cached:
    for i in range(200):
        cached.detect(sys.argv[2] + str(i), lambda: None)
"""


def test_processes_share_a_file(tmp_path):
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, tmp_path, name]) for name in "ab"]
    assert [worker.wait() for worker in workers] == [0, 0]
    with CachedDetector(Counting(), tmp_path) as cached:
        assert len(cached.detect("a199", never)) == len(cached.detect("b0", never)) == 1


def test_damaged_files_are_named(tmp_path):
    (tmp_path / FILE).write_bytes(b"something else" * 100)
    with pytest.raises(ValueError, match=f"{FILE}: not a file of detections"):
        CachedDetector(Counting(), tmp_path)
    (tmp_path / FILE).unlink()
    with CachedDetector(Counting(), tmp_path) as cached:
        cached.detect("a", lambda: image(1))
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("UPDATE detections SET boxes = x'00'")
    with CachedDetector(Counting(), tmp_path) as cached, pytest.raises(ValueError, match="a has 1 bytes"):
        cached.detect("a", never)
