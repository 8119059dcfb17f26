"""Speed and memory of the input pipeline, against a plain loader of the same augmentations (plain_loader.py).

    python benchmarks/input_pipeline.py [--examples-per-store 12] [--windows 9] [--memory-examples 20000]

Synthetic twins of the large pile and of the 2D-labelled one (32 stores, JPEGs of 384 px with masks, 555 joints) are
written into a temporary folder. Batches of 128 crops of 256 px with all augmentations of the paper are made by the
loader that training uses, and by the yardstick: each in a process of its own, one thread each, by turns. Times are
processor time, which other work on the machine disturbs least; the wall clock is printed, too. Ours includes what
the network does instead of the loader: to make floats of the pixels. The last line is JSON.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

import cv2
import numpy as np

IMAGE_SIDE, CROP_SIDE = 384, 256
BATCHES = 4  # of a window
LOOKS_OFF = dict(
    brightness=0.0, contrast=0.0, hue_deg=0.0, saturation=0.0, objects=0.0, erase=0.0, background=0.0, background_of=()
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples-per-store", type=int, default=12)
    parser.add_argument("--windows", type=int, default=9, help="of each loader, by turns; of 4 batches each")
    parser.add_argument("--memory-examples", type=int, default=20_000)
    parser.add_argument("--threads", type=int, nargs="*", default=sorted({1, 2, os.cpu_count()}))
    parser.add_argument("--work", nargs=2, metavar=("LOADER", "STORES"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(*arguments.work)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_stores(Path(folder), arguments.examples_per_store)
        figures = compared(folder, arguments.windows)
        figures |= pipelined(folder, arguments.threads, arguments.memory_examples, arguments.windows)
    figures |= {"cpus": os.cpu_count(), "processor": processor_name(), "opencv": cv2.__version__}
    for name, value in figures.items():
        print(f"{name}: {value}")
    print(json.dumps(figures))


def write_stores(folder: Path, examples_per_store: int) -> None:
    from posepile.synthetic import pile

    counts = {id: examples_per_store for id, _ in config_of().data.shares}
    pile.synthesize(folder, counts, IMAGE_SIDE, 1, min(2, os.cpu_count()), None, None, False)


def compared(stores: str, windows: int) -> dict:
    """Examples a second of one core, both loaders by turns: medians over the windows, of which a ratio takes two in a
    row."""
    kinds = ("ours", "plain", "ours_geometry", "plain_geometry", "cast")
    rows = []
    with Worker("ours", stores) as ours, Worker("plain", stores) as plain:
        for window in range(1 + windows):
            asked = {kind: (plain if kind.startswith("plain") else ours).ask(kind, window) for kind in kinds}
            rows += [asked] if window else []  # the first compiles, and fills caches
    figures = {}
    for clock, suffix in enumerate(("", "_by_wall_clock")):
        seconds = {kind: np.array([row[kind][clock] for row in rows]) for kind in kinds}
        seconds["ours"] += seconds["cast"]
        for kind in kinds[:-1]:
            figures[f"{kind}_per_s{suffix}"] = round(1 / float(np.median(seconds[kind])), 1)
        for name in ("", "_geometry"):
            ratios = seconds[f"plain{name}"] / seconds[f"ours{name}"]
            figures[f"ratio{name}{suffix}"] = round(float(np.median(ratios)), 2)
    return figures | {"cast_ms": round(1000 * float(np.median(seconds["cast"])), 3)}


def pipelined(stores: str, threads: list[int], memory_examples: int, windows: int) -> dict:
    """Examples a second out of tf.data by the wall clock, and the memory that is held."""
    figures = {}
    with Worker("ours", stores) as ours:
        for n in threads:
            figures[f"tf_data_{n}_threads_per_s"] = round(1 / ours.ask("tf_data", n, windows)[1], 1)
    with Worker("ours", stores) as ours:
        for n in (1_000, memory_examples):
            figures[f"rss_mb_after_{n}"] = round(ours.ask("rss", n)[0])
    return figures


class Worker:
    """A process with one loader, which makes batches when it is asked to."""

    def __init__(self, loader: str, stores: str):
        command = [sys.executable, __file__, "--work", loader, stores]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *request) -> list[float]:
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def work(kind: str, stores: str) -> None:
    """Answers requests from the standard input, a line of JSON each."""
    cv2.setNumThreads(1)
    jobs = our_jobs(stores) if kind == "ours" else plain_jobs(stores)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(jobs[name](*arguments)), flush=True)
    os._exit(0)  # the threads of tf.data still wait for somebody to take their batches


def our_jobs(stores: str) -> dict:
    import tensorflow as tf

    from training.input_pipeline import BatchLoader, dataset

    tf.config.threading.set_intra_op_parallelism_threads(1)
    loaders = {name: BatchLoader(config_of(), mixture_of(stores)) for name in ("ours", "ours_geometry")}
    without = replace(config_of().augment, **LOOKS_OFF)
    loaders["ours_geometry"] = BatchLoader(replace(config_of(), augment=without), mixture_of(stores))
    loader, to_floats = loaders["ours"], tf.function(lambda image: tf.cast(image, tf.float32) / 255)
    image = tf.constant(loader.batch(0)["image"])

    def tf_data(threads: int, windows: int):
        config = replace(config_of(), runtime=replace(config_of().runtime, loader_threads=threads))
        batches = iter(dataset(BatchLoader(config, mixture_of(stores))))
        for _ in range(threads + config.runtime.prefetch):  # what is made ahead takes no time later
            next(batches)
        return per_example(lambda: next(batches), max(windows, 4 * threads))

    def rss(count: int):
        while rss.made < count:
            next(rss.batches)
            rss.made += len(image)
        with open("/proc/self/status") as status:
            return [int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS")]

    rss.made, rss.batches = 0, iter(dataset(loader))
    jobs = {name: lambda window, each=each: window_of(window, each.batch) for name, each in loaders.items()}
    return jobs | {
        "cast": lambda window: window_of(window, lambda _: to_floats(image)),
        "tf_data": tf_data,
        "rss": rss,
    }


def plain_jobs(stores: str) -> dict:
    from training.augment import pictures
    from training.input_pipeline import LABELS_2D, BatchLoader

    config, mixture = config_of(), mixture_of(stores)
    photos = [np.ascontiguousarray(np.moveaxis(photo, 0, -1)) for photo in pictures.drawn_photos(CROP_SIDE)]
    cut_outs = list(pictures.drawn_cut_outs())
    columns = BatchLoader(config, mixture).columns

    def make(step: int, change_looks: bool):
        from plain_loader import load_example

        parts = {"3d": [], "2d": []}
        for i, (k, row) in enumerate(zip(*mixture.rows(step), strict=True)):
            store, rng = mixture.stores[k], np.random.default_rng([step, i])
            skeleton = LABELS_2D if store.role == "2d" else mixture.skeleton
            background = config.augment.probability("background", store.id.removeprefix("twin_"))
            parts[store.role].append(load_example(
                store.examples([row])[0], columns[k], skeleton.mirror, len(skeleton.joints), CROP_SIDE, photos,
                cut_outs, background, rng, change_looks,
            ))  # fmt: skip
        images, intrinsics = (np.stack([e[i] for e in parts["3d"] + parts["2d"]]) for i in (0, 1))
        labels = [np.stack([example[i] for example in part]) for part in parts.values() for i in (2, 3)]
        return images, intrinsics, labels

    return {
        "plain": lambda window: window_of(window, lambda step: make(step, True)),
        "plain_geometry": lambda window: window_of(window, lambda step: make(step, False)),
    }


def window_of(window: int, make_batch) -> tuple[float, float]:
    """Seconds of an example in a few batches in a row, as training asks for them."""
    steps = iter(range(window * BATCHES, (window + 1) * BATCHES))
    return per_example(lambda: make_batch(next(steps)), BATCHES)


def per_example(make_batch, count: int = 1) -> tuple[float, float]:
    """Seconds of an example, by the processor's clock and by the wall's."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(count):
        make_batch()
    n = count * config_of().data.batch_size
    return (time.process_time() - cpu) / n, (time.perf_counter() - wall) / n


def config_of():
    """The paper's run, on the twins."""
    from posepile import mixtures
    from training.presets import preset

    config = preset("paper_s_256")
    shares = (
        share for name in ("large", "weak2d") for share in mixtures.of_twins(mixtures.load(name)).shares
    )
    return replace(config, data=replace(config.data, shares=tuple(shares), with_validation_split=()))


def mixture_of(stores: str):
    from training.fit import build_mixture

    return build_mixture(config_of(), list(store_folders(stores)))


def store_folders(stores: str) -> Iterator[Path]:
    return (path.parent for path in sorted(Path(stores).glob("*/store.json")))


def processor_name() -> str:
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
