"""Learning rates: the sheet's formulas worked out in float64, and its printed values."""

import keras
import numpy as np
import pytest

from training.schedules import TwoPhase, decay_coefficient

B = 3e-4 / np.sqrt(2)


@pytest.mark.parametrize("steps", [400_000, 1500])
@pytest.mark.parametrize("fraction", [0.92, 0.5, 0.0])
def test_two_phase(steps, fraction):
    schedule = TwoPhase(B, steps, fraction)
    for step in {0, 1, steps // 3, int(fraction * steps) - 1, int(fraction * steps), steps - 1} - {-1}:
        boundary = fraction * steps
        if step < boundary:
            expected = B * (1 / 3) ** (step / boundary)
        else:
            expected = B / 30 * 0.3 ** ((step - boundary) / (steps - boundary))
        np.testing.assert_allclose(float(schedule(np.int32(step))), expected, rtol=2e-6)


def test_printed_values_of_the_sheets():
    training = TwoPhase(B, 400_000)
    heads, backbone = TwoPhase(B, 40_000, 0.5), TwoPhase(B, 40_000, 0.0)
    for schedule, step, printed in [
        (training, 0, 2.121e-4),
        (training, 367_999, 7.07e-5),
        (training, 368_000, 7.07e-6),
        (training, 400_000, 2.12e-6),
        (heads, 0, 2.121e-4),
        (heads, 20_000, 7.07e-6),
        (backbone, 0, 7.07e-6),
        (backbone, 40_000, 2.12e-6),
    ]:
        assert float(schedule(step)) == pytest.approx(printed, rel=1e-3)


def test_decay_coefficient_of_the_sheet():
    assert decay_coefficient(B, 400_000) == pytest.approx(0.02236, rel=1e-3)
    assert decay_coefficient(B, 400_000) * B == pytest.approx(3e-3 / np.sqrt(400_000))


def test_config_round_trip():
    schedule = TwoPhase(1e-3, 100, 0.9)
    config = keras.optimizers.schedules.serialize(schedule)
    assert float(keras.optimizers.schedules.deserialize(config)(95)) == float(schedule(95))
