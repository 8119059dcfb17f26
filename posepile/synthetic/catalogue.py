"""All synthetic data sets by their ids: the small pile of `presets` and the `twins` of the real data sets."""

from collections.abc import Iterable

from posepile.names import unknown_name
from posepile.synthetic.presets import PRESETS, Preset
from posepile.synthetic.twins import TWINS

DATA_SETS = PRESETS | TWINS


def preset(name: str) -> Preset:
    """A data set by its id; "synthetic_" may be left out. Raises UnknownNameError."""
    for known in (name, f"synthetic_{name}"):
        if known in DATA_SETS:
            return DATA_SETS[known]
    raise unknown_name("synthetic data set", name, DATA_SETS)


def select(names: Iterable[str] | None) -> list[Preset]:
    """The data sets named, in the order of the table; the small pile for None. Raises UnknownNameError."""
    wanted = set(PRESETS) if names is None else {preset(name).id for name in names}
    return [item for item in DATA_SETS.values() if item.id in wanted]
