"""JTA: its camera, which way is up, and labels beyond the video's end."""

import numpy as np
import pytest
from fakes import jta as fake_jta

from posepile.datasets.jta import Jta, geometric_median, up_direction
from posepile.datasets.raw import RawDataError, RawDataWarning


def test_the_known_pixel_of_a_joint():
    camera = Jta()._camera(np.array([0, -1, 0]))
    np.testing.assert_allclose(camera.camera_to_image([500, -200, 10000]), [1018.35, 516.66])


def test_median_has_the_least_sum_of_distances():
    points = np.random.default_rng(0).normal(size=(9, 3))
    points[0] *= 50
    median = geometric_median(points)
    grid = median + np.random.default_rng(1).normal(scale=0.3, size=(500, 3))
    sums = np.linalg.norm(points - grid[:, np.newaxis], axis=-1).sum(axis=1)
    assert np.linalg.norm(points - median, axis=-1).sum() < sums.min() + 0.01


def test_most_people_say_which_way_is_up(tmp_path):
    poses = np.array([fake_jta._standing(x) for x in (0, 1000, 2000)])
    poses[2] = poses[2] @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]])  # lies down
    np.testing.assert_allclose(up_direction(poses), fake_jta.UP, atol=0.1)
    assert up_direction(np.full((2, 22, 3), np.nan)).tolist() == [0, -1, 0]


def test_labels_beyond_the_end_are_counted(tmp_path):
    fake = fake_jta.write(tmp_path)
    sequence = fake.dataset.sequences(tmp_path)[0]
    with pytest.warns(RawDataWarning, match="seq_0.MP4: 4 frames, 1 later"):
        frames = list(fake.dataset.read(sequence, fake.detect))
    np.testing.assert_allclose(frames[0].camera.world_up, fake_jta.UP, atol=1e-6)


@pytest.mark.filterwarnings("ignore::posepile.datasets.raw.RawDataWarning")
def test_without_a_detector_the_box_is_around_the_visible_joints(tmp_path):
    fake = fake_jta.write(tmp_path)
    frame = next(fake.dataset.read(fake.dataset.sequences(tmp_path)[0]))
    shown = np.delete(fake_jta._project(fake_jta._standing(0, seed=1)), [3, 5], axis=0)
    np.testing.assert_allclose(frame.box, fake_jta._around(shown), atol=1e-6)


@pytest.mark.parametrize("content, message", [(None, "missing"), (b"no video", "no frames")])
def test_a_bad_video_is_named(tmp_path, content, message):
    fake = fake_jta.write(tmp_path)
    video = tmp_path / "videos/val/seq_1.mp4"
    video.unlink()
    if content:
        video.write_bytes(content)
    sequence = next(s for s in fake.dataset.sequences(tmp_path) if s.split == "val")
    with pytest.raises(RawDataError, match=f"{video}: {message}"):
        list(fake.dataset.read(sequence, fake.detect))
