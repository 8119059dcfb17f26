"""JRDB-Pose: crowds around a robot with a ring of cameras, 17 joints in 2D, tracked (Vendrow 2023)."""

import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile.cameras import Camera
from posepile.datasets import _coco_json
from posepile.datasets._coco_json import Person
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, RawDataWarning, array, inside, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.crop import Crop, StandardCrop
from posepile.prepare.matching import joint_box, match
from posepile.prepare.sampling import Sampler

CAMERAS = (0, 2, 4, 6, 8)
LABELS, IMAGES = "train_dataset/labels/labels_2d_pose_coco", "train_dataset/images"
CALIBRATION = "train_dataset/calibration/cameras.yaml"
JOINT_BOX_FACTOR = 1.15
MIN_IOU = 0.1
MOVEMENT = 0.1  # of the longer side of the box around the joints
WORLD_UP = (0.0, -1.0, 0.0)


@dataclass(frozen=True)
class Jrdb(Dataset):
    """JRDB-Pose (2022), the 27 train sequences: people that a detector finds, when they have moved."""

    frame_offset: int = 2
    """The labels of frame n belong to image n + this; so it is in the release of 2022."""
    image_numbers_per_sensor: int = 2
    """Folder image_<k> was taken by sensor k / this of the calibration. Some people's code has 1."""

    facts: ClassVar[Facts] = Facts(
        id="jrdb",
        title="JRDB-Pose",
        role="2d",
        licence="CC BY-NC-SA, non-commercial; by registration",
        citation="Vendrow, Le, Cai, Rezatofighi: JRDB-Pose: A Large-Scale Dataset for Multi-Person Pose Estimation and "
        "Tracking. CVPR 2023",
        url="https://jrdb.erc.monash.edu",
        how_to_get=(
            "Register at https://jrdb.erc.monash.edu and get the train images, labels and calibration of JRDB 2022.",
            "A folder that unpacks as train_dataset_with_activity is renamed to ROOT/train_dataset.",
            f"Then there are ROOT/{IMAGES}/image_<k>/<sequence>/*.jpg and",
            f"ROOT/{LABELS}/<sequence>_image<k>.json and ROOT/{CALIBRATION}.",
        ),
        needs=(CALIBRATION, f"{LABELS}/*_image?.json", f"{IMAGES}/image_0/*"),
        uses_detector=True,
    )
    crop: ClassVar[Crop] = StandardCrop(clip_to_image=False)

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = []
        for file in sorted((root / LABELS).glob("*_image?.json")):
            place, k = file.stem.rsplit("_image", 1)
            if k in map(str, CAMERAS):
                found.append(Sequence(f"{place}/image_{k}", "train", root, (file.name, place, k)))
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        name, place, k = sequence.files
        file = sequence.root / LABELS / name
        camera = _camera(sequence.root / CALIBRATION, int(k) // self.image_numbers_per_sensor)
        samplers = defaultdict(partial(Sampler, np.inf, check_validity=True))
        n_without_image = 0
        for path, people in self._images(sequence.root, file):
            if not path.exists():  # the shifted labels go beyond the last image
                n_without_image += 1
                continue
            pixels = [person.pixels(person.keypoints[:, 2] > 0) for person in people]
            labelled = np.array([joint_box(points, JOINT_BOX_FACTOR) for points in pixels])
            found = labelled if detect is None or not people else detect(ImageSource(path))
            for person, points, box, j in zip(
                people, pixels, labelled, match(labelled, found, MIN_IOU), strict=True
            ):
                if j < 0:
                    continue
                track = _coco_json.field(file, person.annotation, "track_id", int)
                if samplers[track].keep(points, MOVEMENT * box[2:].max()):
                    yield Frame(
                        key=f"{sequence.name}/{path.stem}_{track:03d}",
                        image=ImageSource(path),
                        camera=camera,
                        box=found[j][:4],
                        joints2d=points,
                        split=sequence.split,
                        tags={"subject": f"{place}/{track}", "camera": f"image_{k}"},
                    )
        if n_without_image:
            warnings.warn(
                f"{file}: {n_without_image} labelled frames have no image", RawDataWarning, stacklevel=2
            )

    def _images(self, root: Path, file: Path) -> list[tuple[Path, list[Person]]]:
        """The images that the labels belong to, in order of time."""
        found = []
        for image, people in _coco_json.load_images(file):
            labelled = Path(_coco_json.field(file, image, "file_name", str))
            with reading(file):
                number = int(labelled.stem) + self.frame_offset
            found.append((inside(root / IMAGES, str(labelled.with_name(f"{number:06d}.jpg"))), people))
        return sorted(found, key=lambda entry: entry[0])


DATASET = Jrdb


def _camera(file: Path, sensor: int) -> Camera:
    import yaml

    with reading(file):
        try:
            facts = yaml.safe_load(file.read_bytes())["cameras"][f"sensor_{sensor}"]
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from error
        numbers = {name: facts[name].split() for name in "KDRT"}
    lengths = {"K": 9, "D": 5, "R": 9, "T": 3}
    k, d, r, t = (
        array(file, f"sensor_{sensor}.{name}", numbers[name], (lengths[name],), limit=1e5) for name in "KDRT"
    )
    rotation = r.reshape(3, 3)
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-2 or np.linalg.det(rotation) < 0:
        raise RawDataError(f"{file}: 'sensor_{sensor}.R' is no rotation")
    if 0 < np.abs(t).max() < 1:
        raise RawDataError(f"{file}: 'sensor_{sensor}.T' is {t.tolist()}, expected mm (tens of them)")
    return Camera(k.reshape(3, 3), rotation, -rotation.T @ t, d, np.array(WORLD_UP))
