"""Everything that a training run depends on: printed at the start, saved with the run, read back from it.

A configuration is a value: frozen dataclasses that are only checked, never changed, when they are made. What
only decides where and how fast a run goes is in `RuntimeConfig` and may differ when a run is resumed; all the
rest decides the weights. Defaults: the paper's settings (training sheet §1, §5–§13).
"""

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal


class ConfigError(ValueError):
    """A configuration with an impossible value, or a file that is none: names field and expectation."""


@dataclass(frozen=True)
class ModelConfig:
    """The network: crop -> features -> heat maps -> absolute pose."""

    backbone: Literal[
        "tiny",
        "mobilenetv3-small",
        "mobilenetv3-large",
        "efficientnet-lite0",
        "efficientnet-lite1",
        "efficientnet-lite2",
        "efficientnetv2-b0",
        "efficientnetv2-b1",
        "efficientnetv2-b2",
        "efficientnetv2-b3",
        "efficientnetv2-s",
        "efficientnetv2-m",
        "efficientnetv2-l",
        "resnet50",
        "resnet50v1.5",
        "resnet50v2",
    ] = "efficientnetv2-s"
    """Feature extractor. "tiny" (stride 16) is for demonstrations on a CPU, the others have stride 32."""
    initial_weights: Literal["random", "imagenet"] = "random"
    """Where the feature extractor starts, unless the run continues from another one (`init_from`).
    "imagenet": as a classifier of photographs; those of efficientnet-lite0 are installed, others are
    downloaded."""
    crop_side: int = 256
    """Side of the square crop, px; a multiple of 32."""
    depth_bins: int = 8
    """Depth resolution of the volumetric heat maps."""
    box_size_mm: float = 2200.0
    """Side of the metric cube that the volumetric heat maps span."""
    ghost_group_size: int = 16
    """Examples normalised together by batch norm, in batch order; 0 normalises the whole batch together."""
    fov_border_strides: float = 0.75
    """A joint counts as inside the field of view if it is this many strides away from the crop's border."""
    ridge: float = 0.01
    """Ridge term of the least-squares problem of the absolute reconstruction."""
    mix_3d: float = 0.5
    """Weight of the 3D head inside the field of view at inference (random in training)."""

    def __post_init__(self):
        _check(
            self.crop_side >= 32 and self.crop_side % 32 == 0,
            "model.crop_side",
            self.crop_side,
            "a positive multiple of 32 (px)",
        )
        _check(
            self.initial_weights == "random" or self.backbone not in ("tiny", "resnet50v1.5"),
            "model.initial_weights",
            self.initial_weights,
            f"'random' for {self.backbone}, which nobody offers others for",
        )
        _check(self.depth_bins >= 2, "model.depth_bins", self.depth_bins, "at least 2")
        _check(self.box_size_mm > 0, "model.box_size_mm", self.box_size_mm, "a positive length")
        _check(self.ghost_group_size >= 0, "model.ghost_group_size", self.ghost_group_size, "0 or more")
        _check(0 <= self.mix_3d <= 1, "model.mix_3d", self.mix_3d, "between 0 and 1")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss terms, and the steps at which some of them set in."""

    projection: float = 1.0
    """Weight of the projection loss."""
    absolute: float = 0.1
    """Weight of the absolute loss."""
    weak_2d: float = 0.2
    """Weight of everything that is computed on the 2D-labelled part of the batch."""
    consistency: float = 1.0
    """Weight of |P - ae(P)| on the 3D-labelled part (variants "regularized" and "hybrid")."""
    consistency_2d: float = 1.0
    """Further factor of |P - ae(P)| on the 2D-labelled part, on top of `weak_2d` and `consistency`."""
    weak_perspective_steps: int = 500
    """First steps, which place the pose by weak perspective, because the heads disagree at first."""
    absolute_from_step: int = 5000
    """The absolute loss is used after this step (steps counted from 0)."""
    teacher_from_step: int = 5000
    """The all-joint head teaches the latent head after this step (variant "hybrid")."""
    stop_gradient_teacher: bool = True
    """Whether the teacher is left alone by the teacher term (variant "hybrid")."""

    def __post_init__(self):
        for each in fields(self):
            value = getattr(self, each.name)
            _check(math.isfinite(value) and value >= 0, f"loss.{each.name}", value, "finite, 0 or more")


@dataclass(frozen=True)
class AugmentConfig:
    """Random changes of the training crops. Every one has its own random numbers: one off, the others
    unchanged."""

    enabled: bool = True
    """False trains on the plain crops."""
    shift: float = 0.10
    """Largest shift of the box centre, as a fraction of the box's longer side."""
    zoom_min: float = 0.75
    zoom_max: float = 1.25
    """Range of the random zoom."""
    roll_deg: float = 20.0
    """Largest camera roll, either way. Degrees here and on the command line; radians inside."""
    flip: float = 0.5
    """Probability of the mirror image."""
    partial_visibility: float = 0.0
    """Probability of a random square part of the box instead of the box."""
    partial_visibility_of: tuple[tuple[str, float], ...] = ()
    """Other probabilities of it for single stores; a synthetic twin counts as its original."""
    background: float = 0.7
    """Probability of another background, for examples that say which pixels are the person."""
    background_of: tuple[tuple[str, float], ...] = ()
    """Other probabilities of it for single stores; a synthetic twin counts as its original."""
    brightness: float = 0.125
    """Largest change of brightness, either way, on the scale 0..1."""
    contrast: float = 0.5
    """Largest change of contrast, either way, around the factor 1."""
    hue_deg: float = 72.0
    """Largest turn of the hue, either way."""
    saturation: float = 0.5
    """Largest change of saturation, either way, around the factor 1."""
    objects: float = 0.5
    """Probability of objects before the person, for the half of the examples that a coin chooses for them."""
    erase: float = 0.5
    """Probability of a rectangle of noise over a part of the crop, for the other half."""

    def __post_init__(self):
        for name in ("flip", "partial_visibility", "background", "objects", "erase"):
            _check(0 <= getattr(self, name) <= 1, f"augment.{name}", getattr(self, name), "a probability")
        for name in ("partial_visibility_of", "background_of"):
            for store, value in getattr(self, name):
                _check(0 <= value <= 1, f"augment.{name} of {store!r}", value, "a probability")
        for name in ("shift", "roll_deg", "brightness", "contrast", "hue_deg", "saturation"):
            _check(getattr(self, name) >= 0, f"augment.{name}", getattr(self, name), "0 or more")
        _check(
            0 < self.zoom_min <= self.zoom_max, "augment.zoom_min", self.zoom_min, "0 < zoom_min <= zoom_max"
        )

    def probability(self, name: Literal["background", "partial_visibility"], store: str) -> float:
        """The probability of a change for the examples of a store."""
        return dict(getattr(self, f"{name}_of")).get(store, getattr(self, name))


@dataclass(frozen=True)
class DataConfig:
    """Which data sets make a batch."""

    shares: tuple[tuple[str, int], ...] = ()
    """Store ids and how many examples of a batch come from each: 3D-labelled stores first, then 2D-labelled
    ones."""
    with_validation_split: tuple[str, ...] = ()
    """Stores whose validation split is trained on too, as in the paper."""
    pile: Literal["", "small", "medium", "large"] = ""
    """The published pile whose order the joints stand in; "" for the order of the stores."""
    joints: Literal["separate", "merged"] = "separate"
    """"separate": every format has its own outputs; "merged": joints of equal names share one output (a
    baseline)."""
    backgrounds: str = ""
    """Folder of photos to put behind people, as `dozens prepare inria_holidays` writes them; "": drawn places."""
    occluders: str = ""
    """Folder of cut-outs to put before people, as `dozens prepare pascal_voc` writes them; "": drawn furniture."""

    def __post_init__(self):
        ids = [store for store, _ in self.shares]
        _check(len(set(ids)) == len(ids), "data.shares", ids, "every store once")
        for store, count in self.shares:
            _check(count > 0, f"data.shares of {store!r}", count, "at least 1 example of a batch")

    @property
    def batch_size(self) -> int:
        """Examples in a batch."""
        return sum(count for _, count in self.shares)


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW and its learning rates."""

    learning_rate: float = 3e-4 / math.sqrt(2)
    """Base rate b at step 0."""
    schedule: Literal["two-phase", "two-rate"] = "two-phase"
    """"two-phase": one rate that drops near the end (training); "two-rate": a low rate for the backbone and
    a higher one for the heads (fine-tuning)."""
    phase_fraction: float = 0.92
    """Share of the steps in the first phase of the schedule (of the heads, with "two-rate": 0.5)."""
    weight_decay: float = 3e-3
    """Decoupled weight decay: every step shrinks the weights by lr/b times this, over
    sqrt(weight_decay_steps)."""
    weight_decay_steps: int = 0
    """Steps in the formula of the weight decay; 0 means the run's own. (Fine-tuning in the paper:
    400,000.)"""
    loss_scale: float = 128.0
    """Fixed loss scale, used under float16 only."""
    dynamic_loss_scale: bool = False
    """Under float16, a loss scale that halves at gradients that are not finite and grows again, instead."""
    max_norm: float = 20.0
    """Largest L2 norm of a convolution filter of the backbone, where the backbone has the constraint; 0:
    none."""
    ema_momentum: float = 0.0
    """Momentum of an average of the weights that replaces them at the end; 0: none."""
    accumulate: int = 1
    """Parts that a batch is computed in, one after the other, to save memory: their gradients are averaged
    and applied once. Every part has its share of the 3D-labelled and of the 2D-labelled examples."""

    def __post_init__(self):
        _check(0 < self.learning_rate < math.inf, "optimizer.learning_rate", self.learning_rate, "positive")
        _check(
            0 < self.phase_fraction < 1, "optimizer.phase_fraction", self.phase_fraction, "between 0 and 1"
        )
        _check(self.weight_decay >= 0, "optimizer.weight_decay", self.weight_decay, "0 or more")
        _check(0 <= self.ema_momentum < 1, "optimizer.ema_momentum", self.ema_momentum, "in [0, 1)")
        _check(0 < self.loss_scale < math.inf, "optimizer.loss_scale", self.loss_scale, "positive")
        _check(self.accumulate >= 1, "optimizer.accumulate", self.accumulate, "at least 1")


@dataclass(frozen=True)
class RuntimeConfig:
    """Where, how fast, and what is shown; never what comes out. May differ when a run is resumed."""

    checkpoint_every: int = 2000
    """Steps between checkpoints; the newest two are kept."""
    log_every: int = 30
    """Steps between rows of metrics.csv."""
    validate_every: int = 2000
    """Steps between validations; 0: none."""
    validation: tuple[str, ...] = ()
    """Ids of the stores to validate on. Without any: the given test sets, and the validation splits that are
    not trained on."""
    validation_examples: int = 1000
    """Examples of a store that a validation takes at most, evenly spread over it."""
    sample_every: int = 2000
    """Steps between pictures of predictions (RUN/samples); 0: none."""
    wandb: str = ""
    """Project of Weights & Biases to log to, beside metrics.csv and TensorBoard (extra `wandb`); "": none."""
    devices: int = 1
    """Accelerators to train on; 0: all that are visible. With TensorFlow batch norm and the means of the
    losses are then each device's own; with JAX only rounding changes."""
    loader_threads: int = 2
    """Threads that read, decode, warp and augment."""
    prefetch: int = 4
    """Batches prepared ahead."""
    compute_threads: int = 0
    """Threads of the network's operations; 0 lets TensorFlow decide."""
    jit_compile: Literal["auto", "on", "off"] = "auto"
    """Compile the step with XLA. "auto": with TensorFlow on a CPU not, else yes. It changes rounding."""

    def __post_init__(self):
        for name in ("checkpoint_every", "log_every", "validation_examples", "loader_threads", "prefetch"):
            _check(getattr(self, name) >= 1, f"runtime.{name}", getattr(self, name), "at least 1")
        for name in ("validate_every", "sample_every", "devices"):
            _check(getattr(self, name) >= 0, f"runtime.{name}", getattr(self, name), "0 or more")


@dataclass(frozen=True)
class TrainConfig:
    """A training run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    variant: Literal["separate", "regularized", "latent", "hybrid"] = "separate"
    """"separate" has no consistency term; the others fine-tune with an autoencoder (`acae`)."""
    steps: int = 400_000
    """Steps of the whole run, the last phase included."""
    inference_mode_steps: int = 1000
    """Last steps, at most half of all, which train with the network in inference mode (batch norm frozen); a
    checkpoint precedes them."""
    seed: int = 1
    """Seed of everything random: initial weights, the order of examples, augmentation, noise in the
    network."""
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Arithmetic of the backbone; geometry and losses are float32 always."""
    init_from: str = ""
    """Run folder or checkpoint file whose weights to start from; a run folder means its checkpoint before
    the last phase, if there is one."""
    acae: str = ""
    """Weights file of the affine-combining autoencoder (.npz)."""

    def __post_init__(self):
        _check(self.steps >= 1, "steps", self.steps, "at least 1")
        _check(self.inference_mode_steps >= 0, "inference_mode_steps", self.inference_mode_steps, "0 or more")
        group, batch, parts = self.model.ghost_group_size, self.data.batch_size, self.optimizer.accumulate
        _check(
            batch % parts == 0, "optimizer.accumulate", parts, f"a divisor of the batch ({batch} examples)"
        )
        part = batch // parts
        what = "the batch" if parts == 1 else "a part of the batch"
        _check(
            not group or part % group == 0, "model.ghost_group_size", group, f"a divisor of {what} ({part})"
        )

    @property
    def switch_step(self) -> int:
        """The first step (from 0) of the last phase: the first index above T - inference_mode_steps
        (§10)."""
        last = min(self.inference_mode_steps, self.steps // 2)  # so that any preset runs for a few steps
        return self.steps - last + 1 if last else self.steps


def _check(condition: bool, name: str, value: Any, expected: str) -> None:
    if not condition:
        raise ConfigError(f"{name} is {value!r}, expected {expected}")
