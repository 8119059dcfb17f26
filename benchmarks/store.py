"""How fast a store is: random records read in batches, decoded, written; beside a plain mapped file.

    python benchmarks/store.py [--records 20000] [--bytes 28000] [--batch 128]

Files are in the page cache, as the target is the code and not the disk. Ends with one line of JSON.
"""

import argparse
import json
import mmap
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from posepile import skeletons
from posepile.cameras import Camera
from posepile.example import PoseExample
from posepile.store import Store, StoreWriter, shards
from posepile.store.layout import shard_name

TARGET_RECORDS_PER_S = 50_000
JPEG = bytes.fromhex("ffd8ffc0001108010001000301220002110103110100ffd9")  # a header of 256 x 256 px


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--bytes", type=int, default=28_000, help="of one record")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments)
    for name, value in figures.items():
        print(f"{name:40} {value:,.2f}" if isinstance(value, float) else f"{name:40} {value}")
    print(json.dumps(figures))


def measure(folder: Path, arguments: argparse.Namespace) -> dict:
    seconds_to_write = write_store(folder / "store", arguments.records, arguments.bytes)
    store = Store.open(folder / "store")
    plain = PlainFile(folder / "plain", store)
    rng = np.random.default_rng(0)
    batches = [rng.integers(0, len(store), arguments.batch) for _ in range(max(1, 20_000 // arguments.batch))]
    assert store.read(batches[0]) == plain.read(batches[0])
    n = len(batches) * arguments.batch
    readers = {"store": store, "plain_mmap": plain, "library": Library(store)}
    rates: dict[str, list[float]] = {name: [] for name in readers}
    cpu_rates: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(arguments.repeats):  # interleaved, so that other work on the machine slows all alike
        for name, reader in readers.items():
            cpu = time.process_time()
            rates[name].append(n / seconds(lambda r=reader: read_all(r, batches)))
            cpu_rates[name].append(n / (time.process_time() - cpu))
    records = store.read(batches[0])
    decoded = [
        len(records) / seconds(lambda: [PoseExample.from_bytes(r) for r in records]) for _ in range(50)
    ]
    median = {name: statistics.median(values) for name, values in rates.items()}
    return {
        "benchmark": "store",
        "records": arguments.records,
        "bytes_per_record": float(store.column("n_bytes").mean()),
        "batch": arguments.batch,
        "random_records_per_s": median["store"],
        "random_records_per_s_best": max(rates["store"]),
        "random_records_per_cpu_s": max(cpu_rates["store"]),
        "plain_mmap_records_per_s": median["plain_mmap"],
        "plain_mmap_records_per_cpu_s": max(cpu_rates["plain_mmap"]),
        "array_record_library_records_per_s": median["library"],
        "array_record_library_records_per_cpu_s": max(cpu_rates["library"]),
        "ratio_to_plain_mmap": median["store"] / median["plain_mmap"],
        "decoded_records_per_s": statistics.median(decoded),
        "written_records_per_s": arguments.records / seconds_to_write,
        "target_records_per_s": TARGET_RECORDS_PER_S,
        "target_met": median["store"] >= TARGET_RECORDS_PER_S,
    }


def write_store(path: Path, n: int, n_bytes: int) -> float:
    """Writes a store of `n` records of `n_bytes`; returns the seconds that it took."""
    rng = np.random.default_rng(0)
    skeleton = skeletons.load("h36m")
    noise = rng.bytes(n_bytes + n)
    camera = Camera([[1000, 0, 128], [0, 1000, 128], [0, 0, 1]])
    joints = rng.normal(size=(len(skeleton), 3)).astype(np.float32)
    labels = len(make_example(0, b"", camera, joints).to_bytes()) + 8  # 8: longer length fields

    def write():
        with StoreWriter(path, id="benchmark", role="3d", skeleton=skeleton, licence="none",
                         examples_per_shard=4096) as writer:  # fmt: skip
            for i in range(n):
                writer.append(make_example(i, noise[i : i + n_bytes - labels], camera, joints))

    return seconds(write)


def make_example(i: int, noise: bytes, camera: Camera, joints: np.ndarray) -> PoseExample:
    return PoseExample(
        f"benchmark/{i:08d}", JPEG[:-2] + noise + JPEG[-2:], camera, np.array([64, 64, 128, 128]), joints
    )


def read_all(reader, batches: list[np.ndarray]) -> None:
    """Reads batch after batch and keeps none, as training does."""
    for batch in batches:
        reader.read(batch)


class PlainFile:
    """The yardstick: the same records one after the other in a memory-mapped file, without any check."""

    def __init__(self, file: Path, store: Store):
        with file.open("wb") as handle:
            for start in range(0, len(store), 1024):
                handle.writelines(store.read(range(start, min(start + 1024, len(store)))))
        self._ends = np.cumsum(store.column("n_bytes"), dtype=np.int64)
        self._starts = self._ends - store.column("n_bytes")
        with file.open("rb") as handle:
            self._data = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)

    def read(self, rows: np.ndarray) -> list[bytes]:
        places = zip(self._starts[rows].tolist(), self._ends[rows].tolist(), strict=True)
        return [self._data[start:end] for start, end in places]


class Library:
    """The same records through ArrayRecord's own reader, which `Store` uses for damaged files only."""

    def __init__(self, store: Store):
        self._shard, self._record = store.column("shard"), store.column("record")
        self._readers = {
            k: shards.open_reader(store.path / shard_name(k)) for k in np.unique(self._shard).tolist()
        }

    def read(self, rows: np.ndarray) -> list[bytes]:
        found = []
        for shard, reader in self._readers.items():
            found += reader.read(self._record[rows[self._shard[rows] == shard]].tolist())
        return found


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
