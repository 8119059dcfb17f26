"""The eight benchmarks, each as a few poses in the original files' layout, in one table.

`world_predictions` gives what a prediction file of each would hold; `draw_images` adds pixels by which a model can tell
the images apart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import small_aspset
import small_emdb
import small_h36m
import small_mpi
import small_synthetic
import small_tdoh
import small_tdpw
from fakes.scene import write_image, write_video

from evaluation import protocols

SIZE = (64, 48)
FIRST_GREY, GREY_STEP = 20, 12


@dataclass(frozen=True)
class Small:
    """One benchmark."""

    id: str
    write: Callable[[Path], Path]
    """Writes it into a folder, returns the root for `dozens evaluate`."""
    lonely_joint: str
    """One that is no root, and by which people are not matched in the image: moving it moves nothing else."""
    needs_models: bool = False

    def options(self, root: Path) -> dict[str, Any]:
        """The protocol's options that it cannot do without."""
        return {"body_models": str(root.parent / "models")} if self.needs_models else {}

    def protocol(self, root: Path) -> Any:
        return protocols.load(self.id)(**self.options(root))


SMALL = {
    each.id: each
    for each in (
        Small("h36m", small_h36m.write, "lwri"),
        Small("tdhp", small_mpi.write_tdhp, "htop"),
        Small("mupots", small_mpi.write_mupots, "htop"),
        Small("tdpw", small_tdpw.write, "lwri"),
        Small("aspset", small_aspset.write, "rank"),
        Small("tdoh", small_tdoh.write, "rank"),
        Small("emdb", lambda folder: small_emdb.write(folder.parent), "lwri", needs_models=True),
        Small("synthetic", small_synthetic.write, "lwri"),
    )
}
IMAGE_SETS = [id for id in SMALL if id != "synthetic"]
"""Those that `dozens predict` runs on."""


def draw_images(protocol, root: Path) -> dict[str, int]:
    """Gives every image with a person pixels of a grey of its own; returns the images in the order of their greys."""
    number: dict[str, int] = {}
    for labelled in protocol.labelled(root):
        for name, source in zip(labelled.image_paths, labelled.images, strict=True):
            number.setdefault(name, len(number))
            if source.frame is None:
                write_image(source.path, SIZE, grey(number[name]))
        if labelled.images and labelled.images[0].frame is not None:
            greys = {
                s.frame: grey(number[n]) for n, s in zip(labelled.image_paths, labelled.images, strict=True)
            }
            write_video(
                labelled.images[0].path, SIZE, [greys.get(i, 0) for i in range(max(greys) + 1)], fps=50
            )
    return number


def grey(number: int) -> int:
    return FIRST_GREY + GREY_STEP * number


def number_of(grey: np.ndarray) -> np.ndarray:
    return np.rint((grey - FIRST_GREY) / GREY_STEP).astype(int)
