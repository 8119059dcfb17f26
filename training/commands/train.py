"""`dozens train PRESET --pile STORES… --out RUN`: trains a pose network on a mixture of stores."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from training.commands.numbers import main_numbers
from training.commands.piles import open_piles, print_mixture, with_what_is_here
from training.commands.running import to_its_end
from training.config import TrainConfig
from training.presets import PRESETS, preset


@dataclass(frozen=True)
class Arguments:
    """Train a pose network. An interrupted run goes on with `dozens resume RUN` or the same command."""

    pile: tuple[Path, ...]
    """Stores, or folders of stores."""
    out: Path
    """Run folder: configuration, checkpoints, metrics.csv, final weights."""
    config: Annotated[TrainConfig, tyro.conf.arg(name="")]


def main(args: list[str]) -> int:
    """Trains. Raises UnknownNameError for an unknown preset, and what `training.fit.train` raises."""
    if not args or args[0] in ("-h", "--help"):
        print("usage: dozens train PRESET --pile STORES... --out RUN [options]\n\npresets:")
        print("\n".join(f"  {name:28} {purpose}" for name, (purpose, _) in PRESETS.items()))
        print("\n`dozens train PRESET --help` shows all options with the preset's values,")
        print("`dozens train PRESET --show` its main numbers.")
        return 0 if args else 2
    if args[1:] == ["--show"]:
        print(main_numbers(preset(args[0])))
        return 0
    default = Arguments(tyro.MISSING, tyro.MISSING, preset(args[0]))
    arguments = tyro.cli(Arguments, args=args[1:], default=default, prog=f"dozens train {args[0]}")
    from training import fit

    stores = open_piles(arguments.pile)
    data = with_what_is_here(arguments.config.data, {store.id for store in stores})
    print_mixture(arguments.config.data, data, stores)
    return to_its_end(lambda: fit.train(replace(arguments.config, data=data), stores, arguments.out))
