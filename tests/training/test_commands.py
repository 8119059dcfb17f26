"""The verbs of this room: what they make of their arguments. Training itself is in test_fit.py."""

import numpy as np
import pytest
from stand_ins import make_stores
from tiny_run import CONFIG

from posepile.names import UnknownNameError
from training import config_files, fit
from training.commands import finetune, pseudo_label, resume, train
from training.commands.piles import open_piles
from training.presets import PRESETS, preset


@pytest.fixture(scope="module")
def pile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pile")
    make_stores(folder, n_examples=4)
    return folder


@pytest.fixture
def called(monkeypatch):
    calls = []
    monkeypatch.setattr(fit, "train", lambda config, stores, run: calls.append((config, stores, run)) or run)
    return calls


def test_train_changes_single_values_of_a_preset(pile, called, tmp_path):
    args = [
        "smoke",
        "--pile",
        str(pile),
        "--out",
        str(tmp_path / "run"),
        "--steps",
        "7",
        "--augment.roll-deg",
        "0",
    ]
    assert train.main([*args, "--inference-mode-steps", "1"]) == 0
    config, stores, run = called[0]
    assert (config.steps, config.augment.roll_deg) == (7, 0.0)
    assert config.model == preset("smoke").model and config.data == preset("smoke").data
    assert {store.id for store in stores} == {"tiny_h36m", "tiny_smpl", "tiny_2d"}
    assert run == tmp_path / "run"


def test_train_lists_presets(capsys):
    assert train.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in PRESETS)
    assert train.main([]) == 2


def test_unknown_preset_names_the_nearest():
    with pytest.raises(UnknownNameError, match="smoke"):
        train.main(["smoek", "--pile", "x", "--out", "y"])


def test_missing_arguments_are_a_usage_error():
    with pytest.raises(SystemExit) as caught:
        train.main([next(iter(PRESETS))])
    assert caught.value.code == 2


def test_a_folder_without_stores_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected stores"):
        open_piles([tmp_path])


def test_resume_uses_the_configuration_of_the_run(pile, called, tmp_path):
    config_files.save(CONFIG, tmp_path)
    assert resume.main([str(tmp_path), "--pile", str(pile)]) == 0
    assert called[0][0] == CONFIG


def test_finetune_derives_the_configuration(pile, called, tmp_path):
    config_files.save(CONFIG, tmp_path)
    args = [str(tmp_path), "--out", str(tmp_path / "new"), "--steps", "9", "--variant", "hybrid"]
    assert finetune.main([*args, "--acae", "w.npz", "--pile", str(pile), "--seed", "4"]) == 0
    config = called[0][0]
    assert (config.variant, config.steps, config.seed, config.init_from) == ("hybrid", 9, 4, str(tmp_path))
    assert config.optimizer.schedule == "two-rate" and config.acae.endswith("/w.npz")


def test_pseudo_label_needs_a_finished_run(pile, tmp_path):
    with pytest.raises(FileNotFoundError, match="not finished"):
        pseudo_label.main([str(tmp_path), str(pile), "--out", str(tmp_path / "p.npz")])


def test_near_and_broken_poses_are_left_out():
    from training.pseudo_labels import Predictions

    poses = np.full((4, 2, 3), 1000.0, np.float32)
    poses[1, 0, 2] = 300.0
    poses[2, 1, 0] = np.nan
    found = Predictions(np.array(list("abcd")), poses, poses, ("x", "y")).filtered()
    assert found.keys.tolist() == ["a", "d"] and found.n_rejected == 2
