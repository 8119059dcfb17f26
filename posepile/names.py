"""Errors for names that do not exist: they show the nearest names that do."""

import difflib
from collections.abc import Iterable

SHOW_ALL_UP_TO = 6
SHOWN_NEAREST = 3


class UnknownNameError(ValueError):
    """A name (joint, skeleton, data set, preset, ...) that does not exist. The command line exits with 2."""


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> UnknownNameError:
    """Makes the error for a name that is not among the valid ones; the caller raises it.

    Args:
        kind: what the name should have been, in words: "joint of h36m", "skeleton".
        name: the name that was given.
        valid: the names that exist; all are shown where there are few, else the nearest three.
    """
    valid = list(dict.fromkeys(valid))
    if len(valid) <= SHOW_ALL_UP_TO:
        return UnknownNameError(f"unknown {kind} {name!r}; valid: {_listed(valid)}")
    # A low cutoff: a far-fetched suggestion still shows the style of the names.
    lower = {v.lower(): v for v in reversed(valid)}
    nearest = difflib.get_close_matches(name.lower(), lower, n=SHOWN_NEAREST, cutoff=0.3)
    shown = [lower[n] for n in nearest] or valid[:SHOWN_NEAREST]
    return UnknownNameError(f"unknown {kind} {name!r}; nearest: {_listed(shown)} (of {len(valid)})")


def _listed(names: list[str]) -> str:
    return ", ".join(n or "''" for n in names) or "none"
