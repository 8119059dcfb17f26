"""Preparation: nothing is done twice, no failure is lost, and no interruption shows in the result."""

import hashlib
import os
import resource
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slow_people
from slow_people import N_FRAMES, N_SEQUENCES, SlowPeople

from posepile.datasets import RawDataError
from posepile.prepare.join import join
from posepile.prepare.run import prepare
from posepile.prepare.unit import Tools, prepare_unit, unit_path
from posepile.store import Store, verify

TOOLS = Tools()
SUPPORT = Path(slow_people.__file__).parent


@pytest.fixture
def root(tmp_path):
    return slow_people.write(tmp_path / "raw")


def contents(store: Path) -> dict[str, str]:
    """Checksums of all files of a store."""
    files = (path for path in sorted(store.rglob("*")) if path.is_file())
    return {str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def prepared_here(root: Path, out: Path) -> Path:
    """The store, made in this process in one go."""
    dataset = SlowPeople()
    sequences = dataset.sequences(root)
    for sequence in reversed(sequences):
        prepare_unit(dataset, sequence, out, TOOLS)
    join(dataset, sequences, out, TOOLS, [])
    return out


def test_the_store_holds_every_example_with_its_split(root, tmp_path):
    store = Store.open(prepared_here(root, tmp_path / "out"))
    assert len(store) == N_SEQUENCES * N_FRAMES and not verify(store.path)
    assert set(store.index.column("split").to_pylist()) == {"train", "test"}
    assert [e.key for e in store.examples([0, 4])] == ["s0/0", "s1/1"]
    assert not (store.path / "units").exists()


def test_a_cluster_on_this_machine_gives_the_same_bytes_and_retries_what_failed(root, tmp_path):
    (root / "broken").write_text("s3")
    out = tmp_path / "out"
    outcome = prepare(SlowPeople(), root, out, TOOLS, workers=2)
    assert outcome.store is None
    (failure,) = outcome.failures
    assert failure.sequence == "s3" and "names s3" in failure.error
    sequences = {s.name: s for s in SlowPeople().sequences(root)}
    before = {name: os.stat(unit_path(out, s)).st_mtime_ns for name, s in sequences.items() if name != "s3"}
    assert len(before) == N_SEQUENCES - 1
    (root / "broken").unlink()
    done = []
    outcome = prepare(
        SlowPeople(), root, out, TOOLS, workers=2, on_progress=lambda name, n: done.append((name, n))
    )
    assert done == [("s3", N_FRAMES)] and not outcome.failures
    assert contents(out) == contents(prepared_here(root, tmp_path / "reference"))
    # A finished store stays as it is
    assert prepare(SlowPeople(), root, out, TOOLS).store.path == out


def test_failed_sequences_can_be_left_out_and_are_named_in_the_store(root, tmp_path):
    (root / "broken").write_text("s3")
    outcome = prepare(SlowPeople(), root, tmp_path / "out", TOOLS, leave_out_failed=True)
    assert outcome.store.info.provenance["left_out"] == ["s3"]
    assert len(outcome.store) == (N_SEQUENCES - 1) * N_FRAMES


def test_other_choices_need_another_folder(root, tmp_path):
    out = prepared_here(root, tmp_path / "out")
    with pytest.raises(RawDataError, match="options"):
        prepare(SlowPeople(seconds=0.01), root, out, TOOLS)


def test_implausible_people_are_listed_and_left_out(root, tmp_path):
    class Filtered(SlowPeople):
        is_filtered = True

        def read(self, sequence, detect=None):
            for frame in super().read(sequence, detect):
                if frame.key == "s5/1":
                    frame.joints3d[self.skeleton.index("lank")] += [3000, 0, 0]
                yield frame

    dataset, out = Filtered(), tmp_path / "out"
    sequences = dataset.sequences(root)
    for sequence in sequences:
        prepare_unit(dataset, sequence, out, TOOLS)
    store = join(dataset, sequences, out, TOOLS, [])
    assert len(store) == N_SEQUENCES * N_FRAMES - 1 == len(set(store.index.column("key").to_pylist()))
    assert '"s5/1"' in (out / "rejected.jsonl").read_text()


def test_a_full_disk_leaves_what_the_next_run_completes(root, tmp_path):
    out, dataset = tmp_path / "out", SlowPeople()
    sequence = dataset.sequences(root)[0]
    if (pid := os.fork()) == 0:  # in a process of its own, whose files cannot grow
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        try:
            prepare_unit(dataset, sequence, out, TOOLS)
        except BaseException:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert not unit_path(out, sequence).exists()
    assert contents(prepared_here(root, out)) == contents(prepared_here(root, tmp_path / "reference"))


def test_a_detector_looks_once_at_every_image(root, tmp_path, monkeypatch):
    class Detected(SlowPeople):
        facts = replace(SlowPeople.facts, uses_detector=True)

        def read(self, sequence, detect=None):
            for frame in super().read(sequence, detect):
                yield replace(frame, box=detect(frame.image)[0, :4])

    class FakeDetector:
        identity = "fake"
        looked = 0

        def detect_batch(self, images):
            FakeDetector.looked += len(images)
            return [np.array([[20, 10, 100, 150, 0.9]], np.float32) for _ in images]

    monkeypatch.setattr("posepile.prepare.unit._detector", lambda name, weights: FakeDetector())
    dataset, tools, out = Detected(), Tools(detector="fake"), tmp_path / "out"
    for sequence in dataset.sequences(root):
        prepare_unit(dataset, sequence, out, tools)
    store = join(dataset, dataset.sequences(root), out, tools, [])
    assert FakeDetector.looked == 1  # all frames show the same image
    assert store.info.provenance["detector"] == "fake"
    assert not list(out.rglob("*.sqlite"))


@pytest.mark.slow
def test_killed_workers_and_scheduler_do_not_show_in_the_store(root, tmp_path):
    out = tmp_path / "out"
    first = _Cluster()
    try:
        run = first.prepare(root, out, seconds=0.5)
        _wait_for_units(out, 2)
        first.workers[0].kill()
        _wait_for_units(out, 3)
        first.scheduler.kill()
        assert run.wait(60) != 0
        assert "run the command again" in run.stderr.read()
    finally:
        first.stop()
    assert 3 <= len(list((out / "units").glob("[!.]*"))) < N_SEQUENCES
    second = _Cluster()
    try:
        assert second.prepare(root, out, seconds=0.5).wait(120) == 0
    finally:
        second.stop()
    reference = tmp_path / "reference"
    sequences, dataset = SlowPeople(0.5).sequences(root), SlowPeople(0.5)
    for sequence in sequences:
        prepare_unit(dataset, sequence, reference, TOOLS)
    join(dataset, sequences, reference, TOOLS, [])
    assert contents(out) == contents(reference)


class _Cluster:
    """A scheduler and two workers, each in a process that can be killed."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
        port = self.address.rsplit(":", 1)[1]
        self._environment = {**os.environ, "PYTHONPATH": str(SUPPORT)}
        self.scheduler = self._dask("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "20")
        self.workers = [self._dask("worker", self.address, *options) for _ in range(2)]
        self._runs: list[subprocess.Popen] = []

    def _dask(self, *args: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "dask", *args]
        return subprocess.Popen(
            command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def prepare(self, root: Path, out: Path, seconds: float) -> subprocess.Popen:
        code = (
            "from pathlib import Path; from slow_people import SlowPeople\n"
            "from posepile.prepare.run import prepare; from posepile.prepare.unit import Tools\n"
            f"prepare(SlowPeople({seconds}), Path({str(root)!r}), Path({str(out)!r}), Tools(), "
            f"scheduler={self.address!r})"
        )
        run = subprocess.Popen(
            [sys.executable, "-c", code], env=self._environment, stderr=subprocess.PIPE, text=True
        )
        self._runs.append(run)
        return run

    def stop(self) -> None:
        for process in (*self._runs, *self.workers, self.scheduler):
            process.kill()
            process.wait()


def _wait_for_units(out: Path, n: int) -> None:
    deadline = time.monotonic() + 90
    while len(list((out / "units").glob("[!.]*"))) < n:
        assert time.monotonic() < deadline, "the cluster does not get on"
        time.sleep(0.05)
