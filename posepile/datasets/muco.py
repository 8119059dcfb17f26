"""MuCo-3DHP: images composed of four people each, cut out of MPI-INF-3DHP by their green screens (Mehta 2018)."""

import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import cv2
import numpy as np

from posepile import boxes, masks
from posepile.cameras import Camera
from posepile.datasets import _tdhp
from posepile.datasets._muco import INFO_FILE, Origin, composite_image, load_origins, n_composites
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, RawDataWarning, reading
from posepile.frame import Frame, ImageSource
from posepile.images import read_image
from posepile.prepare.crop import Crop, ShiftedCrop
from posepile.prepare.matching import component_at, joint_box, match
from posepile.skeletons import load_data_set

PER_SEQUENCE = 2000  # composites; each sequence reads the labels of all 16 recordings
BOX_FACTOR = 1.05
MASK_BOX_FACTOR = 1.3
RED_OF_PERSON, RED_OF_CHAIR = 100, 32
MIN_SCORE, MIN_IOU, MAX_AREA_RATIO = 0.1, 0.1, 2.0


@dataclass(frozen=True)
class MuCo(Dataset):
    """MuCo-3DHP, 28 joints, all to train: the people that the detector finds in the composites."""

    tdhp_root: Path | None = None
    """Folder of MPI-INF-3DHP, whose labels and masks are needed; without it, the folder 3dhp beside the root."""
    below: int = 200_000
    """Composites with numbers below this one are read; the small pile had 150,000."""
    mend_swap: bool = True
    """Exchange left and right in about 2,100 frames of S4/Seq2, whose labels have them the wrong way round."""

    facts: ClassVar[Facts] = Facts(
        id="muco",
        title="MuCo-3DHP",
        role="3d",
        licence="academic research only",
        citation="Mehta, Sotnychenko, Mueller, Xu, Sridhar, Pons-Moll, Theobalt: Single-Shot Multi-Person 3D Pose "
        "Estimation From Monocular RGB. 3DV 2018",
        url="http://gvv.mpi-inf.mpg.de/projects/SingleShotMultiPerson",
        how_to_get=(
            "Get the training part of MPI-INF-3DHP (`dozens datasets tdhp`), with FGmasks and ChairMasks and the wall "
            "cameras (0 to 10), into 3dhp beside ROOT.",
            "Extract every frame of video, FGmasks and ChairMasks as img_<camera>_<frame>.jpg, with six digits and "
            "frames numbered from 0.",
            "Get muco-3dhp.zip (MATLAB scripts), generate the composites, and move them and sampled_dataset_info.mat "
            "to ROOT/unaugmented_set_001/<number>.jpg, or <2 digits>/<4 digits>/<6 digits>.jpg below it.",
        ),
        needs=(INFO_FILE, "unaugmented_set_001"),
        uses_detector=True,
    )
    crop: ClassVar[Crop] = ShiftedCrop()

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        n = min(n_composites(root / INFO_FILE), self.below - 1)  # numbered from 1
        if n < 1:
            raise RawDataError(
                f"{root / INFO_FILE}: no composite, expected numbers from 1 to below {self.below}"
            )
        starts = range(1, n + 1, PER_SEQUENCE)
        ends = [min(start + PER_SEQUENCE, n + 1) for start in starts]
        return [
            Sequence(f"{start:06d}", "train", root, (str(start), str(end)))
            for start, end in zip(starts, ends, strict=True)
        ]

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        first, end = map(int, sequence.files)
        root = self.tdhp_root or sequence.root.parent / "3dhp"
        composites = {}
        for number, origins in enumerate(load_origins(sequence.root / INFO_FILE, first, end), start=first):
            image = composite_image(sequence.root, number)
            if image and all(file.exists() for origin in origins for file in origin.files(root)):
                composites[number] = image, origins
        if n_skipped := end - first - len(composites):
            warnings.warn(
                f"{sequence.root}: {n_skipped} of the composites {first} to {end - 1} skipped, whose image or source "
                f"images or masks (in {root}) are missing",
                RawDataWarning,
                stacklevel=2,
            )
        people = _load_people(root, [origin for _, o in composites.values() for origin in o], self.mend_swap)
        for number, (image, origins) in composites.items():
            yield from _frames(sequence, number, image, [people[origin] for origin in origins], root, detect)


DATASET = MuCo


class Person(NamedTuple):
    """A person of a composite: the pose [28, 3] mm in the frame of his own camera, its pixels [28, 2]."""

    origin: Origin
    camera: Camera
    size: tuple[int, int]
    pose: np.ndarray
    pixels: np.ndarray


def _frames(
    sequence: Sequence,
    number: int,
    image: ImageSource,
    people: list[Person],
    root: Path,
    detect: Detect | None,
) -> Iterator[Frame]:
    """The people of a composite who are found in it."""
    extents = [joint_box(person.pixels, image_size=person.size) for person in people]
    joint_boxes = boxes.expand(np.array(extents), BOX_FACTOR)
    found = joint_boxes
    if detect is not None:
        found = np.reshape(detect(image), (-1, 5))
        found = found[found[:, 4] > MIN_SCORE]
    if not len(found):
        return
    visible, foreground = _visible_boxes(people, root)
    matches = match(_limited_vertically(visible, joint_boxes), found, MIN_IOU, MAX_AREA_RATIO)
    for i, (person, detection) in enumerate(zip(people, matches, strict=True)):
        if detection >= 0:
            recording, camera, frame = person.origin
            yield Frame(
                key=f"{sequence.name}/{number:06d}/{i}",
                image=image,
                camera=person.camera,
                box=found[detection, :4],
                joints3d=person.camera.camera_to_world(person.pose),
                mask=foreground,
                split="train",
                tags={
                    "subject": recording.split("/")[0],
                    "sequence": recording,
                    "camera": str(camera),
                    "frame": str(frame),
                    "image": f"{number:06d}",
                    "person": str(i),
                },
            )


def _visible_boxes(people: list[Person], root: Path) -> tuple[np.ndarray, dict]:
    """The box [4, 4] of what is to be seen of each person, and the mask of all people and chairs."""
    pelvis = load_data_set("muco").index("pelv")
    visible = np.zeros((len(people), 4))
    nearer = np.zeros(people[0].size[::-1], bool)
    for i in np.argsort([person.pose[pelvis, 2] for person in people]):
        mask = _person_mask(people[i], root)
        visible[i] = cv2.boundingRect((mask & ~nearer).view(np.uint8))
        nearer |= mask
        nearer |= _largest_part(_red(people[i], root, "ChairMasks") < RED_OF_CHAIR)
    return visible - [0.5, 0.5, 0, 0], masks.encode(nearer)


def _limited_vertically(visible: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Boxes [n, 4] of the x and the width of `visible`, and of what their height has in common with `limits`."""
    columns = visible.copy()
    columns[:, [1, 3]] = limits[:, [1, 3]]
    return boxes.intersection(visible, columns)


def _person_mask(person: Person, root: Path) -> np.ndarray:
    """[h, w] bool: the part of what is not green that is where the person is."""
    main = [load_data_set("muco").index(joint) for joint in _tdhp.RAW_JOINTS_17]
    box = joint_box(person.pixels[main], BOX_FACTOR, person.size)
    red = _red(person, root, "FGmasks")
    mask = np.zeros(red.shape, bool)
    if np.isfinite(box).all():
        x1, y1, x2, y2 = np.ceil(boxes.to_corners(boxes.expand(box, MASK_BOX_FACTOR))).clip(0).astype(int)
        mask[y1:y2, x1:x2] = component_at(red > RED_OF_PERSON, box)[y1:y2, x1:x2]
    return mask


def _largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest 4-connected part of a mask [h, w]; itself where it is empty."""
    n_labels, labels, found, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=4)
    return mask if n_labels == 1 else labels == 1 + np.argmax(found[1:, cv2.CC_STAT_AREA])


def _red(person: Person, root: Path, kind: str) -> np.ndarray:
    file = person.origin.file(root, kind)
    with reading(file):
        red = read_image(ImageSource(file))[..., 0]
    if red.shape != person.size[::-1]:
        raise RawDataError(f"{file}: has {red.shape[::-1]} px, expected {person.size}")
    return red


def _load_people(root: Path, origins: list[Origin], mend_swap: bool) -> dict[Origin, Person]:
    """Reads each recording's labels once, and keeps the poses that are asked for."""
    wanted = defaultdict(set)
    for origin in origins:
        wanted[origin.recording].add(origin)
    people = {}
    for recording, chosen in sorted(wanted.items()):
        views = _tdhp.load_views(root / recording, {origin.camera for origin in chosen}, mend_swap)
        for origin in chosen:
            view = views[origin.camera]
            if origin.frame >= len(view.poses):
                raise RawDataError(
                    f"{root / recording}/annot.mat: has {len(view.poses)} frames of camera {origin.camera}, expected "
                    f"frame {origin.frame} of a composite to be among them"
                )
            pose = view.poses[origin.frame]
            people[origin] = Person(origin, view.camera, view.size, pose, view.camera.camera_to_image(pose))
    return people
