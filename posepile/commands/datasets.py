"""`dozens datasets`: what each data set is, what of it is on this machine, how to get the rest."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from posepile import datasets
from posepile.datasets import Dataset, Source
from posepile.store import Store, StoreError

RAW_VARIABLE, STORES_VARIABLE = "DOZENS_RAW", "DOZENS_STORES"
ROLE_ORDER = ("3d", "2d", "test", "images")


@dataclass(frozen=True)
class Arguments:
    """The data sets: licence, size, what is on this machine, how to get the rest.

    `dozens datasets` lists them; `dozens datasets ID` shows one, with the steps to get it. With --json: a list
    (of one with an ID) of objects with `id`, `role`, `title`, `licence`, `citation`, `url`, `how_to_get`,
    `skeleton`, `n_joints` (null for images), `published_examples`, `raw` and `store` (paths or null),
    `examples` (of the store, or null), `missing` (what a raw folder lacks), `present` (whether there is a
    store or complete raw files).
    """

    id: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="[ID]")] = ""
    """One data set."""
    raw: Path | None = None
    """Folder with the raw files, one folder a data set, named by its id; by default $DOZENS_RAW."""
    stores: Path | None = None
    """Folder with the stores, one folder a data set, named by its id; by default $DOZENS_STORES."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document instead of tables."""


@dataclass(frozen=True)
class Here:
    """What of a data set is on this machine."""

    source: type[Source]
    raw: Path | None
    missing: list[str]
    store: Path | None
    examples: int | None
    problem: str = ""
    """Why the store cannot be opened."""

    @property
    def is_present(self) -> bool:
        return self.store is not None or (self.raw is not None and not self.missing)

    def to_dict(self) -> dict:
        facts = self.source.facts
        skeleton = self.source().skeleton if issubclass(self.source, Dataset) else None
        return {
            "id": facts.id,
            "role": facts.role,
            "title": facts.title,
            "licence": facts.licence,
            "citation": facts.citation,
            "url": facts.url,
            "how_to_get": list(facts.how_to_get),
            "skeleton": skeleton.name if skeleton else None,
            "n_joints": len(skeleton) if skeleton else None,
            "published_examples": facts.examples,
            "raw": str(self.raw) if self.raw else None,
            "missing": self.missing,
            "store": str(self.store) if self.store else None,
            "examples": self.examples,
            "problem": self.problem,
            "present": self.is_present,
        }


def main(args: list[str]) -> int:
    """Prints the list or one data set. Raises UnknownNameError."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens datasets")
    raw = _folder(arguments.raw, RAW_VARIABLE)
    stores = _folder(arguments.stores, STORES_VARIABLE)
    sources = [datasets.load(arguments.id)] if arguments.id else [datasets.load(id) for id in datasets.ids()]
    sources.sort(key=lambda source: (ROLE_ORDER.index(source.facts.role), source.facts.id))
    found = [look(source, raw, stores) for source in sources]
    console = Console(markup=False, highlight=False, emoji=False)
    if arguments.json:
        print(json.dumps([one.to_dict() for one in found], indent=2, allow_nan=False, ensure_ascii=False))
    elif arguments.id:
        _print_one(console, found[0])
    else:
        console.print(_table(found))
        if raw is None and stores is None:
            console.print(
                f"\nTo see what is here, set ${RAW_VARIABLE} and ${STORES_VARIABLE}, or --raw and --stores."
            )
    return 0


def look(source: type[Source], raw: Path | None, stores: Path | None) -> Here:
    """What of a data set is below the folders `raw` and `stores`."""
    id = source.facts.id
    raw_folder = raw / id if raw and (raw / id).is_dir() else None
    missing = source().missing(raw_folder) if raw_folder else []
    store, examples, problem = stores / id if stores and (stores / id).is_dir() else None, None, ""
    if store:
        try:
            examples = len(Store.open(store))
        except StoreError as error:
            store, problem = None, str(error)
    return Here(source, raw_folder, missing, store, examples, problem)


def _folder(path: Path | None, variable: str) -> Path | None:
    """A folder that is named by an option or in the environment. Raises FileNotFoundError if it is not there."""
    named = path or (Path(os.environ[variable]) if os.environ.get(variable) else None)
    if named is not None and not named.is_dir():
        raise FileNotFoundError(f"{named}: not a folder, expected one folder a data set in it")
    return named


def _table(found: list[Here]) -> Table:
    table = Table("id", "role", "joints", "examples", "here", "licence", box=None, pad_edge=False)
    for column in (2, 3):
        table.columns[column].justify = "right"
    table.columns[0].no_wrap = True
    for one in found:
        facts = one.to_dict()
        n_joints = "" if facts["n_joints"] is None else str(facts["n_joints"])
        published = facts["published_examples"]
        table.add_row(
            facts["id"], facts["role"], n_joints, f"{published:,}" if published else "?", _here(one), facts["licence"]
        )  # fmt: skip
    return table


def _here(one: Here) -> str:
    if one.store:
        return f"store, {one.examples:,}"
    if one.problem:
        return "store, not finished"
    if one.raw:
        return "raw, incomplete" if one.missing else "raw"
    return "-"


def _print_one(console: Console, one: Here) -> None:
    facts = one.to_dict()
    console.print(f"{facts['title']} ({facts['id']}, {facts['role']})\n{facts['citation']}\n{facts['url']}")
    console.print(f"Licence: {facts['licence']}")
    if facts["n_joints"]:
        console.print(f"Joints: {facts['n_joints']} (dozens skeletons shows what they mean)")
    console.print(f"On this machine: {_here(one)}")
    for pattern in one.missing:
        console.print(f"  missing below {one.raw}: {pattern}")
    if one.problem:
        console.print(f"  {one.problem}")
    console.print("How to get it:")
    for number, step in enumerate(facts["how_to_get"], 1):
        console.print(f"  {number}. {step}")
    console.print(f"Then: dozens prepare {facts['id']} --root ROOT --out STORE")
