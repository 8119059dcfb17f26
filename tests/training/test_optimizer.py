"""The optimizer: AdamW step by step in float64, two rates, constraints, loss scale, accumulation."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from training.config import OptimizerConfig
from training.max_norm import MaxNorm
from training.optimizer import FIRST_DYNAMIC_SCALE, StepwiseAdamW, build_optimizer
from training.schedules import TwoPhase

STEPS = 20
CONFIG = OptimizerConfig(learning_rate=1e-2, weight_decay=0.5, phase_fraction=0.5)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_equals_adamw_in_float64(precision):
    """Under float16 the gradients arrive scaled by 128, and the steps stay the same."""
    gradients = np.random.default_rng(0).normal(size=(STEPS, 4))
    weight = make_variable()
    optimizer = build_optimizer(CONFIG, STEPS, precision)
    scale = float(optimizer.scale_loss(1.0))
    assert scale == (128 if precision == "mixed_float16" else 1)
    for gradient in gradients:
        optimizer.apply([(gradient * scale).astype(np.float32)], [weight])
    expected = adamw(np.arange(1, 5.0), gradients, TwoPhase(1e-2, STEPS, 0.5), 0.5 / np.sqrt(STEPS) / 1e-2)
    np.testing.assert_allclose(weight, expected, rtol=1e-6)


def test_two_rates_by_identity():
    backbone = keras.Sequential([keras.layers.Dense(1, use_bias=False, name="same_name")])
    backbone.build((None, 4))
    head, (kernel,) = make_variable(), backbone.trainable_variables
    kernel.assign(np.arange(1, 5.0)[:, None])
    config = OptimizerConfig(1e-2, "two-rate", phase_fraction=0.5, weight_decay=0.5, weight_decay_steps=50)
    optimizer = build_optimizer(config, STEPS, "float32", backbone)
    gradients = np.random.default_rng(0).normal(size=(STEPS, 4))
    for gradient in gradients.astype(np.float32):
        optimizer.apply([gradient[:, None], gradient], [kernel, head])
    decay = 0.5 / np.sqrt(50) / 1e-2
    for variable, fraction in ((head, 0.5), (kernel, 0.0)):
        expected = adamw(np.arange(1, 5.0), gradients, TwoPhase(1e-2, STEPS, fraction), decay)
        np.testing.assert_allclose(np.ravel(variable), expected, rtol=1e-6)
    assert float(optimizer.learning_rate) == pytest.approx(1e-2 / 30 * 0.3)
    assert len(optimizer.variables) == 1 + 2 * 2  # a counter, and two moments a variable


def test_two_rates_need_a_backbone():
    with pytest.raises(ValueError, match="two-rate"):
        build_optimizer(OptimizerConfig(schedule="two-rate"), STEPS, "float32")


@pytest.mark.parametrize("schedule", ["two-phase", "two-rate"])
def test_accumulation_averages_decays_and_goes_on_once_a_step(schedule):
    gradients = np.random.default_rng(0).normal(size=(STEPS, 3, 4))
    backbone = keras.Sequential([keras.layers.Dense(1, use_bias=False)])
    backbone.build((None, 4))
    head, (kernel,) = make_variable(), backbone.trainable_variables
    kernel.assign(np.arange(1, 5.0)[:, None])
    config = replace(CONFIG, schedule=schedule, accumulate=3, ema_momentum=0.9)
    optimizer = build_optimizer(config, STEPS, "float32", backbone)
    averages = {"head": [], "kernel": []}
    for parts in gradients.astype(np.float32):
        for part in parts:
            optimizer.apply([part, part[:, None]], [head, kernel])
        for name, average in zip(averages, optimizer._model_variables_moving_average, strict=True):
            averages[name].append(np.ravel(average))
    assert int(optimizer.iterations) == STEPS
    second = TwoPhase(1e-2, STEPS, 0.0 if schedule == "two-rate" else 0.5)
    for variable, rate, name in ((head, TwoPhase(1e-2, STEPS, 0.5), "head"), (kernel, second, "kernel")):
        path = adamw_path(np.arange(1, 5.0), gradients.mean(axis=1), rate, 0.5 / np.sqrt(STEPS) / 1e-2)
        np.testing.assert_allclose(np.ravel(variable), path[-1], rtol=1e-5)
        np.testing.assert_allclose(averages[name], averages_of(path, 0.9), rtol=1e-5)


def test_averages_without_accumulation():
    gradients = np.random.default_rng(0).normal(size=(STEPS, 4))
    weight = make_variable()
    optimizer = build_optimizer(replace(CONFIG, ema_momentum=0.8), STEPS, "float32")
    for gradient in gradients.astype(np.float32):
        optimizer.apply([gradient], [weight])
    path = adamw_path(np.arange(1, 5.0), gradients, TwoPhase(1e-2, STEPS, 0.5), 0.5 / np.sqrt(STEPS) / 1e-2)
    expected = averages_of(path, 0.8)[-1]
    np.testing.assert_allclose(optimizer._model_variables_moving_average[0], expected, rtol=1e-6)
    optimizer.finalize_variable_values([weight])
    np.testing.assert_allclose(weight, expected, rtol=1e-6)


def test_dynamic_loss_scale_skips_what_is_not_finite_and_halves():
    weight = make_variable()
    config = replace(CONFIG, dynamic_loss_scale=True)
    optimizer = build_optimizer(config, STEPS, "mixed_float16")
    optimizer.build([weight])
    assert float(optimizer.scale_loss(1.0)) == FIRST_DYNAMIC_SCALE
    optimizer.apply([np.float32([1, np.inf, 0, 0])], [weight])
    np.testing.assert_array_equal(weight, np.arange(1, 5.0))
    assert float(optimizer.scale_loss(1.0)) == FIRST_DYNAMIC_SCALE / 2
    gradients = np.random.default_rng(0).normal(size=(3, 4))
    for gradient in gradients:
        optimizer.apply([(gradient * FIRST_DYNAMIC_SCALE / 2).astype(np.float32)], [weight])
    path = adamw_path(np.arange(1, 5.0), gradients, TwoPhase(1e-2, STEPS, 0.5), 0.5 / np.sqrt(STEPS) / 1e-2)
    np.testing.assert_allclose(weight, path[-1], rtol=1e-6)
    assert isinstance(build_optimizer(config, STEPS, "mixed_bfloat16"), StepwiseAdamW)  # nothing to scale


def test_filters_above_the_largest_norm_are_scaled_and_others_untouched():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 6)).astype(np.float32)
    kernel *= np.float32([0, 1e-3, 0.1, 1, 30, 300]) / filter_norms(kernel)
    kept = np.asarray(MaxNorm(20.0, axis=[0, 1, 2])(kernel))
    np.testing.assert_array_equal(kept[..., :4], kernel[..., :4])
    np.testing.assert_allclose(filter_norms(kept)[4:], 20, rtol=1e-6)
    layer = keras.layers.Dense(1, use_bias=False, kernel_constraint=MaxNorm(2.0, axis=0))
    layer.build((None, 4))
    layer.kernel.assign(np.full((4, 1), 3.0))
    build_optimizer(CONFIG, STEPS, "float32").apply([np.ones((4, 1), np.float32)], [layer.kernel])
    assert np.linalg.norm(layer.kernel) == pytest.approx(2.0, rel=1e-6)


def filter_norms(kernel):
    return np.sqrt(np.sum(kernel**2, axis=(0, 1, 2)))


def adamw(weight, gradients, schedule, decay):
    """Adam with decoupled decay, as the training sheet's §8 has it."""
    return adamw_path(weight, gradients, schedule, decay)[-1]


def adamw_path(weight, gradients, schedule, decay):
    """The weights after every step."""
    first = second = np.zeros_like(weight)
    path = []
    for step, gradient in enumerate(gradients):
        rate = float(schedule(step))
        weight = weight - rate * decay * weight
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        alpha = rate * np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
        weight = weight - alpha * first / (np.sqrt(second) + 1e-8)
        path.append(weight)
    return path


def averages_of(path, momentum):
    """The average after every step; it begins with the first step's weights."""
    averages = [path[0]]
    for weight in path[1:]:
        averages.append(momentum * averages[-1] + (1 - momentum) * weight)
    return averages


def make_variable():
    return keras.Variable(np.arange(1, 5.0, dtype=np.float32), name="kernel")
