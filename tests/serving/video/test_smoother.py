"""Short gaps are filled, long ones are not, false alarms go, and the result is that of the whole video's filter."""

import numpy as np
import pytest
from posed_frames import CAMERA, FPS, at_smoothed_distances, box, frame, smoothed
from scipy.interpolate import interp1d

from posepile.synthetic import motion
from posepile.synthetic.mocap.asf import read_amc, read_asf
from posepile.synthetic.mocap.recording import to_global, to_positions
from posepile.synthetic.retarget import retarget
from serving.video.smoother import LEAST_SEEN, VIEW_S, Smoother

JOINTS = 5


@pytest.fixture
def walk(rng):
    """[90, 5, 3] mm: points that walk, with noise."""
    steps = np.arange(90)[:, np.newaxis, np.newaxis] * [40.0, 0, 5]
    return rng.normal(0, 300, (JOINTS, 3)) + [0, 0, 4000] + steps + rng.normal(0, 8, (90, JOINTS, 3))


def test_equals_the_filter_over_the_whole_video(both_ways, walk):
    done = smoothed([{7: pose} for pose in walk])
    assert [frame.index for frame in done] == [*range(90)]
    found = np.stack([frame.people.joints3d[0] for frame in done])
    times = np.arange(90) / FPS
    # The view ahead ends after 0.5 s, five times the filter's memory at rest
    expected = both_ways(times, at_smoothed_distances(times, walk))
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.6)
    np.testing.assert_allclose(done[5].people.joints2d, CAMERA.camera_to_image(done[5].people.joints3d))
    assert all(frame.ids.tolist() == [7] and not frame.filled.any() for frame in done)


def test_a_frame_waits_no_longer_than_the_view_ahead(walk):
    smoother = Smoother(CAMERA)
    for i, pose in enumerate(walk):
        done = list(smoother.push(frame(i, {1: pose})))
        assert [f.index for f in done] == ([i - 16] if i >= 16 else [])  # 15 frames are 0.5 s
    assert len(list(smoother.finish())) == 16


@pytest.mark.parametrize("missing", [1, 7, 15])
def test_a_short_gap_is_filled_with_straight_lines(missing):
    line = np.arange(60)[:, np.newaxis, np.newaxis] * np.full((JOINTS, 3), 10.0) + [0, 0, 4000]
    done = smoothed([{} if 20 <= i < 20 + missing else {3: pose} for i, pose in enumerate(line)])
    filled = [frame.index for frame in done if frame.filled.any()]
    assert filled == [*range(20, 20 + missing)]
    assert all(frame.ids.tolist() == [3] for frame in done)
    for i in filled:
        np.testing.assert_allclose(
            done[i].people.joints3d[0], line[i], atol=2
        )  # mm; the filter's ends are far
        np.testing.assert_allclose(done[i].people.boxes[0], box(line[i]), atol=1e-9)


def test_a_long_gap_stays_and_the_filter_begins_anew(both_ways, walk):
    hidden = range(20, 20 + int(VIEW_S * FPS) + 1)
    done = smoothed([{} if i in hidden else {3: pose} for i, pose in enumerate(walk)])
    assert [frame.index for frame in done if not len(frame.ids)] == [*hidden]
    after = np.stack([frame.people.joints3d[0] for frame in done[hidden.stop :]])
    times = np.arange(hidden.stop, 90) / FPS
    expected = both_ways(times, at_smoothed_distances(times, walk[hidden.stop :]))
    np.testing.assert_allclose(after, expected, rtol=0, atol=0.6)


def test_whoever_is_seen_too_seldom_is_left_out(walk):
    frames = [{1: pose} for pose in walk]
    for i in range(LEAST_SEEN - 1):
        frames[30 + 2 * i][2] = walk[0]  # with gaps: filled frames do not count as seen
    for i in range(LEAST_SEEN):
        frames[60 + i][5] = walk[0]
    done = smoothed(frames)
    assert {i for frame in done for i in frame.ids.tolist()} == {1, 5}
    assert [frame.index for frame in done if 5 in frame.ids] == [60, 61, 62]


def test_a_video_of_one_frame_keeps_its_people(walk):
    [done] = smoothed([{1: walk[0], 2: walk[1]}])
    assert done.ids.tolist() == [1, 2]
    np.testing.assert_array_equal(done.people.joints3d, walk[:2])


def test_a_video_without_people():
    assert [len(frame.ids) for frame in smoothed([{}] * 40)] == [0] * 40


def test_nothing_grows_with_the_video(walk):
    smoother = Smoother(CAMERA)
    for i in range(3000):
        list(smoother.push(frame(i, {1: walk[i % 90], 100 + i // 5: walk[0]})))
        assert len(smoother._pending) <= VIEW_S * FPS + 1
        assert len(smoother._tracks) < 15  # of 601
        assert all(len(track.past) <= VIEW_S * FPS + 1 for track in smoother._tracks.values())


def test_frames_at_uneven_times(both_ways, walk):
    """A slow computer misses frames of a webcam."""
    times = np.cumsum([1, 4, 2, 7, 1, 1, 3, 20, 2, 2]) / FPS
    smoother, done = Smoother(CAMERA), []
    for i, time in enumerate(times):
        done += smoother.push(frame(i, {1: walk[i]}, time))
    done += smoother.finish()
    assert [f.time_s for f in done] == times.tolist() and all(f.ids.tolist() == [1] for f in done)
    expected = both_ways(times[7:], at_smoothed_distances(times[7:], walk[7:10]))[0]
    np.testing.assert_allclose(done[7].people.joints3d[0], expected, atol=1e-9)


@pytest.mark.parametrize("distance_noise", [0.0, 0.01])
@pytest.mark.parametrize("name", ["02_01", "03_01"])
def test_recorded_walks_with_noise(samples, rng, name, distance_noise):
    """The promise: half of the acceleration goes; below 5 mm of displacement, unless distances were wrong by more."""
    truth = recorded(samples / "mocap_cmu_asf", name) + [0, 0, 7000]
    noisy = (truth + rng.normal(0, 3, truth.shape)) * rng.normal(1, distance_noise, (len(truth), 1, 1))
    done = np.stack([frame.people.joints3d[0] for frame in smoothed([{1: pose} for pose in noisy])])
    assert acceleration(done) < (0.1 if distance_noise else 0.5) * acceleration(noisy)
    assert distance(done, noisy) < (70 if distance_noise else 5)
    assert distance(done, truth) < (0.6 if distance_noise else 1) * distance(noisy, truth)


def recorded(folder, name):
    """Joints [T, J, 3] mm at 30 frames/s, their middle at the origin."""
    recording = read_amc(folder / f"{name}.amc", read_asf(folder / f"{name[:2]}.asf"))
    rotations, root = retarget(recording, motion.rig())
    rig = motion.rig()
    walk = to_positions(rig.parents, rig.heads, to_global(rig.parents, rotations), root).astype(np.float64)
    seconds = np.arange(len(walk)) / recording.fps
    walk = interp1d(seconds, walk, axis=0)(np.arange(0, seconds[-1] - 0.1, 1 / FPS))
    return walk - walk.mean(axis=(0, 1))


def acceleration(points):
    return np.linalg.norm(np.diff(points, 2, axis=0), axis=-1).mean()


def distance(a, b):
    return np.linalg.norm(a - b, axis=-1).mean()
