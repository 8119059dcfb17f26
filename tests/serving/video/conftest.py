"""What the tests of people over time share."""

import numpy as np
import pytest

from serving.video.one_euro import OneEuro, backwards


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def both_ways():
    """A whole motion [T, J, 3] filtered as in a video: backwards, and then forwards from its first pose."""

    def run_both_ways(times_s, points):
        run = OneEuro()
        led = [points[0], *(backwards(times_s[i:], points[i:]) for i in range(1, len(points)))]
        return np.stack([run(time_s, pose) for time_s, pose in zip(times_s, led, strict=True)])

    return run_both_ways
