"""`dozens skeletons`: lists the skeletons; shows the joints, edges and definitions of one."""

import json
from dataclasses import dataclass
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from posepile import skeletons
from posepile.names import UnknownNameError
from posepile.skeletons import Skeleton


@dataclass(frozen=True)
class Arguments:
    """The skeletons that data sets label and that users can ask for.

    `dozens skeletons` lists them; `dozens skeletons show NAME` shows joints, edges and definitions of one.
    With --json: the list has `skeletons`, each with name, kind, joint_count, suffix, description; `show` has
    name, kind, description, suffix, joints (names), edges (index pairs), definitions, mirror (index of each
    joint's partner), formats, base_names.
    """

    words: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[show NAME]")] = ()
    """Nothing lists all skeletons. The name '' is the skeleton of all joints."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document instead of tables."""


def main(args: list[str]) -> int:
    """Prints the registry or one skeleton. Raises UnknownNameError; returns the exit code."""
    # tyro takes positional words in one run only; no option here has a value, so they can all come first.
    options_first = sorted(args, key=lambda word: not word.startswith("-"))
    arguments = tyro.cli(Arguments, args=options_first, prog="dozens skeletons")
    name = _shown(arguments.words)
    if arguments.json:
        document = _registry_dict() if name is None else skeletons.load(name).to_dict()
        print(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False))
        return 0
    console = Console(markup=False, highlight=False, emoji=False)
    if name is None:
        console.print(_registry_table())
    else:
        _print_skeleton(console, skeletons.load(name))
    return 0


def _shown(words: tuple[str, ...]) -> str | None:
    """The skeleton to show, None for the list. The word `show` may be left out."""
    names = words[1:] if words[:1] == ("show",) else words
    if words in ((), ("list",)):
        return None
    if len(names) != 1:
        raise UnknownNameError(f"dozens skeletons show: got {len(names)} names, expected one")
    return names[0]


def _registry_dict() -> dict:
    return {
        "skeletons": [
            {
                "name": s.name,
                "kind": s.kind,
                "joint_count": len(s),
                "suffix": s.suffix,
                "description": s.description,
            }
            for s in map(skeletons.load, skeletons.names())
        ]
    }


def _registry_table() -> Table:
    table = Table("name", "kind", "joints", "suffix", "description", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    for column in table.columns[:4]:
        column.no_wrap = True
    for s in map(skeletons.load, skeletons.names()):
        table.add_row(s.name or "''", s.kind, str(len(s)), s.suffix, s.description)
    return table


def _print_skeleton(console: Console, skeleton: Skeleton) -> None:
    title = f"{skeleton.name or repr('')}: {len(skeleton)} joints, {len(skeleton.edges)} edges"
    console.print(f"{title}. {skeleton.description}\n")
    table = Table("index", "joint", "mirror", "where it lies", box=None, pad_edge=False)
    table.columns[0].justify = table.columns[2].justify = "right"
    table.columns[1].no_wrap = True
    rows = zip(skeleton.joints, skeleton.mirror, skeleton.definitions, strict=True)
    for i, (joint, partner, definition) in enumerate(rows):
        table.add_row(str(i), joint, str(partner), definition)
    console.print(table)
    links = [f"{skeleton.joints[a]}-{skeleton.joints[b]}" for a, b in skeleton.edges]
    console.print(f"\nedges: {', '.join(links)}")
