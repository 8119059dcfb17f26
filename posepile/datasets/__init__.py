"""The data sets: one module each, found by its name and imported when it is asked for.

`load("h36m")` gives its reader; `ids()` all of them. A module `posepile/datasets/<id>.py` defines one class,
derived from Dataset (labelled people) or ImageSet (images for augmentation), and `DATASET`, that class.
"""

import importlib
import importlib.util
import pkgutil
import sys
from functools import cache
from pathlib import Path

from posepile.datasets.dataset import Dataset, Detect, Facts, ImageSet, Sequence, Source
from posepile.datasets.raw import RawDataError
from posepile.names import unknown_name

_NOT_DATA_SETS = ("dataset", "raw")

__all__ = ["Dataset", "Detect", "Facts", "ImageSet", "RawDataError", "Sequence", "Source", "ids", "load"]


@cache
def ids() -> tuple[str, ...]:
    """The ids of all data sets, sorted."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in names if name not in _NOT_DATA_SETS and not name.startswith("_")))


def load(id: str) -> type[Source]:
    """The reader's class, by its id or as the path of a user's own module ("readers/mine.py").

    Raises UnknownNameError with the nearest ids, RawDataError for a path without a reader.
    """
    if id.endswith(".py"):
        return _load_own(Path(id))
    if id not in ids():
        raise unknown_name("data set", id, ids())
    return importlib.import_module(f"{__name__}.{id}").DATASET


@cache
def _load_own(file: Path) -> type[Source]:
    """The reader of a file outside the package; it travels to the workers of a cluster by value."""
    import cloudpickle

    if not file.is_file():
        raise RawDataError(f"{file}: missing, expected a module that defines DATASET")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    if not (isinstance(getattr(module, "DATASET", None), type) and issubclass(module.DATASET, Source)):
        raise RawDataError(f"{file}: no DATASET, expected a class derived from posepile.datasets.Dataset")
    cloudpickle.register_pickle_by_value(module)
    return module.DATASET
