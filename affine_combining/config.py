"""Settings of the autoencoder's training; the defaults are the released ones."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

# "ear" but not "forearm"; MoVi's markers fronthead and backhead contain "head".
HEAD_NAMES = re.compile(r"head|htop|neck|nose|eye|ear(?!m)|brow|mouth|lip|cheek|jaw")
PROJECTED_COORDINATES, METRIC_COORDINATES = 2, 3


@dataclass(frozen=True)
class AcaeConfig:
    """What a fit depends on, beside the poses."""

    latents_sided: int = 40
    """Latent points that come in left-right pairs; an even number."""
    latents_center: int = 8
    """Latent points on neither side."""
    chiral: bool = True
    """Mirroring the person mirrors the latents."""
    loss: Literal["projected", "metric"] = "projected"
    """Compare on the image plane (predicted depth is unreliable) or in all three coordinates."""
    sparsity: float = 0.6
    """Weight of the magnitude of the weights: it penalises negative ones."""
    sparsity_form: Literal["mean", "printed"] = "mean"
    """"mean": the factor of mean|w1| + mean|w2|. "printed": lambda of the paper's formula, which sums
    reconstruction errors over joints and weights over entries; 1.2 / latents is the same as a mean's 0.6."""
    head_factor: float = 1.0
    """How many times more a head or face joint counts in the reconstruction than another joint."""
    schedule: Literal["fast", "published"] = "published"
    """"published": Adam on small batches from random weights. "fast" starts from well-chosen joints and
    descends on second moments of the poses: the same loss in a tenth of the time, but skeletons that were
    fine-tuned with it agreed less (results/acae.md)."""
    epochs: int = 30
    """Passes over the training poses, of the published schedule."""
    batch_size: int = 32
    """Poses in a step, of the published schedule."""
    learning_rate: float = 0.03
    """Adam's first learning rate in the published schedule; it falls tenfold after each of two phases."""
    phase_ends: tuple[float, float] = (0.5, 0.8)
    """Ends of the two phases, as fractions of the published schedule. There they are 150,000 and 300,000
    steps, whatever the number of poses; with few poses the low rates would never come."""
    seeds: int = 4
    """Autoencoders trained from different starts; the best on held-out poses is kept."""
    seed: int = 0
    """First seed; it also decides the order of the poses and which are held out."""
    held_out: float = 0.1
    """Fraction of the poses held out to choose the seed, where no held-out poses are given."""

    def __post_init__(self) -> None:
        expectations = {
            "latents_sided": (self.latents_sided >= 0 and self.latents_sided % 2 == 0, "an even number"),
            "latents_center": (self.latents_center >= 0, "0 or more"),
            "sparsity": (self.sparsity >= 0, "0 or more"),
            "head_factor": (self.head_factor > 0, "a positive number"),
            "epochs": (self.epochs >= 1, "1 or more"),
            "batch_size": (self.batch_size >= 1, "1 or more"),
            "learning_rate": (self.learning_rate > 0, "a positive number"),
            "phase_ends": (0 < self.phase_ends[0] <= self.phase_ends[1] <= 1, "rising fractions up to 1"),
            "seeds": (self.seeds >= 1, "1 or more"),
            "seed": (self.seed >= 0, "0 or more"),
            "held_out": (0 < self.held_out < 1, "between 0 and 1"),
        }
        for name, (holds, expected) in expectations.items():
            if not holds:
                raise ValueError(f"{name} is {getattr(self, name)}, expected {expected}")
        if self.n_latents < 1:
            raise ValueError("latents_sided and latents_center are both 0, expected at least one latent")

    @property
    def n_latents(self) -> int:
        return self.latents_sided + self.latents_center

    @property
    def sparsity_of_means(self) -> float:
        """The factor of mean|w1| + mean|w2| beside a mean reconstruction error.

        The printed loss sums errors over J joints and C coordinates, and magnitudes over the J L entries of
        w1 and w2. Divided by J C, the first term is a mean and the second is lambda L / C times the means.
        """
        if self.sparsity_form == "mean":
            return self.sparsity
        coordinates = PROJECTED_COORDINATES if self.loss == "projected" else METRIC_COORDINATES
        return self.sparsity * self.n_latents / coordinates


def joint_weights(joint_names: Sequence[str], head_factor: float) -> np.ndarray:
    """[J] float64 weights, mean 1: head and face joints weigh `head_factor` times as much as the others.

    The paper weighs them higher, its factor and list are not published. Source: autoencoder sheet, section 6.
    """
    is_head = np.array([bool(HEAD_NAMES.search(name)) for name in joint_names])
    weights = np.where(is_head, head_factor, 1.0)
    return weights / weights.mean()
