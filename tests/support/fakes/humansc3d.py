"""A fake HumanSC3D: one train subject, two recordings, two cameras."""

from pathlib import Path

from fakes import _imar
from fakes.scene import Fake
from posepile.datasets.humansc3d import HumanSC3D


def write(root: Path) -> Fake:
    return _imar.write(root, HumanSC3D(), ("001", "002"))
