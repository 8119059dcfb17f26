"""AdamW as the paper runs it: decay of every weight, loss scale, two learning rates for fine-tuning.

Keras counts calls of `apply`. With gradient accumulation a step takes several of them; here everything goes by
whole steps: learning rate, bias correction, decay, the averaged weights.
"""

import keras
from keras import ops

from training.config import OptimizerConfig
from training.schedules import TwoPhase, decay_coefficient

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
FIRST_DYNAMIC_SCALE = 2.0**15
GROWTH_STEPS = 2000
"""Steps with finite gradients after which a dynamic loss scale doubles."""


def build_optimizer(
    config: OptimizerConfig, steps: int, precision: str, backbone: keras.Model | None = None
) -> keras.optimizers.Optimizer:
    """The optimizer of a run.

    Adam with decoupled weight decay `w -= lr * coefficient * w`, of all trainable variables, norms and biases
    too. Kernel max-norm is a constraint of the backbone's layers, applied by the optimizer after every step.

    Args:
        config: rates, decay and accumulation.
        steps: whole steps of the run, each of `config.accumulate` parts of a batch.
        precision: under "mixed_float16" gradients are computed at a loss scale.
        backbone: needed by the schedule "two-rate", where it trains at a low rate.

    Source: training sheet, §8; finetuning sheet, §2.
    """
    rate, scaled = config.learning_rate, precision == "mixed_float16"
    dynamic = scaled and config.dynamic_loss_scale
    common = {
        "weight_decay": decay_coefficient(rate, config.weight_decay_steps or steps, config.weight_decay),
        "beta_1": BETA_1,
        "beta_2": BETA_2,
        "epsilon": EPSILON,
        "loss_scale_factor": config.loss_scale if scaled and not dynamic else None,
        "gradient_accumulation_steps": config.accumulate if config.accumulate > 1 else None,
        "use_ema": config.ema_momentum > 0,
        "ema_momentum": config.ema_momentum or 0.99,
    }
    schedule = TwoPhase(rate, steps, config.phase_fraction)
    if config.schedule == "two-phase":
        optimizer = StepwiseAdamW(schedule, **common)
    elif backbone is None:
        raise ValueError("schedule 'two-rate' needs the backbone, to train it at the low rate")
    else:
        low = TwoPhase(rate, steps, 0.0)
        optimizer = TwoRateAdamW(schedule, low, backbone.trainable_variables, **common)
    if dynamic:
        return keras.optimizers.LossScaleOptimizer(optimizer, FIRST_DYNAMIC_SCALE, GROWTH_STEPS)
    return optimizer


def adam_of(optimizer: keras.optimizers.Optimizer) -> "StepwiseAdamW":
    """The AdamW itself, which a dynamic loss scale wraps."""
    return getattr(optimizer, "inner_optimizer", optimizer)


class StepwiseAdamW(keras.optimizers.AdamW):
    """AdamW whose schedule and averaged weights count whole steps, also when gradients are accumulated.

    Keras' own accumulation decays once a step, but hands the schedule the number of calls, and updates the
    averages in every call.
    """

    def _get_current_learning_rate(self):
        return self._learning_rate(self.iterations)

    def _update_model_variables_moving_average(self, trainable_variables):
        if not self.gradient_accumulation_steps:
            super()._update_model_variables_moving_average(trainable_variables)
            return
        # The counter of calls advances after this, so the last call of step k sees n k + n - 1.
        is_last = ops.equal((self._iterations + 1) % self.gradient_accumulation_steps, 0)
        momentum = ops.where(ops.equal(self.iterations, 0), 0.0, self.ema_momentum)
        momentum = ops.where(is_last, momentum, 1.0)
        for variable, average in zip(trainable_variables, self._model_variables_moving_average, strict=True):
            average.assign(momentum * average + (1.0 - momentum) * variable)


class TwoRateAdamW(StepwiseAdamW):
    """AdamW with a second learning rate for some variables, chosen by identity.

    One step counter and the state of one ordinary AdamW, so checkpoints need nothing special. (Keras'
    MultiOptimizer has a counter for each part, and no `learning_rate` that callbacks could log.)

    Args:
        learning_rate: rate of all other variables (the heads); what callbacks log.
        second_rate: schedule for `second_variables`, at the same step.
        second_variables: the backbone's trainable variables.
    """

    def __init__(self, learning_rate, second_rate, second_variables, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self._second_rate = second_rate
        self._second_keys = {self._var_key(variable) for variable in second_variables}
        self._at_second_rate = False

    @property
    def second_learning_rate(self):
        """Rate of the second variables at the current step."""
        return self._second_rate(self.iterations)

    # The base class reads `learning_rate` for the decay and is handed it for the step. Both are done in two
    # goes, so that its handling of distribution, accumulation and JAX's stateless variables stays in charge.

    def _get_current_learning_rate(self):
        return self.second_learning_rate if self._at_second_rate else super()._get_current_learning_rate()

    def _apply_weight_decay(self, variables):
        first, second = self._split(variables, variables)
        super()._apply_weight_decay(first)
        self._at_second_rate = True
        try:
            super()._apply_weight_decay(second)
        finally:
            self._at_second_rate = False

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        rates = (learning_rate, self.second_learning_rate)
        variables = self._split(trainable_variables, trainable_variables)
        grads = self._split(trainable_variables, grads)
        for part in zip(grads, variables, rates, strict=True):
            if part[0]:
                super()._backend_update_step(*part)

    def _split(self, variables, values):
        """The values of the first and of the second variables."""
        is_second = [self._var_key(variable) in self._second_keys for variable in variables]
        pairs = list(zip(is_second, values, strict=True))
        return [v for second, v in pairs if not second], [v for second, v in pairs if second]
