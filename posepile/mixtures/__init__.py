"""The published mixtures as data: which data sets, how many examples of each in a batch, which splits.

`load("large")` is the recipe; `available(recipe, ids)` is what is left of it where some data sets are missing,
with a batch as large as before.
"""

import tomllib
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from posepile.names import unknown_name

FILE = Path(__file__).with_name("piles.toml")
PREFIX_OF_TWINS = "twin_"


@dataclass(frozen=True)
class Recipe:
    """A mixture before its stores are known.

    Attributes:
        shares: (data set, examples in a batch), in the order in which they were merged.
        with_validation_split: data sets whose validation split is trained on too.
        missing: data sets that `available` has left out.
    """

    name: str
    description: str
    shares: tuple[tuple[str, int], ...]
    with_validation_split: tuple[str, ...]
    missing: tuple[str, ...] = ()

    @property
    def batch_size(self) -> int:
        return sum(count for _, count in self.shares)


@cache
def _facts() -> dict:
    return tomllib.loads(FILE.read_text())


def names() -> tuple[str, ...]:
    """The mixtures: small, medium, large and weak2d."""
    return tuple(_facts())


def load(name: str) -> Recipe:
    """The published mixture of that name. Raises UnknownNameError with the nearest names."""
    if name not in _facts():
        raise unknown_name("mixture", name, names())
    facts = _facts()[name]
    return Recipe(
        name,
        facts["description"],
        tuple(facts["shares"].items()),
        tuple(facts["with_validation_split"].split()),
    )


def of_twins(recipe: Recipe) -> Recipe:
    """The same mixture of the synthetic twins of its data sets."""
    return replace(
        recipe,
        shares=tuple((f"{PREFIX_OF_TWINS}{id}", count) for id, count in recipe.shares),
        with_validation_split=(),
    )


def available(recipe: Recipe, ids: Collection[str]) -> Recipe:
    """The recipe without the data sets that are not among `ids`, and with a batch as large as before.

    Shares grow in proportion; what rounding leaves goes to those that lost most by it (largest remainder), so
    that every data set that is there has at least its published share. Raises ValueError if none is there.
    """
    present = [(id, count) for id, count in recipe.shares if id in ids]
    missing = tuple(id for id, _ in recipe.shares if id not in ids)
    if not present:
        wanted = ", ".join(id for id, _ in recipe.shares)
        raise ValueError(f"mixture {recipe.name!r}: none of its data sets is here, expected one of {wanted}")
    total = sum(count for _, count in present)
    exact = [count * recipe.batch_size / total for _, count in present]
    counts = [int(x) for x in exact]
    by_loss = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    for i in by_loss[: recipe.batch_size - sum(counts)]:
        counts[i] += 1
    ids_present = [id for id, _ in present]
    return replace(
        recipe,
        shares=tuple(zip(ids_present, counts, strict=True)),
        with_validation_split=tuple(id for id in recipe.with_validation_split if id in ids_present),
        missing=recipe.missing + missing,
    )
