"""Writes the synthetic data sets as stores: any number of examples, in parallel, the same bytes for the same
seed.

The unit of work is a shard of PER_UNIT examples. Its random numbers come from (seed, data set, unit), so
neither the number of workers nor their order changes a byte, and a longer pile begins with the whole units of
a shorter one.
"""

import multiprocessing
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2

from posepile import store
from posepile.store import Store, StoreInfo
from posepile.synthetic import motion
from posepile.synthetic.catalogue import preset, select
from posepile.synthetic.presets import Preset, simplified
from posepile.synthetic.unit import make_unit

PER_UNIT = 256
GENERATOR = 1
"""Version of what is drawn; part of a store's parameters, so that older stores are recognised."""
LICENCE = "CC0-1.0 (body: MakeHuman assets CC0; motion: pybullet, MIT)"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


class SynthesisError(ValueError):
    """A request that cannot be fulfilled; says what was found and what is expected."""


@dataclass(frozen=True)
class _Task:
    preset_id: str
    path: Path
    info: StoreInfo
    seed: int
    unit: int
    count: int
    side: int
    mocap: Path | None
    backgrounds: Path | None
    simple: bool


def synthesize(
    out: Path,
    examples_per_dataset: int | Mapping[str, int],
    image_side: int = 256,
    seed: int = 1,
    workers: int = 2,
    mocap: Path | None = None,
    backgrounds: Path | None = None,
    simple: bool = False,
    datasets: Iterable[str] | None = None,
    progress: Callable[[str, int, bool], None] | None = None,
) -> list[Path]:
    """Makes the data sets' stores below `out`; those that are there with the same parameters are kept.

    Args:
        out: folder; each store is a folder in it, named by its id ("synthetic_h36m").
        examples_per_dataset: one number for all `datasets` (twins keep their ratio, see `Preset.share`), or a
            number for each id.
        image_side: px of the square images.
        workers: processes. They are started anew ("spawn") and use one thread each.
        mocap: folder with a user's motion capture, which takes the place of the clips of the package.
        backgrounds: folder with photographs that stand behind most people.
        simple: people in colour-coded suits in plain places (`presets.simplified`).
        datasets: ids; by default those of the mapping, or the small pile.
        progress: called with (id, examples, True) for every unit that is written, and with False instead for
            a store that is finished already.

    Returns:
        The stores' folders, in the order of `catalogue.DATA_SETS`.

    Raises:
        UnknownNameError: for an unknown data set. SynthesisError: for sizes that make no sense, an empty
        folder of backgrounds, or a finished store of other parameters. ValueError: for unreadable motion
        capture.
    """
    counts = _counts(examples_per_dataset, datasets)
    if image_side < 32 or workers < 1:
        raise SynthesisError(f"image_side is {image_side} and workers {workers}, expected >= 32 px and >= 1")
    sources = {
        "motion": describe_mocap(mocap),
        "backgrounds": describe_backgrounds(backgrounds),
        "simple": simple,
    }
    paths, tasks = [], []
    for item in select(counts):
        parameters = {"examples": counts[item.id], "image_side": image_side, "seed": seed, **sources}
        path, info = out / item.id, store_info(item, parameters)
        paths.append(path)
        if _is_finished(path, info):
            if progress:
                progress(item.id, counts[item.id], False)
            continue
        store.begin(path)
        for unit, first in enumerate(range(0, counts[item.id], PER_UNIT)):
            count = min(PER_UNIT, counts[item.id] - first)
            tasks.append(
                _Task(item.id, path, info, seed, unit, count, image_side, mocap, backgrounds, simple)
            )
    _run(tasks, workers, progress)
    return paths


def store_info(item: Preset, parameters: Mapping) -> StoreInfo:
    """What a data set's store.json says."""
    provenance = {"made_by": "posepile.synthetic", "generator": GENERATOR, **parameters}
    return StoreInfo.of(item.id, item.role, item.skeleton, LICENCE, provenance)


def describe_mocap(folder: Path | None) -> str:
    """A name for the motion that does not depend on where the folder lies: sizes and names of its files."""
    if folder is None:
        return "package"
    if not folder.is_dir():
        raise SynthesisError(f"{folder}: no such folder, expected one with .bvh or .asf and .amc files")
    return _fingerprint(
        folder, (p for p in folder.rglob("*") if p.suffix.lower() in (".bvh", ".asf", ".amc"))
    )


def describe_backgrounds(folder: Path | None) -> str:
    """As `describe_mocap`, for photographs."""
    return "procedural" if folder is None else _fingerprint(folder, photos_of(folder))


@lru_cache(maxsize=4)
def photos_of(folder: Path | None) -> tuple[Path, ...]:
    """The photographs below a folder, sorted; none for None. Raises SynthesisError if there is none."""
    if folder is None:
        return ()
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES and p.is_file())
    if not found:
        raise SynthesisError(
            f"{folder}: no photographs, expected files that end in {', '.join(PHOTO_SUFFIXES)}"
        )
    return tuple(found)


def _counts(examples: int | Mapping[str, int], datasets: Iterable[str] | None) -> dict[str, int]:
    if isinstance(examples, Mapping):
        counts = {preset(name).id: int(count) for name, count in examples.items()}
        if datasets is not None:
            counts = {p.id: counts[p.id] for p in select(datasets) if p.id in counts}
    else:
        counts = {p.id: p.examples(int(examples)) for p in select(datasets)}
    for name, count in counts.items():
        if count < 1:
            raise SynthesisError(f"{name}: {count} examples, expected at least 1")
    return counts


def _is_finished(path: Path, info: StoreInfo) -> bool:
    if not (path / "store.json").exists():
        return False
    found = Store.open(path).info
    if found.provenance == info.provenance and found.joints == info.joints:
        return True
    different = [k for k in info.provenance if found.provenance.get(k) != info.provenance[k]]
    values = ", ".join(f"{k} = {found.provenance.get(k)!r}" for k in different) or "other joints"
    wanted = ", ".join(f"{k} = {info.provenance[k]!r}" for k in different)
    raise SynthesisError(
        f"{path}: holds a store with {values}, expected {wanted}; remove it or choose another folder"
    )


def _run(tasks: list[_Task], workers: int, progress) -> None:
    """Writes all shards; finishes each store as soon as its last shard is there."""
    if not tasks:
        return
    left = {task.path: sum(t.path == task.path for t in tasks) for task in tasks}
    with (
        _one_thread_each(),
        ProcessPoolExecutor(
            min(workers, len(tasks)),
            multiprocessing.get_context("spawn"),
            initializer=cv2.setNumThreads,
            initargs=(0,),
        ) as pool,
    ):
        futures = {pool.submit(_write_unit, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                task = futures[future]
                future.result()
                left[task.path] -= 1
                if progress:
                    progress(task.preset_id, task.count, True)
                if not left[task.path]:
                    store.finish(task.path, task.info, sum(t.path == task.path for t in tasks))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _write_unit(task: _Task) -> None:
    try:
        moving = None if task.mocap is None else _load_motion(task.mocap)
        photos = photos_of(task.backgrounds)
        item = simplified(preset(task.preset_id)) if task.simple else preset(task.preset_id)
        examples = make_unit(item, task.seed, task.unit, task.count, task.side, moving, photos)
        store.write_shard(task.path, task.info, task.unit, examples)
    except Exception as error:
        error.add_note(f"while making unit {task.unit} of {task.preset_id}")
        raise


_load_motion = lru_cache(maxsize=1)(motion.load_folder)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Child processes inherit the environment: one thread each, so that they neither compete nor round
    differently."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _fingerprint(folder: Path, files: Iterable[Path]) -> str:
    lines = sorted(f"{p.relative_to(folder).as_posix()} {p.stat().st_size}" for p in files)
    return f"{len(lines)} files, crc32 {zlib.crc32(chr(10).join(lines).encode()):08x}"
