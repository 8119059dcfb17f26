"""`dozens inspect STORE`: what is in a store; finds and repairs damage."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import tyro
from rich.console import Console
from rich.table import Table

from posepile.store import RepairReport, Store, StoreError, repair, summarise, verify

FAILED = 1
SHOWN_NAMES = 12


@dataclass(frozen=True)
class Arguments:
    """What is in a store: examples, skeleton, labels, image sizes, subjects, cameras, bone lengths.

    With --json: examples, skeleton, joints, edges, splits, subjects, cameras, image_sizes, labelled, bones,
    id, role, licence, provenance, shards, bytes, rejected, sample; `verified` and `problems` (a list of
    lines); `repair` (examples, rewritten, removed, lost) or null. The facts are missing where the store
    cannot be opened. Exit code 1 if there are problems.
    """

    store: tyro.conf.Positional[Path]
    """The store's folder."""
    verify: tyro.conf.FlagCreatePairsOff[bool] = False
    """Read every record and list everything that is wrong, with file and record."""
    repair: tyro.conf.FlagCreatePairsOff[bool] = False
    """Rewrite damaged shards with their good records and rebuild the index (before --verify)."""
    sample: int = 1000
    """How many evenly spaced examples the label counts and bone lengths are taken from."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document instead of tables."""


def main(args: list[str]) -> int:
    """Prints the facts of a store. Raises StoreError; returns the exit code: 1 if there are problems."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens inspect")
    if arguments.sample < 1:
        raise ValueError(f"--sample is {arguments.sample}, expected at least 1")
    report = repair(arguments.store) if arguments.repair else None
    problems = verify(arguments.store) if arguments.verify else []
    facts = _facts(arguments, problems)
    if arguments.json:
        print(_document(arguments, facts, problems, report))
    else:
        console = Console(markup=False, highlight=False, emoji=False, soft_wrap=False)
        _print_all(console, arguments, facts, problems, report)
    return FAILED if problems else 0


def _facts(arguments: Arguments, problems: list[str]) -> dict:
    try:
        return summarise(Store.open(arguments.store), arguments.sample)
    except ValueError as error:  # StoreError, ExampleError
        if not arguments.verify:
            error.add_note("dozens inspect --verify lists everything that is wrong, --repair mends it")
            raise
        if not problems:
            raise StoreError(f"verified without a problem, but not readable: {error}") from error
        return {}


def _document(arguments: Arguments, facts: dict, problems: list[str], report: RepairReport | None) -> str:
    repaired = None
    if report:
        removed = [rejection._asdict() for rejection in report.removed]
        repaired = {**asdict(report), "examples": report.n_examples, "removed": removed}
        del repaired["n_examples"]
    document = {**facts, "verified": arguments.verify, "problems": problems, "repair": repaired}
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)


def _print_all(console, arguments: Arguments, facts: dict, problems: list[str], report: RepairReport | None):
    if report:
        _print_repair(console, report)
    if facts:
        console.print(_overview(facts))
        console.print(_joint_table(facts))
        if facts["bones"]:
            console.print(_bone_table(facts))
    if arguments.verify:
        console.print(f"problems: {len(problems)}" if problems else "verified: every record is sound")
        for problem in problems:
            console.print(problem, soft_wrap=True)


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
