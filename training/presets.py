"""Named configurations: values, to be used as they are or changed with `dataclasses.replace`."""

from dataclasses import replace

from posepile import mixtures
from training.config import (
    AugmentConfig,
    DataConfig,
    LossConfig,
    ModelConfig,
    OptimizerConfig,
    RuntimeConfig,
    TrainConfig,
)

FORMATS = ("smpl", "h36m", "coco", "3dhp", "aspset", "bmlmovi", "totcap", "jta")
"""The formats of the synthetic pile, one 3D-labelled data set each."""

WEAK_PILE = "weak2d"

SELDOM_NEW_BACKGROUND = ("sailvos", "agora", "spec", "hspace")
"""Data sets with varied backgrounds of their own, and many people in a picture (training sheet §11.1)."""


def _paper(pile: str, **changes) -> TrainConfig:
    """A published mixture beside the 2D-labelled one: 96 + 32 examples a step."""
    recipes = mixtures.load(pile), mixtures.load(WEAK_PILE)
    data = DataConfig(
        shares=tuple(share for recipe in recipes for share in recipe.shares),
        with_validation_split=tuple(id for recipe in recipes for id in recipe.with_validation_split),
        pile=pile,
    )
    augment = AugmentConfig(
        partial_visibility_of=() if pile == "large" else (("h36m", 0.5),),
        background_of=tuple((id, 0.2) for id in SELDOM_NEW_BACKGROUND if id in dict(data.shares)),
    )
    return TrainConfig(data=data, augment=augment, precision="mixed_float16", **changes)


MILD = AugmentConfig(
    shift=0.05, zoom_min=0.85, zoom_max=1.15, roll_deg=15.0, hue_deg=0.0, saturation=0.0, brightness=0.1, contrast=0.2,
    background=0.0, objects=0.0, erase=0.0,
)  # fmt: skip
"""For the synthetic pile, whose looks, occluders and places vary by themselves more than any augmentation does."""


def _synthetic(per_format: int, common2d: int, steps: int) -> TrainConfig:
    """The tiny network on the synthetic pile; the paper's fixed step numbers become the same stage of a
    short run.

    A short run learns most from many small steps: crops of 64 px, few depth bins and small batches.
    """
    shares = (*((f"synthetic_{name}", per_format) for name in FORMATS), ("synthetic_common2d", common2d))
    batch_size = sum(count for _, count in shares)
    return TrainConfig(
        model=ModelConfig(backbone="tiny", crop_side=64, depth_bins=4, ghost_group_size=batch_size // 2),
        data=DataConfig(shares=shares),
        augment=MILD,
        loss=LossConfig(
            weak_perspective_steps=steps // 20, absolute_from_step=steps // 10, teacher_from_step=steps // 10
        ),
        optimizer=OptimizerConfig(learning_rate=6e-3),
        # Operations this small gain nothing from a second thread; the loader and other runs do.
        runtime=RuntimeConfig(
            checkpoint_every=max(steps // 4, 10), log_every=max(steps // 40, 1), compute_threads=1
        ),
        steps=steps,
        inference_mode_steps=max(steps // 40, 1),
    )


def twins(steps: int) -> TrainConfig:
    """The synthetic twins of the paper's 3 data sets and of the 2D-labelled ones, with the whole recipe.

    The network is one for small machines, from ImageNet weights, which are installed with the package.
    """
    shares = tuple(
        (id, each)
        for pile, each in (("small", 8), (WEAK_PILE, 2))
        for id, _ in mixtures.of_twins(mixtures.load(pile)).shares
    )
    return TrainConfig(
        model=ModelConfig("efficientnet-lite0", "imagenet", crop_side=96, ghost_group_size=8),
        data=DataConfig(shares),
        loss=LossConfig(weak_perspective_steps=steps // 20, absolute_from_step=steps // 10),
        optimizer=OptimizerConfig(learning_rate=1e-3),
        runtime=RuntimeConfig(checkpoint_every=max(steps // 4, 10), log_every=10),
        steps=steps,
        inference_mode_steps=max(steps // 20, 1),
    )


PAPER = {
    "paper_s_256": (
        "large",
        "efficientnetv2-s",
        256,
        "The paper's small model: 28 data sets, 400k steps at 256 px",
    ),
    "paper_l_256": ("large", "efficientnetv2-l", 256, "The large network at 256 px, 400k steps"),
    "paper_s_384": ("large", "efficientnetv2-s", 384, "The small network at 384 px, 800k steps"),
    "paper_l_384": (
        "large",
        "efficientnetv2-l",
        384,
        "The paper's large model: 28 data sets, 800k steps at 384 px",
    ),
    "paper_r50_256": ("large", "resnet50", 256, "ResNet-50, for comparison with other methods"),
    "paper_s_256_14": ("medium", "efficientnetv2-s", 256, "The small model on 14 data sets"),
    "paper_s_256_3": ("small", "efficientnetv2-s", 256, "The small model on 3 data sets"),
}
"""Name -> (mixture, backbone, crop side in px, one line of help)."""

PAPER_STEPS = 400_000
TUNED_STEPS, TUNED_VALIDATE_EVERY = 40_000, 500
TUNED = {
    "regularized": "its outputs drawn to what the autoencoder makes of them",
    "latent": "predicting the latent points directly",
    "hybrid": "a latent head, taught by the all-joint head",
}
"""Variant -> what it is."""


def _presets() -> dict[str, tuple[str, TrainConfig]]:
    presets = {
        "smoke": ("Seconds on a CPU: shows that everything runs", _synthetic(1, 4, steps=20)),
        "demo": (
            "Minutes on a CPU, on the simple synthetic pile (dozens synthesize --simple)",
            _synthetic(3, 4, steps=4200),
        ),
        "small": (
            "Half an hour on a CPU: from ImageNet weights, on the twins of 7 data sets (dozens synthesize --twins)",
            twins(steps=2400),
        ),
    }
    for name, (pile, backbone, side, purpose) in PAPER.items():
        model = ModelConfig(backbone=backbone, crop_side=side, initial_weights="imagenet")
        presets[name] = purpose, _paper(pile, model=model, steps=800_000 if side == 384 else 400_000)
    for name in PAPER:
        for variant, what in TUNED.items():
            config = finetuned(presets[name][1], init_from="", variant=variant, steps=TUNED_STEPS)
            presets[f"{name}_{variant}"] = f"{name} fine-tuned, {what} (needs --init-from, --acae)", config
    return presets


def preset(name: str) -> TrainConfig:
    """The configuration of that name. Raises UnknownNameError, which lists the nearest names."""
    from posepile.names import unknown_name

    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name][1]


def finetuned(
    config: TrainConfig, *, init_from: str, variant: str, acae: str = "", steps: int
) -> TrainConfig:
    """The configuration that fine-tunes a run (fine-tuning sheet §1, §2): two rates, counters from 0.

    The decay stays that of the run; of a run longer than the paper's first models, that of theirs, as published.

    Loss terms set in at the same steps as in the run itself, as in the paper; shorten that with `replace`.
    """
    optimizer = replace(
        config.optimizer,
        schedule="two-rate",
        phase_fraction=0.5,
        weight_decay_steps=config.optimizer.weight_decay_steps or min(config.steps, PAPER_STEPS),
    )
    last = min(config.inference_mode_steps, max(1, steps // 40)) if config.inference_mode_steps else 0
    return replace(
        config,
        optimizer=optimizer,
        runtime=replace(
            config.runtime, validate_every=min(config.runtime.validate_every, TUNED_VALIDATE_EVERY)
        ),
        init_from=init_from,
        variant=variant,
        acae=acae,
        steps=steps,
        inference_mode_steps=last,
    )


PRESETS: dict[str, tuple[str, TrainConfig]] = _presets()
"""Name -> (one line of help, configuration)."""
