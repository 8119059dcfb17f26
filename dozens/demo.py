"""`dozens demo`: the whole method of the paper on the embedded synthetic pile, from nothing to an exported model.

Every stage writes files and is skipped when they are complete, so an interrupted demonstration goes on where it
stopped. The data are the same for all seeds; a seed decides the weights, the order and the augmentation.
"""

import dataclasses
import json
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro


@dataclass(frozen=True)
class DemoConfig:
    """The whole method on a synthetic pile: train, bridge the skeletons, fine-tune, evaluate, export."""

    size: Literal["smoke", "demo", "study"] = "demo"
    """smoke: a minute, shows that all parts run; demo: minutes; study: three seeds, merged baseline too."""
    out: Path = Path("runs/demo")
    """Folder for everything; what is complete in it is not done again."""
    workers: int = 2
    """Processes that render images, and that fine-tune; 2.3 GB of memory each at most."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the results as JSON, and nothing else."""


def main(args: list[str]) -> int:
    """Runs the command."""
    config = tyro.cli(DemoConfig, args=args, prog="dozens demo")
    if config.workers < 1:
        raise ValueError(f"--workers is {config.workers}, expected at least 1")
    results = run(config, shlex.join(["dozens", "demo", *args]))
    if config.json:
        print(json.dumps(results, allow_nan=False))
    return 0


def run(config: DemoConfig, command: str) -> dict[str, Any]:
    """Runs or completes the demonstration. Returns what results.json holds."""
    clock = Clock(quiet=config.json)
    with clock("Starting"):
        from dozens import demo_report, demo_stages  # TensorFlow's import takes seconds
        from dozens.demo_sizes import SIZES, TEST_STORE
        from evaluation.truth import read_truth
        from posepile.store import Store

    size, out, pile = SIZES[config.size], config.out, config.out / "pile"
    _claim(out, config.size, size)
    with clock("The pile: photographs of people who never lived"):
        demo_stages.make_pile(pile, size, config.workers, quiet=config.json)
    truth = read_truth(Store.open(pile / TEST_STORE))
    scores: dict[str, list] = {variant: [] for variant in size.variants}
    for seed in size.seeds:
        of_seed = f", seed {seed}" if len(size.seeds) > 1 else ""
        folder = out / f"seed{seed}"
        with clock(f"Step 1: separate outputs for every joint of every skeleton{of_seed}"):
            first = demo_stages.train_first(folder, pile, size, seed)
        with clock(f"Step 2: predict all joints, fit the affine-combining autoencoder{of_seed}"):
            acae = demo_stages.bridge(folder, pile, size, seed)
        with clock(
            f"Step 3: fine-tune so that the skeletons agree, {config.workers} variants at a time{of_seed}"
        ):
            demo_stages.train_variants(folder, pile, size, seed, first, acae, config.workers)
        for variant in size.variants:
            scores[variant].append(demo_stages.score(folder, variant, truth))
    with clock("The report, and the exported model"):
        difference = demo_report.export(out, size)
        facts = demo_stages.facts(command, size, clock.seconds) | {"export_difference_mm": difference}
        results = demo_report.write(out, size, scores, truth, facts)
    if not config.json:
        demo_report.show(out, results, sum(clock.seconds.values()), promised=config.size != "smoke")
    return results


def _claim(out: Path, name: str, size) -> None:
    """A folder belongs to one size with its settings: stages of different ones must not be mixed."""
    path = out / "demo.json"
    settings = {"size": name, **json.loads(json.dumps(dataclasses.asdict(size)))}
    if path.exists() and json.loads(path.read_text()) != settings:
        raise ValueError(
            f"{path}: holds a demonstration with other settings; choose another --out, or delete {out}"
        )
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=2) + "\n")


class Clock:
    """Announces the stages and keeps how long each took, seconds."""

    def __init__(self, quiet: bool):
        self.seconds: dict[str, float] = {}
        self._quiet = quiet

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        if not self._quiet:
            print(f"\n== {stage}", flush=True)
        yield
        self.seconds[stage] = time.perf_counter() - start
        if not self._quiet:
            print(f"   {self.seconds[stage]:.0f} s", flush=True)
