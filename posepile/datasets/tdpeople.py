"""3DPeople: scanned and dressed characters in motion-captured actions, rendered before photos (Pumarola 2019)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from posepile import masks
from posepile.cameras import Camera
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, load_text_table, reading
from posepile.frame import Frame, ImageSource
from posepile.images import read_image
from posepile.prepare.crop import Crop, WholeImage
from posepile.prepare.sampling import Sampler

SIZE = (640, 480)
FOCAL = 700.0  # a lens of 35 mm, a sensor of 32 mm
INTRINSICS = np.array([[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1]])
MM_PER_UNIT = 100.0
N_RAW_JOINTS = 67
BACKGROUND, TOLERANCE = 153, 10  # grey levels of the segmentation
MAX_ERROR = 5.0  # px, median, of the fitted camera
LIMIT = 1e5

_ROWS = (
    "pelv:0 spin:1 spi1:2 spi2:3 neck:4 head:5 lcla:9 lsho:10 lelb:11 lwri:12 lhan:13 "
    "rcla:33 rsho:34 relb:35 rwri:36 "
)
# Raw rows by joint, as models have been trained with them, and as the release's list of names has them
ROWS = _ROWS + (
    "reye:6 leye:7 htop:8 rhan:53 lhip:57 lkne:58 lank:59 lfoo:60 ltoe:61 rhip:62 rkne:63 rank:64 rfoo:65 rtoe:66"
)
LISTED_ROWS = _ROWS + (
    "htop:6 reye:7 leye:8 rhan:37 rhip:57 rkne:58 rank:59 rfoo:60 rtoe:61 lhip:62 lkne:63 lank:64 lfoo:65 ltoe:66"
)


@dataclass(frozen=True)
class TDPeople(Dataset):
    """3DPeople, 29 joints, all 80 subjects to train; cameras are fitted to the pixels of the joints."""

    names_as_listed: bool = False
    """Name the joints as in the release's skeleton_joints_ids_order.txt, whose legs, eyes and right hand are
    other ones than those that models have been trained with."""

    facts: ClassVar[Facts] = Facts(
        id="tdpeople",
        title="3DPeople",
        role="3d",
        licence="on request; terms not stated in public, treat as research only",
        citation="Pumarola, Sanchez-Riera, Choi, Sanfeliu, Moreno-Noguer: 3DPeople: Modeling the Geometry of Dressed "
        "Humans. ICCV 2019",
        url="https://www.albertpumarola.com/research/3DPeople",
        how_to_get=(
            "Ask for access at https://github.com/albertpumarola/3DPeople-Dataset: a list of archives comes back.",
            "Get those of rgb, skeleton and segmentation_clothes and unpack them in ROOT; the others are not used.",
            "Then there are ROOT/rgb/<subject>/<action>/camera0<k>/<appearance>/<frame>.jpg and "
            "ROOT/{skeleton,segmentation_clothes}/<subject>/<action>/camera0<k>/<frame>.{txt,png}.",
        ),
        needs=("rgb/*/*/*/*/*.jpg", "skeleton/*/*/*/*.txt", "segmentation_clothes/*/*/*/*.png"),
    )
    crop: ClassVar[Crop] = WholeImage()

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        subjects = sorted(folder.name for folder in (root / "rgb").iterdir() if folder.is_dir())
        return [Sequence(subject, "train", root, (subject,)) for subject in subjects]

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        (subject,) = sequence.files
        rows = self._rows()
        # One sampler for actions and cameras. Another subject's bones differ, so its first pose is new in any case
        sampler, is_first = Sampler(100.0), True
        for path in sorted((sequence.root / "rgb" / subject).glob("*/*/*/*.jpg"), key=str):
            place = path.relative_to(sequence.root / "rgb").parent.parent / path.stem
            skeleton = sequence.root / "skeleton" / f"{place}.txt"
            pixels, joints = _labels(skeleton)
            if not sampler.keep(joints):
                continue
            if is_first:
                self._check_sides(skeleton, joints[rows])
                is_first = False
            mask = _mask(sequence.root / "segmentation_clothes" / f"{place}.png")
            if not masks.area(mask):
                continue  # outside the image; the sampler counts him all the same
            _, action, camera_name = place.parent.parts
            yield Frame(
                key=f"{subject}/{action}/{camera_name}/{path.parent.name}/{path.stem}",
                image=ImageSource(path),
                camera=_fitted_camera(skeleton, pixels, joints),
                box=masks.box(mask),
                joints3d=joints[rows],
                mask=mask,
                split="train",
                tags={"subject": subject, "activity": action, "camera": camera_name},
            )

    def _rows(self) -> list[int]:
        """The raw row of each joint."""
        pairs = (LISTED_ROWS if self.names_as_listed else ROWS).split()
        row_of = {name: int(row) for name, row in (pair.split(":") for pair in pairs)}
        return [row_of[name] for name in self.skeleton.joints]

    def _check_sides(self, file: Path, joints: np.ndarray) -> None:
        """Raises RawDataError if the hips are turned from the shoulders as no body can."""
        left_sho, right_sho, left_hip, right_hip = (
            joints[self.skeleton.index(name)] for name in ("lsho", "rsho", "lhip", "rhip")
        )
        if (left_sho - right_sho) @ (left_hip - right_hip) < 0:
            raise RawDataError(
                f"{file}: the left hip is on the right shoulder's side, expected rows "
                f"{'62' if self.names_as_listed else '57'}-… to be the left leg; see --names-as-listed"
            )


DATASET = TDPeople


def _labels(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """[67, 2] px and [67, 3] mm, world; what is between these columns has no known meaning."""
    table = array(file, "rows", load_text_table(file), (N_RAW_JOINTS, None), limit=LIMIT)
    if table.shape[1] < 5:
        raise RawDataError(f"{file}: {table.shape[1]} columns, expected at least 5")
    return table[:, :2], MM_PER_UNIT * table[:, -3:]


def _fitted_camera(file: Path, pixels: np.ndarray, joints: np.ndarray) -> Camera:
    """The camera that sees `joints` [67, 3] mm at `pixels` [67, 2]."""
    mean = joints.mean(axis=0)
    try:
        _, turn, translation = cv2.solvePnP(joints - mean, np.ascontiguousarray(pixels), INTRINSICS, None)
        rotation = cv2.Rodrigues(turn)[0]
    except cv2.error as error:
        raise RawDataError(f"{file}: no camera can be fitted to the pixels ({error.err})") from error
    camera = Camera(INTRINSICS, rotation, mean - rotation.T @ translation[:, 0])
    error = np.median(np.linalg.norm(camera.world_to_image(joints) - pixels, axis=1))
    if not error <= MAX_ERROR:
        raise RawDataError(
            f"{file}: the fitted camera's joints are {error:.1f} px (median) from the labelled pixels, expected at "
            f"most {MAX_ERROR}"
        )
    return camera


def _mask(file: Path) -> dict:
    """Clothes and skin on grey."""
    with reading(file):
        colours = read_image(ImageSource(file)).astype(np.int16)
    if colours.shape[:2] != SIZE[::-1]:
        raise RawDataError(
            f"{file}: {colours.shape[1]} x {colours.shape[0]} px, expected {SIZE[0]} x {SIZE[1]}"
        )
    return masks.encode((np.abs(colours - BACKGROUND) > TOLERANCE).any(axis=-1))
