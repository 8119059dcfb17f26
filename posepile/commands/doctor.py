"""`dozens doctor STORE …`: checks stores from end to end."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from posepile.inspection.checkup import Check, check_store
from posepile.inspection.labels import sample_rows
from posepile.store import Store, StoreError


@dataclass(frozen=True)
class Arguments:
    """Checks stores from end to end: bytes, images, cameras, units, left and right. Exit code 1 if one fails.

    With --json: a list of objects with `store`, `healthy` and `checks` (name, is_good, detail).
    """

    stores: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="STORE …"), tyro.conf.Positional]
    """The stores' folders."""
    sample: int = 500
    """How many random examples of a store are looked at closely."""
    seed: int = 1
    """Of the random examples."""
    quick: tyro.conf.FlagCreatePairsOff[bool] = False
    """Do not read every record."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document."""


def main(args: list[str]) -> int:
    """Prints the outcome of every check; returns 1 if any is bad."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens doctor")
    found = {path: _examine(path, arguments) for path in arguments.stores}
    if arguments.json:
        documents = [
            {"store": str(path), "healthy": _is_healthy(checks), "checks": [asdict(c) for c in checks]}
            for path, checks in found.items()
        ]
        print(json.dumps(documents, indent=2, allow_nan=False, ensure_ascii=False))
    else:
        console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
        for path, checks in found.items():
            console.print(f"{path}: {'healthy' if _is_healthy(checks) else 'needs attention'}")
            for check in checks:
                console.print(f"  {'ok ' if check.is_good else 'BAD'}  {check.name:13} {check.detail}")
    return 0 if all(map(_is_healthy, found.values())) else 1


def _examine(path: Path, arguments: Arguments) -> list[Check]:
    try:
        store = Store.open(path)
    except StoreError as error:
        return [Check("store", False, str(error))]
    if not len(store):
        return [Check("store", False, "no examples in it")]
    return check_store(store, sample_rows(store, arguments.sample, arguments.seed), not arguments.quick)


def _is_healthy(checks: list[Check]) -> bool:
    return all(check.is_good for check in checks)
