"""Checkpoints: the whole state of a run in one file, written so that a crash never leaves half a one.

A file has a first line naming its format, a second line with the SHA-256 of the rest, and then a NumPy .npz
archive of all variables of model and optimizer (random seeds' state and step counters included) and the step.
"""

import hashlib
import io
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from training.atomic_write import write_atomically

MAGIC = b"dozens checkpoint, version 1\n"
FOLDER = "checkpoints"
KEEP = 2


class CheckpointError(ValueError):
    """A checkpoint file that is damaged, or of another version or network; names file and finding."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        path: of the file.
        step: training steps done.
        fingerprint: of the run's configuration.
        variables: {"model": [...], "optimizer": [...]}, (name, array) of every variable, in Keras' order.
    """

    path: Path
    step: int
    fingerprint: str
    variables: dict[str, list[tuple[str, np.ndarray]]]


def path_of(run: Path, step: int) -> Path:
    """RUN/checkpoints/00002000.ckpt"""
    return run / FOLDER / f"{step:08d}.ckpt"


def save(run: Path, model: keras.Model, step: int, fingerprint: str, protect: Iterable[int] = ()) -> Path:
    """Writes the checkpoint of a step; deletes all but the newest two and those of the steps to `protect`."""
    path = path_of(run, step)
    path.parent.mkdir(parents=True, exist_ok=True)
    for part in path.parent.glob(".*.part"):  # of processes that were killed: a run has one writer
        part.unlink()
    write_atomically(path, _to_bytes(model, step, fingerprint))
    for old in _files(run)[KEEP:]:
        if int(old.stem) not in set(protect):
            old.unlink()
    return path


def latest(run: Path) -> Checkpoint | None:
    """The newest good checkpoint of a run, if any. A damaged one is named on stderr and passed over."""
    for path in _files(run):
        try:
            return read(path)
        except CheckpointError as error:
            print(f"warning: {error}; trying the checkpoint before it", file=sys.stderr)
    return None


def read(path: Path) -> Checkpoint:
    """Reads and checks a checkpoint file. Raises CheckpointError, OSError."""
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        raise CheckpointError(f"{path}: does not begin with {MAGIC.decode().strip()!r}")
    digest, _, archive = data[len(MAGIC) :].partition(b"\n")
    if hashlib.sha256(archive).hexdigest().encode() != digest:
        raise CheckpointError(f"{path}: damaged, its content does not have the checksum that it states")
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        header = json.loads(str(arrays["header"]))
        variables = {
            part: [(name, arrays[f"{part}/{i}"]) for i, name in enumerate(names)]
            for part, names in header["variables"].items()
        }
    return Checkpoint(path, header["step"], header["fingerprint"], variables)


def restore(model: keras.Model, checkpoint: Checkpoint, *, optimizer: bool = True) -> None:
    """Gives a model (and its optimizer) the state of a checkpoint.

    Variables are matched by their order, and their shapes must agree: Keras numbers layers' names by process.

    Raises:
        CheckpointError: the checkpoint is of another network or optimizer; nothing was changed then.
    """
    parts = _parts(model) if optimizer else {"model": model.variables}
    for part, variables in parts.items():
        saved = checkpoint.variables[part]
        ours, theirs = [_facts(v) for v in variables], [(a.shape, a.dtype.name) for _, a in saved]
        if ours != theirs:
            i = next(
                (i for i, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), None
            )
            finding = f"{len(theirs)} variables, expected {len(ours)}" if i is None else (
                f"{saved[i][0]} is {theirs[i]}, expected {ours[i]} ({variables[i].path})")  # fmt: skip
            raise CheckpointError(f"{checkpoint.path}: of another {part}: {finding}")
    for part, variables in parts.items():
        for variable, (_, value) in zip(variables, checkpoint.variables[part], strict=True):
            variable.assign(value)


def _to_bytes(model: keras.Model, step: int, fingerprint: str) -> bytes:
    parts = _parts(model)
    names = {part: [v.path for v in variables] for part, variables in parts.items()}
    header = {"step": step, "fingerprint": fingerprint, "variables": names}
    arrays = {
        f"{part}/{i}": keras.ops.convert_to_numpy(variable)
        for part, variables in parts.items()
        for i, variable in enumerate(variables)
    }
    buffer = io.BytesIO()
    np.savez(buffer, header=np.array(json.dumps(header)), **arrays)
    archive = buffer.getbuffer()
    return b"".join([MAGIC, hashlib.sha256(archive).hexdigest().encode(), b"\n", archive])


def _parts(model: keras.Model) -> dict[str, list]:
    return {"model": model.variables, "optimizer": model.optimizer.variables if model.optimizer else []}


def _facts(variable) -> tuple[tuple[int, ...], str]:
    return tuple(variable.shape), keras.backend.standardize_dtype(variable.dtype)


def _files(run: Path) -> list[Path]:
    """Checkpoint files, the newest first; files being written do not count."""
    files = (run / FOLDER).glob("*.ckpt")
    return sorted((f for f in files if f.stem.isdigit()), key=lambda f: int(f.stem), reverse=True)
