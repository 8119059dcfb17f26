"""AffineCombination promises: weights that sum to one; affine maps and mirroring commute with it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from affine_combining.layer import AffineCombination

QUICK = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 10_000)
POSES = arrays(np.float32, (2, 11, 3), elements=st.floats(-1e3, 1e3, width=32))  # mm, about the pelvis
ROTATIONS = arrays(np.float64, 3, elements=st.floats(-np.pi, np.pi)).map(
    lambda v: Rotation.from_rotvec(v).as_matrix().astype(np.float32)
)
OFFSETS = arrays(np.float32, 3, elements=st.floats(-1e4, 1e4, width=32))  # mm
# Weights are positive here and sum to one, coordinates reach 1e4 mm: a float32
# step there is 0.001 mm, and 11 terms are summed twice, in two orders.
RIGID_TOLERANCE_MM = 0.1


@QUICK
@given(seed=SEEDS, chiral=st.booleans(), encoder=st.booleans())
def test_weights_of_each_output_sum_to_one(seed, chiral, encoder):
    sums = np.asarray(make_layer(seed, chiral, encoder).matrix()).sum(axis=0, dtype=np.float64)
    np.testing.assert_allclose(sums, 1.0, rtol=0, atol=1e-6)  # at most 11 float32 terms, each good to 6e-8


@QUICK
@given(seed=SEEDS, poses=POSES, rotation=ROTATIONS, offset=OFFSETS, encoder=st.booleans())
def test_commutes_with_rotation_and_translation(seed, poses, rotation, offset, encoder):
    layer = make_layer(seed, encoder=encoder)
    poses = poses[:, : layer.n_in]
    before = np.asarray(layer(poses @ rotation + offset))
    after = np.asarray(layer(poses)) @ rotation + offset
    np.testing.assert_allclose(before, after, rtol=0, atol=RIGID_TOLERANCE_MM)


@QUICK
@given(seed=SEEDS, poses=POSES, encoder=st.booleans())
def test_mirroring_the_person_mirrors_the_outputs(seed, poses, encoder):
    layer = make_layer(seed, encoder=encoder)
    poses = poses[:, : layer.n_in]
    before = np.asarray(layer(mirror(poses, layer.pairs[0])))
    after = mirror(np.asarray(layer(poses)), layer.pairs[1])
    np.testing.assert_allclose(before, after, rtol=0, atol=0.01)  # mm; only the sums are re-ordered


def test_a_layer_without_sides_does_not_mirror():
    layer, poses = make_layer(3, chiral=False), np.random.default_rng(0).normal(size=(1, 11, 3)) * 100
    before = np.asarray(layer(mirror(poses, 4).astype(np.float32)))
    assert np.abs(before - mirror(np.asarray(layer(poses.astype(np.float32))), 2)).max() > 1


def test_golden_one_pair_one_centre():
    layer = AffineCombination(pairs=(1, 1), centres=(1, 1))
    layer.build((None, 3, 3))
    layer.set_weights([np.float32([[w]]) for w in (3, 1, 2, 4, 4)])  # same, opposite, to/from centre, centre
    points = np.float32([[(8, 0, 16), (-8, 0, 16), (0, 8, 0)]])  # left, right, centre
    # By hand: every column sums to 8, so `left` gets weights 3/8, 1/8, 4/8; all exact in float32.
    np.testing.assert_array_equal(layer(points), [[(2, 4, 8), (-2, 4, 8), (0, 4, 8)]])


@pytest.mark.parametrize("input_has_seeds", [False, True])
def test_several_seeds_equal_several_layers(input_has_seeds):
    points = np.random.default_rng(0).normal(size=(2, 5, 11, 3)).astype(np.float32)
    many = AffineCombination((4, 2), (3, 1), seed=[5, 9])
    outputs = np.asarray(many(points if input_has_seeds else points[0]))
    assert outputs.shape == (2, 5, 5, 3) == many.compute_output_shape((2, 5, 11, 3))
    for k, seed in enumerate((5, 9)):
        alone = AffineCombination((4, 2), (3, 1), seed=seed)(points[k if input_has_seeds else 0])
        np.testing.assert_allclose(outputs[k], alone, rtol=0, atol=1e-6)  # the order of sums may differ


def test_initial_blocks_differ_and_lie_in_range():
    layer = AffineCombination((4, 4), (4, 4))
    layer.build((None, 12, 3))
    blocks = [np.asarray(w) for w in layer.weights]
    assert len({block.tobytes() for block in blocks}) == 5
    assert min(block.min() for block in blocks) >= -0.1 and max(block.max() for block in blocks) < 1


def test_gradient_through_the_normalisation_matches_finite_differences():
    rng = np.random.default_rng(0)
    raw, upstream = rng.uniform(-0.1, 1, (7, 4)), rng.normal(size=(7, 4))
    layer = AffineCombination((0, 0), (7, 4), chiral=False)
    layer.build((None, 7, 3))
    layer.set_weights([raw])
    with tf.GradientTape() as tape:
        value = keras.ops.sum(layer.matrix() * upstream.astype(np.float32))
    gradient = np.asarray(tape.gradient(value, layer.weights[0].value))
    for row, column in [(0, 0), (3, 2), (6, 3)]:
        step = np.zeros_like(raw)
        step[row, column] = 1e-6
        # The same formula in float64: its difference quotient is good to 1e-8.
        above, below = (np.sum(r / r.sum(axis=0) * upstream) for r in (raw + step, raw - step))
        np.testing.assert_allclose(gradient[row, column], (above - below) / 2e-6, rtol=1e-4, atol=1e-5)


def test_config_round_trip():
    layer = make_layer(3)
    copy = AffineCombination.from_config(layer.get_config())
    copy.build((None, 11, 3))
    assert copy.get_config() == layer.get_config()
    assert [w.shape for w in copy.weights] == [w.shape for w in layer.weights]


def test_wrong_number_of_points_is_refused():
    with pytest.raises(ValueError, match="12 points.*expected 11"):
        AffineCombination((4, 2), (3, 1))(np.zeros((1, 12, 3), np.float32))


def make_layer(seed, chiral=True, encoder=True):
    """11 = 2*4 + 3 points to 5 = 2*2 + 1, or back."""
    pairs, centres = ((4, 2), (3, 1)) if encoder else ((2, 4), (1, 3))
    layer = AffineCombination(pairs, centres, chiral)
    layer.build((None, layer.n_in, 3))
    rng = np.random.default_rng(seed)  # not the initialiser: it may give equal blocks, which hide a swap
    layer.set_weights([rng.uniform(0, 1, w.shape) for w in layer.weights])
    return layer


def mirror(points, pairs):  # they lie as [left | right | centre]
    order = [*range(pairs, 2 * pairs), *range(pairs), *range(2 * pairs, points.shape[1])]
    return (points * np.float32([-1, 1, 1]))[:, order]
