"""Fakes of the data sets, in the layout that their owners publish, written from scenes that we know.

A module `fakes/<id>.py` has one function, `write(root) -> Fake`, or FakeImages for the IMAGE_SETS. The shared tests
read every fake and compare with what is known; a data set's own tests cover its traps. Fakes are small: a few
people, a few frames.
"""

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

from fakes.scene import Fake, FakeImages, Known, camera, person, projected_box, write_image, write_video

__all__ = [
    "IMAGE_SETS",
    "Fake",
    "FakeImages",
    "Known",
    "camera",
    "person",
    "projected_box",
    "write_image",
    "write_video",
    "writers",
]

IMAGE_SETS = ("inria_holidays", "pascal_voc")


def writers() -> dict[str, Callable[[Path], Fake | FakeImages]]:
    """The function that writes each fake, by the data set's id. Modules that several share begin with "_"."""
    names = {module.name for module in pkgutil.iter_modules(__path__)} - {"scene"}
    public = sorted(name for name in names if not name.startswith("_"))
    return {name: importlib.import_module(f"fakes.{name}").write for name in public}
