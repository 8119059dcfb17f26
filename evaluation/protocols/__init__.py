"""The benchmarks: one module each, found by its name. `load("h36m")` gives its protocol's class."""

import importlib

from evaluation.protocols.protocol import Associated, Inference, Labelled, Protocol
from posepile.names import unknown_name

IDS = ("h36m", "tdhp", "mupots", "tdpw", "aspset", "tdoh", "emdb", "synthetic")
"""Those of the command; "synthetic" is scored by `evaluation.score`."""

__all__ = ["IDS", "Associated", "Inference", "Labelled", "Protocol", "load"]


def load(id: str) -> type[Protocol]:
    """The protocol's class. Raises UnknownNameError with the nearest ids."""
    if id not in IDS:
        raise unknown_name("benchmark", id, IDS)
    return importlib.import_module(f"{__name__}.{id}").PROTOCOL
