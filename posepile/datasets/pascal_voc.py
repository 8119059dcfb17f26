"""PASCAL VOC 2012: cut-outs of its segmented objects, to be put before people (Everingham 2012)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree

import cv2
import numpy as np

from posepile.datasets.dataset import Detect, Facts, ImageSet, Sequence
from posepile.datasets.raw import RawDataError, array, reading
from posepile.frame import ImageSource
from posepile.images import read_image

PARTS = 16
MIN_PIXELS = 500  # of an object's mask, before it is halved
RIM_SIZE, RIM_ALPHA = 8, 0.75


@dataclass(frozen=True)
class PascalVoc(ImageSet):
    """PASCAL VOC 2012: whole, not difficult objects other than people, at half their size, with a soft rim."""

    facts: ClassVar[Facts] = Facts(
        id="pascal_voc",
        title="PASCAL VOC 2012",
        role="images",
        licence="photos from Flickr, under Flickr's terms of use",
        citation="Everingham, Van Gool, Williams, Winn, Zisserman: The PASCAL Visual Object Classes Challenge 2012 "
        "(VOC2012) Results. 2012",
        url="http://host.robots.ox.ac.uk/pascal/VOC/voc2012",
        how_to_get=(
            "Get VOCtrainval_11-May-2012.tar (2 GB) from http://host.robots.ox.ac.uk/pascal/VOC/voc2012.",
            "Unpack it without VOCdevkit/VOC2012/: ROOT/{Annotations,JPEGImages,SegmentationObject}.",
        ),
        needs=("Annotations/*.xml", "JPEGImages/*.jpg", "SegmentationObject/*.png"),
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        names = sorted(file.stem for file in (root / "Annotations").glob("*.xml"))
        parts = [tuple(names[i::PARTS]) for i in range(min(PARTS, len(names)))]
        return [Sequence(f"{i:02d}", "train", root, part) for i, part in enumerate(parts)]

    def images(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[tuple[str, np.ndarray]]:
        for name in sequence.files:
            objects = _objects(sequence.root / f"Annotations/{name}.xml")
            if not objects:
                continue
            image = read_image(ImageSource(sequence.root / f"JPEGImages/{name}.jpg"))
            labels = _labels(sequence.root / f"SegmentationObject/{name}.png", image.shape[:2])
            for i, (x1, y1, x2, y2) in objects.items():
                is_object = labels[y1:y2, x1:x2] == i + 1
                if is_object.sum() >= MIN_PIXELS:
                    yield f"{name}_{i:02d}", _cut_out(image[y1:y2, x1:x2], is_object)


DATASET = PascalVoc


def _objects(file: Path) -> dict[int, tuple[int, ...]]:
    """The chosen objects of an image that has segmentations: place among all objects -> x1, y1, x2, y2."""
    with reading(file):
        image = ElementTree.parse(file).getroot()
        if not int(image.findtext("segmented")):
            return {}
        chosen = {}
        for i, each in enumerate(image.findall("object")):
            is_whole = not int(each.findtext("difficult", "0")) and not int(each.findtext("truncated", "0"))
            if is_whole and each.findtext("name") != "person":
                corners = [float(each.findtext(f"bndbox/{c}")) for c in ("xmin", "ymin", "xmax", "ymax")]
                # Some corners are fractions. They count from 1; used as slices from 0, the first row is lost
                corners = array(file, "bndbox", corners, (4,), limit=1e5).astype(int)
                chosen[i] = tuple(np.maximum(corners, 0).tolist())
    return chosen


def _labels(file: Path, size: tuple[int, int]) -> np.ndarray:
    """[h, w] uint8: 0 background, 1.. the objects in their order, 255 their outlines."""
    from PIL import Image  # OpenCV reads a palette's colours, not its indices

    with reading(file):
        try:
            with Image.open(file) as image:
                if image.mode not in ("P", "L") or image.size != size[::-1]:
                    found = f"mode {image.mode}, {image.width} x {image.height} px"
                    raise RawDataError(
                        f"{file}: {found}, expected mode P, {size[1]} x {size[0]} px like the photo"
                    )
                return np.asarray(image)
        except Image.DecompressionBombError as error:
            raise ValueError(str(error)) from error


def _cut_out(image: np.ndarray, is_object: np.ndarray) -> np.ndarray:
    """[h/2, w/2, 4] RGBA: alpha is 1, and 0.75 near the object's rim, before both are halved (8 bits: to 0.002)."""
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (RIM_SIZE, RIM_SIZE))
    is_inner = cv2.erode(is_object.astype(np.uint8), brush) > 0
    alpha = np.where(is_inner, 1, np.where(is_object, RIM_ALPHA, 0)).astype(np.float32)
    size = tuple(max(1, round(side / 2)) for side in alpha.shape[::-1])
    halved, alpha = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (image, alpha))
    return np.dstack([halved, np.rint(alpha * 255).astype(np.uint8)])
