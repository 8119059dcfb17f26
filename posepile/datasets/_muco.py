"""The files of MuCo-3DHP: the composites, and who is in them. Source: sheet of muco, sections 2 and 3."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from posepile.datasets.raw import RawDataError, array, reading
from posepile.frame import ImageSource

INFO_FILE = "sampled_dataset_info.mat"
N_PEOPLE = 4
N_CAMERAS = 11  # of 14: not those on the ceiling


class Origin(NamedTuple):
    """Where a person was cut out."""

    recording: str
    camera: int
    frame: int

    def file(self, root: Path, kind: str) -> Path:
        return root / self.recording / kind / f"img_{self.camera}_{self.frame:06d}.jpg"

    def files(self, root: Path) -> list[Path]:
        """All that the composition needed."""
        return [self.file(root, kind) for kind in ("imageSequence", "FGmasks", "ChairMasks")]


def composite_image(root: Path, number: int) -> ImageSource | None:
    """The composite, where MATLAB wrote it or in folders of its first digits."""
    name = f"{number:06d}"
    for file in (f"{name[:2]}/{name[:4]}/{name}.jpg", f"{name}.jpg"):
        if (path := root / "unaugmented_set_001" / file).exists():
            return ImageSource(path)
    return None


def n_composites(file: Path) -> int:
    """How many composites the scripts have chosen people for. Raises RawDataError."""
    import h5py

    with reading(file), h5py.File(file) as contents:
        shape = contents["composite_info"].shape
    if len(shape) != 2 or shape[0] != N_PEOPLE:
        raise RawDataError(
            f"{file}: 'composite_info' has shape {list(shape)}, expected [{N_PEOPLE}, composites]"
        )
    return shape[1]


def load_origins(file: Path, first: int, end: int) -> list[tuple[Origin, ...]]:
    """The four people of the composites `first` to `end` - 1, numbered from 1. Raises RawDataError."""
    import h5py

    with reading(file), h5py.File(file) as contents:
        # A cell for each person, whose first entry says where he was cut out
        cells = contents["composite_info"][:, first - 1 : end - 1].T
        raw = [[contents[contents[cell][0, 0]][()] for cell in row] for row in cells]
    raw = array(file, "composite_info", raw, (end - first, N_PEOPLE, 4, 1))[..., 0]
    if (raw != np.rint(raw)).any() or (raw < [1, 1, 0, 0]).any() or (raw > [8, 2, N_CAMERAS - 1, 1e6]).any():
        raise RawDataError(
            f"{file}: 'composite_info' has other values than subject 1 to 8, sequence 1 or 2, camera 0 to "
            f"{N_CAMERAS - 1} and frame"
        )
    return [tuple(Origin(f"S{s}/Seq{q}", c, f) for s, q, c, f in row) for row in raw.astype(int).tolist()]
