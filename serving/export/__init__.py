"""Exports of a trained network. Each is loaded again and compared with its original before it counts.

An export format is a module here with `write(source: Source, out: Path) -> Written`, and a line in FORMATS. It
writes to OUT/<its name>, raises ExportError where the source cannot be exported, and calls `comparison.compare`
on what it has loaded again: joints must lie within 1 mm of the Keras model's (5 mm in half precision). It may import
packages of the extra `export`. Every export is described in OUT/model_card.md.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from posepile.names import unknown_name
from serving.export import model_card
from serving.export.comparison import ExportError
from serving.export.source import Source, Written, source_of_run
from serving.packing import Packing

__all__ = [
    "FORMATS",
    "ExportError",
    "Source",
    "Written",
    "check_formats",
    "export_run",
    "export_source",
]

FORMATS = {
    "savedmodel": "serving.export.savedmodel",
    "onnx": "serving.export.onnx_model",
    "litert": "serving.export.litert",
}
"""Name on the command line -> module."""


def check_formats(names: Sequence[str]) -> None:
    """Raises UnknownNameError for a format that is none, ExportError for one whose packages are missing, ValueError
    where there is none at all."""
    for name in names:
        if name not in FORMATS:
            raise unknown_name("export format", name, FORMATS)
    if not names:
        raise ValueError(f"no export format given, expected one or more of {', '.join(FORMATS)}")
    for name in names:
        _module(name)


def export_run(
    run: Path,
    out: Path,
    formats: Sequence[str],
    packing: Packing | None = None,
    results: Sequence[Path] = (),
) -> list[Written]:
    """Exports the network of a finished run, with its configuration and history inside.

    It is compared on crops of the run's own data where that still exists.

    Args:
        run: the run folder.
        out: folder to make; what a format writes there replaces an older export of ours, nothing else.
        formats: names of FORMATS.
        packing: of the multi-person model.
        results: files of `dozens evaluate`, for the model card.

    Raises:
        ExportError: an export differs from the network, or cannot be written, or a package for it is missing.
        FileNotFoundError: the run is not finished, or no run; no detector's weights.
        UnknownNameError: no such format.
    """
    check_formats(formats)
    return export_source(source_of_run(run, packing or Packing(), results), out, formats)


def export_source(source: Source, out: Path, formats: Sequence[str]) -> list[Written]:
    """Writes the formats and OUT/model_card.md; otherwise as `export_run`."""
    check_formats(formats)
    written = [_module(name).write(source, out) for name in formats]
    model_card.write(source, written, out)
    return written


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(FORMATS[name])
    except ModuleNotFoundError as error:
        raise ExportError(
            f"format {name!r} needs the package {error.name!r}, expected the extra `export`: "
            "pip install 'dozens[export]'"
        ) from error
