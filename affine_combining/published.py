"""The published schedule: Adam on small batches, many epochs, the learning rate falling in steps. In Keras."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from affine_combining.autoencoder import AffineAutoencoder
from affine_combining.chirality import SidedOrder
from affine_combining.config import AcaeConfig

Record = Callable[[int, int, float, np.ndarray, np.ndarray], None]


def train(
    poses: np.ndarray, sides: SidedOrder, joint_weights: np.ndarray, config: AcaeConfig, record: Record
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Trains `config.seeds` autoencoders at once.

    The published boundaries, 150,000 and 300,000 steps, are absolute; here they are fractions of the run, or
    the low rates would never come with fewer poses.

    Args:
        poses: [n, J, 3] float32 mm, joints as [left | right | centre].
        sides: of the joints.
        joint_weights: [J], mean 1, in the same order.
        config: the settings.
        record: called after every epoch as (seed's number, step, mean training loss, w1, w2).

    Returns:
        For each seed w1 [J, L] and w2 [L, J].

    Raises ValueError if the loss stops being finite. Source: autoencoder sheet, sections 5 to 7.
    """
    model = AffineAutoencoder(
        pairs=(sides.pairs, config.latents_sided // 2),
        centres=(sides.centres, config.latents_center),
        chiral=config.chiral,
        seeds=[config.seed + k for k in range(config.seeds)],
        joint_weights=joint_weights,
        loss=config.loss,
        sparsity=config.sparsity_of_means,
    )
    steps = len(poses) // config.batch_size
    rows = _rows(len(poses), steps, config)
    resident = tf.constant(poses)
    batches = tf.data.Dataset.from_tensor_slices(rows).map(lambda r: tf.gather(resident, r)).prefetch(4)
    model.compile(
        optimizer=keras.optimizers.Adam(rate_schedule(config, len(rows))),
        # A step is a millisecond of small products: compiled and many at a time, Python costs nothing.
        jit_compile=True,
        steps_per_execution=min(steps, 100),
    )
    recorder = _Recorder(record, steps, config.seeds)
    model.fit(
        batches, epochs=config.epochs, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=[recorder]
    )
    return matrices(model)


def rate_schedule(config: AcaeConfig, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate of a run of so many steps: it falls tenfold at the end of each of two phases."""
    # Keras' boundaries belong to the rate before them; the published ones to the rate after them.
    ends = [round(fraction * steps) - 1 for fraction in config.phase_ends]
    rates = [config.learning_rate * factor for factor in (1, 0.1, 0.01)]
    return keras.optimizers.schedules.PiecewiseConstantDecay(ends, rates)


def matrices(model: AffineAutoencoder) -> list[tuple[np.ndarray, np.ndarray]]:
    """w1 [J, L] and w2 [L, J] of each autoencoder of a model."""
    w1, w2 = (keras.ops.convert_to_numpy(layer.matrix()) for layer in (model.encoder, model.decoder))
    return list(zip(w1, w2, strict=True))


def _rows(n: int, steps: int, config: AcaeConfig) -> np.ndarray:
    """[all steps, batch] rows; the poses that do not fill a batch differ from epoch to epoch."""
    rng = np.random.default_rng([config.seed, 1])
    kept = steps * config.batch_size
    return np.concatenate([rng.permutation(n)[:kept] for _ in range(config.epochs)]).reshape(
        -1, config.batch_size
    )


class _Recorder(keras.callbacks.Callback):
    def __init__(self, record: Record, steps: int, seeds: int):
        super().__init__()
        self.record, self.steps, self.seeds = record, steps, seeds

    def on_epoch_end(self, epoch, logs=None):
        loss = float((logs or {}).get("loss", np.nan)) / self.seeds
        if not np.isfinite(loss):
            raise ValueError(f"the autoencoder's loss is {loss} in epoch {epoch + 1}; lower learning_rate")
        for k, (w1, w2) in enumerate(matrices(self.model)):
            self.record(k, (epoch + 1) * self.steps, loss, w1, w2)
