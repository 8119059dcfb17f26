"""GPA, Geometric Pose Affordance: 13 people who climb, sit and lean in a lab, before 5 cameras (Wang 2019)."""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posepile import masks
from posepile.cameras import Camera
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, load_json, load_npy, reading
from posepile.frame import Frame, ImageSource
from posepile.images import read_image
from posepile.prepare.matching import best_match, joint_box
from posepile.prepare.sampling import Sampler

ANNOTATIONS = "xyz_gpa12_mdp_cntind_crop_cam_c2g.json"
CAMERA_IDS = "[Ss]equence_ids/cam_ids_750k.npy"
IMAGES, MASKS = "Gaussian_img_jpg_new", "img_jpg_new_resnet101deeplabv3humanmask"
N_JOINTS = 34
BOX_FACTOR = 1.15
MIN_IOU = 0.3
RED_OF_PERSON = 10
MAX_CAMERAS = 100  # there are five; more means a damaged file
MAX_ERROR = 10.0  # px, median over all joints: the published pixels may still have the lens's distortion


@dataclass(frozen=True)
class Gpa(Dataset):
    """GPA, 34 joints, the official training and test part; the world is each image's camera."""

    facts: ClassVar[Facts] = Facts(
        id="gpa",
        title="GPA: Geometric Pose Affordance",
        role="3d",
        licence="not stated by the authors; treat as research only",
        citation="Wang, Chen, Rathore, Shin, Fowlkes: Geometric Pose Affordance: 3D Human Pose with Scene Constraints. "
        "arXiv 1905.07718, 2019",
        url="https://wangzheallen.github.io/GPA.html",
        how_to_get=(
            "Open the Google Drive folder that https://wangzheallen.github.io/GPA.html links to.",
            f"Get gaussian_fullimg.tar.gz, {MASKS}.tar.gz, {ANNOTATIONS} and Sequence_ids/cam_ids_750k.npy to ROOT.",
            f"Unpack to ROOT/{IMAGES}/<id>.jpg and ROOT/{MASKS}/<id>_mask.jpg. So many files in a folder are slow: "
            "they may as well lie in folders <id's digits 1-6>/<7-8>/.",
        ),
        needs=(ANNOTATIONS, CAMERA_IDS, IMAGES, MASKS),
        uses_detector=True,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        cameras = sorted(set(_camera_ids(root)))
        if len(cameras) > MAX_CAMERAS or not all(re.fullmatch(r"\w+", name) for name in cameras):
            raise RawDataError(f"{_camera_ids_file(root)}: {len(cameras)} cameras, expected names of about 5")
        return [
            Sequence(f"{camera}/{split}", split, root, (camera,))
            for camera, split in product(cameras, ("train", "test"))
        ]

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        root, (camera_name,) = sequence.root, sequence.files
        labels = _labels(root / ANNOTATIONS)
        sampler = Sampler(100.0)
        # The sampler sees both splits, in the file's order
        for k in labels.of_camera(_camera_ids_file(root), _camera_ids(root), camera_name):
            camera, pose = labels.camera(k), labels.joints[k]
            after = copy.copy(sampler)
            if not after.keep(pose):
                continue
            name = labels.names[k]
            image = ImageSource(_place(root / IMAGES, name, ".jpg"))
            box = joint_box(camera.camera_to_image(pose), BOX_FACTOR)
            found = box[np.newaxis] if detect is None else detect(image)
            if not len(found):
                continue
            sampler = after
            best = best_match(box, found, MIN_IOU)
            if best >= 0 and labels.split(k) == sequence.split:
                yield Frame(
                    key=f"{sequence.name}/{name}",
                    image=image,
                    camera=camera,
                    box=np.asarray(found[best][:4], float),
                    joints3d=pose,
                    mask=partial(_mask, _place(root / MASKS, name, "_mask.jpg")),
                    split=sequence.split,
                    tags={"camera": camera_name},
                )


DATASET = Gpa


@dataclass(frozen=True, eq=False)
class _Labels:
    """The annotations of N images: ids of ten digits, joints [N, 34, 3] mm (camera frame), px, and the split."""

    names: list[str]
    joints: np.ndarray
    focal: np.ndarray
    principal: np.ndarray
    is_train: np.ndarray

    def split(self, k: int) -> str:
        return "train" if self.is_train[k] else "test"

    def camera(self, k: int) -> Camera:
        (fx, fy), (cx, cy) = self.focal[k], self.principal[k]
        return Camera([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], world_up=(0, -1, 0))

    def of_camera(self, file: Path, camera_ids: list[str], name: str) -> list[int]:
        """Which annotations are of a camera, in order."""
        if (largest := max(map(int, self.names), default=0)) >= len(camera_ids):
            raise RawDataError(f"{file}: {len(camera_ids)} entries, expected one for image {largest}")
        return [k for k, id in enumerate(self.names) if camera_ids[int(id)] == name]


@lru_cache(maxsize=1)  # one file for all sequences, and large
def _labels(file: Path) -> _Labels:
    document = load_json(file)
    with reading(file):
        images, annotations = list(document["images"]), list(document["annotations"])
        if len(images) != len(annotations):
            raise RawDataError(
                f"{file}: {len(images)} images and {len(annotations)} annotations, expected as many"
            )
        matches = [re.search(r"(\d{10})\.\w{3}$", image["file_name"], re.ASCII) for image in images]
        if None in matches:
            name = images[matches.index(None)]["file_name"]
            raise RawDataError(f"{file}: 'file_name' is {name!r}, expected <ten digits>.<extension>")
        n = len(annotations)
        column = {
            field: array(file, field, [a[field] for a in annotations], (n, *shape), limit=limit)
            for field, shape, limit in (
                ("joint_cams", (3, N_JOINTS), 1e6), ("f", (2,), 1e5), ("c", (2,), 1e5), ("istrains", (), 1),
            )
        }  # fmt: skip
    joints = column["joint_cams"].transpose(0, 2, 1)
    _check_pixels(file, annotations, joints, column)
    names = [match.group(1) for match in matches]
    return _Labels(names, joints, column["f"], column["c"], column["istrains"] > 0.5)


def _check_pixels(file: Path, annotations: list[Any], joints: np.ndarray, column: dict) -> None:
    """Raises RawDataError where the file has pixels too and most joints do not project there."""
    field = "joint_imgs_uncrop"
    if not annotations or not all(field in a for a in annotations):
        return
    with reading(file):
        labelled = array(file, field, [a[field] for a in annotations], (len(joints), N_JOINTS, 2))
    with np.errstate(all="ignore"):
        pixels = joints[..., :2] / joints[..., 2:] * column["f"][:, None] + column["c"][:, None]
        error = np.median(np.linalg.norm(pixels - labelled, axis=-1))
    if not error <= MAX_ERROR:
        raise RawDataError(
            f"{file}: 'joint_cams' projects {error:.0f} px (median) from {field!r}, expected at most {MAX_ERROR}"
        )


def _camera_ids_file(root: Path) -> Path:
    return next(root.glob(CAMERA_IDS))


def _camera_ids(root: Path) -> list[str]:
    """The camera's id by image number."""
    file = _camera_ids_file(root)
    ids = load_npy(file)
    with reading(file):
        return [str(id) for id in array(file, "camera ids", ids, (None,), str)]


def _place(folder: Path, name: str, ending: str) -> Path:
    """Where an image is: in folders by its id, or all in one."""
    path = folder / name[:6] / name[6:8] / f"{name}{ending}"
    return path if path.exists() else folder / f"{name}{ending}"


def _mask(file: Path) -> dict:
    with reading(file):
        return masks.encode(read_image(ImageSource(file))[..., 0] > RED_OF_PERSON)
