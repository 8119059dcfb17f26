"""A configuration promises: it comes back from its file as it was; what cannot be is refused by name."""

import json
import math
from dataclasses import replace

import pytest

from posepile.names import UnknownNameError
from training import config_files
from training.commands.numbers import main_numbers
from training.config import (
    AugmentConfig,
    ConfigError,
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    RuntimeConfig,
    TrainConfig,
)
from training.presets import PAPER, PRESETS, TUNED, finetuned, preset


@pytest.mark.parametrize("name", PRESETS)
def test_presets_come_back_from_their_file(tmp_path, name):
    config_files.save(preset(name), tmp_path)
    assert config_files.load(tmp_path) == preset(name)


@pytest.mark.parametrize("name", PAPER)
def test_paper_numbers(name):
    config = preset(name)
    side, steps = (384, 800_000) if "_384" in name else (256, 400_000)
    assert (config.model.crop_side, config.steps) == (side, steps)
    assert config.switch_step == steps - 999
    shares = config.data.shares
    assert len(shares) - 4 == {"14": 14, "3": 3}.get(name.rpartition("_")[2], 28)
    assert sum(n for _, n in shares[:-4]) == 96 and config.data.batch_size == 128
    assert [n for _, n in shares[-4:]] == [8, 8, 8, 8]
    assert config.model.ghost_group_size == 16 and config.model.depth_bins == 8
    assert config.model.box_size_mm == 2200 and config.model.fov_border_strides == 0.75
    assert config.precision == "mixed_float16"
    optimizer = config.optimizer
    assert optimizer.learning_rate == pytest.approx(2.121e-4, rel=1e-3)
    assert (optimizer.loss_scale, optimizer.dynamic_loss_scale, optimizer.max_norm) == (128, False, 20)
    assert (optimizer.ema_momentum, optimizer.accumulate, optimizer.phase_fraction) == (0, 1, 0.92)
    runtime, loss = config.runtime, config.loss
    assert (runtime.checkpoint_every, runtime.validate_every) == (2000, 2000)
    assert (loss.projection, loss.absolute, loss.weak_2d, loss.consistency) == (1, 0.1, 0.2, 1)
    assert (loss.weak_perspective_steps, loss.absolute_from_step, loss.teacher_from_step) == (500, 5000, 5000)


def test_small_takes_the_twins_of_the_small_pile():
    config = preset("small")
    assert config.model.initial_weights == "imagenet"
    assert [id for id, _ in config.data.shares] == [
        *("twin_surreal", "twin_h36m", "twin_muco"),
        *("twin_mpii", "twin_coco", "twin_jrdb", "twin_posetrack"),
    ]
    assert config.data.batch_size % config.model.ghost_group_size == 0 and config.augment == AugmentConfig()


@pytest.mark.parametrize("variant", TUNED)
def test_fine_tuning_presets(variant):
    for name in PAPER:
        config, base = preset(f"{name}_{variant}"), preset(name)
        assert (config.variant, config.steps, config.switch_step) == (variant, 40_000, 39_001)
        assert (config.optimizer.schedule, config.optimizer.phase_fraction) == ("two-rate", 0.5)
        assert config.optimizer.weight_decay_steps == 400_000 and config.runtime.validate_every == 500
        assert (config.model, config.data, config.loss) == (base.model, base.data, base.loss)


def test_the_numbers_are_shown():
    shown = main_numbers(preset("paper_s_256"))
    for text in (
        *("efficientnetv2-s", "256 px", "8 x 8", "2200 mm", "555", "groups of 16", "mixed_float16"),
        *(
            "96 3D-labelled of 28 data sets + 32 2D-labelled = 128",
            "400,000",
            "399,001",
            "0.0002121 to 7.07e-05",
        ),
        *("from step 368,000 7.07e-06 to 2.12e-06", "0.02236", "4.74e-06", "128, fixed", "every 2000, 2000"),
    ):
        assert text in shown, text
    assert "12 x 12" in main_numbers(preset("paper_l_384"))
    assert "7.071e-06 to 2.12e-06" in main_numbers(preset("paper_s_256_hybrid"))
    assert "those of the stores" in main_numbers(preset("smoke"))


@pytest.mark.parametrize("name", PRESETS)
def test_any_preset_can_be_shortened(name):
    short = replace(preset(name), steps=50)
    assert 25 < short.switch_step <= 50
    assert replace(short, steps=1).switch_step == 1


def test_unknown_preset_lists_the_nearest():
    with pytest.raises(UnknownNameError, match="paper_s_256"):
        preset("paper_s_265")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"stepz": 3}, "unknown field 'stepz'"),
        ({"steps": "3"}, "steps is '3', expected int"),
        ({"model": {"crop_side": 100}}, "crop_side is 100, expected a positive multiple of 32"),
        ({"model": {"backbone": "huge"}}, "backbone is 'huge', expected one of tiny"),
        ({"model": {"depth": 1}}, "unknown field 'depth'"),
        ({"augment": {"flip": 2.0}}, "augment.flip is 2.0, expected a probability"),
        ({"data": {"shares": [["a"]]}}, "shares is .*, expected a list"),
        ({"data": {"shares": [["a", 1], ["a", 2]]}}, "every store once"),
        ({"model": 3}, "found 3"),
    ],
)
def test_bad_values_are_refused_by_name(change, message):
    with pytest.raises(ConfigError, match=f"file.json.*{message}"):
        config_files.from_json(change, "file.json")


def test_a_file_that_is_not_json_is_named(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="config.json: not JSON"):
        config_files.load(tmp_path)


def test_group_must_divide_the_batch():
    with pytest.raises(ConfigError, match="ghost_group_size is 16, expected a divisor of the batch \\(3\\)"):
        TrainConfig(data=DataConfig(shares=(("a", 3),)))
    with pytest.raises(
        ConfigError, match="ghost_group_size is 16, expected a divisor of a part of the batch \\(8"
    ):
        TrainConfig(data=DataConfig(shares=(("a", 16),)), optimizer=OptimizerConfig(accumulate=2))
    with pytest.raises(ConfigError, match="accumulate is 3, expected a divisor of the batch \\(16 examples"):
        TrainConfig(data=DataConfig(shares=(("a", 16),)), optimizer=OptimizerConfig(accumulate=3))


def test_only_what_decides_the_weights_is_compared():
    base = preset("demo")
    assert not config_files.differences(base, replace(base, runtime=RuntimeConfig(loader_threads=7)))
    assert config_files.fingerprint(base) == config_files.fingerprint(replace(base, runtime=RuntimeConfig()))
    other = replace(base, augment=replace(base.augment, roll_deg=3.0), seed=9)
    assert config_files.differences(base, other) == [
        "augment.roll_deg: 15.0 -> 3.0",
        "seed: 1 -> 9",
    ]
    assert config_files.fingerprint(base) != config_files.fingerprint(other)


def test_fine_tuning_keeps_the_decay_of_the_run():
    base = preset("paper_s_256")
    tuned = finetuned(base, init_from="run", variant="hybrid", acae="w.npz", steps=40_000)
    assert tuned.optimizer.weight_decay_steps == 400_000 and tuned.optimizer.schedule == "two-rate"
    assert tuned.inference_mode_steps == 1000 and tuned.switch_step == 39_001
    assert tuned.data == base.data


def test_json_has_no_nan():
    with pytest.raises(ValueError):
        config_files.to_json(replace(preset("demo"), model=ModelConfig(ridge=math.nan)))
    json.dumps(config_files.to_json(preset("demo")), allow_nan=False)
