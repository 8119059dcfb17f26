"""AGORA: scanned people rendered into panoramas and 3D scenes, with SMPL and SMPL-X fits (Patel 2021)."""

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from posepile import masks
from posepile.cameras import Camera
from posepile.datasets import _smpl
from posepile.datasets._data_frame import load_data_frame
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, inside, reading
from posepile.frame import Frame, ImageSource
from posepile.images import read_image
from posepile.prepare.matching import match

SPLITS = {"train": "train", "validation": "val"}
SIZE = (3840, 2160)
SENSOR_WIDTH_MM = 36.0
MAX_OCCLUSION = 75.0  # percent
MAX_OCCLUSION_UNDETECTED = 50.0
MIN_IOU = 0.5
MIN_BOX_SIDE = 100.0
BACKGROUND = (255, 0, 0)
COLOUR_TOLERANCE = 9
MIN_PALETTE_FIT = 0.5  # of the people must have pixels of their colour
N_SMPL, N_SMPLX = 24, 127
LIMIT = 1e4  # m

# By what the image's name contains, in this order: focal length in mm; camera in the renderer's axes, cm; yaw and
# pitch in degrees. None: the table's camera.
CAMERAS: dict[str, tuple[float, tuple[float, float, float] | None, float, float]] = {
    "hdri": (50, (0, 0, 170), 0, 0),
    "cam00": (18, (400, -275, 265), 135, 30),
    "cam01": (18, (400, 225, 265), -135, 30),
    "cam02": (18, (-490, 170, 265), -45, 30),
    "cam03": (18, (-490, -275, 265), 45, 30),
    "ag2": (28, (0, 0, 170), 0, 15),
    "": (28, None, 0, 0),
}
GROUND_OFFSET = np.array([0.0, -1700.0, 0.0])  # mm, of the table's camera


@dataclass(frozen=True)
class Agora(Dataset):
    """AGORA, 24 joints of SMPL and 42 of SMPL-X; the official test images have no labels."""

    facts: ClassVar[Facts] = Facts(
        id="agora",
        title="AGORA: Avatars in Geography Optimized for Regression Analysis",
        role="3d",
        licence="non-commercial research, after registration",
        citation="Patel, Huang, Tesch, Hoffmann, Tripathi, Black: AGORA: Avatars in Geography Optimized for Regression "
        "Analysis. CVPR 2021",
        url="https://agora.is.tue.mpg.de",
        how_to_get=(
            "Register at https://agora.is.tue.mpg.de; get the images of train (0 to 9) and validation at 3840 x 2160, "
            "their masks, and the files SMPL and SMPL-X of both.",
            "Unpack the images to ROOT/train_<0..9> and ROOT/validation, the masks to ROOT/{train,validation}/<scene>.",
            "Put the files *_withjv.pkl of both splits into ROOT/SMPL and ROOT/SMPLX.",
            "Put seg_rgbs.txt, the palette of the masks (from the simulator AirSim), into ROOT.",
        ),
        needs=("SMPL/*_withjv.pkl", "SMPLX/*_withjv.pkl", "seg_rgbs.txt", "*/*/*_mask*_00000.png"),
        uses_detector=True,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = []
        for folder, split in SPLITS.items():
            for file in sorted((root / "SMPL").glob(f"{folder}_*_withjv.pkl")):
                name = file.name.removesuffix("_withjv.pkl")
                images = name if split == "train" else folder
                found.append(Sequence(name, split, root, (file.name, images, folder)))
        if not found:
            raise RawDataError(f"{root / 'SMPL'}: no {{{','.join(SPLITS)}}}_<k>_withjv.pkl")
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        file_name, images, mask_folder = sequence.files
        root = sequence.root
        file, table = root / "SMPL" / file_name, _load_table(root, file_name)
        palette = _Palette(root / "seg_rgbs.txt")
        for row in range(len(table["imgPath"])):
            name = Path(str(table["imgPath"][row])).stem
            people = _people(file, table, row)
            chosen = [k for k, person in enumerate(people) if person.is_chosen]
            if not chosen:
                continue
            image = ImageSource(inside(root / images, f"{name}.png"))
            camera = _camera(file, name, {key: table[key][row] for key in ("camX", "camY", "camZ", "camYaw")})
            everybody, found = palette.masks(root / mask_folder, name, chosen)
            person_boxes = _detected(found, None if detect is None else detect(image))
            for k, (box, is_detected) in zip(chosen, person_boxes, strict=True):
                if box[2:].min() < MIN_BOX_SIDE:
                    continue
                if not is_detected and people[k].occlusion > MAX_OCCLUSION_UNDETECTED:
                    continue
                yield Frame(
                    key=f"{sequence.name}/{name}_{k:02d}",
                    image=image,
                    camera=camera,
                    box=box,
                    joints3d=camera.camera_to_world(people[k].joints),
                    mask=everybody,
                    split=sequence.split,
                )
        palette.check_fit()


DATASET = Agora


@dataclass(frozen=True, eq=False)
class _Person:
    """Joints [66, 3] mm, camera frame, where he is chosen; occlusion in percent."""

    is_chosen: bool
    occlusion: float
    joints: np.ndarray | None = None


def _load_table(root: Path, file_name: str) -> dict[str, Any]:
    """The columns of a part's SMPL file, with those joints of the SMPL-X file as "smplx"."""
    columns = ("imgPath", "gt_joints_3d", "isValid", "occlusion", "camX", "camY", "camZ", "camYaw")
    table = load_data_frame(root / "SMPL" / file_name, *columns)
    other = root / "SMPLX" / file_name
    smplx = load_data_frame(other, "imgPath", "gt_joints_3d")
    if table["imgPath"].tolist() != smplx["imgPath"].tolist():
        raise RawDataError(f"{other}: 'imgPath' names other images than SMPL/{file_name}, expected the same")
    return table | {"smplx": smplx["gt_joints_3d"]}


def _people(file: Path, table: dict[str, Any], row: int) -> list[_Person]:
    with reading(file):
        columns = [list(table[name][row]) for name in ("isValid", "occlusion", "gt_joints_3d", "smplx")]
    counts = {len(column) for column in columns}
    if len(counts) != 1:
        raise RawDataError(f"{file}: row {row} has columns of {sorted(counts)} people, expected one number")
    with reading(file):
        return [_person(file, *entries) for entries in zip(*columns, strict=True)]


def _person(file: Path, is_valid: Any, occlusion: Any, smpl: Any, smplx: Any) -> _Person:
    occlusion = float(array(file, "occlusion", occlusion, (), finite=False))
    if not is_valid or not occlusion <= MAX_OCCLUSION:
        return _Person(False, occlusion)
    joints = [_joints(file, smpl, N_SMPL)[_smpl.SMPL], _joints(file, smplx, N_SMPLX)[_smpl.SMPLX]]
    return _Person(True, occlusion, np.concatenate(joints))


def _joints(file: Path, value: Any, n: int) -> np.ndarray:
    """[n, 3] mm; the file may have more than those that we know."""
    joints = array(file, "gt_joints_3d", value, (None, 3), limit=LIMIT)
    if len(joints) < n:
        raise RawDataError(f"{file}: 'gt_joints_3d' has {len(joints)} joints, expected at least {n}")
    return 1000 * joints[:n]


def _camera(file: Path, name: str, row: dict[str, Any]) -> Camera:
    part = next(part for part in CAMERAS if part in name)
    focal_mm, place, yaw, pitch = CAMERAS[part]
    if place is None:
        numbers = array(file, "camX, camY, camZ, camYaw", [*row.values()], (4,), limit=1e6)
        place, yaw = numbers[:3], numbers[3]
    x, y, z = place
    focal = focal_mm / SENSOR_WIDTH_MM * SIZE[0]
    position = 10 * np.array([y, -z, x]) + (
        GROUND_OFFSET if not part else 0
    )  # cm of the renderer's axes to mm
    tilt, turn = np.deg2rad([pitch, -yaw])
    rotation = [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
    rotation = rotation @ np.array(
        [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    )
    intrinsics = [[focal, 0, SIZE[0] / 2], [0, focal, SIZE[1] / 2], [0, 0, 1]]
    return Camera(intrinsics, rotation, position, world_up=(0, -1, 0))


def _detected(found: list[np.ndarray], detections: np.ndarray | None) -> list[tuple[np.ndarray, bool]]:
    """Per person the box, and whether it is of the detector; without a detector everybody is detected."""
    if detections is None:
        return [(box, True) for box in found]
    assigned = match(np.array(found), detections, MIN_IOU)
    return [
        (np.asarray(detections[d][:4], float), True) if d >= 0 else (box, False)
        for box, d in zip(found, assigned, strict=True)
    ]


class _Palette:
    """The colours of the people in the masks, and how many people have had pixels of theirs."""

    def __init__(self, file: Path):
        self._file = file
        with reading(file):
            rows = re.findall(r"^\s*\d+\s*\[([^\]]*)\]", file.read_text(), re.MULTILINE)
            colours = [[int(part) for part in row.split(",")] for row in rows]
        self._colours = array(file, "colours", colours, (None, 3), np.int64, limit=255)
        self._n_people = self._n_fitting = 0

    def masks(self, folder: Path, name: str, chosen: list[int]) -> tuple[dict, list[np.ndarray]]:
        """The mask of everybody in an image, and the box [4] of each chosen person's visible pixels."""
        colours = _mask_image(folder, name, 0)
        everybody = ~_where(colours, BACKGROUND)
        found = []
        for k in chosen:
            if k >= len(self._colours):
                raise RawDataError(
                    f"{self._file}: {len(self._colours)} colours, expected one for person {k + 1}"
                )
            lowest, highest = self._colours[k] - COLOUR_TOLERANCE, self._colours[k] + COLOUR_TOLERANCE
            visible = cv2.inRange(colours, lowest, highest) & ~_where(
                _mask_image(folder, name, k + 1), (0, 0, 0)
            )
            x, y, width, height = cv2.boundingRect(visible)  # zeros if nobody is there
            self._n_people += 1
            self._n_fitting += width > 0
            found.append(np.array([x - 0.5, y - 0.5, width, height]))
        return masks.encode(everybody), found

    def check_fit(self) -> None:
        """Raises RawDataError if hardly anybody has had his colour: then the palette is of another version."""
        if self._n_fitting < MIN_PALETTE_FIT * self._n_people:
            raise RawDataError(
                f"{self._file}: {self._n_fitting} of {self._n_people} people have pixels of their colour in the masks, "
                "expected nearly all; is it of another version?"
            )


def _where(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """[h, w] uint8: 255 where the pixels have exactly that colour."""
    return cv2.inRange(pixels, colour, colour)


def _mask_image(folder: Path, name: str, person: int) -> np.ndarray:
    """[h, w, 3] RGB: all people in their colours (0), or one person as if he were alone."""
    parts = re.fullmatch(r"(.+?)(_cam\d+)?_(\d+)", name)
    if parts is None:
        raise RawDataError(f"{folder}: image {name!r}, expected <scene>[_cam<nn>]_<number>")
    scene, camera, number = parts.groups(default="")
    file_name = f"{scene}_mask{camera}_{int(number):06d}_{person:05d}.png"
    file = next(folder.glob(f"*/{glob.escape(file_name)}"), None)
    if file is None:
        raise RawDataError(f"{folder}: no <scene>/{file_name}")
    with reading(file):
        pixels = read_image(ImageSource(file))
    if pixels.shape[:2] != SIZE[::-1]:
        raise RawDataError(
            f"{file}: {pixels.shape[1]} x {pixels.shape[0]} px, expected {SIZE[0]} x {SIZE[1]}"
        )
    return pixels
