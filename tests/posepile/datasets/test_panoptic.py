"""CMU Panoptic: who has moved, damaged frames, and boxes without a detector."""

import warnings
from itertools import permutations

import numpy as np
import pytest
from fakes import panoptic as fake_panoptic
from fakes.scene import person, projected_box

from posepile.datasets import RawDataError, panoptic
from posepile.datasets.panoptic import Panoptic, References
from posepile.datasets.raw import RawDataWarning


def read(root):
    panoptic._load_scene.cache_clear()
    found = [sequence for sequence in Panoptic().sequences(root) if sequence.files[0] == fake_panoptic.NAME]
    return list(Panoptic().read(found[0]))


def slow_moved(poses, people):
    """Tries all ways to match people to the remembered `poses`, which it changes."""
    if not poses:
        poses += [*people]
        return [True] * len(people)
    pairs = min(len(poses), len(people))
    ways = [
        list(zip(persons, references, strict=True))
        for persons in permutations(range(len(people)), pairs)
        for references in permutations(range(len(poses)), pairs)
    ]

    def distances(p, r):
        return np.sqrt(((people[p] - poses[r]) ** 2).sum(axis=1))

    best = min(ways, key=lambda way: sum(np.nanmean(distances(p, r)) for p, r in way))
    moved = [True] * len(people)
    for p, r in best:
        moved[p] = sum(distance >= 100 for distance in distances(p, r)) >= 3
    for p, r in best:
        if moved[p]:
            poses[r] = people[p]
    poses += [people[p] for p in range(len(people)) if p not in dict(best)]
    return moved


def test_who_has_moved_against_all_ways_to_match():
    rng = np.random.default_rng(0)
    everybody = np.array([person(19, (700 * i, 0, 0), seed=i) for i in range(3)])
    references, poses = References(), []
    seen = []
    for _ in range(40):
        everybody = everybody + (rng.random((3, 19, 1)) < 0.1) * rng.normal(scale=120, size=(3, 19, 3))
        people = everybody[rng.permutation(3)[: rng.integers(1, 4)]].copy()
        people[rng.random(people.shape[:2]) < 0.2] = np.nan
        expected = slow_moved(poses, people)
        assert references.moved(people).tolist() == expected
        seen += expected
    assert 10 < sum(seen) < len(seen) - 10


def test_without_a_detector_boxes_are_around_the_joints(tmp_path):
    fake_panoptic.write(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = read(tmp_path)[0]
    joints = fake_panoptic.known_frames()[1]["A"]
    np.testing.assert_allclose(
        frame.box, projected_box(fake_panoptic.known_camera(0), joints, 1.25), atol=1e-3
    )


def test_damaged_frames_are_counted(tmp_path):
    fake_panoptic.write(tmp_path)
    with pytest.warns(RawDataWarning, match=f"{fake_panoptic.NAME}/.*: 1 of 7 frames are damaged"):
        read(tmp_path)


def test_nothing_but_damaged_frames_is_an_error(tmp_path):
    fake_panoptic.write(tmp_path)
    for file in (tmp_path / fake_panoptic.NAME).glob("hdPose3d_stage1_coco19/*.json"):
        file.write_text("{")
    with pytest.raises(RawDataError, match="no readable body3DScene_<frame>.json among 7"):
        read(tmp_path)


@pytest.mark.parametrize(
    "old, new, message",
    [
        ('"00_00"', '"00_01"', "0 cameras named '00_00'"),
        ("1920", "1280", "'resolution'"),
        ('"distCoef"', '"dist"', "'distCoef' is missing"),
    ],
)
def test_faults_of_the_calibration_are_named(tmp_path, old, new, message):
    fake_panoptic.write(tmp_path)
    file = tmp_path / fake_panoptic.NAME / f"calibration_{fake_panoptic.NAME}.json"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(RawDataError, match=f"{file}: .*{message}"):
        read(tmp_path)
