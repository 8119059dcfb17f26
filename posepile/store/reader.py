"""Store: random access to the examples of one data set."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from posepile.example import PoseExample
from posepile.store import shards
from posepile.store.layout import (
    INDEX_FILE,
    STORE_FILE,
    StoreError,
    StoreInfo,
    load_info,
    load_table,
    shard_name,
)


class Store:
    """A finished store, opened for reading with `Store.open`. Cheap to open, pickle and fork: files are
    opened when they are first read, once a process, and the index is a memory map.

    Attributes:
        path: the store's folder.
        info: what store.json says.
        index: the columns of `layout.INDEX_SCHEMA`, one row an example.
    """

    def __init__(self, path: Path, info: StoreInfo, index: pa.Table):
        self.path, self.info, self.index = Path(path), info, index

    @classmethod
    def open(cls, path: str | Path) -> "Store":
        """Opens a store. Raises StoreError if it is not one, not finished, or of another version."""
        path = Path(path)
        info, counts = load_info(path)
        index = load_table(path / INDEX_FILE)
        if index.num_rows != counts["n_examples"]:
            expected = f"expected {counts['n_examples']} as in {STORE_FILE}"
            raise StoreError(f"{path / INDEX_FILE} has {index.num_rows} rows, {expected}")
        return cls(path, info, index)

    def __reduce__(self):
        return Store.open, (self.path,)

    def __len__(self) -> int:
        return self.index.num_rows

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}: {self.id}, {len(self)} examples, {len(self.joints)} joints)"

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def role(self) -> str:
        return self.info.role

    @property
    def licence(self) -> str:
        return self.info.licence

    @property
    def joints(self) -> tuple[str, ...]:
        return self.info.joints

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        return self.info.edges

    def column(self, name: str) -> np.ndarray:
        """A column of the index as an array [n], numbers without a copy."""
        chunks = self.index.column(name).chunks
        if not chunks:
            return np.empty(0, self.index.schema.field(name).type.to_pandas_dtype())
        return chunks[0].to_numpy(zero_copy_only=False)  # an index is one record batch

    def read(self, rows: Sequence[int]) -> list[bytes]:
        """The records of the given rows, in the given order; rows may repeat.

        Raises:
            IndexError: for a row that does not exist.
            StoreError: for a shard that is missing or damaged, or holds another record than the index says.
        """
        rows = np.asarray(rows, np.int64)
        if rows.size and not (rows.min() >= 0 and rows.max() < len(self)):
            raise IndexError(f"{self.path}: row {rows.max()} or {rows.min()}, expected 0 to {len(self) - 1}")
        places, positions = self._shard[rows], self._record[rows]
        order = np.argsort(places, kind="stable")
        found = []
        for group in np.split(order, np.flatnonzero(np.diff(places[order])) + 1) if rows.size else ():
            found += self._read_shard(int(places[group[0]]), positions[group].tolist())
        records = [b""] * len(found)
        for i, record in zip(order.tolist(), found, strict=True):
            records[i] = record
        self._check(rows, records)
        return records

    def examples(self, rows: Sequence[int]) -> list[PoseExample]:
        """The examples of the given rows. Raises as `read`, and ExampleError for another layout."""
        return [
            PoseExample.from_bytes(record, self.where(row))
            for row, record in zip(rows, self.read(rows), strict=True)
        ]

    def where(self, row: int) -> str:
        """File and record of a row, for messages."""
        return f"{self.path / shard_name(int(self._shard[row]))} record {self._record[row]}"

    def _read_shard(self, shard: int, positions: list[int]) -> list[bytes]:
        file = f"{self.path}/{shard_name(shard)}"
        try:
            return shards.shared_reader(file).read(positions)
        except (RuntimeError, ValueError, OSError):  # what is wrong is found out one by one
            pass
        try:
            reader = shards.open_reader(Path(file))
        except OSError as error:
            raise StoreError(str(error)) from None
        for position in positions:
            if position >= reader.num_records():
                raise StoreError(
                    f"{file} record {position}: the shard has {reader.num_records()} records; "
                    f"{INDEX_FILE} disagrees with it"
                )
            try:
                reader.read([position])
            except (RuntimeError, ValueError) as error:
                raise StoreError(f"{file} record {position}: {error}") from None
        return reader.read(positions)

    def _check(self, rows: np.ndarray, records: list[bytes]) -> None:
        # Cheap, and enough to notice an index of other shards: the length and the checksum that a record
        # carries
        carried = np.frombuffer(b"".join([record[-4:].rjust(4, b"\0") for record in records]), "<u4")
        lengths = np.fromiter(map(len, records), np.int64, len(records))
        wrong = (carried != self._crc32[rows]) | (lengths != self._n_bytes[rows])
        if wrong.any():
            row = int(rows[np.flatnonzero(wrong)[0]])
            key = self.index.column("key")[row].as_py()
            raise StoreError(f"{self.where(row)}: not the record '{key}' of {INDEX_FILE}, row {row}")

    @cached_property
    def _shard(self) -> np.ndarray:
        return self.column("shard")

    @cached_property
    def _record(self) -> np.ndarray:
        return self.column("record")

    @cached_property
    def _n_bytes(self) -> np.ndarray:
        return self.column("n_bytes")

    @cached_property
    def _crc32(self) -> np.ndarray:
        return self.column("crc32")
