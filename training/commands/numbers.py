"""The main numbers of a configuration, in the order of the recipe's description."""

from posepile.mixtures import load
from training.config import TrainConfig
from training.presets import WEAK_PILE
from training.schedules import TwoPhase, decay_coefficient


def main_numbers(config: TrainConfig) -> str:
    """Lines "name  value", among them the learning rate where it changes; nothing is built or opened."""
    rows = [*_network(config), *_run(config), *_optimizer(config)]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)


def _network(config: TrainConfig):
    from training.backbones import BACKBONES

    model = config.model
    stride = BACKBONES[model.backbone].stride
    cells = model.crop_side // stride
    joints = _joints(config)
    return [
        ("backbone", f"{model.backbone}, from {model.initial_weights} weights"),
        ("crop side", f"{model.crop_side} px"),
        ("stride", f"{stride} px, {cells} x {cells} features"),
        ("metric box", f"{model.box_size_mm:g} mm"),
        ("depth bins", model.depth_bins),
        ("joints", joints or "those of the stores"),
        (
            "ghost batch norm",
            f"groups of {model.ghost_group_size} examples" if model.ghost_group_size else "off",
        ),
        ("precision", config.precision),
    ]


def _run(config: TrainConfig):
    loss, steps = config.loss, config.steps
    return [
        ("batch", _batch(config)),
        ("steps", f"{steps:,}, inference mode from step {config.switch_step:,}"),
        ("variant", config.variant),
        (
            "loss weights",
            f"projection {loss.projection:g}, absolute {loss.absolute:g}, weak 2D {loss.weak_2d:g}",
        ),
        ("weak perspective", f"for the first {loss.weak_perspective_steps:,} steps"),
        ("absolute loss", f"after step {loss.absolute_from_step:,}"),
        (
            "checkpoint, validation",
            f"every {config.runtime.checkpoint_every}, {config.runtime.validate_every} steps",
        ),
    ]


def _optimizer(config: TrainConfig):
    optimizer, steps = config.optimizer, config.steps
    rate = TwoPhase(optimizer.learning_rate, steps, optimizer.phase_fraction)
    decay_steps = optimizer.weight_decay_steps or steps
    decay = decay_coefficient(optimizer.learning_rate, decay_steps, optimizer.weight_decay)
    rows = [
        ("learning rate", _rates(rate)),
        (
            "weight decay",
            f"{decay:.4g} x learning rate, {decay * optimizer.learning_rate:.3g} of a weight at step 0",
        ),
        ("filters' largest norm", f"{optimizer.max_norm:g}"),
        ("loss scale", _loss_scale(config)),
        ("averaged weights", f"momentum {optimizer.ema_momentum:g}" if optimizer.ema_momentum else "off"),
        ("parts of a batch", optimizer.accumulate),
    ]
    if optimizer.schedule == "two-rate":
        low = TwoPhase(optimizer.learning_rate, steps, 0.0)
        rows.insert(1, ("  of the backbone", f"{low.value(0):.4g} to {low.value(steps):.3g}"))
    return rows


def _rates(rate: TwoPhase) -> str:
    drop = round(rate.phase_fraction * rate.steps)
    first = f"{rate.value(0):.4g} to {rate.value(drop - 1):.3g}"
    return f"{first}; from step {drop:,} {rate.value(drop):.3g} to {rate.value(rate.steps):.3g}"


def _loss_scale(config: TrainConfig) -> str:
    if config.precision != "mixed_float16":
        return "none"
    return "dynamic" if config.optimizer.dynamic_loss_scale else f"{config.optimizer.loss_scale:g}, fixed"


def _batch(config: TrainConfig) -> str:
    total = config.data.batch_size
    if not config.data.pile:
        return f"{total} examples of {len(config.data.shares)} data sets"
    weak = {id for id, _ in load(WEAK_PILE).shares}
    second = sum(n for id, n in config.data.shares if id in weak)
    first = len([id for id, _ in config.data.shares if id not in weak])
    return f"{total - second} 3D-labelled of {first} data sets + {second} 2D-labelled = {total}"


def _joints(config: TrainConfig) -> str:
    if not config.data.pile:
        return ""
    from posepile import skeletons

    return f"{len(skeletons.load(config.data.pile))}"
