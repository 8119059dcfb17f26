"""What `dozens evaluate` found, as plain values: protocol, figures with intervals, groups, provenance.

A document has (missing figures are null):

    benchmark, title, protocol        how it was measured; protocol.options are the choices made
    code                              version and git revision
    truth                             images, sequences, fingerprint of what was scored against
    over_seeds.FIGURE                 where asked for: label, unit, mean, std over the models
    models.NAME                       one for each prediction file:
        predictions, sha256, meta     the file, and what it says of the model
        run                           of that: model_sha256, num_aug, antialias_factor, boxes; null if it does not say
        coverage, warnings
        figures.FIGURE                label, unit, value, low, high: 95 %, sequences resampled
        groups.KIND.LABEL.FIGURE      value
        vector                        [label, value] of the published summary line, in its order
        details                       curves, errors by joint and distance, the worst people with their poses
"""

import hashlib
import importlib.metadata
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.evaluate import Result, evaluate
from evaluation.figures import by_name
from evaluation.protocols.protocol import Protocol
from evaluation.results import null_for_nan

REPOSITORY = Path(__file__).resolve().parents[1]


def score_benchmark(
    protocol: Protocol, root: Path, paths: Sequence[Path], allow_missing: bool = False
) -> dict[str, Any]:
    """The document about some prediction files. Raises as `evaluate` does, ValueError without files."""
    if not paths:
        raise ValueError("no prediction file, expected at least one")
    results = evaluate(protocol, root, paths, allow_missing)
    truth = {**vars(results[0].truth), "root": str(root)}
    models = {name: _model(protocol, result) for name, result in zip(names_of(paths), results, strict=True)}
    return document(protocol, truth, models)


def document(protocol: Any, truth: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    """Puts together what is described above; `protocol` needs id, title, describe() and its fields."""
    options = {each.name: getattr(protocol, each.name) for each in fields(protocol)}
    return null_for_nan(
        {
            "benchmark": protocol.id,
            "title": protocol.title,
            "protocol": {**protocol.describe(), "skeleton": protocol.skeleton_name, "options": options},
            "code": code_version(),
            "truth": truth,
            "models": models,
        }
    )


def over_seeds(models: Mapping[str, Any]) -> dict[str, Any]:
    """Figure -> label, unit, mean and (population) standard deviation over models that differ by their seed."""
    found = {}
    for name, first in next(iter(models.values()))["figures"].items():
        values = [model["figures"][name]["value"] for model in models.values()]
        is_known = None not in values
        found[name] = {
            "label": first["label"],
            "unit": first["unit"],
            "mean": float(np.mean(values)) if is_known else None,
            "std": float(np.std(values)) if is_known else None,
        }
    return found


def provenance(path: Path, meta: dict[str, Any]) -> dict[str, Any]:
    """Which file, and what it says about the model that made it."""
    boxes = None if "detects" not in meta else "detected" if meta["detects"] else "the data set's"
    run = {name: meta.get(name) for name in ("model_sha256", "num_aug", "antialias_factor")} | {
        "boxes": boxes
    }
    return {"predictions": str(path), "sha256": _sha256(path), "run": run, "meta": meta}


def names_of(paths: Sequence[Path]) -> list[str]:
    """A short name for each file: its own, with its folder's where two are called the same. Raises ValueError."""
    paths = [Path(path) for path in paths]
    for names in ([path.stem for path in paths], [f"{path.parent.name}/{path.stem}" for path in paths]):
        if len(set(names)) == len(names):
            return names
    names = [str(path) for path in paths]
    if len(set(names)) < len(names):
        raise ValueError(f"the same prediction file comes twice among {', '.join(names)}")
    return names


def code_version() -> dict[str, str | None]:
    """The package's version and the revision of the working copy, null outside of one."""
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        git = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        git = None
    try:
        version = importlib.metadata.version("dozens")
    except importlib.metadata.PackageNotFoundError:
        version = None
    return {"version": version, "git": git}


def _model(protocol: Protocol, result: Result) -> dict[str, Any]:
    tally = result.tally
    figures = {}
    for figure in protocol.figures:
        found = protocol.interval(figure, tally)
        figures[figure.name] = {
            "label": figure.label, "unit": figure.unit, "value": found.value, "low": found.low, "high": found.high,
        }  # fmt: skip
    shown = [by_name(protocol.figures)[name] for name in protocol.group_figures]
    groups = {
        kind: {
            label: {figure.name: protocol.value(figure, tally, **{kind: label}) for figure in shown}
            for label in protocol.groups(kind, tally)
        }
        for kind in protocol.group_kinds
    }
    coverage = {**vars(result.coverage), "fraction": result.coverage.fraction}
    return {
        **provenance(Path(result.path), result.meta),
        "coverage": coverage,
        "warnings": result.warnings,
        "figures": figures,
        "groups": groups,
        "vector": [list(entry) for entry in protocol.vector(tally)],
        "details": result.details,
    }


def _sha256(path: Path) -> str | None:
    """Of a file; null for a folder of files."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
