"""The data sets: one module each, found by its name and imported when it is asked for.

`load("h36m")` gives its reader; `ids()` all of them. A module `posepile/datasets/<id>.py` defines one class,
derived from Dataset (labelled people) or ImageSet (images for augmentation), and `DATASET`, that class.
"""

import importlib
import pkgutil
from functools import cache

from posepile.datasets.dataset import Dataset, Detect, Facts, ImageSet, Sequence, Source
from posepile.datasets.raw import RawDataError
from posepile.names import unknown_name

_NOT_DATA_SETS = ("dataset", "raw", "people")

__all__ = ["Dataset", "Detect", "Facts", "ImageSet", "RawDataError", "Sequence", "Source", "ids", "load"]


@cache
def ids() -> tuple[str, ...]:
    """The ids of all data sets, sorted."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in names if name not in _NOT_DATA_SETS and not name.startswith("_")))


def load(id: str) -> type[Source]:
    """The reader's class. Raises UnknownNameError with the nearest ids."""
    if id not in ids():
        raise unknown_name("data set", id, ids())
    return importlib.import_module(f"{__name__}.{id}").DATASET
