"""Keeps TensorFlow's start-up notes off the terminal, and only those.

They come from C++, before any logging can be set up (the libraries' own settings leave some), so they are
filtered where they pass: while TensorFlow is imported and looks for devices, standard error goes through `grep`.
A process of its own shows what is left even if the import crashes.
"""

import importlib.abc
import importlib.machinery
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOTES = ("port|cudart_stub|cpu_feature_guard|computation_placer|dso_loader|gpu_device", "cuda_[a-z]+")
NO_GPU = r"failed call to cuInit"


def quieten_tensorflow() -> None:
    """Lets the import of TensorFlow, whoever does it in this process, go without its notes."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def is_note(line: str) -> bool:
    """Whether a line is one of the notes."""
    return re.search(_pattern(), line) is not None


def _pattern() -> str:
    """Information and warnings of the start-up; the error that there is no GPU, where none is attached."""
    patterns = [
        "^WARNING: All log messages before absl::InitializeLog",
        "^To enable the following instructions: ",
        f"^(20[0-9-]+ [0-9:.]+: )?[IW][0-9]*[ :].*({'|'.join(NOTES)})\\.cc:[0-9]+\\]",
    ]
    if not Path("/dev/nvidiactl").exists():
        patterns.append(f"^(20[0-9-]+ [0-9:.]+: )?E[0-9]*[ :].*{NO_GPU}")
    return "|".join(patterns)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname != "tensorflow":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self._loader
        with _filtered_stderr():
            self._loader.exec_module(module)
            module.config.list_physical_devices("GPU")  # its notes come at the first look


@contextmanager
def _filtered_stderr() -> Iterator[None]:
    grep = shutil.which("grep")
    if grep is None or sys.stderr is None:
        yield
        return
    terminal = os.dup(2)
    command = [grep, "--line-buffered", "-vE", _pattern()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=terminal) as process:
        os.dup2(process.stdin.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
