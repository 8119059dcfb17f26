"""How fast a mixture of 28 stores with 13.4 million rows opens and streams, beside plain NumPy permutations.

    python benchmarks/mixture.py [--scale 1.0] [--no-tensorflow]

The stores have a real index but no shards. They are opened in a process of its own, whose peak memory counts.
TensorFlow's index_shuffle is measured on the same places for comparison. Ends with one line of JSON.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from posepile import skeletons
from posepile.mixture import Mixture, Share
from posepile.permutation import permuted
from posepile.store import Store, StoreInfo
from posepile.store.layout import INDEX_FILE, INDEX_SCHEMA, save_info, save_table

TARGET_EXAMPLES_PER_S, TARGET_OPEN_S, TARGET_PEAK_MB = 200_000, 5.0, 1000
# Examples in thousands, in all 13.4 million; the known sizes are those of the paper's data sets
SIZES = [173, 147, 46, 72, 140, 2783, 200, 5281, 60, 1271, 124, 60, 20, 100, 563, 33, 167, 527, 500, 100,
         200, 27, 27, 60, 96, 70, 253, 300]  # fmt: skip
PER_BATCH = [4, 2, 1, 1, 5, 7, 6, 6, 4, 5, 4, 3, 3, 4, 5, 2, 2, 3, 3, 3, 3, 2, 1, 3, 4, 2, 5, 3]
STEPS_AT_ONCE = 64
SMALLER = (100_000, 1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of rows")
    parser.add_argument("--no-tensorflow", action="store_true", help="leave index_shuffle out")
    parser.add_argument("--opened", type=Path, help=argparse.SUPPRESS)  # the process that opens
    arguments = parser.parse_args()
    if arguments.opened:
        print(json.dumps(measure_opened(arguments.opened)))
        return
    opened = opened_in_a_process(arguments.scale)
    figures = {"benchmark": "mixture", **opened, **compare_permutations(not arguments.no_tensorflow)}
    # What a batch costs where there are fewer rows: it must not depend on their number
    for rows in SMALLER:
        smaller = opened_in_a_process(rows / (1000 * sum(SIZES)))
        figures[f"examples_per_s_of_{rows}_rows"] = smaller["examples_per_s"]
    figures["targets_met"] = bool(
        figures["examples_per_s"] >= TARGET_EXAMPLES_PER_S
        and figures["open_s"] < TARGET_OPEN_S
        and figures["open_peak_mb"] < TARGET_PEAK_MB
    )
    for name, value in figures.items():
        print(f"{name:34} {value:,.3f}" if isinstance(value, float) else f"{name:34} {value}")
    print(json.dumps(figures))


def opened_in_a_process(scale: float) -> dict:
    """The figures of `measure_opened` for stores of `scale` times the published numbers of rows."""
    with tempfile.TemporaryDirectory() as folder:
        for k, thousands in enumerate(SIZES):
            write_fake_store(Path(folder) / f"{k:02d}", max(round(thousands * 1000 * scale), 40))
        command = [sys.executable, __file__, "--opened", folder]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def write_fake_store(path: Path, n: int) -> None:
    """Writes an index of `n` rows and store.json."""
    path.mkdir()
    rows = pa.array(np.arange(n))
    key = pc.binary_join_element_wise(f"fake_{path.name}/subject/sequence/", rows.cast(pa.string()), "")
    number = {"shard": np.arange(n) // 32_768, "record": np.arange(n) % 32_768, "n_bytes": 28_000, "crc32": 0,
              "width": 384, "height": 384, "n_valid": 25}  # fmt: skip
    columns = []
    for field in INDEX_SCHEMA:
        if field.name == "key":
            columns.append(key.cast(field.type))
        elif field.name in number:
            values = np.broadcast_to(number[field.name], n).astype(field.type.to_pandas_dtype())
            columns.append(pa.array(values))
        elif field.name == "split":  # a twentieth is not for training, and is left out row by row
            codes = pa.array((np.arange(n) % 20 == 0).astype(np.int32))
            columns.append(pa.DictionaryArray.from_arrays(codes, ["train", "test"]))
        else:
            codes = pa.array(np.arange(n, dtype=np.int32) // 10_000)
            names = pa.array([f"{field.name}{i}" for i in range(n // 10_000 + 1)])
            columns.append(pa.DictionaryArray.from_arrays(codes, names))
    save_table(path / INDEX_FILE, pa.Table.from_arrays(columns, schema=INDEX_SCHEMA))
    info = StoreInfo.of(f"fake_{path.name}", "3d", skeletons.load("h36m"), "none")
    save_info(path, info, {"n_examples": n, "n_rejected": 0})


def measure_opened(folder: Path) -> dict:
    """Opens the stores as a mixture and streams; runs in a process of its own."""
    skeleton = skeletons.union(["h36m"])
    opened = []

    def open_all():
        stores = [Store.open(path) for path in sorted(folder.iterdir())]
        shares = [Share(store, n) for store, n in zip(stores, PER_BATCH, strict=True)]
        opened.append(Mixture(shares, skeleton, seed=1))
        opened[0].rows(0)

    open_s = seconds(open_all)
    peak_mb = peak_memory_mb()
    mixture = opened[0]
    n = STEPS_AT_ONCE * mixture.batch_size
    streamed = [
        n / seconds(lambda i=i: mixture.rows_many(i * STEPS_AT_ONCE, STEPS_AT_ONCE)) for i in range(100)
    ]
    single = [mixture.batch_size / seconds(lambda i=i: mixture.rows(i)) for i in range(300)]
    # The yardstick: what a program that keeps shuffled arrays in memory pays, an epoch of every store
    sizes = [len(store) for store in mixture.stores]
    rng = np.random.default_rng(0)
    numpy_per_s = sum(sizes) / seconds(lambda: [rng.permutation(size) for size in sizes])
    return {
        "stores": len(sizes),
        "rows": sum(sizes),
        "open_s": open_s,
        "open_peak_mb": peak_mb,
        "examples_per_s": statistics.median(streamed),
        "examples_per_s_step_by_step": statistics.median(single),
        "numpy_permutation_examples_per_s": numpy_per_s,
        "ratio_to_numpy_permutation": statistics.median(streamed) / numpy_per_s,
    }


def peak_memory_mb() -> float:
    """Of this process. Not from getrusage: it counts the parent's memory at the fork, too."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError("/proc/self/status has no VmHWM")


def compare_permutations(with_tensorflow: bool) -> dict:
    """Places a second of ours, and of index_shuffle, for stores of several sizes, one key for all places."""
    figures = {}
    for size in (10, 1000, 1_000_000):
        places = np.arange(2000) % size
        sizes, keys = np.full(2000, size), np.full(2000, 7, np.uint64)
        ours = median_rate(lambda p=places, s=sizes, k=keys: permuted(p, s, k))
        figures[f"permuted_per_s_of_{size}"] = ours
        if with_tensorflow:
            figures[f"index_shuffle_per_s_of_{size}"] = median_rate(index_shuffle(places, size))
    return figures


def median_rate(work: Callable[[], object]) -> float:
    work()  # once to warm up
    return statistics.median(2000 / seconds(work) for _ in range(10))


def index_shuffle(places: np.ndarray, size: int) -> Callable[[], object]:
    import tensorflow as tf

    index, last = tf.constant(places, tf.int64), tf.constant(size - 1, tf.int64)
    return lambda: tf.random.experimental.index_shuffle(index, tf.constant([7, 8], tf.uint32), last).numpy()


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
