"""A data set that takes its time, for tests that interrupt its preparation; no raw files but a folder."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fakes.scene import camera, person, projected_box, write_image

from posepile.datasets import Dataset, Detect, Facts, RawDataError, Sequence
from posepile.frame import Frame, ImageSource
from posepile.skeletons import Skeleton, load

N_SEQUENCES, N_FRAMES = 8, 3


@dataclass(frozen=True)
class SlowPeople(Dataset):
    """Eight sequences of three frames; a file `broken` in the root breaks the sequence that it names."""

    seconds: float = 0.0
    """What a sequence takes at least."""

    is_filtered: ClassVar[bool] = False
    facts: ClassVar[Facts] = Facts(
        id="slow", title="Slow people", role="3d", licence="CC0-1.0", citation="-", url="http://localhost",
        how_to_get=("Call `write`.",), needs=("image.png",),
    )  # fmt: skip

    @property
    def skeleton(self) -> Skeleton:
        return load("aspset")

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        return [Sequence(f"s{i}", "train" if i else "test", root) for i in range(N_SEQUENCES)]

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        time.sleep(self.seconds)
        broken = sequence.root / "broken"
        if broken.exists() and broken.read_text() == sequence.name:
            raise RawDataError(f"{broken}: names {sequence.name}, expected nothing")
        view = camera((0, -4000, 900), (0, 0, 900), focal=250, size=(200, 200))
        for i in range(N_FRAMES):
            joints = person(len(self.skeleton), (0, 0, 900), seed=10 * int(sequence.name[1:]) + i)
            yield Frame(
                key=f"{sequence.name}/{i}",
                image=ImageSource(sequence.root / "image.png"),
                camera=view,
                box=projected_box(view, joints),
                joints3d=joints,
                split=sequence.split,
                tags={"subject": sequence.name},
            )


def write(root: Path) -> Path:
    """The data set's folder."""
    write_image(root / "image.png", (200, 200), 90)
    return root
