"""`dozens inspect STORE …`: what is in stores, as tables, JSON or a page of examples; finds and repairs damage."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from posepile import inspection, mixtures
from posepile.inspection import Part
from posepile.mixtures import Recipe
from posepile.store import RepairReport, Store, StoreError, repair, summarise, verify
from posepile.store.layout import STORE_FILE

FAILED = 1
SHOWN_NAMES = 12
LISTED_OUTLIERS = 5  # in the terminal
OUTLIERS_IN_JSON = 100
FEWEST_EXAMPLES = 4  # of a store on a page of many


@dataclass(frozen=True)
class Arguments:
    """What is in a store, or in several that are to be mixed: tables here, and an HTML page of examples.

    The page shows the examples whose labels stand out, random examples with box, mask, joints and a 3D view
    that turns, and statistics. It is written where --html says; without --html into the current folder,
    unless --json, --verify or --repair asks for something else.

    With --json: examples, skeleton, joints, edges, splits, subjects, cameras, image_sizes, id, role, licence,
    provenance, shards, bytes, rejected; of the `sample` examined examples: labelled, in_image, bones,
    outliers (row, key, score, reasons; the worst 100), n_outliers; `html` (path or null); `verified` and
    `problems` (a list of lines); `repair` (examples, rewritten, removed, lost) or null. The facts are missing
    where the store cannot be opened. For several stores: `stores`, a list of these, and `html`; with
    --mixture also `mixture`, `missing`, and per_batch of each store. Exit code 1 if there are problems.
    """

    stores: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="STORE …"), tyro.conf.Positional]
    """The stores' folders, or folders of stores."""
    mixture: str = ""
    """A published mixture (small, medium, large, …): its data sets among the stores, and their shares of a batch."""
    html: Path | None = None
    """The page; inspect_<folder>.html or inspect_mixture.html if nothing is said."""
    examples: int = 60
    """Examples on the page, at most half of them outliers; several stores share them, at least 4 each."""
    verify: tyro.conf.FlagCreatePairsOff[bool] = False
    """Read every record and list everything that is wrong, with file and record."""
    repair: tyro.conf.FlagCreatePairsOff[bool] = False
    """Rewrite damaged shards with their good records and rebuild the index (before --verify)."""
    sample: int = 2000
    """How many random examples of a store are examined for labels, bone lengths and outliers."""
    seed: int = 1
    """Of the random examples."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document instead of tables."""


@dataclass(frozen=True)
class _Found:
    """What there is to say about one store."""

    problems: list[str]
    repaired: RepairReport | None
    part: Part | None
    """None where the store cannot be read."""

    @property
    def facts(self) -> dict:
        return {**self.part.facts, **self.part.statistics.facts()} if self.part else {}


def main(args: list[str]) -> int:
    """Prints the facts of stores, writes the page. Raises StoreError; returns 1 if there are problems."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens inspect")
    _check(arguments)
    paths = _store_folders(arguments.stores)
    recipe, paths = _mixed(arguments.mixture, paths) if arguments.mixture else (None, paths)
    found = [_look(arguments, path, recipe, len(paths)) for path in paths]
    page = _write_page(arguments, found, recipe)
    if arguments.json:
        documents = [_document(arguments, one) for one in found]
        rest = {"html": str(page) if page else None}
        if recipe:
            rest |= {"mixture": recipe.name, "missing": recipe.missing}
        is_one = len(found) == 1 and not recipe
        document = {**documents[0], **rest} if is_one else {"stores": documents, **rest}
        print(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False))
    else:
        console = Console(markup=False, highlight=False, emoji=False, soft_wrap=False)
        for one in found:
            _print_all(console, arguments, one)
        if recipe:
            _print_mixture(console, found, recipe)
        if page:
            console.print(f"written: {page} ({page.stat().st_size / 1e6:.1f} MB)", soft_wrap=True)
    return FAILED if any(one.problems for one in found) else 0


def _check(arguments: Arguments) -> None:
    if not arguments.stores:
        raise ValueError("no store is named, expected the folder of at least one")
    for name, least in (("sample", 1), ("examples", 1), ("seed", 0)):
        if getattr(arguments, name) < least:
            raise ValueError(f"--{name} is {getattr(arguments, name)}, expected at least {least}")


def _store_folders(folders: tuple[Path, ...]) -> list[Path]:
    """Every folder that is a store, and the stores in every other; a folder without any stays, to be refused."""
    paths = []
    for folder in folders:
        inside = [] if (folder / STORE_FILE).exists() else sorted(folder.glob(f"*/{STORE_FILE}"))
        paths += [file.parent for file in inside] or [folder]
    return paths


def _mixed(name: str, paths: list[Path]) -> tuple[Recipe, list[Path]]:
    """A published mixture as far as its stores (or their synthetic twins) are here, and these in its order."""
    recipe, by_id = mixtures.load(name), {Store.open(path).id: path for path in paths}
    if not any(id in by_id for id, _ in recipe.shares):
        recipe = mixtures.of_twins(recipe)
    recipe = mixtures.available(recipe, by_id)
    return recipe, [by_id[id] for id, _ in recipe.shares]


def _look(arguments: Arguments, path: Path, recipe: Recipe | None, n_stores: int) -> _Found:
    report = repair(path) if arguments.repair else None
    problems = verify(path) if arguments.verify else []
    try:
        return _Found(problems, report, _examine(arguments, Store.open(path), recipe, n_stores))
    except ValueError as error:  # StoreError, ExampleError
        if not arguments.verify:
            error.add_note("dozens inspect --verify lists everything that is wrong, --repair mends it")
            raise
        if not problems:
            raise StoreError(f"verified without a problem, but not readable: {error}") from error
        return _Found(problems, report, None)


def _examine(arguments: Arguments, store: Store, recipe: Recipe | None, n_stores: int) -> Part:
    labels = inspection.read_labels(store, inspection.sample_rows(store, arguments.sample, arguments.seed))
    outliers = inspection.find_outliers(labels, store.joints, store.edges)
    n = max(min(FEWEST_EXAMPLES, arguments.examples), arguments.examples // n_stores)
    n_outliers = min(len(outliers), n // 2)
    return Part(
        store, summarise(store), labels, inspection.measure(labels, store.joints, store.edges), outliers,
        n_random=n - n_outliers, n_outliers=n_outliers, seed=arguments.seed,
        per_batch=dict(recipe.shares)[store.id] if recipe else None,
    )  # fmt: skip


def _write_page(arguments: Arguments, found: list[_Found], recipe: Recipe | None) -> Path | None:
    """The page's path; None where none was wanted, or no store can be read."""
    parts = [one.part for one in found if one.part]
    if not parts or (not arguments.html and (arguments.json or arguments.verify or arguments.repair)):
        return None
    name, title = parts[0].store.path.resolve().name, parts[0].store.id
    if recipe:
        name, title = recipe.name, f"{recipe.name}: {recipe.description}"
    elif len(found) > 1:
        name, title = "mixture", f"A mixture of {len(parts)} stores"
    page = arguments.html or Path(f"inspect_{name}.html")
    inspection.write_gallery(page, title, parts, recipe.missing if recipe else ())
    return page


def _document(arguments: Arguments, found: _Found) -> dict:
    repaired = None
    if report := found.repaired:
        removed = [rejection._asdict() for rejection in report.removed]
        repaired = {**asdict(report), "examples": report.n_examples, "removed": removed}
        del repaired["n_examples"]
    verified = {"verified": arguments.verify, "problems": found.problems, "repair": repaired}
    shares = {"per_batch": found.part.per_batch} if found.part and found.part.per_batch else {}
    return {**found.facts, **_outliers(found), **shares, **verified}


def _outliers(found: _Found) -> dict:
    if not found.part:
        return {}
    labels, outliers = found.part.labels, found.part.outliers
    listed = [
        {
            "row": int(labels.rows[o.index]),
            "key": labels.keys[o.index],
            "score": o.score,
            "reasons": o.reasons,
        }
        for o in outliers[:OUTLIERS_IN_JSON]
    ]
    return {"n_outliers": len(outliers), "outliers": listed}


def _print_all(console, arguments: Arguments, found: _Found):
    if found.repaired:
        _print_repair(console, found.repaired)
    if facts := found.facts:
        console.print(_overview(facts))
        console.print(_joint_table(facts))
        if facts["bones"]:
            console.print(_bone_table(facts))
        _print_outliers(console, found)
    if arguments.verify:
        n = len(found.problems)
        console.print(f"problems: {n}" if n else "verified: every record is sound")
        for problem in found.problems:
            console.print(problem, soft_wrap=True)


def _print_mixture(console, found: list[_Found], recipe: Recipe) -> None:
    table = Table("data set", "in a batch", "examples", title=f"{recipe.name}: {recipe.description}")
    for one, (id, count) in zip(found, recipe.shares, strict=True):
        table.add_row(id, str(count), f"{len(one.part.store):,}" if one.part else "unreadable")
    console.print(table)
    if recipe.missing:
        console.print(f"not here: {', '.join(recipe.missing)}")


def _print_outliers(console, found: _Found) -> None:
    outliers = _outliers(found)
    n, listed = outliers["n_outliers"], outliers["outliers"][:LISTED_OUTLIERS]
    console.print(f"outliers: {n:,} of {len(found.part.labels):,} examined examples{':' if n else ''}")
    for outlier in listed:
        console.print(f"  {outlier['key']}: {'; '.join(outlier['reasons'])}")
    if n > len(listed):
        console.print(f"  and {n - len(listed):,} more")


def _print_repair(console, report: RepairReport) -> None:
    console.print(f"repaired: {report.n_examples} examples, {len(report.rewritten)} shards rewritten")
    for name in report.rewritten:
        console.print(f"rewritten: {name}")
    for rejection in report.removed:
        console.print(f"removed to quarantine: {rejection.key}: {rejection.reason}", soft_wrap=True)
    for key in report.lost:
        console.print(f"lost: {key}", soft_wrap=True)


def _overview(facts: dict) -> Table:
    table = Table(title=f"{facts['id']} ({facts['role']})", show_header=False)
    table.add_row(
        "examples", f"{facts['examples']:,} in {facts['shards']} shards, {facts['bytes'] / 1e6:,.1f} MB"
    )
    if facts["rejected"]:
        table.add_row("rejected", f"{facts['rejected']:,}, listed in rejected.jsonl")
    table.add_row(
        "skeleton", f"{facts['skeleton']}, {len(facts['joints'])} joints, {len(facts['edges'])} bones"
    )
    table.add_row("licence", facts["licence"] or "not stated")
    for name in ("splits", "image_sizes", "subjects", "cameras"):
        table.add_row(name.replace("_", " "), _named_counts(facts[name]))
    for name, value in facts["provenance"].items():
        table.add_row(name, str(value))
    return table


def _named_counts(counts: dict[str, int]) -> str:
    shown = [f"{name or '(none)'} {n:,}" for name, n in list(counts.items())[:SHOWN_NAMES]]
    if len(counts) > SHOWN_NAMES:
        shown.append(f"and {len(counts) - SHOWN_NAMES} more")
    return ", ".join(shown)


def _joint_table(facts: dict) -> Table:
    table = Table(title=f"joints labelled, of {facts['sample']:,} examples")
    table.add_column("joint")
    table.add_column("examples", justify="right")
    table.add_column("%", justify="right")
    for joint, n in zip(facts["joints"], facts["labelled"], strict=True):
        table.add_row(joint, f"{n:,}", f"{100 * n / facts['sample']:.0f}" if facts["sample"] else "")
    return table


def _bone_table(facts: dict) -> Table:
    table = Table(title=f"bone lengths of {facts['sample']:,} examples")
    table.add_column("bone")
    table.add_column("mean mm", justify="right")
    table.add_column("std mm", justify="right")
    for bone in facts["bones"]:
        lengths = ("" if v is None else f"{v:.1f}" for v in (bone["mean_mm"], bone["std_mm"]))
        table.add_row("-".join(bone["joints"]), *lengths)
    return table
