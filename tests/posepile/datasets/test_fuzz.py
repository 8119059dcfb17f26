"""Damaged raw files give correct examples or one clear error that names the file; no crash, no hang.

Some mutations of every raw file in each run of the tests; DOZENS_FUZZ=2000 makes that many for each data set.
A changed digit of a coordinate is not to be told from a correct one: no raw format has checksums.
"""

import contextlib
import os
import pickle
import signal
import warnings

import numpy as np
import pytest
from fakes import writers

from posepile.datasets import Dataset, RawDataError

N_MUTATIONS = int(os.environ.get("DOZENS_FUZZ", "6"))
SECONDS = 30  # that one reading may take


@pytest.mark.parametrize("id", sorted(writers()))
def test_damaged_files_give_examples_or_one_clear_error(id, tmp_path):
    fake = writers()[id](tmp_path)
    files = sorted({path for pattern in fake.fuzzed for path in fake.root.glob(pattern) if path.is_file()})
    assert files, "the fake says which files are annotations"
    rng = np.random.default_rng(len(files))
    for i in range(N_MUTATIONS):
        file = files[i % len(files)]
        original = file.read_bytes()
        file.write_bytes(mutated(original, rng))
        try:
            with warnings.catch_warnings(), time_limit(SECONDS):
                warnings.simplefilter("ignore")
                read_all(fake)
        except RawDataError as error:
            assert str(fake.root) in str(error), f"mutation {i} of {file}: the error names no file: {error}"
        finally:
            file.write_bytes(original)


def read_all(fake) -> None:
    """Reads all sequences with a fresh memory, as a new process would."""
    clear_caches(type(fake.dataset).__module__)
    for sequence in fake.dataset.sequences(fake.root):
        if isinstance(fake.dataset, Dataset):
            for frame in fake.dataset.read(sequence, fake.detect):
                if callable(frame.mask):
                    frame.mask()
                assert not any(np.isinf(x).any() for x in (frame.joints3d, frame.joints2d) if x is not None)
        else:
            for _ in fake.dataset.images(sequence, fake.detect):
                pass


def clear_caches(module: str) -> None:
    """Forgets what functools caches in a reader's module remember of files."""
    import sys

    for name, loaded in list(sys.modules.items()):
        if name == module or name.startswith("posepile.datasets._"):
            for value in vars(loaded).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """`data` after one of the accidents that happen to files."""
    kind = rng.integers(6)
    changed = bytearray(data)
    if not changed:
        return b"\0"
    at = int(rng.integers(len(changed)))
    length = int(rng.integers(1, 64))
    if kind == 0:  # cut off
        del changed[at:]
    elif kind == 1:  # flipped bits
        for place in rng.integers(len(changed), size=length):
            changed[place] ^= 1 << int(rng.integers(8))
    elif kind == 2:  # a hole
        changed[at : at + length] = bytes(len(changed[at : at + length]))
    elif kind == 3:  # something inserted
        changed[at:at] = rng.bytes(length)
    elif kind == 4:  # something lost
        del changed[at : at + length]
    else:  # something copied over
        source = int(rng.integers(len(changed)))
        changed[at : at + length] = changed[source : source + length]
    return bytes(changed)


@contextlib.contextmanager
def time_limit(seconds: int):
    """Raises TimeoutError in the block after a while."""

    def stop(*_):
        raise KeyboardInterrupt(f"no answer after {seconds} s")  # a reader must not catch it

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Malicious:
    """A pickle that would run a command."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return os.system, (f"touch {self.witness}",)


def test_a_malicious_pickle_does_not_execute(tmp_path):
    from posepile.datasets.raw import load_pickle

    file, witness = tmp_path / "evil.pkl", tmp_path / "executed"
    file.write_bytes(pickle.dumps({"joints": Malicious(witness)}))
    with pytest.raises(RawDataError, match="evil.pkl"):
        load_pickle(file)
    assert not witness.exists()


def test_a_pickle_that_would_fill_the_memory_is_refused(tmp_path):
    from posepile.datasets.raw import load_pickle

    file = tmp_path / "bomb.pkl"
    file.write_bytes(b"\x80\x02}r\xff\xff\xff\x7f.")  # an empty dict, to be kept as number 2,147,483,647
    with pytest.raises(RawDataError, match="bomb.pkl"):
        load_pickle(file)


@pytest.mark.parametrize("name", ["../secret", "a/../../secret", "/etc/passwd", "a\0b", "..\\secret"])
def test_a_path_that_climbs_out_of_the_root_is_refused(tmp_path, name):
    from posepile.datasets.raw import inside

    with pytest.raises(RawDataError, match="root"):
        inside(tmp_path / "root", name)
