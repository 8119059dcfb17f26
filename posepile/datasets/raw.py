"""Reading raw files that nobody has checked: every fault becomes one RawDataError that names the file.

Raw data are untrusted. Pickles are read by an unpickler that admits containers, numbers and NumPy only; objects of
pandas, SciPy and chumpy are read as bare attributes, no code of theirs runs. Names inside annotation files cannot
lead out of the data set's folder.
"""

import io
import json
import pickle
import pickletools
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np

from posepile.datasets._mat5 import check_mat5


class RawDataError(ValueError):
    """Raw files that are not as the data set's description says; names file, field and expectation."""


class RawDataWarning(UserWarning):
    """Known faults of a data set's own files: what is skipped for them, with its number."""


# What parsers raise for damaged files.
_FAULTS = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError, OSError, MemoryError,
    RecursionError, NotImplementedError, RuntimeError, AssertionError, struct.error, zlib.error, pickle.UnpicklingError,
    SyntaxError, SystemError, UnboundLocalError, tokenize.TokenError, zipfile.BadZipFile,
)  # fmt: skip


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Turns whatever goes wrong in the block into a RawDataError that names `file`.

    Wrap it around parsing, and not around a `yield`.
    """
    try:
        yield
    except RawDataError:
        raise
    except FileNotFoundError as error:
        raise RawDataError(f"{file}: missing") from error
    except KeyError as error:
        raise RawDataError(f"{file}: {error.args[0] if error.args else '?'!r} is missing") from error
    except _FAULTS as error:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise RawDataError(f"{file}: damaged or of another kind ({reason})") from error


def inside(root: Path, relative: str) -> Path:
    """`root / relative`, for a name that stands in a raw file. Raises RawDataError if it leads out of `root`."""
    if "\0" in relative:
        raise RawDataError(f"{root}: a file name with a null byte ({relative!r})")
    path = root / relative.replace("\\", "/")
    if not path.resolve().is_relative_to(root.resolve()):
        raise RawDataError(f"{root}: file name {relative!r} leads out of the data set's folder")
    return path


def array(
    file: Path,
    field: str,
    value: Any,
    shape: Sequence[int | None],
    dtype: type = np.float64,
    finite: bool = True,
    limit: float = np.inf,
) -> np.ndarray:
    """`value` as an array of the expected shape (None: any length). Raises RawDataError.

    Args:
        file, field: what the message names.
        finite: whether NaN and infinity are refused; otherwise infinity alone is.
        limit: the largest absolute value that can be meant.
    """
    with reading(file):
        result = np.asarray(value).astype(dtype)
    if result.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, result.shape, strict=True)):
        expected = ["any" if n is None else n for n in shape]
        raise RawDataError(f"{file}: {field!r} has shape {list(result.shape)}, expected {expected}")
    if result.dtype.kind == "f":
        bad = ~np.isfinite(result) if finite else np.isinf(result)
        if bad.any():
            raise RawDataError(f"{file}: {field!r} has {bad.sum()} values that are not finite, expected none")
    if result.size and np.isfinite(limit) and (largest := np.nanmax(np.abs(result), initial=0)) > limit:
        raise RawDataError(f"{file}: {field!r} has a value of {largest:g}, expected at most {limit:g}")
    return result


def load_json(file: Path) -> Any:
    """The JSON document in a file."""
    with reading(file):
        return json.loads(file.read_bytes())


def load_text_table(file: Path) -> np.ndarray:
    """The numbers of a text file, separated by white space, [rows, columns] float64."""
    with reading(file):
        lines = [line.split() for line in file.read_text().splitlines()]
        return np.array([[float(number) for number in line] for line in lines if line], ndmin=2)


def load_npy(file: Path, *fields: str) -> Any:
    """An .npy array, or the named arrays (all without a name) of an .npz as a dict; without pickles."""
    with reading(file):
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        for field in fields:
            if field not in loaded.files:
                raise KeyError(field)
        return {name: loaded[name] for name in fields or loaded.files}


def load_mat(file: Path, *fields: str, squeezed: bool = False) -> dict[str, Any]:
    """The named fields (all without a name) of a MATLAB v5 file; cells and structs as SciPy gives them.

    `squeezed`: structs are objects with attributes, and arrays lose their axes of length 1.
    """
    import scipy.io

    with reading(file):
        data = file.read_bytes()
        check_mat5(data, fields)
        found = scipy.io.loadmat(
            io.BytesIO(data),
            variable_names=fields or None,
            struct_as_record=not squeezed,
            squeeze_me=squeezed,
        )
        return {field: found[field] for field in fields or (name for name in found if name[:2] != "__")}


def load_pickle(file: Path) -> Any:
    """A pickle, Python 2's too, of containers and NumPy, with StoredObjects. Raises RawDataError for any other."""
    with reading(file), file.open("rb") as stream:
        _check_memo(file, stream)
        return RestrictedUnpickler(stream, file).load()


def _check_memo(file: Path, stream: BinaryIO) -> None:
    """Raises RawDataError for a place in the memo far beyond its entries: the unpickler would fill memory up to it."""
    for count, (operation, argument, _) in enumerate(pickletools.genops(stream)):
        if operation.name in _MEMO_WRITES and argument > count:
            raise RawDataError(
                f"{file}: memo entry {argument} after {count} operations, expected at most as many"
            )
    stream.seek(0)


_MEMO_WRITES = {"PUT", "BINPUT", "LONG_BINPUT"}
_BUILTINS = {"set", "frozenset", "list", "dict", "tuple", "bytearray", "complex", "slice", "range", "object"}
_ADMITTED = {
    "collections": {"OrderedDict", "defaultdict"},
    "_codecs": {"encode"},
    "copy_reg": {"_reconstructor"},
    "copyreg": {"_reconstructor"},
    "builtins": _BUILTINS,
    "__builtin__": _BUILTINS | {"unicode", "long", "str", "int", "float", "bool"},
    "datetime": {"datetime", "date", "timedelta"},
    "numpy": {"dtype", "ndarray", *(t.__name__ for t in np.sctypeDict.values())},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.numeric": {"_frombuffer"},
    "numpy._core.numeric": {"_frombuffer"},
}
# Pickles of pandas depend on its version, chumpy is not maintained, and SciPy trusts the indices of a sparse matrix
_STORED_ONLY = ("chumpy", "pandas", "scipy")


class StoredObject:
    """What a pickle holds of an object whose class is not imported.

    `kind` is the class's name, "chumpy.ch.Ch"; `arguments` are those that would make it, `state` are its attributes.
    """

    kind: ClassVar[str]
    arguments: tuple = ()
    state: Any = None

    def __init__(self, *arguments: Any):
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state


class RestrictedUnpickler(pickle.Unpickler):
    """Finds only names that hold data; a pickle that asks for anything else is refused."""

    def __init__(self, stream, file: Path):
        super().__init__(stream, encoding="latin1")
        self._file = file

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] in _STORED_ONLY:
            return type("StoredObject", (StoredObject,), {"kind": f"{module}.{name}"})
        if name not in _ADMITTED.get(module, ()):
            raise RawDataError(
                f"{self._file}: the pickle asks for {module}.{name}; only containers and NumPy are read"
            )
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> Any:
        raise RawDataError(f"{self._file}: the pickle refers to outside objects, expected data only")
