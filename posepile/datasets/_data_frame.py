"""Tables that pandas has pickled, read without pandas: its pickles depend on its version, and nothing is run.

Both ways in which pandas has stored a DataFrame are known: up to version 1.2 the state of its BlockManager, since
1.3 the arguments to make one. A block holds the values [columns, rows] of some columns.
"""

from pathlib import Path
from typing import Any

import numpy as np

from posepile.datasets.raw import RawDataError, StoredObject, load_pickle, reading


def load_data_frame(file: Path, *columns: str) -> dict[str, np.ndarray]:
    """The named columns, each [rows]. Raises RawDataError."""
    frame = load_pickle(file)
    if not isinstance(frame, StoredObject) or frame.kind.rpartition(".")[2] != "DataFrame":
        raise RawDataError(f"{file}: holds a {type(frame).__name__}, expected a DataFrame of pandas")
    with reading(file):
        names, blocks = _contents(frame)
        found = {}
        for values, places in blocks:
            for row, place in enumerate(np.arange(len(names))[places]):
                if names[place] in columns:
                    found[names[place]] = np.asarray(values)[row]
    for name in columns:
        if np.ndim(found.get(name)) != 1:
            raise RawDataError(f"{file}: column {name!r} is missing, found {', '.join(map(str, names))}")
    return found


def _contents(frame: StoredObject) -> tuple[list[str], list[tuple[Any, Any]]]:
    """The columns' names, and blocks of values with the columns' places."""
    manager = frame.state["_mgr"] if "_mgr" in frame.state else frame.state["_data"]
    if manager.state is not None:
        state = manager.state[3]["0.14.1"]
        axes, blocks = state["axes"], [(block["values"], block["mgr_locs"]) for block in state["blocks"]]
    else:
        parts, axes = manager.arguments
        blocks = [block.arguments[:2] for block in parts]
    _, index = axes[0].arguments
    return [str(name) for name in index["data"]], blocks
