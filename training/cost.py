"""What a run will cost, before it starts: parameters, and an estimate of the accelerator's memory."""

from dataclasses import dataclass, replace

import keras
import numpy as np

from training.config import TrainConfig
from training.model import PoseEstimator

FLOAT32 = 4
HEAD_COPIES = 3
"""Arrays as large as the heat maps' logits that are alive together: logits, weights, their gradient."""
GIB = 2**30


class OutOfMemory(MemoryError):
    """The accelerator's or the machine's memory did not do; says the smallest change that would."""


@dataclass(frozen=True)
class Cost:
    """Memory in bytes, on each device.

    Attributes:
        parameters: trainable ones.
        weights: of the network, their gradients included.
        optimizer: moments, averages, accumulated gradients.
        activations: what the forward pass keeps for the backward pass; an estimate from the layers' outputs,
            of which a compiler fuses some away and to which it adds work space: half or twice is possible.
    """

    parameters: int
    weights: int
    optimizer: int
    activations: int

    @property
    def memory(self) -> int:
        return self.weights + self.optimizer + self.activations

    def __str__(self):
        parts = (("weights and gradients", self.weights), ("optimizer", self.optimizer))
        named = ", ".join(
            f"{name} {value / GIB:.2g}" for name, value in (*parts, ("activations", self.activations))
        )
        return f"{self.parameters:,} parameters; a step takes about {self.memory / GIB:.2g} GiB ({named})"


def estimate(model: PoseEstimator, config: TrainConfig, devices: int = 1) -> Cost:
    """The cost of a run; needs the network, not the compiled step."""
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    everything = sum(int(np.prod(v.shape)) for v in model.variables)
    optimizer = config.optimizer
    copies = 2 + (optimizer.ema_momentum > 0) + (optimizer.accumulate > 1)
    examples = config.data.batch_size // (optimizer.accumulate * devices)
    return Cost(
        parameters=trainable,
        weights=(everything + trainable) * FLOAT32,
        optimizer=copies * trainable * FLOAT32,
        activations=examples * (_backbone_bytes(model.backbone) + _head_bytes(model)),
    )


def advice(model: PoseEstimator, config: TrainConfig, parts_3d_2d: tuple[int, int], devices: int = 1) -> str:
    """The smallest change with which a step that did not fit would: more parts of a batch, if it can be cut."""
    group = config.model.ghost_group_size
    size = config.data.batch_size
    for parts in range(config.optimizer.accumulate + 1, size + 1):
        whole = parts * devices
        if any(n % whole for n in parts_3d_2d) or (group and (size // whole) % group):
            continue
        changed = replace(config, optimizer=replace(config.optimizer, accumulate=parts))
        needed = estimate(model, changed, devices).memory / GIB
        return (
            f"--optimizer.accumulate {parts} computes {size // whole} of the {size} examples at a time (about "
            f"{needed:.2g} GiB) and keeps the shares of the batch; it needs a new run folder"
        )
    if config.precision == "float32":
        return "--precision mixed_bfloat16 halves the activations; it needs a new run folder"
    return "the batch cannot be cut into smaller parts: a smaller --model.ghost-group-size, or fewer examples a batch"


def _backbone_bytes(backbone: keras.Model) -> int:
    """One example's layer outputs."""
    total = 0
    for layer in backbone.layers:
        kept = not isinstance(
            layer, keras.layers.InputLayer | keras.layers.ZeroPadding2D | keras.layers.Rescaling
        )
        if kept:
            size = 2 if "16" in layer.compute_dtype else FLOAT32
            total += int(np.prod(layer.output.shape[1:])) * size
    return total


def _head_bytes(model: PoseEstimator) -> int:
    height, width = model.backbone.output_shape[1:3]
    channels = sum(head.n_points * (1 + head.depth_bins) for head in model.heads)
    return channels * height * width * FLOAT32 * HEAD_COPIES
