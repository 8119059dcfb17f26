"""`dozens resume RUN`: goes on with an interrupted run, from its latest checkpoint."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Arguments:
    """Go on with an interrupted run; it ends as if it had never been interrupted."""

    run: tyro.conf.Positional[Path]
    """The run folder."""
    pile: tuple[Path, ...] = ()
    """Where the stores are now, if they were moved."""


def main(args: list[str]) -> int:
    """Resumes; raises what `training.fit.train` raises."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens resume")
    from training import fit
    from training.commands.piles import open_piles
    from training.commands.running import to_its_end

    return to_its_end(lambda: fit.resume(arguments.run, open_piles(arguments.pile)))
