"""A person's rows come back as all frames of their time, in blocks, whatever lies between them in the file."""

import numpy as np
import pytest

from serving.rows import row_type
from serving.video import motion as module
from serving.video.motion import motions

JOINTS = 2


@pytest.fixture(params=[1, 2, 5, 1000])
def block(request, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", request.param)


def test_frames_between_are_interpolated_or_missing(block, rng):
    frames = np.array([3, 4, 7, 8, 9, 12])
    rows = make_rows(frames, rng)
    motion = motions(rows)[0, 1]
    assert (motion.first, motion.count) == (3, 10)
    expected = np.stack(
        [
            [[np.interp(t, frames, rows["joints3d"][:, j, k]) for k in range(3)] for j in range(JOINTS)]
            for t in range(3, 13)
        ]
    )
    np.testing.assert_allclose(np.concatenate([*motion.blocks(interpolated=True)]), expected, rtol=1e-6)
    gaps = ~np.isin(np.arange(3, 13), frames)
    expected[gaps] = np.nan
    np.testing.assert_allclose(np.concatenate([*motion.blocks(interpolated=False)]), expected, rtol=1e-6)


def test_people_and_videos_are_kept_apart_and_photos_left_out(block, rng):
    parts = [make_rows([0], rng, person=-1)]
    for number, person, frames in ((1, 1, [0, 1]), (1, 2, [1, 2, 3]), (2, 1, [5])):
        parts.append(make_rows(frames, rng, number, person))
    rows = rng.permutation(np.concatenate(parts))
    rows.sort(order=["input", "frame"])  # people of a frame are neighbours
    found = motions(rows)
    assert {key: (m.first, m.count) for key, m in found.items()} == {
        (1, 1): (0, 2),
        (1, 2): (1, 3),
        (2, 1): (5, 1),
    }
    np.testing.assert_array_equal(np.concatenate([*found[1, 2].blocks(True)]), parts[2]["joints3d"])


def test_some_begins_with_the_first_and_is_spread(rng):
    rows = make_rows(np.arange(100), rng)
    motion = motions(rows)[0, 1]
    np.testing.assert_array_equal(motion.some(3), rows["joints3d"][[0, 49, 99]])
    assert len(motion.some(1000)) == 100


def test_parts_have_no_more_frames_than_wanted(rng):
    frames = np.array([3, 4, 7, 8, 9, 12, 31])
    parts = motions(make_rows(frames, rng))[0, 1].parts(5)
    assert [(part.first, part.count) for part in parts] == [(3, 5), (8, 5), (31, 1)]


def make_rows(frames, rng, number=0, person=1):
    rows = np.zeros(len(frames), row_type(JOINTS))
    rows["input"], rows["frame"], rows["id"] = number, frames, person
    rows["joints3d"] = rng.normal(0, 1000, (len(frames), JOINTS, 3))
    return rows
