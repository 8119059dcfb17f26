"""Folders named on the command line -> stores."""

from collections.abc import Iterable
from pathlib import Path

from posepile.store import Store

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
