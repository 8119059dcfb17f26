"""The fast schedule: starts for any number of latents, kept symmetry, the same result for the same seed."""

import numpy as np
import pytest

from affine_combining import descent
from affine_combining.descent import Descent, Shape, starting_weights
from affine_combining.moments import moments_of

# pairs of joints and latents, centre joints and latents: usual, no centre joints, no sided joints, more
# latents than joints, no chirality
SHAPES = [((4, 2), (3, 1)), ((4, 1), (0, 2)), ((0, 2), (5, 1)), ((2, 3), (1, 4)), ((0, 0), (7, 3))]


@pytest.mark.parametrize(("pairs", "centres"), SHAPES)
def test_starts_and_training_keep_the_sides(pairs, centres, monkeypatch):
    shorten(monkeypatch)
    shape, poses = Shape(pairs, centres), people(100, pairs, centres)
    moments = moments_of(poses, np.ones(poses.shape[2]))
    joints, latents = shape.mirrors
    raw = starting_weights(moments.products, shape, np.random.default_rng(0))
    for w1, w2 in (raw, descent.train(moments, poses, shape, 0.6, seed=0)):
        assert w1.shape == w2.shape[::-1] == (len(joints), len(latents))
        np.testing.assert_allclose(w1, w1[np.ix_(joints, latents)], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(w2, w2[np.ix_(latents, joints)], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(w1.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(w2.sum(axis=0), 1, atol=1e-5)


def test_starting_joints_are_far_apart():
    # Four points that move by themselves, each four times with a millimetre of noise.
    rng = np.random.default_rng(0)
    four = rng.normal(size=(200, 3, 4)) * 300 + [[0], [0], [4000]]
    poses = np.repeat(four, 4, axis=2) + rng.normal(size=(200, 3, 16))
    products = moments_of(poses, np.ones(16)).products
    w1, _ = starting_weights(products, Shape((0, 0), (16, 3)), np.random.default_rng(1))
    assert len(set(w1.argmax(axis=0) // 4)) == 3


def test_the_same_seed_gives_the_same_weights_and_another_one_others(monkeypatch):
    shorten(monkeypatch)
    pairs, centres = SHAPES[0]
    poses = people(100, pairs, centres)
    moments = moments_of(poses, np.ones(11))
    first, again, other = (
        descent.train(moments, poses, Shape(pairs, centres), 0.6, seed)[0] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_descent_finds_the_minimum_of_a_quadratic():
    rng = np.random.default_rng(0)
    shape = Shape((0, 0), (4, 2))
    goals = [w / w.sum(axis=0) for w in (rng.uniform(0.1, 1, (4, 2)), rng.uniform(0.1, 1, (2, 4)))]
    start = Descent(np.full((4, 2), 2.5), np.full((2, 4), 5.0), shape, sparsity=0.0)

    def quadratic(step, *weights):
        differences = [w - goal for w, goal in zip(weights, goals, strict=True)]
        return sum(np.square(d).sum() for d in differences), *(2 * d for d in differences)

    assert start.run(quadratic, 2000, (0.1, 1e-4)) < 1e-6
    for w, goal in zip(start.weights, goals, strict=True):
        np.testing.assert_allclose(w, goal, atol=1e-3)


def test_a_loss_that_is_not_finite_is_refused():
    start = Descent(np.ones((4, 2)), np.ones((2, 4)), Shape((0, 0), (4, 2)), 0.6)
    with pytest.raises(ValueError, match="loss is nan"):
        start.run(lambda step, w1, w2: (np.nan, np.zeros_like(w1), np.zeros_like(w2)), 2, (0.1, 0.1))


def shorten(monkeypatch):
    monkeypatch.setattr(descent, "PART", 20)
    monkeypatch.setattr(descent, "POLISH_STEPS", 10)


def people(n, pairs, centres):
    rng = np.random.default_rng(0)
    n_joints = 2 * pairs[0] + centres[0]
    rest = rng.normal(size=(n_joints, 3)) * 300
    place = rng.normal(size=(n, 1, 3)) * 300 + [0, 0, 5000]
    return (rest + rng.normal(size=(n, n_joints, 3)) * 80 + place).swapaxes(1, 2).astype(np.float32).copy()
