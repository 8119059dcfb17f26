"""Positions between nodes are as good as those computed for every sample, at the rim of a lens too."""

import cv2
import numpy as np
import pytest

from posepile.prepare import resample

PLAIN = np.arange(256, dtype=np.float32)


def bent(pixels):
    x, y = pixels[..., 0] - 40, pixels[..., 1] - 30
    squeeze = 1 - 4e-5 * (x * x + y * y)
    return np.stack([70 + 2 * x * squeeze + 0.3 * y, 50 + 2 * y * squeeze - 0.3 * x], axis=-1)


def with_rim(pixels):
    far = np.hypot(pixels[..., 0] - 40, pixels[..., 1] - 30) > 25
    return np.where(far[..., np.newaxis], np.nan, bent(pixels))


def wavy(pixels):
    return bent(pixels) + 0.8 * np.sin(pixels[..., ::-1] / 2)


@pytest.mark.parametrize("source_of", [bent, with_rim, wavy])
@pytest.mark.parametrize("supersampling", [1, 2, 4])
@pytest.mark.parametrize("size", [(80, 61), (1, 1), (5, 17)])
def test_positions_are_those_of_every_sample(source_of, supersampling, size):
    found = resample.source_positions(source_of, size, supersampling)
    positions = np.stack(found, axis=-1)
    x, y = ((np.arange(side * supersampling) + 0.5) / supersampling - 0.5 for side in size)
    expected = source_of(np.stack(np.meshgrid(x, y), axis=-1))
    seen = np.isfinite(expected).all(axis=-1)
    assert positions.shape == expected.shape and positions.dtype == np.float32
    assert (positions[~seen] == resample.OUTSIDE).all()
    # two directions, each good to MAX_ERROR where the second differences tell
    np.testing.assert_allclose(positions[seen], expected[seen], rtol=0, atol=2 * resample.MAX_ERROR)


def test_the_part_of_the_source_does_not_matter():
    image = np.random.default_rng(0).integers(0, 255, (400, 500, 3), np.uint8)
    for offset in ((0, 0), (200, 150), (-30, -30), (450, 370), (900, 0)):
        positions = resample.source_positions(lambda p, offset=offset: bent(p) + offset, (80, 61), 2)
        drawn = resample.draw(
            image, positions, 2, cv2.INTER_CUBIC, PLAIN, lambda v: np.rint(v.clip(0, 255)).astype(np.uint8)
        )
        whole = cv2.remap(image.astype(np.float32), *positions, cv2.INTER_CUBIC)
        expected = whole.reshape(61, 2, 80, 2, 3).mean(axis=(1, 3)).clip(0, 255)
        # OpenCV rounds positions to 1/32 px, after the offset of the part is taken off: equal but for float32
        assert np.abs(drawn - expected).max() < 1.0
