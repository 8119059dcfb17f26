"""Writes tfa.npz: what tensorflow-addons computes, for tests/golden/test_tfa.py to compare with.

tensorflow-addons ended in May 2024 and does not run beside today's TensorFlow. In an environment of its own:

    python3.11 -m venv /tmp/tfa
    /tmp/tfa/bin/pip install "tensorflow==2.15.*" tensorflow-addons==0.23.0 "numpy<2"
    /tmp/tfa/bin/python tests/golden/make_tfa_golden.py
"""

from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

STEPS, BASE_RATE, FRACTION = 12, 2e-2, 0.75
DECAY = 3e-1 / np.sqrt(STEPS) / BASE_RATE


class Rate(tf.keras.optimizers.schedules.LearningRateSchedule):
    """The training sheet's two phases, times a factor (tfa's decay is not multiplied by the rate)."""

    def __init__(self, factor: float = 1.0):
        self.factor = factor

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        boundary = FRACTION * STEPS
        first = BASE_RATE * (1 / 3) ** (step / boundary)
        second = BASE_RATE / 30 * 0.3 ** ((step - boundary) / (STEPS - boundary))
        return self.factor * tf.where(step < boundary, first, second)


def main():
    arrays = {**adamw(), **transform(), **interpolate()}
    np.savez_compressed(Path(__file__).with_name("tfa.npz"), **arrays)


def adamw():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(5, 3)).astype(np.float32)
    gradients = rng.normal(size=(STEPS, 5, 3)).astype(np.float32) * np.float32([1, 1e-3, 10])
    weight = tf.Variable(start)
    optimizer = tfa.optimizers.AdamW(Rate(DECAY), Rate(), beta_1=0.9, beta_2=0.999, epsilon=1e-8)
    path = []
    for gradient in gradients:
        optimizer.apply_gradients([(tf.constant(gradient), weight)])
        path.append(weight.numpy())
    settings = [STEPS, BASE_RATE, FRACTION, 3e-1]
    return {
        "adamw_settings": np.array(settings),
        "adamw_start": start,
        "adamw_gradients": gradients,
        "adamw_path": np.stack(path),
    }


def transform():
    """Homographies of small images, bilinear, black outside, to another size."""
    rng = np.random.default_rng(1)
    images = rng.random((3, 12, 16, 2)).astype(np.float32)
    transforms = np.float32(
        [
            [1, 0, -4.5, 0, 1, 2, 0, 0],
            [0.8, 0.3, -2.5, -0.2, 1.1, 1.25, 0, 0],
            [1.2, -0.1, 3.3, 0.15, 0.9, -1.7, 0.01, -0.02],
        ]
    )
    warped = tfa.image.transform(
        images, transforms, interpolation="bilinear", fill_mode="constant", output_shape=(10, 9)
    )
    return {"transform_images": images, "transform_matrices": transforms, "transform_result": warped.numpy()}


def interpolate():
    """Sampling at fractional rows and columns, some of them outside, where the nearest border counts."""
    rng = np.random.default_rng(2)
    grid = rng.random((2, 6, 8, 3)).astype(np.float32)
    points = rng.uniform(-1.5, 9, (2, 40, 2)).astype(np.float32)
    points[:, :4] = [[0, 0], [5, 7], [2, 3], [0, 7]]
    sampled = tfa.image.interpolate_bilinear(grid, points, indexing="ij")
    return {"bilinear_grid": grid, "bilinear_points": points, "bilinear_result": sampled.numpy()}


if __name__ == "__main__":
    main()
