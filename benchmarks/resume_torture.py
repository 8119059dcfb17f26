"""Kills training runs at random moments, also inside checkpoint writes, and lets them go on; nothing may change.

    python benchmarks/resume_torture.py --kills 20

For each kind of run (plain, in parts with averaged weights, the same under bfloat16; each crosses the switch to
inference mode) one run goes undisturbed; then runs are killed with SIGKILL and started again until so many kills
are done. After every kill all checkpoints must be whole and the newest no older than before; in the end weights and
optimizer state must equal the undisturbed run's, bit by bit. The last line is JSON; exit code 1 if anything differs.

Processes are forked from one that has imported TensorFlow but not used it, which saves its import each time.
"""

import io
import json
import os
import signal
import sys
import tempfile
import time
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from training import checkpoint, fit, run_folder
from training.config import OptimizerConfig, TrainConfig
from training.presets import preset

IN_PARTS = OptimizerConfig(learning_rate=6e-3, accumulate=2, ema_momentum=0.9)


@dataclass(frozen=True)
class Settings:
    """What is tortured."""

    kills: int = 20
    """Of each kind."""
    kinds: tuple[Literal["plain", "parts", "bfloat16"], ...] = ("plain", "parts", "bfloat16")
    steps: int = 40
    checkpoint_every: int = 3
    seed: int = 0
    """Of the moments."""
    folder: Path | None = None
    """For the runs; a temporary one by default."""


@dataclass
class Tally:
    """What happened to one kind of run."""

    kind: str
    kills: int = 0
    inside_a_write: int = 0
    in_the_last_phase: int = 0
    runs_finished: int = 0
    checkpoints_read: int = 0
    damaged: int = 0
    lost: int = 0
    arrays_that_differ: int = 0
    killed_after_step: list[int] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.damaged or self.lost or self.arrays_that_differ)


def config_of(settings: Settings, kind: str) -> TrainConfig:
    config = preset("smoke")
    runtime = replace(config.runtime, checkpoint_every=settings.checkpoint_every, log_every=5)
    config = replace(config, steps=settings.steps, inference_mode_steps=settings.steps // 3, runtime=runtime)
    if kind == "plain":
        return config
    precision = "mixed_bfloat16" if kind == "bfloat16" else "float32"
    return replace(config, optimizer=IN_PARTS, precision=precision)


def main(settings: Settings) -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = settings.folder or Path(temporary)
        in_a_process(partial(make_stores, folder / "stores"), folder / "stores.log")
        tallies = [torture(settings, kind, folder) for kind in settings.kinds]
    show(tallies)
    print(json.dumps({"good": all(t.is_good for t in tallies), "kinds": [vars(t) for t in tallies]}))
    return 0 if all(tally.is_good for tally in tallies) else 1


def torture(settings: Settings, kind: str, folder: Path) -> Tally:
    config, random, tally = config_of(settings, kind), np.random.default_rng(settings.seed), Tally(kind)
    stores = [folder / "stores" / id for id, _ in config.data.shares]
    whole, log = folder / f"{kind}_whole", folder / f"{kind}.log"
    began = time.monotonic()
    in_a_process(partial(fit.train, config, stores, whole), log)
    lifetime = time.monotonic() - began
    while tally.kills < settings.kills:
        run = folder / f"{kind}_{tally.runs_finished}"
        newest, finished = -1, False
        while not finished:
            moment, write = None, None
            if tally.kills % 2 and tally.kills < settings.kills:
                write = int(random.integers(1, 5))
            elif tally.kills < settings.kills:
                moment = random.uniform(0, 0.8 * lifetime)
            began = time.monotonic()
            finished = start_and_kill(partial(fit.train, config, stores, run), run, moment, write, log)
            if finished:  # before its moment came: the machine has become faster
                lifetime = min(lifetime, time.monotonic() - began)
            else:
                newest = inspect(run, newest, config, tally)
        tally.runs_finished += 1
        tally.arrays_that_differ += differing_arrays(whole, run, config.steps)
    return tally


def start_and_kill(train, run: Path, moment: float | None, write: int | None, log: Path) -> bool:
    """Runs `train` in a process and kills it after `moment` seconds, or inside its `write`-th checkpoint write.

    Returns whether it came to its end before that. Raises RuntimeError if it failed by itself.
    """
    pid = forked(train, log)
    began, seen = time.monotonic(), set()
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            if status:
                raise RuntimeError(f"a run failed: {log}\n{log.read_text()[-3000:]}")
            return True
        if write is not None:
            seen |= {path.name for path in parts_of(run) if f".{pid}." in path.name}
        if (moment is not None and time.monotonic() - began > moment) or (
            write is not None and len(seen) >= write
        ):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return False
        time.sleep(0.0002 if write is not None else 0.005)


def inspect(run: Path, newest: int, config: TrainConfig, tally: Tally) -> int:
    """After a kill: all checkpoints must be whole, and the newest one not older than before; returns its step."""
    tally.kills += 1
    tally.inside_a_write += bool(list(parts_of(run)))
    steps = []
    for path in (run / checkpoint.FOLDER).glob("*.ckpt"):
        try:
            steps.append(checkpoint.read(path).step)
            tally.checkpoints_read += 1
        except checkpoint.CheckpointError as error:
            print(error)
            tally.damaged += 1
    found = max(steps, default=-1)
    tally.lost += found < newest
    tally.in_the_last_phase += found >= config.switch_step
    tally.killed_after_step.append(found)
    return found


def parts_of(run: Path):
    return (run / checkpoint.FOLDER).glob(".*.part")


def differing_arrays(whole: Path, run: Path, steps: int) -> int:
    """Arrays of the last checkpoint and of the final weights that are not equal to the last bit."""
    first, second = (checkpoint.read(checkpoint.path_of(path, steps)).variables for path in (whole, run))
    pairs = [(a, b) for part in first for (_, a), (_, b) in zip(first[part], second[part], strict=True)]
    pairs += zip(*(h5_arrays(path / run_folder.WEIGHTS_FILE) for path in (whole, run)), strict=True)
    return sum(a.tobytes() != b.tobytes() for a, b in pairs)


def h5_arrays(path: Path) -> list[np.ndarray]:
    arrays = []
    with h5py.File(path) as file:
        file.visititems(lambda _, item: arrays.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    return arrays


def in_a_process(work, log: Path) -> None:
    _, status = os.waitpid(forked(work, log), 0)
    if status:
        raise RuntimeError(f"failed: {log}\n{log.read_text()[-3000:]}")


def forked(work, log: Path) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        with open(log, "a") as file:
            os.dup2(file.fileno(), 2)
            with redirect_stdout(io.StringIO()):
                work()
        code = 0
    except BaseException:  # the process ends here, whatever it was
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def make_stores(folder: Path) -> None:
    from posepile.synthetic.pile import synthesize

    counts = {id: 24 for id, _ in preset("smoke").data.shares}
    synthesize(folder, counts, 96, 1, 1, simple=True)


def show(tallies: list[Tally]) -> None:
    names = [name for name in vars(tallies[0]) if name != "killed_after_step"]
    table = Table(*(name.replace("_", " ") for name in names), box=None, pad_edge=False)
    for tally in tallies:
        table.add_row(*(str(vars(tally)[name]) for name in names))
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Settings, description=__doc__)))
