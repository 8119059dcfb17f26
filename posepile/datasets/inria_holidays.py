"""INRIA Holidays: holiday photos, of which those without people become backgrounds (Jégou 2008)."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from posepile.datasets.dataset import Detect, Facts, ImageSet, Sequence
from posepile.datasets.raw import reading
from posepile.frame import ImageSource
from posepile.prepare.image_set import encode

PARTS = 8
SIDE = 512  # px
MIN_SCORE = 0.2


@dataclass(frozen=True)
class InriaHolidays(ImageSet):
    """INRIA Holidays: the photos in which the detector finds nobody, upright, square, 512 x 512 px."""

    facts: ClassVar[Facts] = Facts(
        id="inria_holidays",
        title="INRIA Holidays",
        role="images",
        licence="free for research; photos of the authors",
        citation="Jégou, Douze, Schmid: Hamming Embedding and Weak Geometric Consistency for Large Scale Image Search. "
        "ECCV 2008",
        url="https://lear.inrialpes.fr/~jegou/data.php",
        how_to_get=(
            "Get jpg1.tar.gz and jpg2.tar.gz from https://lear.inrialpes.fr/~jegou/data.php.",
            "Unpack both into ROOT/jpg/*.jpg (1,491 photos).",
        ),
        needs=("jpg/*.jpg",),
        uses_detector=True,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        names = sorted(file.name for file in (root / "jpg").glob("*.jpg"))
        parts = [tuple(names[i::PARTS]) for i in range(min(PARTS, len(names)))]
        return [Sequence(f"{i:02d}", "train", root, part) for i, part in enumerate(parts)]

    def images(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[tuple[str, np.ndarray]]:
        if detect is None:
            raise ValueError(
                "inria_holidays needs a person detector, to leave out the photos that show people"
            )
        with tempfile.TemporaryDirectory() as folder:
            for name in sequence.files:
                background = _square(sequence.root / "jpg" / name)
                shown = Path(folder) / name  # people are looked for in what becomes the background
                shown.write_bytes(encode(background)[1])
                people = detect(ImageSource(shown))
                if not (people[:, 4] > MIN_SCORE).any():
                    yield shown.stem, background


DATASET = InriaHolidays


def _square(file: Path) -> np.ndarray:
    """[512, 512, 3] RGB: the middle of the photo, turned as its EXIF data say."""
    with reading(file):
        image = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB)
        if image is None:
            raise ValueError("no image")
    height, width = image.shape[:2]
    side = min(height, width)
    x, y = (width - side) // 2, (height - side) // 2
    return cv2.resize(image[y : y + side, x : x + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
