"""Occlusions promise: objects or noise by a coin, each with its probability; whatever sticks out is cut."""

import numpy as np
import pytest

from training.augment import pixels
from training.augment.occlusion import draw_occlusions, erase, paste_objects
from training.augment.pictures import CutOuts
from training.augment.randomness import Draws
from training.config import AugmentConfig


def test_a_coin_chooses_and_each_has_its_probability():
    drawn = draw_occlusions(AugmentConfig(objects=0.8, erase=0.4), Draws(1, 0, 10_000))
    assert not (drawn.objects & drawn.erased).any()
    assert 0.38 < drawn.objects.mean() < 0.42 and 0.18 < drawn.erased.mean() < 0.22  # 4 deviations
    default = draw_occlusions(AugmentConfig(), Draws(1, 0, 10_000))
    assert 0.48 < (default.objects | default.erased).mean() < 0.52


@pytest.mark.parametrize("left, top", [(3, 4), (-5, 2), (14, -3), (2, 15), (-2, -2), (40, 0), (0, -40)])
def test_pasting_agrees_with_a_slow_version(left, top):
    random = np.random.default_rng(abs(left) + 100 * abs(top))
    planes, picture = (
        random.integers(0, 256, (4, 20, 20), np.uint8),
        random.integers(0, 256, (4, 9, 7), np.uint8),
    )
    picture[3, 0], picture[3, 1] = 0, 255
    expected = planes.astype(float)
    for v in range(9):
        for u in range(7):
            x, y = left + u, top + v
            if 0 <= x < 20 and 0 <= y < 20:
                alpha = picture[3, v, u] / 255
                expected[:3, y, x] = alpha * picture[:3, v, u] + (1 - alpha) * expected[:3, y, x]
    pixels.paste(planes, picture, left, top)
    assert np.abs(planes - expected).max() <= 0.51  # rounding


def test_objects_have_the_sizes_and_places_of_the_paper():
    cut_outs = CutOuts([np.full((40, 40, 4), 255, np.uint8)])
    areas, centres = [], []
    for seed in range(400):
        planes = np.zeros((4, 256, 256), np.uint8)
        random = np.random.default_rng(seed)
        single = OneObject(random)
        paste_objects(planes, cut_outs, single)
        y, x = np.nonzero(planes[0])
        if len(x):  # an object at the border may be out of sight but for its rounding
            areas.append(len(x))
            centres.append((x.mean(), y.mean()))
    assert 8 * 4 <= min(areas) and max(areas) == 40 * 40
    np.testing.assert_allclose(
        np.mean(centres, axis=0), 127.5, atol=16
    )  # uniform: 74 / sqrt(400) = 4 a deviation


def test_one_to_six_objects(monkeypatch):
    pasted = []
    monkeypatch.setattr(pixels, "paste", lambda *_: pasted.append(1))
    counts = []
    for seed in range(100):
        before = len(pasted)
        cut_outs = CutOuts([np.full((4, 4, 4), 255, np.uint8)])
        paste_objects(np.zeros((4, 64, 64), np.uint8), cut_outs, np.random.default_rng(seed))
        counts.append(len(pasted) - before)
    assert set(counts) == {1, 2, 3, 4, 5, 6}


def test_erased_rectangles_are_noise_inside_the_crop():
    shares = []
    for seed in range(300):
        image = np.full((64, 64, 3), 255, np.uint8)  # noise is at most 254
        erase(image, np.random.default_rng(seed))
        covered = (image < 255).all(axis=2)
        rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
        if len(rows):
            assert covered[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        shares.append(covered.mean())
    assert 0.25 < max(shares) <= 1 / 3
    assert 0.1 < np.mean(shares) < 1 / 6  # large ones fit less often


class OneObject:
    """A generator that always answers 1 when it is asked how many."""

    def __init__(self, random):
        self.random_of = random

    def integers(self, low, high=None, endpoint=False):
        return 1 if endpoint else self.random_of.integers(low, high)

    def __getattr__(self, name):
        return getattr(self.random_of, name)
