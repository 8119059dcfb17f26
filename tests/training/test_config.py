"""A configuration promises: it comes back from its file as it was; what cannot be is refused by name."""

import json
import math
from dataclasses import replace

import pytest

from posepile.names import UnknownNameError
from training import config_files
from training.config import ConfigError, DataConfig, ModelConfig, RuntimeConfig, TrainConfig
from training.presets import PRESETS, finetuned, preset


@pytest.mark.parametrize("name", PRESETS)
def test_presets_come_back_from_their_file(tmp_path, name):
    config_files.save(preset(name), tmp_path)
    assert config_files.load(tmp_path) == preset(name)


def test_paper_numbers():
    config = preset("paper_s_256")
    assert config.data.batch_size == 128
    assert sum(n for _, n in config.data.shares[:-4]) == 96
    assert config.switch_step == 399_001
    assert config.optimizer.learning_rate == pytest.approx(2.121e-4, rel=1e-3)
    assert preset("paper_l_384").steps == 800_000


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
