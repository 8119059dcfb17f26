"""A fake CHI3D: one train subject, two recordings, two cameras."""

from pathlib import Path

from fakes import _imar
from fakes.scene import Fake
from posepile.datasets.chi3d import CHI3D


def write(root: Path) -> Fake:
    return _imar.write(root, CHI3D(), ("Grab 4", "Hug 12"), has_pairs=True)
