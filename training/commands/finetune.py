"""`dozens finetune RUN --variant regularized --acae W.npz --steps N --out NEW`: makes skeletons agree."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro


@dataclass(frozen=True)
class Arguments:
    """Fine-tune a trained run so that its skeletons agree, or ("separate") just as long without that."""

    run: tyro.conf.Positional[Path]
    """The run to start from: its checkpoint before the last phase, if it has one."""
    out: Path
    """The new run's folder."""
    steps: int
    """Steps of the new run; the paper's: 40000."""
    variant: Literal["separate", "regularized", "latent", "hybrid"] = "regularized"
    """Output regularisation, direct latent prediction, hybrid student-teacher, or no consistency at all."""
    acae: Path | None = None
    """The autoencoder's weights (.npz), for all variants but "separate"."""
    pile: tuple[Path, ...] = ()
    """Where the stores are, if not where the run found them."""
    seed: int | None = None
    """Another seed than the run's."""


def main(args: list[str]) -> int:
    """Fine-tunes; raises what `training.fit.train` raises."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens finetune")
    from dataclasses import replace

    from training import config_files, fit, run_folder
    from training.commands.piles import open_piles
    from training.commands.running import to_its_end
    from training.presets import finetuned

    config = finetuned(
        config_files.load(arguments.run),
        init_from=str(arguments.run.resolve()),
        variant=arguments.variant,
        acae=str(arguments.acae.resolve()) if arguments.acae and arguments.variant != "separate" else "",
        steps=arguments.steps,
    )
    if arguments.seed is not None:
        config = replace(config, seed=arguments.seed)
    stores = open_piles(arguments.pile) or run_folder.store_paths(arguments.run)
    return to_its_end(lambda: fit.train(config, stores, arguments.out))
