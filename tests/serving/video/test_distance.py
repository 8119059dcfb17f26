"""Distances from the camera: the formula, steady motion, strength by noise; and what it does to a video's poses."""

import numpy as np
import pytest
from posed_frames import CAMERA, FPS, smoothed

from posepile.cameras import Camera
from serving.video.distance import BODY_ACCELERATION, smoothed_distances
from serving.video.smoother import VIEW_S


@pytest.fixture
def times(rng):
    return np.cumsum(rng.uniform(0.01, 0.06, 40))


def test_is_a_weighted_straight_line_at_each_time(times, rng):
    distances = 5000 + rng.normal(0, 60, 40)
    half_width = half_width_of(times, distances)
    assert 0.1 < half_width < VIEW_S
    expected = []
    for time in times:
        weights = np.maximum(0, 1 - abs(times - time) / half_width)
        near = weights > 0
        _, value = np.polyfit(times[near] - time, distances[near], 1, w=weights[near] ** 0.5)
        expected.append(value)
    np.testing.assert_allclose(smoothed_distances(times, distances, VIEW_S), expected, rtol=1e-9)


def half_width_of(times, distances):
    """Least error of a line: 24 variance / (times a second * acceleration^2) is the half-width's fifth power."""
    residuals, motions = [], []
    for i in range(1, len(times) - 1):
        share = (times[i] - times[i - 1]) / (times[i + 1] - times[i - 1])
        scale = (1 + share**2 + (1 - share) ** 2) ** 0.5
        between = np.interp(times[i], times[[i - 1, i + 1]], distances[[i - 1, i + 1]])
        residuals.append(abs(distances[i] - between) / scale)
        # A parabola of this acceleration, through zero at both neighbours
        motions.append(BODY_ACCELERATION / 2 * (times[i] - times[i - 1]) * (times[i + 1] - times[i]) / scale)
    variance = (np.median(residuals) / 0.6745) ** 2 - np.median(motions) ** 2
    per_second = (len(times) - 1) / (times[-1] - times[0])
    return (24 * variance / (per_second * BODY_ACCELERATION**2)) ** 0.2


def test_motion_at_constant_speed_stays(times):
    distances = 9000 - 1500 * times
    np.testing.assert_allclose(smoothed_distances(times, distances, VIEW_S), distances, rtol=1e-9)


def test_nearly_exact_distances_are_hardly_changed_and_noisy_ones_are(rng):
    times = np.arange(90) / FPS
    truth = 6000 + 400 * np.sin(2 * times)  # up to 1.6 m/s^2

    def error(noise):
        noisy = truth + rng.normal(0, noise, 90)
        return np.std(smoothed_distances(times, noisy, VIEW_S) - truth)

    assert error(0) == 0
    assert error(3) < 3.1
    assert error(50) < 25
    assert error(200) < 90


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_distances(count):
    distances = np.array([4000.0, 4300, 4100])[:count]
    found = smoothed_distances(np.arange(count) / FPS, distances, VIEW_S)
    assert found.shape == (count,)
    assert np.isfinite(found).all()
    if count < 3:
        np.testing.assert_array_equal(found, distances)


def test_stays_within_what_was_seen():
    """A straight line through wild distances could end behind the camera."""
    distances = np.array([100.0, 6000, 9000, 200, 8000, 3000])
    found = smoothed_distances(np.arange(6) / FPS, distances, VIEW_S)
    assert found.min() >= 100 and found.max() <= 9000


def test_a_moving_persons_noise_of_depth_goes_and_the_picture_stays(rng):
    camera = Camera(CAMERA.intrinsics, position=np.array([500.0, -200, -1000]))
    standing = rng.normal(0, 300, (5, 3)) + [0, 0, 4000]
    truth = standing + np.arange(90)[:, np.newaxis, np.newaxis] * [20.0, 0, 30]
    from_camera = truth - camera.position
    noisy = camera.position + from_camera * rng.normal(1, 0.02, (90, 1, 1))
    done = np.stack([f.people.joints3d[0] for f in smoothed([{1: pose} for pose in noisy], camera)])
    assert acceleration(noisy) > 200  # mm a frame and frame
    assert acceleration(done) < 5
    assert np.linalg.norm(done - truth, axis=-1).mean() < 0.4 * np.linalg.norm(noisy - truth, axis=-1).mean()
    shift = camera.world_to_image(done) - camera.world_to_image(truth)
    assert np.linalg.norm(shift, axis=-1).mean() < 0.5  # px


def acceleration(poses):
    return np.linalg.norm(np.diff(poses, 2, axis=0), axis=-1).mean()
