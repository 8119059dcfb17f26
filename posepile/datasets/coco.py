"""COCO keypoints: photos of everyday scenes, 17 joints in 2D, masks of every person (Lin 2014)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile.datasets import _coco_json
from posepile.datasets._coco_json import Person
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, inside, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.matching import joint_box

SPLITS = ("train", "val")
PARTS = 32  # of a split's images, so that several processes share the work
MIN_VISIBLE, MIN_LABELLED = 6, 9  # of 17 joints: at least a third, and at least half
JOINT_BOX_FACTOR, MIN_SIDE = 1.25, 200.0
LARGEST_IMAGE = 20_000  # px


@dataclass(frozen=True)
class Coco(Dataset):
    """COCO keypoints of 2014, train and val: large people with half of their joints labelled."""

    facts: ClassVar[Facts] = Facts(
        id="coco",
        title="COCO keypoints (2014)",
        role="2d",
        licence="annotations CC BY 4.0; each photo under the Flickr licence of its owner",
        citation="Lin, Maire, Belongie, Hays, Perona, Ramanan, Dollár, Zitnick: Microsoft COCO: Common Objects in "
        "Context. ECCV 2014",
        url="https://cocodataset.org",
        how_to_get=(
            "Get http://images.cocodataset.org/zips/{train2014,val2014}.zip (20 GB).",
            "Get http://images.cocodataset.org/annotations/annotations_trainval2014.zip.",
            "Unpack them into ROOT/{train2014,val2014}/*.jpg and ROOT/annotations/person_keypoints_*.json.",
        ),
        needs=tuple(
            pattern
            for split in SPLITS
            for pattern in (f"annotations/person_keypoints_{split}2014.json", f"{split}2014/*.jpg")
        ),
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        parts = product(SPLITS, range(PARTS))
        return [Sequence(f"{split}2014/{i:02d}", split, root, (split, str(i))) for split, i in parts]

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        split, part = sequence.files
        file = sequence.root / f"annotations/person_keypoints_{split}2014.json"
        for image, people in _images(file, file.stat().st_mtime_ns)[int(part) :: PARTS]:
            with reading(file):
                path = inside(sequence.root / f"{split}2014", image["file_name"])
                size = array(
                    file, "height, width", [image["height"], image["width"]], (2,), int, limit=LARGEST_IMAGE
                )
            for i, person in enumerate(people):
                yield Frame(
                    key=f"{sequence.name}/{path.stem}_{i:02d}",
                    image=ImageSource(path),
                    camera=None,
                    box=_coco_json.box(file, person),
                    joints2d=_pixels(person),
                    mask=_mask(file, person.annotation.get("segmentation"), size.tolist()),
                    split=split,
                )


DATASET = Coco


@lru_cache(maxsize=1)
def _images(file: Path, _modified: int) -> list[tuple[dict, list[Person]]]:
    """All images with the people that are chosen; kept, because a process reads several parts of a file."""
    return [(image, [p for p in people if _is_chosen(p)]) for image, people in _coco_json.load_images(file)]


def _is_chosen(person: Person) -> bool:
    visibility = person.keypoints[:, 2]
    if (visibility == 2).sum() < MIN_VISIBLE or (visibility > 0).sum() < MIN_LABELLED:
        return False
    return joint_box(_pixels(person), JOINT_BOX_FACTOR)[2:].max() >= MIN_SIDE


def _pixels(person: Person) -> np.ndarray:
    return person.pixels(person.keypoints[:, 2] > 0)  # v = 1: hidden, but labelled


def _mask(file: Path, segmentation, size: list[int]) -> dict:
    """The run-length code, at `size` (h, w), of polygons or of the column-major runs of a crowd."""
    from pycocotools import mask as coco_masks

    if isinstance(segmentation, dict):
        runs = array(file, "segmentation.counts", segmentation.get("counts"), (None,), np.int64)
        if segmentation.get("size") != size or (runs < 0).any() or runs.sum() != np.prod(size):
            raise RawDataError(f"{file}: the runs of a 'segmentation' do not fill its image of {size} (h, w)")
        return coco_masks.frPyObjects({"counts": runs.tolist(), "size": size}, *size)
    if not isinstance(segmentation, list) or not segmentation:
        raise RawDataError(f"{file}: 'segmentation' is no list of polygons and no run-length code")
    polygons = [array(file, "segmentation", p, (None,), limit=LARGEST_IMAGE) for p in segmentation]
    if any(len(polygon) < 6 or len(polygon) % 2 for polygon in polygons):
        raise RawDataError(f"{file}: a polygon of 'segmentation' is not x, y of three corners or more")
    return coco_masks.merge(coco_masks.frPyObjects([p.tolist() for p in polygons], *size))
