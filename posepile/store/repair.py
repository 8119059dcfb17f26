"""Repairing a store: damaged shards are rewritten with their good records, and the index is built anew."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from posepile.example import ExampleError, PoseExample
from posepile.store import salvage, shards
from posepile.store.layout import (
    INDEX_FILE,
    INDEX_SCHEMA,
    StoreError,
    StoreInfo,
    load_info,
    load_table,
    move_into_place,
    remove_leftovers,
    shard_name,
    temporary_name,
)
from posepile.store.verify import read_all, shards_of
from posepile.store.writer import (
    Rejection,
    index_part,
    index_row,
    load_rejections,
    reason_to_refuse,
    save_index,
)

QUARANTINE = "quarantine"


@dataclass
class RepairReport:
    """What a repair did."""

    n_examples: int = 0
    rewritten: list[str] = field(default_factory=list)
    """Shards that were rewritten (or removed, where no record was left)."""
    removed: list[Rejection] = field(default_factory=list)
    """Records that are whole but may not be trained on; they lie in quarantine/ now."""
    lost: list[str] = field(default_factory=list)
    """Keys of the old index that no shard has any more."""


def repair(path: str | Path) -> RepairReport:
    """Makes a store sound again; no good record is lost, and sound shards are not touched.

    Raises StoreError if store.json is missing or of another version: then nobody knows what the store is.
    Interrupted, it can be started again.
    """
    path = Path(path)
    info, _ = load_info(path)
    remove_leftovers(path)
    try:
        old_index = load_table(path / INDEX_FILE)
    except StoreError:
        old_index = INDEX_SCHEMA.empty_table()
    report, parts, keys = RepairReport(), [], set()
    for number, _ in shards_of(path, old_index):
        file = path / shard_name(number)
        if not file.is_file():
            continue
        damaged = _is_damaged(file)
        rows, removed = _sort(info, number, _records(file, damaged), keys)
        if damaged or removed or not rows:
            _rewrite(path, number, _records(file, damaged), set(removed))
            report.rewritten.append(shard_name(number))
        report.removed += removed.values()
        parts.append(index_part(rows, []))
    report.lost = sorted(set(old_index.column("key").to_pylist()) - keys - {r.key for r in report.removed})
    report.n_examples = len(keys)
    shards.forget_files()
    save_index(path, info, parts, [*load_rejections(path), *report.removed])
    return report


def _is_damaged(file: Path) -> bool:
    try:
        return any(fault for _, _, fault in read_all(file))
    except OSError:
        return True


def _records(file: Path, damaged: bool) -> Iterator[bytes]:
    if damaged:
        return salvage.intact_records(file)
    return (record for _, record, _ in read_all(file))


def _sort(info: StoreInfo, number: int, records: Iterator[bytes], keys: set[str]):
    """The index rows of the good records, and the positions of the others with the reason; adds to `keys`."""
    rows: list[dict] = []
    removed: dict[int, Rejection] = {}
    for position, record in enumerate(records):
        try:
            example = PoseExample.from_bytes(record)
        except ExampleError as error:
            removed[position] = Rejection(f"{shard_name(number)} record {position}", str(error))
            continue
        reason = "repeated key" if example.key in keys else reason_to_refuse(info, example)
        if reason:
            removed[position] = Rejection(example.key, reason)
            continue
        keys.add(example.key)
        rows.append(index_row(info, number, len(rows), record, example))
    return rows, removed


def _rewrite(path: Path, number: int, records: Iterator[bytes], removed: set[int]) -> None:
    """Replaces a shard by its good records, or removes it if there are none; the others go to quarantine."""
    file = path / shard_name(number)
    good, bad = _Replacement(file), _Replacement(_free_name(path / QUARANTINE / file.name))
    for position, record in enumerate(records):
        (bad if position in removed else good).write(record)
    bad.close()  # first: what leaves the shard must be safe elsewhere
    if not good.close():
        file.unlink()


class _Replacement:
    """A shard file that appears when it is closed, unless nothing was written."""

    def __init__(self, file: Path):
        self._file, self._temporary, self._writer = file, temporary_name(file), None

    def write(self, record: bytes) -> None:
        if self._writer is None:
            self._file.parent.mkdir(exist_ok=True)
            self._writer = shards.open_writer(self._temporary)
        self._writer.write(record)

    def close(self) -> bool:
        if self._writer is None:
            return False
        self._writer.close()
        move_into_place(self._temporary, self._file)
        return True


def _free_name(file: Path) -> Path:
    name, n = file, 0
    while name.exists():
        n += 1
        name = file.with_name(f"{file.stem}-{n}{file.suffix}")
    return name
