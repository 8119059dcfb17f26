"""Finding everything that is wrong with a store: every record is read and compared with the index."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from posepile.example import ExampleError, PoseExample, is_intact
from posepile.store import shards
from posepile.store.layout import (
    INDEX_FILE,
    INDEX_SCHEMA,
    STORE_FILE,
    StoreError,
    StoreInfo,
    load_info,
    load_table,
    shard_name,
    shard_numbers,
)
from posepile.store.writer import index_row, reason_to_refuse

READ_AT_ONCE = 64


def verify(path: str | Path) -> list[str]:
    """Reads every record of a store; returns all problems, naming file and record. Empty: it is sound."""
    path = Path(path)
    try:
        info, counts = load_info(path)
    except StoreError as error:
        return [str(error)]
    problems, index = [], INDEX_SCHEMA.empty_table()
    try:
        index = load_table(path / INDEX_FILE)
        if index.num_rows != counts["n_examples"]:
            expected = f"expected {counts['n_examples']} as in {STORE_FILE}"
            problems.append(f"{path / INDEX_FILE} has {index.num_rows} rows, {expected}")
    except StoreError as error:
        problems.append(str(error))
    seen: dict[str, str] = {}
    for shard, rows in shards_of(path, index):
        problems += _verify_shard(path, info, shard, rows, seen)
    return problems


def shards_of(path: Path, index: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """The shards that are on disk or in the index, each with its rows of the index, ascending."""
    of_row = index.column("shard").to_numpy()
    for shard in sorted({*shard_numbers(path), *np.unique(of_row).tolist()}):
        yield shard, index.filter(pa.array(of_row == shard))


def read_all(file: Path) -> Iterator[tuple[int, bytes | None, str]]:
    """Yields position, record and what is wrong (empty: nothing) of all records. Raises OSError."""
    reader = shards.open_reader(file)
    for start in range(0, reader.num_records(), READ_AT_ONCE):
        positions = list(range(start, min(start + READ_AT_ONCE, reader.num_records())))
        try:
            found = reader.read(positions)
        except RuntimeError:
            yield from (_read_one(file, position) for position in positions)
        else:
            for position, record in zip(positions, found, strict=True):
                yield position, record, "" if is_intact(record) else "its checksum is wrong"


def _read_one(file: Path, position: int) -> tuple[int, bytes | None, str]:
    reader = shards.open_reader(file)  # a new one: a reader that has failed once may refuse everything
    try:
        record = reader.read([position])[0]
    except RuntimeError as error:
        return position, None, str(error)
    return position, record, "" if is_intact(record) else "its checksum is wrong"


def _verify_shard(path: Path, info: StoreInfo, shard: int, rows: pa.Table, seen: dict[str, str]) -> list[str]:
    file = path / shard_name(shard)
    problems = []
    expected = {row["record"]: row for row in rows.to_pylist()}
    n_records = 0
    try:
        for position, record, fault in read_all(file):
            n_records += 1
            where = f"{file} record {position}"
            if fault:
                problems.append(f"{where}: {fault}")
            if not fault or fault.startswith("its checksum"):
                row = expected.get(position)
                problems += [
                    f"{where}: {p}" for p in _verify_record(info, shard, position, record, row, seen)
                ]
    except OSError as error:
        return [f"{error}; {INDEX_FILE} expects {len(expected)} records in it"]
    if n_records != len(expected) or len(expected) != rows.num_rows:
        problems.append(f"{file} has {n_records} records, but {INDEX_FILE} has {rows.num_rows} rows for it")
    return problems


def _verify_record(info, shard, position, record, row, seen) -> list[str]:
    try:
        example = PoseExample.from_bytes(record)
    except ExampleError as error:
        return [str(error)]
    reason = reason_to_refuse(info, example)
    problems = [f"'{example.key}': {reason}"] if reason else []
    if example.key in seen:
        problems.append(f"repeated key '{example.key}', also {seen[example.key]}")
    seen.setdefault(example.key, f"{shard_name(shard)} record {position}")
    if row is not None and not reason:
        found = index_row(info, shard, position, record, example)
        wrong = [
            f"{name} {row[name]!r}, expected {found[name]!r}" for name in found if row[name] != found[name]
        ]
        if wrong:
            problems.append(f"{INDEX_FILE} disagrees: {', '.join(wrong)}")
    return problems
