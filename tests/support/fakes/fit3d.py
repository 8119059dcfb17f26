"""A fake Fit3D: one train subject, two recordings, two cameras."""

from pathlib import Path

from fakes import _imar
from fakes.scene import Fake
from posepile.datasets.fit3d import Fit3D


def write(root: Path) -> Fake:
    return _imar.write(root, Fit3D(), ("band_pull_apart", "warmup_1"))
