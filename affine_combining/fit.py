"""Trains autoencoders from several starts and keeps the one that is best on held-out poses."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from affine_combining import descent
from affine_combining.chirality import SidedOrder, left_first, sided_order
from affine_combining.config import AcaeConfig, joint_weights
from affine_combining.moments import moments_of
from affine_combining.quality import quality
from affine_combining.weights import AcaeWeights

MIN_DEPTH_MM = 300.0  # nearer points would dominate the projected loss
HISTORY_POSES = 128  # held-out poses that draw the learning curve; the final figures use all of them
SAMPLE = 20_000  # poses that the fast schedule sees: a hundred to each weight of the encoder's columns
CHUNK = 5000


@dataclass(frozen=True, eq=False)
class FitResult:
    """What a fit gave."""

    weights: AcaeWeights
    """The best autoencoder; its provenance has the settings and the figures."""
    reports: list[dict]
    """One for each seed, best first: "seed" and the figures of `quality` on the held-out poses."""
    history: list[dict]
    """Learning curve: "step", training "loss"; held-out "main_loss" and "pck_1cm" (lists over seeds)."""
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
    rows, test, n_dropped = _prepare(poses, held_out, joint_names, config)
    curve = _Curve(test[:HISTORY_POSES], joint_names, sides, config)
    train = _train_fast if config.schedule == "fast" else _train_published
    candidates = [
        _in_own_order(w1, w2, joint_names, sides, config)
        for w1, w2 in train(poses, rows, joint_names, sides, config, curve)
    ]
    reports = [
        {"seed": config.seed + k, **quality(weights, test, config.loss)}
        for k, weights in enumerate(candidates)
    ]
    ranking = sorted(range(config.seeds), key=lambda k: (-reports[k]["pck_1cm"], reports[k]["main_loss"]))
    facts = {
        **(provenance or {}),
        "config": asdict(config),
        "figures": reports[ranking[0]],
        "poses": {"train": len(rows), "held_out": len(test), "dropped": n_dropped},
    }
    return FitResult(
        weights=replace(candidates[ranking[0]], provenance=facts),
        reports=[reports[k] for k in ranking],
        history=curve.rows(),
        n_train=len(rows),
        n_held_out=len(test),
        n_dropped=n_dropped,
        seconds=time.perf_counter() - start,
    )


def _train_fast(poses, rows, joint_names, sides: SidedOrder, config: AcaeConfig, curve):
    """[w1, w2] of each seed, joints sorted."""
    if len(rows) > SAMPLE:
        rows = np.sort(np.random.default_rng([config.seed, 1]).permutation(rows)[:SAMPLE])
    sample = poses[rows].astype(np.float32)[:, sides.order]
    sample = np.ascontiguousarray(sample.swapaxes(1, 2))  # [n, 3, J]
    weights = joint_weights(joint_names, config.head_factor)[sides.order]
    moments = moments_of(sample, weights, config.loss)
    shape = descent.Shape((sides.pairs, config.latents_sided // 2), (sides.centres, config.latents_center))
    if not config.chiral:
        shape = descent.Shape((0, 0), (len(joint_names), config.n_latents))
    return [
        descent.train(
            moments,
            sample,
            shape,
            config.sparsity_of_means,
            config.seed + k,
            config.loss,
            lambda step, loss, w, k=k: curve.record(k, step, loss, *w),
        )
        for k in range(config.seeds)
    ]


def _train_published(poses, rows, joint_names, sides: SidedOrder, config: AcaeConfig, curve):
    """[w1, w2] of each seed, joints sorted."""
    from affine_combining import published  # TensorFlow: the fast schedule does without

    sample = poses[rows].astype(np.float32)[:, sides.order]
    weights = joint_weights(joint_names, config.head_factor)[sides.order]
    return published.train(sample, sides, weights, config, curve.record)


def _in_own_order(
    w1: np.ndarray, w2: np.ndarray, joint_names: tuple[str, ...], sides: SidedOrder, config: AcaeConfig
) -> AcaeWeights:
    """An autoencoder of sorted joints, with joints in their own order; latents stay [left | right | centre]."""
    sided = config.latents_sided if config.chiral else 0
    back, order = sides.inverse, left_first(w1, sides, sided)
    return AcaeWeights(w1[back][:, order], w2[order][:, back], joint_names, {}, sided)


def _prepare(
    poses: np.ndarray, held_out: np.ndarray | None, joint_names: Sequence[str], config: AcaeConfig
) -> tuple[np.ndarray, np.ndarray, int]:
    """Checks shapes, leaves out unusable poses: rows to train on, held-out poses, how many were left out."""
    for name, array in (("poses", poses), ("held_out", held_out)):
        if array is not None and (array.ndim != 3 or array.shape[1:] != (len(joint_names), 3)):
            raise ValueError(f"{name} has shape {array.shape}, expected [n, {len(joint_names)}, 3]")
    rows = np.flatnonzero(usable(poses))
    n_dropped = len(poses) - len(rows)
    if held_out is None:
        order = np.random.default_rng(config.seed).permutation(rows)
        n_held_out = max(1, round(config.held_out * len(rows)))
        rows, test = np.sort(order[n_held_out:]), poses[np.sort(order[:n_held_out])]
    else:
        test = held_out[usable(held_out)]
        n_dropped += len(held_out) - len(test)
    least = config.batch_size if config.schedule == "published" else 2
    if len(rows) < least or len(test) == 0:
        raise ValueError(
            f"{len(rows)} poses to train on and {len(test)} held out are usable ({n_dropped} were not), "
            f"expected at least {least} and one"
        )
    return rows, test.astype(np.float32), n_dropped


def usable(poses: np.ndarray) -> np.ndarray:
    """[n] bool: poses [n, J, 3] mm whose values are finite and whose joints lie farther than 300 mm away."""
    parts = [np.zeros(0, bool)]
    for first in range(0, len(poses), CHUNK):
        chunk = poses[first : first + CHUNK]
        finite = np.isfinite(chunk).all(axis=(1, 2))
        parts.append(finite & (np.where(finite[:, None], chunk[..., 2], 0) > MIN_DEPTH_MM).all(axis=1))
    return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class _Curve:
    """The learning curve: held-out figures of each seed, in the course of training."""

    held_out: np.ndarray
    joint_names: tuple[str, ...]
    sides: SidedOrder
    config: AcaeConfig
    recorded: dict = field(default_factory=lambda: defaultdict(list))

    def record(self, k: int, step: int, loss: float, w1: np.ndarray, w2: np.ndarray) -> None:
        weights = _in_own_order(w1, w2, self.joint_names, self.sides, self.config)
        figures = quality(weights, self.held_out, self.config.loss)
        self.recorded[step].append({"loss": loss} | {n: figures[n] for n in ("main_loss", "pck_1cm")})

    def rows(self) -> list[dict]:
        return [
            {"step": step, "loss": float(np.mean([r["loss"] for r in seeds]))}
            | {name: [r[name] for r in seeds] for name in ("main_loss", "pck_1cm")}
            for step, seeds in self.recorded.items()
        ]
