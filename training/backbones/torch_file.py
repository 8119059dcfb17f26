"""Reads the tensors of a file that PyTorch before 1.6 wrote, without PyTorch and without running what is in it.

The format: five pickles (a magic number, a version, facts about the machine, the dictionary of tensors, and the
names of their storages), then every storage as a count and its values. Source: the pickles themselves.
"""

import collections
import pickle
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True)
class _Storage:
    dtype: np.dtype
    key: str
    count: int


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage, which comes later in the file. Offset and strides are counted in values."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(stream: BinaryIO, source: str) -> dict[str, np.ndarray]:
    """Name -> array of every tensor of a state dictionary.

    Args:
        stream: the file, at its beginning.
        source: its name, for errors.

    Raises:
        ValueError: another format, a pickle that asks for anything but tensors, or a truncated file.
    """
    try:
        if _load(stream, source) != MAGIC or _load(stream, source) != VERSION:
            raise ValueError(f"{source}: not a PyTorch file of version {VERSION}")
        machine, tensors, keys = (_load(stream, source) for _ in range(3))
        if not machine["little_endian"]:
            raise ValueError(f"{source}: its numbers are big-endian, expected little-endian")
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError) as error:
        raise ValueError(f"{source}: not a PyTorch file of version {VERSION} ({error!r})") from error
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    values = {key: _read_storage(stream, storages[key], source) for key in keys}
    return {name: _view(tensor, values[tensor.storage.key], source) for name, tensor in tensors.items()}


class _Unpickler(pickle.Unpickler):
    """Admits only what a dictionary of tensors is made of."""

    def __init__(self, stream: BinaryIO, source: str):
        super().__init__(stream)
        self._source = source

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise ValueError(f"{self._source}: the pickle asks for {module}.{name}; only tensors are read")

    def persistent_load(self, pid: Any) -> _Storage:
        _, dtype, key, _, count, _ = pid
        return _Storage(dtype, key, count)


def _load(stream, source):
    return _Unpickler(stream, source).load()


def _rebuild(storage, offset, shape, strides, *_) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _read_storage(stream: BinaryIO, storage: _Storage, source: str) -> np.ndarray:
    count = int.from_bytes(stream.read(8), "little")
    data = stream.read(storage.count * storage.dtype.itemsize)
    if count != storage.count or len(data) != storage.count * storage.dtype.itemsize:
        raise ValueError(f"{source}: a storage is cut short or is not of {storage.count} values as stated")
    return np.frombuffer(data, storage.dtype)


def _view(tensor: _Tensor, values: np.ndarray, source: str) -> np.ndarray:
    last = tensor.offset + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True))
    if min((*tensor.strides, *tensor.shape, tensor.offset, 0)) < 0 or last >= len(values):
        raise ValueError(f"{source}: a tensor of shape {tensor.shape} lies outside its storage")
    strides = [s * values.itemsize for s in tensor.strides]
    view = np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.shape, strides, writeable=False)
    return np.array(view)
