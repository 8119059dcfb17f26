"""Writing a store: from one process with `StoreWriter`, or shard by shard from many.

A shard depends on its own examples only and the index on the shards only, so the store's bytes do not depend
on how many processes wrote it:

    begin(path)
    write_shard(path, info, shard, examples)    # for every shard number, in any process, in any order
    finish(path, info, n_shards)
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from posepile.example import PoseExample, checksum
from posepile.jpeg import image_size
from posepile.skeletons import Skeleton
from posepile.store import shards
from posepile.store.layout import (
    INDEX_FILE,
    INDEX_SCHEMA,
    PART_SUFFIX,
    REJECTED_FILE,
    SHARDS,
    STORE_FILE,
    StoreError,
    StoreInfo,
    load_table,
    move_into_place,
    part_path,
    remove_leftovers,
    save_info,
    save_table,
    shard_name,
    shard_numbers,
    temporary_name,
    write_atomically,
)

EXAMPLES_PER_SHARD = 32_768  # about 1 GB; 13 million examples stay below the usual limit of open files
REJECTED_FIELD = b"rejected"


class Rejection(NamedTuple):
    """An example that was refused."""

    key: str
    reason: str


class StoreWriter:
    """Writes a store in one process; use it in a `with` block. Nothing is readable until the block has ended.

    Bad examples and repeated keys are refused, counted and listed: in `rejected`, in rejected.jsonl, and
    their number in store.json.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        id: str,
        role: str,
        skeleton: Skeleton,
        licence: str,
        provenance: dict | None = None,
        examples_per_shard: int = EXAMPLES_PER_SHARD,
    ):
        self.path = Path(path)
        self.info = StoreInfo.of(id, role, skeleton, licence, provenance)
        self.rejected: list[Rejection] = []
        self.n_examples = 0
        self._examples_per_shard = examples_per_shard
        self._keys: set[str] = set()
        self._n_shards = 0
        self._shard: _ShardWriter | None = None
        begin(self.path)

    def append(self, example: PoseExample) -> bool:
        """Adds an example; False if it was refused."""
        if self._shard is None:
            self._shard = _ShardWriter(self.path, self.info, self._n_shards, self._keys)
            self._n_shards += 1
        rejection = self._shard.append(example)
        if rejection:
            self.rejected.append(rejection)
            return False
        self.n_examples += 1
        if self._shard.n_examples == self._examples_per_shard:
            self._close_shard()
        return True

    def __enter__(self) -> "StoreWriter":
        return self

    def __exit__(self, error_type, error, trace) -> None:
        if error_type is not None:
            if self._shard is not None:
                self._shard.abandon()
            return
        self._close_shard()
        finish(self.path, self.info, self._n_shards)

    def _close_shard(self) -> None:
        if self._shard is not None:
            self._shard.close()
            self._shard = None


def begin(path: str | Path) -> None:
    """Makes the folder and clears what an interrupted writer left. Raises StoreError if a store is there."""
    path = Path(path)
    if (path / STORE_FILE).exists():
        raise StoreError(f"{path}: a finished store is here already; expected a new or an unfinished one")
    (path / SHARDS).mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    for shard in shard_numbers(path):
        (path / shard_name(shard)).unlink()
    _remove_parts(path)


def write_shard(
    path: str | Path, info: StoreInfo, shard: int, examples: Iterable[PoseExample]
) -> list[Rejection]:
    """Writes one shard, replacing it if it is there; returns the refused examples. Safe in any process."""
    writer = _ShardWriter(Path(path), info, shard, set())
    try:
        rejected = [rejection for rejection in map(writer.append, examples) if rejection]
    except BaseException:
        writer.abandon()
        raise
    writer.close()
    return rejected


def finish(
    path: str | Path, info: StoreInfo, n_shards: int, rejected_before: Iterable[Rejection] = ()
) -> None:
    """Builds the index of the shards 0 to n_shards - 1 and writes store.json.

    `rejected_before` are examples that never came to a shard; they are listed first.

    Raises StoreError if a shard is missing or too many, or if two shards have examples of the same key.
    """
    path = Path(path)
    if shard_numbers(path, PART_SUFFIX) != list(range(n_shards)):
        found = shard_numbers(path, PART_SUFFIX)
        raise StoreError(f"{path / SHARDS}: shards {found} are written, expected 0 to {n_shards - 1}")
    parts = [load_table(part_path(path, shard)) for shard in range(n_shards)]
    rejected = list(rejected_before)
    for part in parts:
        rejected += [Rejection(*pair) for pair in json.loads(part.schema.metadata[REJECTED_FIELD])]
    save_index(path, info, parts, rejected)
    _remove_parts(path)


def save_index(path: Path, info: StoreInfo, parts: list[pa.Table], rejected: list[Rejection]) -> None:
    """Writes index, list of rejections and store.json from the index parts of all shards, in order."""
    empty = INDEX_SCHEMA.empty_table()
    tables = [empty, *(part.replace_schema_metadata(None) for part in parts)]
    index = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    _refuse_repeated_keys(path, index)
    lines = "".join(json.dumps(r._asdict(), ensure_ascii=False) + "\n" for r in rejected)
    save_table(path / INDEX_FILE, index)
    write_atomically(path / REJECTED_FILE, lambda temporary: temporary.write_text(lines))
    save_info(path, info, {"n_examples": index.num_rows, "n_rejected": len(rejected)})


def load_rejections(path: Path) -> list[Rejection]:
    """The examples that were refused when the store at `path` was written or repaired."""
    file = path / REJECTED_FILE
    if not file.is_file():
        return []
    earlier = []
    for line in file.read_text().splitlines():
        try:
            earlier.append(Rejection(**json.loads(line)))
        except (ValueError, TypeError):
            earlier.append(Rejection("", f"unreadable line of {REJECTED_FILE}: {line}"))
    return earlier


def index_part(rows: list[dict], rejected: list[Rejection]) -> pa.Table:
    """The index part of a shard: `rows` from `index_row`, in the order of the records."""
    schema = INDEX_SCHEMA.with_metadata({REJECTED_FIELD: json.dumps(rejected).encode()})
    return pa.Table.from_pylist(rows, schema=schema)


def index_row(info: StoreInfo, shard: int, record: int, data: bytes, example: PoseExample) -> dict:
    """What the index says about an example that was written as `data`."""
    width, height = image_size(example.image)
    return {
        "shard": shard,
        "record": record,
        "key": example.key,
        "n_bytes": len(data),
        "crc32": checksum(data),
        "width": width,
        "height": height,
        "n_valid": example.n_valid(),
        "subject": example.tags.get("subject", ""),
        "camera": example.tags.get("camera", ""),
        "split": example.tags.get("split", "test" if info.role == "test" else "train"),
    }


def reason_to_refuse(info: StoreInfo, example: PoseExample) -> str:
    """Why an example may not be in the store; empty if it may."""
    problems = example.problems(info.joints)
    needed = "joints2d" if info.role == "2d" else "joints3d"
    if getattr(example, needed) is None:
        problems.append(f"{needed}: missing, expected in a store of role '{info.role}'")
    return "; ".join(problems)


class _ShardWriter:
    """Writes one shard and its index part. `keys` are those taken already; it adds its own."""

    def __init__(self, path: Path, info: StoreInfo, shard: int, keys: set[str]):
        self._path, self._info, self._number, self._keys = path, info, shard, keys
        self._file = path / shard_name(shard)
        self._temporary = temporary_name(self._file)
        self._writer = shards.open_writer(self._temporary)
        self._rows: list[dict] = []
        self._rejected: list[Rejection] = []

    @property
    def n_examples(self) -> int:
        return len(self._rows)

    def append(self, example: PoseExample) -> Rejection | None:
        repeated = example.key in self._keys
        reason = "repeated key" if repeated else reason_to_refuse(self._info, example)
        if reason:
            self._rejected.append(Rejection(example.key, reason))
            return self._rejected[-1]
        data = example.to_bytes()
        self._writer.write(data)
        self._keys.add(example.key)
        self._rows.append(index_row(self._info, self._number, len(self._rows), data, example))
        return None

    def close(self) -> None:
        self._writer.close()
        if not self._writer.ok() and self._writer.is_open():
            raise StoreError(f"{self._file}: could not be written")
        move_into_place(self._temporary, self._file)
        # The part comes last: where it is, the shard is whole
        save_table(part_path(self._path, self._number), index_part(self._rows, self._rejected))

    def abandon(self) -> None:
        self._writer.close()
        self._temporary.unlink(missing_ok=True)


def _refuse_repeated_keys(path: Path, index: pa.Table) -> None:
    key = index.column("key")
    if pc.count_distinct(key).as_py() == len(key):
        return
    counts = pc.value_counts(key)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    shown = ", ".join(f"'{k}'" for k in repeated[:10])
    raise StoreError(f"{path}: {len(repeated)} keys are in more than one shard: {shown}")


def _remove_parts(path: Path) -> None:
    for shard in shard_numbers(path, PART_SUFFIX):
        part_path(path, shard).unlink()
