"""Checkpoints promise: everything comes back; what is damaged or foreign is refused, never half loaded."""

import keras
import numpy as np
import pytest

from training import checkpoint


def make_model(units=3, seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units), keras.layers.Dropout(0.5)])
    model.compile(optimizer="adam", loss="mse", jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def state(model):
    return [np.array(v) for v in [*model.variables, *model.optimizer.variables]]


def test_everything_comes_back_also_the_state_of_seeds(tmp_path):
    model = make_model()
    model.fit(np.ones((4, 2)), np.ones((4, 3)), verbose=0)
    checkpoint.save(tmp_path, model, 7, "abc")
    found, other = checkpoint.latest(tmp_path), make_model(seed=1)
    checkpoint.restore(other, found)
    assert (found.step, found.fingerprint) == (7, "abc")
    assert any("seed" in v.path for v in model.variables)
    for a, b in zip(state(model), state(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_are_kept_and_the_protected(tmp_path):
    model = make_model()
    for step in (1, 2, 3, 4, 5):
        checkpoint.save(tmp_path, model, step, "", protect=(2,))
    assert sorted(int(p.stem) for p in (tmp_path / checkpoint.FOLDER).iterdir()) == [2, 4, 5]


@pytest.mark.parametrize("where", ["first line", "checksum", "middle", "end", "empty"])
def test_damage_is_found_and_the_one_before_is_used(tmp_path, capsys, where):
    model = make_model()
    checkpoint.save(tmp_path, model, 1, "")
    path = checkpoint.save(tmp_path, model, 2, "")
    data = bytearray(path.read_bytes())
    positions = {"first line": 3, "checksum": 40, "middle": len(data) // 2}
    if where in positions:
        data[positions[where]] ^= 1
    path.write_bytes({"end": data[:-1], "empty": b""}.get(where, data))
    with pytest.raises(checkpoint.CheckpointError, match="00000002.ckpt"):
        checkpoint.read(path)
    assert checkpoint.latest(tmp_path).step == 1
    assert "00000002.ckpt" in capsys.readouterr().err


def test_files_being_written_do_not_count(tmp_path):
    folder = tmp_path / checkpoint.FOLDER
    folder.mkdir()
    (folder / ".00000009.ckpt.12.part").write_bytes(b"half")
    assert checkpoint.latest(tmp_path) is None


def test_a_crash_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    checkpoint.write_atomically(path, b"old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("crash")))
    with pytest.raises(OSError, match="crash"):
        checkpoint.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


def test_another_network_is_refused_and_nothing_changed(tmp_path):
    saved = checkpoint.read(checkpoint.save(tmp_path, make_model(units=3), 1, ""))
    model = make_model(units=4)
    before = state(model)
    with pytest.raises(checkpoint.CheckpointError, match="another model"):
        checkpoint.restore(model, saved)
    for a, b in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(a, b)
