"""Pickles as older software wrote them, of objects whose classes are not here."""

import pickle
import struct
from pathlib import Path

import numpy as np


def stored(module: str, name: str, state):
    """An object whose pickle says that it is of class `name` of `module`, with that state."""
    return type(name, (), {"__module__": module, "__getstate__": lambda self: state})()


def made(module: str, name: str, *arguments):
    """An object whose pickle says that it is made by calling `name` of `module`."""
    maker = type(name, (), {"__module__": module})
    return type("Made", (), {"__reduce__": lambda self: (maker, arguments)})()


class OldPickler(pickle._Pickler):
    """Writes classes by name, wherever they are, and modules by their old names."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_global(self, value, name=None):
        old = {"builtins": "__builtin__", "numpy._core.multiarray": "numpy.core.multiarray"}
        module = old.get(value.__module__, value.__module__)
        self.write(pickle.GLOBAL + f"{module}\n{value.__name__}\n".encode())
        self.memoize(value)

    dispatch[type] = save_global


class Python2Pickler(OldPickler):
    """Writes byte strings as Python 2 did."""

    dispatch = dict(OldPickler.dispatch)

    def _save_string(self, value):
        data = value.encode("latin1") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = _save_string


def write_data_frame(file: Path, columns: dict[str, list]) -> None:
    """A table of pandas 1.2; floats in one block, everything else in another."""
    groups: dict[str, list[int]] = {}
    for place, values in enumerate(columns.values()):
        is_float = all(isinstance(value, float) for value in values)
        groups.setdefault("f8" if is_float else "O", []).append(place)
    values = list(columns.values())
    blocks = []
    for kind, places in groups.items():
        block = np.empty((len(places), len(values[0])), kind)
        for row, place in enumerate(places):
            for i, value in enumerate(values[place]):
                block[row, i] = value
        blocks.append({"values": block, "mgr_locs": np.array(places)})
    axes = [
        _index("Index", data=np.array([*columns], object)),
        _index("RangeIndex", start=0, stop=len(values[0]), step=1),
    ]
    parts = ([*axes], [block["values"] for block in blocks], [], {"0.14.1": {"axes": axes, "blocks": blocks}})
    manager = stored("pandas.core.internals.managers", "BlockManager", parts)
    state = {"_mgr": manager, "_typ": "dataframe", "_metadata": [], "attrs": {}}
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        OldPickler(stream, protocol=2).dump(stored("pandas.core.frame", "DataFrame", state))


def _index(name: str, **facts):
    module = f"pandas.core.indexes.{'base' if name == 'Index' else 'range'}"
    index_class = type(name, (), {"__module__": module})
    return made("pandas.core.indexes.base", "_new_Index", index_class, facts | {"name": None})
