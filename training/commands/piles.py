"""Folders named on the command line -> stores, and a published mixture -> what is here of it."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from posepile import mixtures
from posepile.mixtures import Recipe
from posepile.store import Store
from training.config import DataConfig
from training.presets import WEAK_PILE

STORE_FILE = "store.json"


def open_piles(folders: Iterable[Path]) -> list[Store]:
    """Opens stores: every folder is one or has some in it. Raises FileNotFoundError for one without."""
    stores = []
    for folder in folders:
        found = (
            [folder]
            if (folder / STORE_FILE).exists()
            else sorted(p.parent for p in folder.glob(f"*/{STORE_FILE}"))
        )
        if not found:
            raise FileNotFoundError(f"{folder}: no {STORE_FILE} in it or one level below, expected stores")
        stores += [Store.open(path) for path in found]
    return stores


def with_what_is_here(data: DataConfig, ids: Collection[str]) -> DataConfig:
    """A published mixture without the data sets that are not among `ids`, shares grown to fill the batch.

    Where none of its data sets is here but their synthetic twins are, those take their places. Any other mixture
    stays as it is. Raises ValueError if nothing of the 3D-labelled part is here.
    """
    if not data.pile or {id for id, _ in data.shares} <= set(ids):
        return data
    recipes = [_here(mixtures.load(data.pile), ids)]
    weak = _twins_if_needed(mixtures.load(WEAK_PILE), ids)
    if any(id in ids for id, _ in weak.shares):
        recipes.append(_here(weak, ids))
    return replace(
        data,
        shares=tuple(share for recipe in recipes for share in recipe.shares),
        with_validation_split=tuple(id for recipe in recipes for id in recipe.with_validation_split),
    )


def print_mixture(wanted: DataConfig, found: DataConfig, stores: Iterable[Store]) -> None:
    """The table of a mixture that lacks data sets: what each contributes, and what is missing."""
    if wanted == found:
        return
    by_id, published = {store.id: store for store in stores}, dict(wanted.shares)
    table = Table("data set", "in a batch", "published", "examples", box=None, pad_edge=False)
    for id, count in found.shares:
        origin = id.removeprefix(mixtures.PREFIX_OF_TWINS)
        table.add_row(id, str(count), str(published.get(origin, "")), f"{len(by_id[id]):,}")
    here = {id.removeprefix(mixtures.PREFIX_OF_TWINS) for id, _ in found.shares}
    for id, count in wanted.shares:
        if id not in here:
            table.add_row(id, "missing", str(count), "")
    Console(highlight=False).print(table)


def _here(recipe: Recipe, ids: Collection[str]) -> Recipe:
    return mixtures.available(_twins_if_needed(recipe, ids), ids)


def _twins_if_needed(recipe: Recipe, ids: Collection[str]) -> Recipe:
    return recipe if any(id in ids for id, _ in recipe.shares) else mixtures.of_twins(recipe)
