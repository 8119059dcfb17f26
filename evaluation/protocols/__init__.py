"""The benchmarks: one module each, found by its name. `load("h36m")` gives its protocol's class."""

import importlib
from collections.abc import Sequence

from evaluation.protocols.protocol import Associated, Inference, Labelled, Protocol
from posepile.names import unknown_name

IDS = ("h36m", "tdhp", "mupots", "tdpw", "aspset", "tdoh", "emdb", "synthetic")
"""Those that are scored; "synthetic" by `evaluation.score`."""
PREDICTED_IDS = (*IDS, "views")
"""Those that `dozens predict` knows; for "synthetic" it names another command. "views" has no truth."""

__all__ = ["IDS", "PREDICTED_IDS", "Associated", "Inference", "Labelled", "Protocol", "load"]


def load(id: str, ids: Sequence[str] = IDS) -> type[Protocol]:
    """The protocol's class. Raises UnknownNameError with the nearest of the ids for one that is none of them."""
    if id not in ids:
        raise unknown_name("benchmark", id, ids)
    return importlib.import_module(f"{__name__}.{id}").PROTOCOL
