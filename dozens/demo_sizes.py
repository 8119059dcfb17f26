"""How large the demonstration is: three sizes, and the training configurations that follow from them."""

from dataclasses import dataclass, replace

from affine_combining.config import AcaeConfig
from evaluation.results import VARIANTS
from training.config import DataConfig, TrainConfig
from training.presets import FORMATS, finetuned, preset

TRAIN_STORES = tuple(f"synthetic_{name}" for name in FORMATS)
WEAK_STORE = "synthetic_common2d"
TEST_STORE = "synthetic_test"
CLEAN_STORES = ("synthetic_h36m", "synthetic_bmlmovi", "synthetic_totcap", "synthetic_3dhp")
"""The studio recordings, on which pseudo ground truth is made: the paper takes Human3.6M and BML-MoVi."""

FIRST = "separate"
EXPORTED = "regularized"
"""The variant that the exported model comes from: the best one of the paper's table."""

FINE_TUNING_RATE = 20e-3
"""Chosen, as every setting here, on synthetic_val; results/README.md has the figures."""


@dataclass(frozen=True)
class DemoSize:
    """Everything that a size decides."""

    examples: int
    """Images of each training set."""
    test_examples: int
    """Images of the held-out test set."""
    image_side: int
    """Stored images, px."""
    training: TrainConfig
    """The first training; its seed is replaced."""
    finetune_steps: int
    """Steps of every fine-tuning, and of the control."""
    acae: AcaeConfig
    seeds: tuple[int, ...] = (1,)
    """One complete repetition of everything but the data for each."""
    merged: bool = False
    """Whether the merged-joints baseline is trained too."""

    @property
    def variants(self) -> tuple[str, ...]:
        """The rows of the table."""
        return tuple(name for name in VARIANTS if name != "merged" or self.merged)


SIZES = {
    "smoke": DemoSize(
        examples=48,
        test_examples=32,
        image_side=96,
        training=preset("smoke"),
        finetune_steps=10,
        acae=AcaeConfig(latents_sided=16, latents_center=4, epochs=5, batch_size=16, seeds=2),
    ),
    "demo": DemoSize(
        examples=600,
        test_examples=400,
        image_side=96,
        training=preset("demo"),
        finetune_steps=1200,
        acae=AcaeConfig(seeds=2),
    ),
    "study": DemoSize(
        examples=1000,
        test_examples=1000,
        image_side=96,
        training=preset("demo"),
        finetune_steps=1200,
        acae=AcaeConfig(seeds=2),
        seeds=(1, 2, 3),
        merged=True,
    ),
}


def first_training(size: DemoSize, seed: int, joints: str = "separate") -> TrainConfig:
    """Step 1 of the method: separate heads, or the merged-joints baseline."""
    config = size.training
    return replace(config, seed=seed, data=DataConfig(shares=config.data.shares, joints=joints))


def fine_tuning(size: DemoSize, first: TrainConfig, variant: str, init_from: str, acae: str) -> TrainConfig:
    """Step 3 for a row of the table; the control and the merged baseline go on without a consistency term."""
    plain = variant in ("separate_continued", "merged")
    config = finetuned(
        first,
        init_from=init_from,
        variant="separate" if plain else variant,
        acae="" if plain else acae,
        steps=size.finetune_steps,
    )
    # The heads agree already, and a short run cannot wait for the absolute and the teacher terms.
    loss = replace(config.loss, weak_perspective_steps=0, absolute_from_step=0, teacher_from_step=0)
    # Latent heads start from random weights and have hundreds of steps where the paper has 40,000: a higher rate,
    # for longer, and the same for every row of the table.
    optimizer = replace(config.optimizer, learning_rate=FINE_TUNING_RATE, phase_fraction=0.85)
    return replace(config, loss=loss, optimizer=optimizer)
