"""What is where in a store: file names, the index's columns, `store.json`, and writing them atomically."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from posepile.skeletons import Skeleton, load
from posepile.skeletons.skeleton import UNSUFFIXED_FORMAT

FORMAT_VERSION = 1
ROLES = ("3d", "2d", "test")
STORE_FILE, INDEX_FILE, REJECTED_FILE, SHARDS = "store.json", "index.arrow", "rejected.jsonl", "shards"
SHARD_SUFFIX, PART_SUFFIX = ".array_record", ".part.arrow"

_WORD = pa.dictionary(pa.int32(), pa.string())
INDEX_SCHEMA = pa.schema(
    [
        ("shard", pa.int32()),
        ("record", pa.int32()),  # position in the shard
        ("key", pa.large_string()),  # 13 million keys pass 2 GB
        ("n_bytes", pa.int32()),
        ("crc32", pa.uint32()),  # the checksum at the end of the record
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("n_valid", pa.int32()),  # labelled joints
        ("subject", _WORD),
        ("camera", _WORD),
        ("split", _WORD),
    ]
)


class StoreError(ValueError):
    """A store that is damaged, unfinished or of another version; names file, field and expectation."""


@dataclass(frozen=True)
class StoreInfo:
    """What `store.json` says. Raises StoreError for values that no store may have."""

    id: str
    role: str
    """"3d": world joints and a camera; "2d": joints in the image; "test": as 3d, never trained on."""
    skeleton: str
    joints: tuple[str, ...]
    """What the store calls its joints."""
    union_joints: tuple[str, ...]
    """What the same joints are called in a union of formats ("lhip_h36m")."""
    base_joints: tuple[str, ...]
    """What they are called where formats share joints of equal name ("lhip")."""
    edges: tuple[tuple[int, int], ...]
    licence: str
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if self.role not in ROLES:
            raise StoreError(f"store '{self.id}': role is '{self.role}', expected one of {', '.join(ROLES)}")
        if not self.id or not self.joints:
            raise StoreError(f"store '{self.id}': expected an id and at least one joint")

    @classmethod
    def of(
        cls, id: str, role: str, skeleton: Skeleton, licence: str, provenance: dict | None = None
    ) -> "StoreInfo":
        return cls(
            id=id,
            role=role,
            skeleton=skeleton.name,
            joints=skeleton.joints,
            union_joints=skeleton.union_names,
            base_joints=skeleton.base_names,
            edges=skeleton.edges,
            licence=licence,
            provenance=dict(provenance or {}),
        )

    def as_skeleton(self) -> Skeleton:
        """The store's joints as a skeleton, also of a format that is not in the registry."""
        known = dict(zip(load("large").joints, load("large").definitions, strict=True))
        pairs = list(zip(self.union_joints, self.base_joints, strict=True))
        formats = tuple(union[len(base) + 1 :] or UNSUFFIXED_FORMAT for union, base in pairs)
        return Skeleton(
            name=self.skeleton,
            joints=self.joints,
            edges=self.edges,
            definitions=tuple(known.get(union, "") for union, _ in pairs),
            suffix=formats[0] if len(set(formats)) == 1 and formats[0] != UNSUFFIXED_FORMAT else "",
            formats=formats,
            base_names=self.base_joints,
        )


def shard_name(shard: int) -> str:
    """The shard's path inside the store, as error messages show it."""
    return f"{SHARDS}/{shard:05d}{SHARD_SUFFIX}"


def shard_numbers(path: Path, suffix: str = SHARD_SUFFIX) -> list[int]:
    """The numbers of the shards (or index parts) on disk, ascending."""
    names = (file.name.removesuffix(suffix) for file in (path / SHARDS).glob(f"*{suffix}"))
    return sorted(int(name) for name in names if name.isdecimal())


def part_path(path: Path, shard: int) -> Path:
    """The index part of a shard, which exists until the store is finished."""
    return path / SHARDS / f"{shard:05d}{PART_SUFFIX}"


def save_info(path: Path, info: StoreInfo, counts: dict[str, int]) -> None:
    """Writes store.json; from then on the store is finished."""
    document = {"format_version": FORMAT_VERSION, **asdict(info), **counts}
    text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n"
    write_atomically(path / STORE_FILE, lambda temporary: temporary.write_text(text))


def load_info(path: Path) -> tuple[StoreInfo, dict]:
    """Reads store.json: what the store is, and its counts. Raises StoreError."""
    file = path / STORE_FILE
    if not file.is_file():
        what = "unfinished: its writer did not get to the end" if (path / SHARDS).is_dir() else "not a store"
        raise StoreError(f"{path} is {what} ({STORE_FILE} is missing)")
    try:
        raw = json.loads(file.read_text())
    except ValueError as error:  # JSON's and Unicode's errors are ValueErrors
        raise StoreError(f"{file}: not JSON: {error}") from None
    version = raw.pop("format_version", "missing") if isinstance(raw, dict) else "missing"
    if version != FORMAT_VERSION:
        raise StoreError(f"{file}: format_version is {version}, expected {FORMAT_VERSION}")
    counts = {name: raw.pop(name, 0) for name in ("n_examples", "n_rejected")}
    raw |= {name: tuple(raw.get(name, ())) for name in ("joints", "union_joints", "base_joints")}
    raw["edges"] = tuple(tuple(edge) for edge in raw.get("edges", ()))
    try:
        return StoreInfo(**raw), counts
    except TypeError as error:
        raise StoreError(f"{file}: {error}") from None


def save_table(file: Path, table: pa.Table) -> None:
    """Writes an Arrow file as one record batch, so that every column can be mapped without a copy."""

    def write(temporary: Path):
        with pa.ipc.new_file(str(temporary), table.schema) as writer:
            writer.write_table(table.combine_chunks())

    write_atomically(file, write)


def load_table(file: Path) -> pa.Table:
    """Maps an index file or part; nothing is read until it is used. Raises StoreError for any other file."""
    if not file.is_file():
        raise StoreError(f"{file} is missing")
    try:
        table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise StoreError(f"{file}: not a whole Arrow file: {error}") from None
    if table.schema.names != INDEX_SCHEMA.names or table.schema.types != INDEX_SCHEMA.types:
        raise StoreError(f"{file}: columns are {table.schema.names}, expected {INDEX_SCHEMA.names}")
    return table


def write_atomically(file: Path, write: Callable[[Path], object]) -> None:
    """Lets `write` fill a temporary file and moves it into place once it is on the disk."""
    temporary = temporary_name(file)
    try:
        write(temporary)
        move_into_place(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_name(file: Path) -> Path:
    """A name beside `file` that no other process uses and that no reader looks at."""
    return file.with_name(f".{file.name}.{os.getpid()}.tmp")


def move_into_place(temporary: Path, file: Path) -> None:
    """Flushes and renames: after a power cut there is the old file or the whole new one, never a part."""
    _fsync(temporary)
    os.replace(temporary, file)
    _fsync(file.parent)


def remove_leftovers(path: Path) -> None:
    """Removes the temporary files that killed writers left."""
    for folder in (path, path / SHARDS):
        for file in folder.glob(".*.tmp"):
            file.unlink(missing_ok=True)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
