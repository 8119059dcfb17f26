"""Clothes follow the body: the fields that cut them run along the limbs and are the same on both sides."""

import colorsys

import numpy as np
import pytest

from posepile.synthetic import look, scene
from posepile.synthetic.body import load_body


def test_fields_run_along_the_limbs():
    template, fields = load_body().template, scene.body_fields()
    hands, feet, head = template[:, 0] > 440, template[:, 2] < -790, template[:, 2] > 820
    assert fields[hands, look.ARM].min() > 2.9 and fields[feet, look.LEG].min() > 2.9
    assert fields[hands, look.LEG].max() == 0 and fields[head, look.ARM].max() == 0
    assert fields[head, look.SCALP].min() > 0
    trunk = (np.abs(template[:, 0]) < 80) & (np.abs(template[:, 2] - 300) < 100)
    assert fields[trunk, look.ARM].max() < 1 and fields[trunk, look.LEG].max() < 1


def test_fields_are_the_same_on_both_sides():
    template, fields = load_body().template, scene.body_fields()
    left = np.flatnonzero(template[:, 0] > 20)[::50]
    distance = np.linalg.norm(template[:, None] * [-1, 1, 1] - template[left], axis=-1)
    partner = distance.argmin(0)
    exact = distance.min(0) < 1e-6
    assert exact.mean() > 0.9
    columns = [look.COLLAR, look.Z, look.ARM, look.LEG, look.SCALP, look.FACE]
    # The skinning weights of the two sides differ a little in the body's data
    difference = np.abs(fields[left][exact] - fields[partner][exact])[:, columns]
    assert np.quantile(difference, 0.99) < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_gives_the_same_look_and_layers_fit(seed):
    style = look.LookStyle()
    first, second = (
        look.random_look(np.random.default_rng(seed), style, scene.body_fields()) for _ in range(2)
    )
    assert first.layers.tobytes() == second.layers.tobytes()
    np.testing.assert_array_equal(first.lift, second.lift)
    assert first.lift.min() >= 0 and first.lift.max() <= 16  # mm


def test_a_suit_is_one_garment_from_neck_to_ankles():
    fields = scene.body_fields()
    style = look.LookStyle(suit=1.0, barefoot=1.0, pattern=0.0)
    lift = look.random_look(np.random.default_rng(0), style, fields).lift
    arms_and_legs = ((fields[:, look.ARM] > 1.1) & (fields[:, look.ARM] < 2.8)) | (
        (fields[:, look.LEG] > 1.1) & (fields[:, look.LEG] < 2.8)
    )
    assert (lift[arms_and_legs] > 0).mean() > 0.99


def test_a_coded_suit_colours_left_and_right_apart():
    style = look.LookStyle(coded_suit=1.0)
    layers = look.random_look(np.random.default_rng(3), style, scene.body_fields()).layers
    sides = [layer for layer in layers if layer["low"][look.X] == 0 or layer["high"][look.X] == 0]
    assert len(sides) == 4  # two arms, two legs
    hues = [colorsys.rgb_to_hsv(*layer["colour"][0])[0] for layer in sides]
    distances = [min(abs(a - b), 1 - abs(a - b)) for i, a in enumerate(hues) for b in hues[:i]]
    assert min(distances) > 0.08
