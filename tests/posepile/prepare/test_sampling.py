"""Samplers keep what the sheet's rules keep: hand-made sequences, and slow versions on random ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posepile.prepare.sampling import MemorySampler, Sampler

NAN = np.nan
SEEDS, FLAG = st.integers(0, 10_000), st.booleans()


def test_the_first_pose_is_kept_and_then_those_that_moved():
    sampler = Sampler(100)
    xs = [0, 60, 99.9, 100, 150, 199, 201, 100]
    assert [sampler.keep(pose(x)) for x in xs] == [True, False, False, True, False, False, True, True]


def test_a_pose_without_labels_is_not_kept_but_remembered():
    sampler = Sampler(100)
    assert not sampler.keep(pose(NAN))
    assert sampler.keep(pose(0))  # NaN counts as moved


def test_validity_keeps_what_is_newly_labelled_and_looks_at_labelled_joints_only():
    sampler = Sampler(100, check_validity=True)
    assert sampler.keep(pose(0, NAN))
    assert not sampler.keep(pose(10, NAN))
    assert sampler.keep(pose(10, 0))
    assert not sampler.keep(pose(NAN, 50))
    assert not sampler.keep(pose(NAN, NAN))


def test_nan_as_unchanged_remembers_the_last_known_coordinates():
    sampler = Sampler(100, nan_unchanged=True)
    assert sampler.keep(pose(0, 0))
    assert not sampler.keep(pose(NAN, 50))
    assert sampler.keep(pose(NAN, 150))
    assert not sampler.keep(pose(90, 150))  # 90 from the 0 that was known
    assert Sampler(100).keep(pose(NAN, 0))


def test_a_threshold_of_the_moment_stands_in_for_pixels_of_people_of_any_size():
    sampler = Sampler(10, check_validity=True)
    assert sampler.keep(pose(0)[:, :2])
    assert not sampler.keep(pose(15)[:, :2], threshold=20)
    assert sampler.keep(pose(15)[:, :2])


def test_memory_drops_a_return_to_an_earlier_pose_until_it_is_forgotten():
    xs = [0, 200, 0, 400, 50, 600, 0]
    sampler = MemorySampler(100, buffer=3)
    assert [sampler.keep(pose(x)) for x in xs] == [True, True, False, True, False, True, True]


def test_memory_compares_nothing_with_nothing():
    sampler = MemorySampler(100, buffer=3)
    assert not sampler.keep(pose(NAN, NAN))
    assert sampler.keep(pose(NAN, 0))
    assert not sampler.keep(pose(NAN, NAN))


@settings(max_examples=30)
@given(seed=SEEDS, check_validity=FLAG, nan_unchanged=FLAG)
def test_version_1_is_the_rule(seed, check_validity, nan_unchanged):
    sampler, poses = Sampler(100, check_validity, nan_unchanged), random_walk(seed)
    assert [sampler.keep(p) for p in poses] == version_1(poses, 100, check_validity, nan_unchanged)


@settings(max_examples=30)
@given(seed=SEEDS, check_validity=FLAG, nan_unchanged=FLAG, buffer=st.sampled_from([1, 2, 5, 50]))
def test_version_2_is_the_rule(seed, check_validity, nan_unchanged, buffer):
    sampler, poses = MemorySampler(100, buffer, check_validity, nan_unchanged), random_walk(seed)
    assert [sampler.keep(p) for p in poses] == version_2(poses, 100, check_validity, nan_unchanged, buffer)


def test_samplers_do_not_keep_the_callers_array():
    for sampler in (Sampler(100), MemorySampler(100, 5)):
        buffer = pose(0)
        sampler.keep(buffer)
        buffer += 500
        assert sampler.keep(buffer)


@pytest.mark.filterwarnings("error")
def test_nan_raises_no_warnings():
    for sampler in (Sampler(100), MemorySampler(100, 5)):
        for p in random_walk(1):
            sampler.keep(p)


def pose(*xs):
    return np.array([(x, x * 0, x * 0) for x in xs], float)


def random_walk(seed):
    rng = np.random.default_rng(seed)
    poses = np.cumsum(rng.normal(0, 25, (40, 3, 3)), axis=0)
    poses[rng.random((40, 3)) < rng.choice([0, 0.1, 0.6])] = NAN
    poses[rng.random((40, 3, 3)) < 0.02] = NAN  # single coordinates too
    return poses


def version_1(poses, threshold, check_validity, nan_unchanged):
    """The sheet's sentences one after another, a joint at a time."""
    last, kept = None, []
    for now in poses:
        valid = [not np.isnan(j).any() for j in now]
        if last is None:
            last, keep = now.copy(), any(valid)
            kept.append(keep)
            continue
        newly = any(v and np.isnan(p).any() for v, p in zip(valid, last, strict=True))
        d = [np.sqrt(sum((a - b) ** 2)) for a, b in zip(now, last, strict=True)]
        d = [x for x, v in zip(d, valid, strict=True) if v or not check_validity]
        moved = any(x >= threshold for x in d) if nan_unchanged else not all(x < threshold for x in d)
        keep = (check_validity and newly) or moved
        if keep:
            last = np.array([[b if np.isnan(a) and nan_unchanged else a for a, b in zip(j, p, strict=True)]
                             for j, p in zip(now, last, strict=True)])  # fmt: skip
        kept.append(bool(keep))
    return kept


def version_2(poses, threshold, check_validity, nan_unchanged, buffer):
    """The same for the memory, which is as long as it can be and NaN at first."""
    memory, kept = [np.full((3, 3), NAN) for _ in range(buffer)], []
    for t, now in enumerate(poses.astype(np.float32).astype(float)):
        valid = [not np.isnan(j).any() for j in now]
        if t == 0:
            memory = [*memory[1:], now.copy()]
            kept.append(any(valid))
            continue
        newly = any(v and np.isnan(p).any() for v, p in zip(valid, memory[-1], strict=True))
        largest, near = [], False
        for entry in memory:
            d = [np.sqrt(sum((a - b) ** 2)) for a, b in zip(now, entry, strict=True)]
            d = [x for x, v in zip(d, valid, strict=True) if v or not check_validity]
            known = [x for x in d if not np.isnan(x)]
            largest += [max(known)] if known else []
            near |= all(x < threshold for x in d)
        different = bool(largest) and min(largest) >= threshold if nan_unchanged else not near
        keep = bool((check_validity and newly) or different)
        if keep:
            old = memory[-1]
            memory = [*memory[1:], np.where(np.isnan(now), old, now) if nan_unchanged else now.copy()]
        kept.append(keep)
    return kept
