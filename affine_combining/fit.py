"""Trains autoencoders from several starts at once and keeps the one that is best on held-out poses."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import keras
import numpy as np
import tensorflow as tf

from affine_combining.autoencoder import AffineAutoencoder
from affine_combining.chirality import SidedOrder, sided_order
from affine_combining.config import AcaeConfig, joint_weights
from affine_combining.quality import quality
from affine_combining.weights import AcaeWeights

MIN_DEPTH_MM = 300.0  # nearer points would dominate the projected loss
HISTORY_POSES = 128  # held-out poses that draw the learning curve; the final figures use all of them


@dataclass(frozen=True, eq=False)
class FitResult:
    """What a fit gave."""

    weights: AcaeWeights
    """The best autoencoder; its provenance has the settings and the figures."""
    reports: list[dict]
    """One for each seed, best first: "seed" and the figures of `quality` on the held-out poses."""
    history: list[dict]
    """One for each epoch: "epoch", training "loss"; held-out "main_loss" and "pck_1cm" (lists over seeds)."""
    n_train: int
    n_held_out: int
    n_dropped: int
    """Poses left out: a coordinate that is not finite or a joint nearer than 300 mm."""
    seconds: float


def fit(
    poses: np.ndarray,
    joint_names: Sequence[str],
    config: AcaeConfig | None = None,
    held_out: np.ndarray | None = None,
    provenance: dict | None = None,
) -> FitResult:
    """Fits the affine-combining autoencoder.

    Args:
        poses: [n, J, 3] mm, absolute camera frame (not root-centred: the projected loss needs depth).
        joint_names: [J]; sides are read off the first letters.
        config: the settings.
        held_out: [m, J, 3] poses to choose the seed on; None holds out a part of `poses`.
        provenance: plain values to keep in the weights beside the settings and figures.

    Raises ValueError if shapes do not fit or too few poses are usable.

    Source: autoencoder sheet, sections 5 to 8.
    """
    start = time.perf_counter()
    config = config or AcaeConfig()
    joint_names = tuple(joint_names)
    sides = sided_order(joint_names)
    train, test, n_dropped = _prepare(poses, held_out, joint_names, config)
    seeds = [config.seed + k for k in range(config.seeds)]
    model = AffineAutoencoder(
        pairs=(sides.pairs, config.latents_sided // 2),
        centres=(sides.centres, config.latents_center),
        chiral=config.chiral,
        seeds=seeds,
        joint_weights=joint_weights(joint_names, config.head_factor)[sides.order],
        loss=config.loss,
        sparsity=config.sparsity_of_means,
    )
    recorder = _Recorder(test[:HISTORY_POSES], joint_names, sides, config)
    _train(model, train[:, sides.order], config, recorder)

    candidates = extract_weights(model, joint_names, sides, config)
    reports = [
        {"seed": seed, **quality(weights, test, config.loss)}
        for seed, weights in zip(seeds, candidates, strict=True)
    ]
    ranking = sorted(range(len(seeds)), key=lambda k: (-reports[k]["pck_1cm"], reports[k]["main_loss"]))
    best = candidates[ranking[0]]
    facts = {
        **(provenance or {}),
        "config": asdict(config),
        "figures": reports[ranking[0]],
        "poses": {"train": len(train), "held_out": len(test), "dropped": n_dropped},
    }
    return FitResult(
        weights=AcaeWeights(best.w1, best.w2, joint_names, facts, best.latents_sided),
        reports=[reports[k] for k in ranking],
        history=recorder.history,
        n_train=len(train),
        n_held_out=len(test),
        n_dropped=n_dropped,
        seconds=time.perf_counter() - start,
    )


def extract_weights(
    model: AffineAutoencoder, joint_names: Sequence[str], sides: SidedOrder, config: AcaeConfig
) -> list[AcaeWeights]:
    """The K autoencoders of a model, joints back in their own order; latents stay [left | right | centre]."""
    matrices = [keras.ops.convert_to_numpy(layer.matrix()) for layer in (model.encoder, model.decoder)]
    back = sides.inverse
    sided = config.latents_sided if config.chiral else 0
    weights = []
    for w1, w2 in zip(*matrices, strict=True):
        order = _left_first(w1, sides, sided)
        weights.append(AcaeWeights(w1[back][:, order], w2[order][:, back], tuple(joint_names), {}, sided))
    return weights


def _left_first(w1: np.ndarray, sides: SidedOrder, sided: int) -> np.ndarray:
    """[L] an order of latents in which, of each mirrored pair, the one nearer to the left joints is left.

    Training cannot tell the two of a pair apart: exchanging them changes nothing else. w1: [J, L], sorted.
    """
    half, order = sided // 2, np.arange(w1.shape[1])
    leaning = w1[: sides.pairs].sum(axis=0) - w1[sides.pairs : 2 * sides.pairs].sum(axis=0)
    order[:half] = np.where(leaning[:half] >= 0, order[:half], order[:half] + half)
    order[half:sided] = (order[:half] + half) % max(sided, 1)
    return order


def _prepare(
    poses: np.ndarray, held_out: np.ndarray | None, joint_names: Sequence[str], config: AcaeConfig
) -> tuple[np.ndarray, np.ndarray, int]:
    """Checks shapes, drops unusable poses, splits off the held-out part."""
    for name, array in (("poses", poses), ("held_out", held_out)):
        if array is not None and (array.ndim != 3 or array.shape[1:] != (len(joint_names), 3)):
            raise ValueError(f"{name} has shape {array.shape}, expected [n, {len(joint_names)}, 3]")
    usable = _usable(poses)
    n_dropped = int((~usable).sum())
    train = poses[usable].astype(np.float32)
    if held_out is None:
        order = np.random.default_rng(config.seed).permutation(len(train))
        n_held_out = max(1, round(config.held_out * len(train)))
        train, test = train[np.sort(order[n_held_out:])], train[np.sort(order[:n_held_out])]
    else:
        usable = _usable(held_out)
        n_dropped += int((~usable).sum())
        test = held_out[usable].astype(np.float32)
    if len(train) < config.batch_size or len(test) == 0:
        raise ValueError(
            f"{len(train)} poses to train on and {len(test)} held out are usable ({n_dropped} were not), "
            f"expected at least a batch ({config.batch_size}) and one"
        )
    return train, test, n_dropped


def _usable(poses: np.ndarray) -> np.ndarray:
    finite = np.isfinite(poses).all(axis=(1, 2))
    return finite & (np.where(finite[:, None], poses[..., 2], 0) > MIN_DEPTH_MM).all(axis=1)


def _train(model: AffineAutoencoder, poses: np.ndarray, config: AcaeConfig, recorder) -> None:
    steps = len(poses) // config.batch_size
    rng = np.random.default_rng([config.seed, 1])
    rows = np.concatenate(
        [rng.permutation(len(poses))[: steps * config.batch_size] for _ in range(config.epochs)]
    ).reshape(-1, config.batch_size)  # the poses that do not fill a batch differ from epoch to epoch
    resident = tf.constant(poses)
    batches = tf.data.Dataset.from_tensor_slices(rows).map(lambda r: tf.gather(resident, r)).prefetch(4)
    ends = [round(fraction * len(rows)) for fraction in config.phase_ends]
    rates = [config.learning_rate * factor for factor in (1, 0.1, 0.01)]
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.PiecewiseConstantDecay(ends, rates)),
        # A step is a millisecond of small products: compiled and many at a time, Python costs nothing.
        jit_compile=True,
        steps_per_execution=min(steps, 100),
    )
    model.fit(
        batches, epochs=config.epochs, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=[recorder]
    )


class _Recorder(keras.callbacks.Callback):
    """Draws the learning curve: a line for each epoch, with held-out figures of each seed."""

    def __init__(self, held_out, joint_names, sides, config):
        super().__init__()
        self.held_out, self.joint_names, self.sides, self.config = held_out, joint_names, sides, config
        self.history: list[dict] = []

    def on_epoch_end(self, epoch, logs=None):
        loss = float((logs or {}).get("loss", np.nan)) / self.config.seeds
        if not np.isfinite(loss):
            raise ValueError(f"the autoencoder's loss is {loss} in epoch {epoch + 1}; lower learning_rate")
        figures = [
            quality(weights, self.held_out, self.config.loss)
            for weights in extract_weights(self.model, self.joint_names, self.sides, self.config)
        ]
        self.history.append(
            {"epoch": epoch + 1, "loss": loss}
            | {name: [f[name] for f in figures] for name in ("main_loss", "pck_1cm")}
        )
