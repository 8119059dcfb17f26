"""MuPoTS-3D: the multi-person benchmark of the MPI group, 20 recordings, indoors and out (Mehta 2018)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile.cameras import Camera
from posepile.datasets._tdhp import RAW_JOINTS_17
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, load_mat, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare import colour
from posepile.prepare.crop import Crop, StandardCrop
from posepile.prepare.matching import joint_box, match

N_SEQUENCES = 20
INDOORS = ("TS1", "TS2", "TS3", "TS4", "TS5")
BRIGHTENING = 0.67
BOX_FACTOR = 1.1
MIN_SCORE, MIN_IOU = 0.1, 0.1
FIT_ERROR = 20.0  # px that projected labels may be off the labelled pixels, in the median


@dataclass(frozen=True)
class MuPoTS(Dataset):
    """MuPoTS-3D, 17 joints. The world is the camera's frame; its intrinsics are fitted to the labels."""

    universal: bool = False
    """Give all people the height that all have in common: what many papers evaluate on. Such joints do not project
    onto the people in the images."""

    facts: ClassVar[Facts] = Facts(
        id="mupots",
        title="MuPoTS-3D",
        role="test",
        licence="academic research use only",
        citation="Mehta, Sotnychenko, Mueller, Xu, Sridhar, Pons-Moll, Theobalt: Single-Shot Multi-Person 3D Pose "
        "Estimation From Monocular RGB. 3DV 2018",
        url="http://gvv.mpi-inf.mpg.de/projects/SingleShotMultiPerson",
        how_to_get=(
            "Get MultiPersonTestSet.zip from http://gvv.mpi-inf.mpg.de/projects/SingleShotMultiPerson.",
            "Unpack it into ROOT/TS<1..20>/{annot.mat,img_<frame>.jpg}.",
        ),
        needs=("TS*/annot.mat",),
        uses_detector=True,
    )
    crop: ClassVar[Crop] = StandardCrop()

    def crop_of(self, frame: Frame) -> Crop:
        is_dark = frame.tags["sequence"] in INDOORS
        return StandardCrop(encoding_exponent=BRIGHTENING / colour.DISPLAY_GAMMA) if is_dark else self.crop

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        names = [f"TS{number}" for number in range(1, N_SEQUENCES + 1)]
        found = [Sequence(n, "val", root, (n,)) for n in names if (root / n / "annot.mat").exists()]
        if not found:
            raise RawDataError(f"{root}: no TS<1..{N_SEQUENCES}>/annot.mat")
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        """One frame for every annotated person; with a detector, for those whom it finds, in its boxes."""
        (name,) = sequence.files
        folder = sequence.root / name
        labels = load_labels(folder / "annot.mat")
        camera = fitted_camera(folder / "annot.mat", labels)
        order = [RAW_JOINTS_17.index(joint) for joint in self.skeleton.joints]
        for i, is_valid in enumerate(labels.is_valid):
            people = np.flatnonzero(is_valid)
            image = ImageSource(folder / f"img_{i:06d}.jpg")
            boxes = [joint_box(camera.camera_to_image(labels.poses[i, p]), BOX_FACTOR) for p in people]
            for person, box in zip(people, _detected(boxes, image, detect), strict=True):
                if box is not None:
                    yield Frame(
                        key=f"{sequence.name}/{i:06d}/{person}",
                        image=image,
                        camera=camera,
                        box=box,
                        joints3d=(labels.universal if self.universal else labels.poses)[i, person, order],
                        split=sequence.split,
                        tags={
                            "subject": f"{name}-{person}",
                            "sequence": name,
                            "frame": str(i),
                            "person": str(person),
                        },
                    )


DATASET = MuPoTS


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of T images with up to P people; joints in the order of RAW_JOINTS_17, zero where not valid.

    Attributes:
        poses: [T, P, 17, 3] mm, in the camera's frame.
        universal: the same for people of the height that all have in common.
        pixels: [T, P, 17, 2].
        is_valid: [T, P] bool.
    """

    poses: np.ndarray
    universal: np.ndarray
    pixels: np.ndarray
    is_valid: np.ndarray


def load_labels(file: Path) -> Labels:
    """The labels of a recording's annot.mat: a cell array [T, P] of structs. Raises RawDataError."""
    cells = load_mat(file, "annotations")["annotations"]
    if cells.ndim != 2 or cells.dtype != object:
        raise RawDataError(
            f"{file}: 'annotations' has shape {list(cells.shape)}, expected cells [frames, people]"
        )
    n_joints = len(RAW_JOINTS_17)
    poses, universal = np.zeros((2, *cells.shape, n_joints, 3))
    pixels, is_valid = np.zeros((*cells.shape, n_joints, 2)), np.zeros(cells.shape, bool)
    for place in np.ndindex(cells.shape):
        with reading(file):
            struct = cells[place][0, 0]
            is_valid[place] = np.asarray(struct["isValidFrame"]).item() == 1
        if is_valid[place]:  # of the others nobody knows what they hold
            for field, values in (("annot3", poses), ("univ_annot3", universal), ("annot2", pixels)):
                with reading(file):
                    value = struct[field]
                shape = (values.shape[-1], n_joints)
                values[place] = array(file, f"{field} of frame {place[0]}", value, shape, limit=1e6).T
    return Labels(poses, universal, pixels, is_valid)


def fitted_camera(file: Path, labels: Labels) -> Camera:
    """The camera that projects the 3D labels onto the 2D labels: linear least squares, no skew, no distortion.

    Source: sheet of mupots, section 4. Raises RawDataError where none does.
    """
    points, pixels = (
        labels.poses[labels.is_valid].reshape(-1, 3),
        labels.pixels[labels.is_valid].reshape(-1, 2),
    )
    if not len(points) or not (points[:, 2] > 0).all():
        raise RawDataError(f"{file}: no person in a valid frame, or one behind the camera")
    intrinsics = np.eye(3)
    for axis in range(2):
        equations = np.stack([points[:, axis] / points[:, 2], np.ones(len(points))], axis=1)
        with reading(file):
            focal, centre = np.linalg.lstsq(equations, pixels[:, axis])[0]
        intrinsics[axis, [axis, 2]] = focal, centre
    camera = Camera(intrinsics, world_up=(0, -1, 0))
    error = np.median(np.linalg.norm(camera.camera_to_image(points) - pixels, axis=1))
    if (
        not error <= FIT_ERROR
        or not 0.8 < intrinsics[0, 0] / intrinsics[1, 1] < 1.25
        or intrinsics[1, 1] <= 0
    ):
        raise RawDataError(
            f"{file}: the fitted focal lengths are {intrinsics[0, 0]:.0f} and {intrinsics[1, 1]:.0f} px, 'annot3' "
            f"then projects {error:.1f} px (median) off 'annot2'; expected about equal ones, and at most {FIT_ERROR:g}"
        )
    return camera


def _detected(boxes: list[np.ndarray], image: ImageSource, detect: Detect | None) -> list[np.ndarray | None]:
    """Each person's detection, None where there is none; without a detector the boxes themselves."""
    if detect is None or not boxes:
        return boxes
    found = np.reshape(detect(image), (-1, 5))
    found = found[found[:, 4] > MIN_SCORE]
    return [found[d, :4] if d >= 0 else None for d in match(boxes, found, MIN_IOU)]
