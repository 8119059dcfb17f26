"""The JSON of keypoints that COCO defined and PoseTrack and JRDB follow: images, and the people in them."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from posepile.datasets.raw import RawDataError, array, load_json, reading

N_JOINTS = 17
LARGEST = 1e5  # px, of any coordinate


class Person(NamedTuple):
    """An annotation and its keypoints [17, 3]: x, y in px and v, whose meaning is the data set's own."""

    annotation: dict
    keypoints: np.ndarray

    def pixels(self, is_valid: np.ndarray) -> np.ndarray:
        """[17, 2] px, NaN where not `is_valid` [17]."""
        return np.where(is_valid[:, np.newaxis], self.keypoints[:, :2], np.nan)


def load_images(file: Path) -> list[tuple[dict, list[Person]]]:
    """All images of a file with their people, both in the order of the file. Raises RawDataError."""
    document = load_json(file)
    with reading(file):
        images = {field(file, image, "id", int): (image, []) for image in document["images"]}
        for annotation in document["annotations"]:
            image_id = field(file, annotation, "image_id", int)
            if image_id not in images:
                raise RawDataError(f"{file}: 'image_id' is {image_id}, expected the id of one of the images")
            keypoints = array(file, "keypoints", annotation["keypoints"], (3 * N_JOINTS,), limit=LARGEST)
            images[image_id][1].append(Person(annotation, keypoints.reshape(N_JOINTS, 3)))
    return list(images.values())


def box(file: Path, person: Person, name: str = "bbox") -> np.ndarray:
    """[4] px, a box of a person's annotation. Raises RawDataError."""
    return array(file, name, person.annotation.get(name), (4,), limit=LARGEST)


def field(file: Path, record: dict, name: str, kind: type) -> Any:
    """`record[name]`, which must be of `kind`. Raises RawDataError."""
    found = record.get(name) if isinstance(record, dict) else None
    if not isinstance(found, kind):
        raise RawDataError(f"{file}: {name!r} is {str(found)[:60]!r}, expected {kind.__name__}")
    return found
