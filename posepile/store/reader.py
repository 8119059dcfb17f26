"""Store: random access to the examples of one data set."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from posepile.example import ExampleError, PoseExample, checksum, is_intact
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
        n_rejected: how many examples were refused when it was written or repaired.
        index: the columns of `layout.INDEX_SCHEMA`, one row an example.
    """

    def __init__(self, path: Path, info: StoreInfo, index: pa.Table, n_rejected: int = 0):
        self.path, self.info, self.index, self.n_rejected = Path(path), info, index, n_rejected
        self._rows_and_starts: dict[int, tuple[int, list[int]]] = {}

    @classmethod
    def open(cls, path: str | Path) -> "Store":
        """Opens a store. Raises StoreError if it is not one, not finished, or of another version."""
        path = Path(path)
        info, counts = load_info(path)
        index = load_table(path / INDEX_FILE)
        if index.num_rows != counts["n_examples"]:
            expected = f"expected {counts['n_examples']} as in {STORE_FILE}"
            raise StoreError(f"{path / INDEX_FILE} has {index.num_rows} rows, {expected}")
        return cls(path, info, index, counts["n_rejected"])

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
        shards_of_rows = self._shard[rows].tolist()
        lengths, sums = self._n_bytes[rows].tolist(), self._crc32[rows].tolist()
        records = []
        for row, shard, length, expected in zip(rows.tolist(), shards_of_rows, lengths, sums, strict=True):
            file, first_row, starts = self._open_shard(shard)
            record = file.read(starts[row - first_row], length)
            if checksum(record) != expected or not is_intact(record):
                record = self._read_carefully(row)
            records.append(record)
        return records

    def examples(self, rows: Sequence[int]) -> list[PoseExample]:
        """The examples of the given rows. Raises as `read`, and ExampleError for another layout."""
        return [self._example(row, record) for row, record in zip(rows, self.read(rows), strict=True)]

    def _example(self, row: int, record: bytes) -> PoseExample:
        try:
            return PoseExample.from_bytes(record)
        except ExampleError:
            return PoseExample.from_bytes(record, self.where(row))  # for the message: names take time

    def where(self, row: int) -> str:
        """File and record of a row, for messages."""
        return f"{self.path / shard_name(int(self._shard[row]))} record {self._record[row]}"

    def _open_shard(self, shard: int) -> tuple[shards.ShardFile, int, list[int]]:
        """A shard's file, its first row, and where its records begin."""
        try:
            file = shards.shared_file(f"{self.path}/{shard_name(shard)}")
        except FileNotFoundError as error:
            raise StoreError(f"{error.filename} is missing") from None
        if shard not in self._rows_and_starts:
            first, end = np.searchsorted(
                self._shard, [shard, shard + 1]
            )  # the index is in order of the shards
            lengths = self._n_bytes[first:end]
            starts = shards.starts(lengths)
            cut_off = np.flatnonzero(shards.place_in_file(starts + lengths - 1) >= file.size())
            if cut_off.size:  # all its records are refused, so that training stops at once and not in days
                where = f"{self.path / shard_name(shard)} record {cut_off[0]}"
                raise StoreError(f"{where}: the file is cut off before its end, at {file.size()} bytes")
            self._rows_and_starts[shard] = int(first), starts.tolist()
        return file, *self._rows_and_starts[shard]

    def _read_carefully(self, row: int) -> bytes:
        """The record of a row through the library. Raises StoreError that says what is wrong with it."""
        file, position = self.path / shard_name(int(self._shard[row])), int(self._record[row])
        try:
            reader = shards.open_reader(file)
            if position >= reader.num_records():
                found = f"the shard has {reader.num_records()} records"
                raise StoreError(f"{file} record {position}: {found}; {INDEX_FILE} disagrees with it")
            record = reader.read([position])[0]
        except RuntimeError as error:
            raise StoreError(f"{file} record {position}: {error}") from None
        except OSError as error:
            raise StoreError(str(error)) from None
        if not is_intact(record):
            raise StoreError(f"{file} record {position}: its checksum is wrong")
        if checksum(record) != self._crc32[row]:
            key = self.index.column("key")[row].as_py()
            raise StoreError(f"{file} record {position}: not the record '{key}' of {INDEX_FILE}, row {row}")
        return record

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
