"""OUT/model_card.md: what an exported model is, what it was trained on, and how well it is known to work."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from posepile import datasets
from posepile.mixtures import PREFIX_OF_TWINS
from serving.export.source import Source, Written
from serving.joint_sets import ALL

FILE = "model_card.md"
UNKNOWN = "not known"
METRICS = {
    "mean_relative": "MPJPE, mean joint aligned, mm",
    "absolute": "MPJPE, absolute, mm",
    "procrustes": "MPJPE, Procrustes-aligned, mm",
    "pck_150": "PCK at 150 mm",
}
LIMITS = """\
- Poses are estimates. Depth is their least certain part; the distance to the camera also depends on its focal length, \
which is guessed from a field of view where it is not given.
- People who are cut off, hidden or small in the image, and unusual positions, are estimated worse.
- Who is rare in the training data is estimated worse. By how much is {unknown}: no group was measured by itself.
- The licences above may forbid some uses, commercial ones above all. Whether they reach a model that was trained on \
the data is for a lawyer to say."""


def write(source: Source, written: Sequence[Written], out: Path) -> Path:
    """Writes the card for the exports that were just written, and gives its path."""
    path = out / FILE
    parts = (_what_it_is, _data_sets, _training, _quality, _skeletons, _input_and_output)
    lines = ["# Model card", "", *_files(written, out)]
    for part in parts:
        lines += ["", *part(source)]
    lines += ["", "## Limits", "", LIMITS.format(unknown=UNKNOWN)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _files(written: Sequence[Written], out: Path) -> Iterator[str]:
    yield "Largest difference of a joint to the trained network, on noise and on crops of the run's own data:"
    yield ""
    yield from _table(
        ("file", "format", "difference"),
        [(f"`{w.path.relative_to(out)}`", w.format, f"{w.largest_difference_mm:.4f} mm") for w in written],
    )


def _what_it_is(source: Source) -> Iterator[str]:
    n_joints, side = len(source.skeleton), source.model.model_config.crop_side
    yield from ("## What it is", "")
    yield (
        f"A network that estimates {n_joints} joints of a person in 3D, in millimetres from the camera, from a crop of "
        f"{side} x {side} px of one colour image. The SavedModel applies it to all people of whole images."
    )


def _data_sets(source: Source) -> Iterator[str]:
    yield from ("## Training data", "")
    stores = source.provenance.get("stores")
    if not stores:
        yield f"Data sets and their licences: {UNKNOWN}."
        return
    rows = [
        (f"`{id}`", _title(id), f"{facts['examples']:,}", facts.get("licence") or UNKNOWN)
        for id, facts in stores.items()
    ]
    yield from _table(("store", "data set", "examples", "licence"), rows)
    if start := source.provenance.get("init_from"):
        yield from ("", f"It started from the weights of `{start}`, whose data sets count as well.")


def _title(id: str) -> str:
    original = id.removeprefix(PREFIX_OF_TWINS)
    title = datasets.load(original).facts.title if original in datasets.ids() else original.replace("_", " ")
    return title if original == id else f"synthetic twin of {title}"


def _training(source: Source) -> Iterator[str]:
    facts = source.provenance
    config = facts.get("configuration", {})
    model, environment = config.get("model", {}), facts.get("environment", {})
    packages = environment.get("packages", {})
    yield from ("## Training", "")
    yield from _list(
        {
            "variant": config.get("variant"),
            "backbone": model.get("backbone"),
            "its initial weights": model.get("initial_weights"),
            "steps": config.get("steps"),
            "batch": sum(count for _, count in config.get("data", {}).get("shares", ())) or None,
            "precision": config.get("precision"),
            "seed": facts.get("seed"),
            "autoencoder": _autoencoder(facts["autoencoder"]) if "autoencoder" in facts else None,
            "made with": ", ".join(f"{name} {version}" for name, version in packages.items()) or None,
            "commit": environment.get("commit"),
        }
    )


def _autoencoder(facts: Mapping[str, Any] | None) -> str:
    return f"{facts['latents']} latent points" if facts else "none"


def _quality(source: Source) -> Iterator[str]:
    yield from ("## How good it is", "")
    validation = source.provenance.get("validation")
    if validation:
        yield from (f"Validation after step {validation['step']:,}, on plain crops:", "")
        rows = [(f"`{store}`", *_numbers(found, METRICS)) for store, found in validation["stores"].items()]
        yield from _table(("store", *METRICS.values()), rows)
    for document in source.results:
        yield from _benchmark(document)
    if not validation and not source.results:
        yield f"{UNKNOWN.capitalize()}: the run was not validated, and no result of `dozens evaluate` was given."


def _benchmark(document: Mapping[str, Any]) -> Iterator[str]:
    for name, model in document["models"].items():
        yield from ("", f"{document['title']}, predictions `{name}` (`dozens evaluate`; 95 % intervals):", "")
        rows = [
            (figure["label"], *_numbers(figure, ("value", "low", "high")), figure["unit"])
            for figure in model["figures"].values()
        ]
        yield from _table(("figure", "value", "from", "to", "unit"), rows)


def _numbers(values: Mapping[str, float | None], names: Iterable[str]) -> list[str]:
    return [UNKNOWN if values.get(name) is None else f"{values[name]:.4g}" for name in names]


def _skeletons(source: Source) -> Iterator[str]:
    sets = source.joints().by_name
    yield from ("## Skeletons", "")
    yield f"It answers in all of its {len(sets[ALL].indices)} joints, or in one of these skeletons:"
    yield ""
    yield from _table(
        ("skeleton", "joints"), [(f"`{n}`", str(len(s.indices))) for n, s in sets.items() if n != ALL]
    )


def _input_and_output(source: Source) -> Iterator[str]:
    side = source.model.model_config.crop_side
    yield from ("## Input and output", "")
    yield "SavedModel: whole images, uint8 RGB; see `docs/model.md` of dozens. ONNX and LiteRT, the network alone:"
    yield ""
    yield from _table(
        ("tensor", "shape", "meaning"),
        [
            ("`images`", f"[batch, {side}, {side}, 3] float32", "crops, RGB, 0 to 1"),
            ("`intrinsics`", "[batch, 3, 3] float32", "of the crops' cameras, px, pixel centres at integers"),
            ("`joints`", f"[batch, {len(source.skeleton)}, 3] float32", "mm; x right, y down, z forward"),
        ],
    )


def _list(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, value in facts.items():
        yield f"- {name}: {UNKNOWN if value is None else value}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
