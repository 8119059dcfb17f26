"""Preparing a data set on a Dask cluster: a sequence a task, nothing done twice, no failure unnoticed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from posepile.datasets.dataset import Dataset, Sequence
from posepile.datasets.raw import RawDataError
from posepile.prepare.join import join
from posepile.prepare.unit import Tools, UnitReport, prepare_unit, provenance, unit_path
from posepile.store import Store
from posepile.store.layout import STORE_FILE, load_info

Progress = Callable[[str, int], None]
"""Called with the name of a sequence that is done, and its number of examples."""


@dataclass(frozen=True)
class Failure:
    """A sequence that could not be prepared."""

    sequence: str
    error: str


@dataclass(frozen=True)
class Outcome:
    """What a run has come to: the finished store, or the failures that keep it from being finished."""

    n_sequences: int
    failures: tuple[Failure, ...]
    store: Store | None


def prepare(
    dataset: Dataset,
    root: Path,
    out: Path,
    tools: Tools,
    *,
    workers: int = 1,
    scheduler: str = "",
    leave_out_failed: bool = False,
    on_start: Callable[[int, int], None] = lambda total, done: None,
    on_progress: Progress = lambda name, n_examples: None,
) -> Outcome:
    """Prepares what is not prepared yet, and joins the store when every sequence is there.

    Args:
        workers: processes on this machine, where there is no `scheduler`.
        scheduler: address of a dask.distributed scheduler whose workers see the same folders.
        leave_out_failed: finish the store without the sequences that fail; store.json lists them.
        on_start: called with the number of sequences, and how many of them are done already.

    Raises:
        RawDataError: raw files are missing, or `out` was prepared in another way.
        ConnectionError: the cluster is gone. What is finished stays.
    """
    if (out / STORE_FILE).exists():
        _check_same(out, dataset, tools)
        return Outcome(0, (), Store.open(out))
    sequences = dataset.sequences(root)
    done = [sequence for sequence in sequences if _is_done(out, sequence, dataset, tools)]
    names_done = {sequence.name for sequence in done}
    left = [sequence for sequence in sequences if sequence.name not in names_done]
    on_start(len(sequences), len(done))
    (out / "units").mkdir(parents=True, exist_ok=True)
    failures = []
    for report in _reports(dataset, left, out, tools, workers, scheduler):
        if isinstance(report, Failure):
            failures.append(report)
        else:
            on_progress(report.name, report.n_examples)
    failures.sort(key=lambda failure: failure.sequence)
    if failures and not leave_out_failed:
        return Outcome(len(sequences), tuple(failures), None)
    failed = {failure.sequence for failure in failures}
    kept = [sequence for sequence in sequences if sequence.name not in failed]
    if not kept:
        return Outcome(len(sequences), tuple(failures), None)
    store = join(dataset, kept, out, tools, sorted(failed))
    return Outcome(len(sequences), tuple(failures), store)


def _reports(
    dataset: Dataset, sequences: list[Sequence], out: Path, tools: Tools, workers: int, scheduler: str
) -> Iterator[UnitReport | Failure]:
    """Runs `prepare_unit` on all sequences, and yields what comes of them as it comes."""
    if not sequences:
        return
    import cloudpickle
    from distributed import CancelledError, as_completed

    with _client(workers, scheduler) as client:
        # pure=False: whether a result is there already is the disk's to say, not the scheduler's
        futures = [
            client.submit(_attempt, cloudpickle.dumps((dataset, sequence, out.absolute(), tools)), pure=False)
            for sequence in sequences
        ]
        names = {future.key: sequence.name for future, sequence in zip(futures, sequences, strict=True)}
        for future in as_completed(futures):
            try:
                yield future.result()
            except CancelledError as error:
                raise ConnectionError(
                    f"lost the Dask scheduler {scheduler}; finished sequences are kept, run the command again"
                ) from error
            except Exception as error:  # the worker died: its sequence may be too large for its memory
                yield Failure(names[future.key], f"{type(error).__name__}: {error}")
            future.release()


def _attempt(task: bytes) -> UnitReport | Failure:
    """`prepare_unit`, whose errors are results: a bad file must not stop the cluster.

    The task comes as bytes of cloudpickle, because a user's own reader is in no module that workers could import.
    """
    import cloudpickle

    dataset, sequence, out, tools = cloudpickle.loads(task)
    try:
        return prepare_unit(dataset, sequence, out, tools)
    except Exception as error:
        kind = "" if isinstance(error, RawDataError) else f"{type(error).__name__}: "
        return Failure(sequence.name, f"{kind}{error}")


@contextmanager
def _client(workers: int, scheduler: str):
    """A client of the given scheduler, or of a cluster on this machine that ends with the block."""
    from distributed import Client, LocalCluster

    if scheduler:
        with Client(scheduler, timeout="10s") as client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _is_done(out: Path, sequence: Sequence, dataset: Dataset, tools: Tools) -> bool:
    path = unit_path(out, sequence)
    if not path.exists():
        return False
    _check_same(path, dataset, tools)
    return True


def _check_same(path: Path, dataset: Dataset, tools: Tools) -> None:
    """Raises RawDataError if a store was prepared from other choices than these."""
    found, wanted = load_info(path)[0].provenance, provenance(dataset, tools)
    different = [name for name in wanted if found.get(name) != wanted[name]]
    if different:
        name = different[0]
        raise RawDataError(
            f"{path}: was prepared with {name} = {found.get(name)!r}, expected {wanted[name]!r}; "
            "remove it or choose another folder"
        )
