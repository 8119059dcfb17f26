"""Looks promise: objects change colour with the person, noise does not; presets have the paper's probabilities."""

import numpy as np
import pytest

from training.augment.appearance import Appearance
from training.augment.pictures import CutOuts
from training.augment.randomness import Draws
from training.config import AugmentConfig, ConfigError, DataConfig
from training.presets import PRESETS, preset


def test_objects_come_before_the_change_of_colours_and_noise_after():
    def changed(brightness):
        config = AugmentConfig(
            objects=1.0, erase=1.0, brightness=brightness, contrast=0, hue_deg=0, saturation=0
        )
        appearance = Appearance(config, DataConfig(), 64, ["a"] * 20)
        appearance._cut_outs = CutOuts([np.full((60, 60, 4), (90, 90, 90, 255), np.uint8)])
        looks, results = (
            appearance.draw(Draws(1, 0, 20), np.zeros(20, bool)),
            np.zeros((20, 64, 64, 3), np.uint8),
        )
        for i in range(20):
            appearance.change(np.full((64, 64, 4), 128, np.uint8), looks, i, results[i])
        return looks, results

    looks, plain = changed(0.0)
    _, brighter = changed(0.12)
    for i in range(20):
        assert (
            looks.occlusions.objects[i] != looks.occlusions.erased[i]
        )  # both are certain once the coin has fallen
        shift = np.rint(255 * np.float64(_brightness(0.12, i)))
        of_noise = (plain[i] != 128).any(axis=-1) if looks.occlusions.erased[i] else np.zeros((64, 64), bool)
        np.testing.assert_array_equal(brighter[i][of_noise], plain[i][of_noise])
        change = brighter[i][~of_noise].astype(int) - plain[i][~of_noise]
        assert np.abs(change - shift).max() <= 1
    assert (plain[looks.occlusions.objects] == 90).any()


def test_the_crop_itself_is_left_alone():
    appearance = Appearance(AugmentConfig(erase=1.0), DataConfig(), 64, ["a"] * 4)
    crop = np.full((64, 64, 4), 128, np.uint8)
    looks = appearance.draw(Draws(1, 0, 4), np.zeros(4, bool))
    for i in np.flatnonzero(~looks.occlusions.objects):
        appearance.change(crop, looks, i, np.empty((64, 64, 3), np.uint8))
    assert (crop == 128).all()


@pytest.mark.parametrize("name", [name for name in PRESETS if name.startswith("paper")])
def test_paper_probabilities(name):
    augment, data = preset(name).augment, preset(name).data
    assert (augment.background, augment.objects, augment.erase, augment.flip) == (0.7, 0.5, 0.5, 0.5)
    assert (augment.shift, augment.zoom_min, augment.zoom_max, augment.roll_deg) == (0.1, 0.75, 1.25, 20)
    assert (augment.brightness, augment.contrast, augment.hue_deg, augment.saturation) == (
        0.125,
        0.5,
        72,
        0.5,
    )
    for store, _ in data.shares:
        seldom = store in ("sailvos", "agora", "spec", "hspace")
        assert augment.probability("background", store) == (0.2 if seldom else 0.7)
        partial = 0.5 if store == "h36m" and data.pile != "large" else 0
        assert augment.probability("partial_visibility", store) == partial


@pytest.mark.parametrize("name", ["smoke", "demo"])
def test_the_demonstration_has_no_backgrounds_and_occlusions(name):
    augment = preset(name).augment
    assert (augment.background, augment.objects, augment.erase) == (0, 0, 0)


def test_a_store_s_probability_is_checked():
    with pytest.raises(ConfigError, match="augment.background_of of 'agora' is 2, expected a probability"):
        AugmentConfig(background_of=(("agora", 2),))


def _brightness(largest, i):
    from training.augment.colour import draw_colours

    return draw_colours(AugmentConfig(brightness=largest), Draws(1, 0, 20)).amount[i, 0]
