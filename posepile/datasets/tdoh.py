"""3DOH50K: people behind objects, 14 joints, one person an image (Zhang 2020)."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posepile import masks
from posepile.boxes import from_corners
from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, RawDataWarning, array, inside, load_json, reading
from posepile.frame import Frame, ImageSource
from posepile.images import read_image

SPLITS = {"trainset": "train", "testset": "test"}  # folder: split
N_JOINTS = 14
UNITS_PER_M = 7.0  # of the calibration, and so of all labels
SCALE_ERROR = 0.05  # relative, from which a fitted scale disagrees with it
LABEL_ERROR = 30.0  # px that projected labels may be off the labelled pixels, in the median of all images
MASK_THRESHOLD = 127
LIMIT = 1e5


@dataclass(frozen=True)
class TDOH(Dataset):
    """3DOH50K, 14 joints in LSP's order: trainset to train, testset to test; nobody is left out."""

    facts: ClassVar[Facts] = Facts(
        id="tdoh",
        title="3DOH50K, 3D Occlusion Human",
        role="3d",
        licence="not established here: ask its owners before any use",
        citation="Zhang, Huang, Wang: Object-Occluded Human Shape and Pose Estimation From a Single Color Image. "
        "CVPR 2020",
        url="https://www.yangangwang.com/papers/ZHANG-OOH-2020-03.html",
        how_to_get=(
            "Get trainset.zip and testset.zip from https://www.yangangwang.com/papers/ZHANG-OOH-2020-03.html.",
            "Unpack them into ROOT/{trainset,testset}/{annots.json,images/<id>.jpg,masks/<id>.png}.",
        ),
        needs=("*set/annots.json", "*set/images/*.jpg"),
        examples=51_600,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = [
            Sequence(folder, split, root, (folder,))
            for folder, split in SPLITS.items()
            if (root / folder / "annots.json").exists()
        ]
        if not found:
            raise RawDataError(f"{root}: no {{{','.join(SPLITS)}}}/annots.json")
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        folder = sequence.root / sequence.files[0]
        file = folder / "annots.json"
        entries = load_json(file)
        if not isinstance(entries, dict):
            raise RawDataError(
                f"{file}: a {type(entries).__name__}, expected an object with one entry an image"
            )
        labels = {name: _labels(file, name, entry) for name, entry in entries.items()}
        _check(file, list(labels.values()))
        for name, person in labels.items():
            mask = inside(folder / "masks", f"{name}.png") if sequence.split == "train" else None
            yield Frame(
                key=f"{sequence.name}/{name}",
                image=ImageSource(inside(folder / "images", f"{name}.jpg")),
                camera=person.camera,
                box=person.box,
                joints3d=person.camera.camera_to_world(person.joints),
                mask=None if mask is None else partial(_mask, mask),
                split=sequence.split,
                tags={"image": name},
            )


DATASET = TDOH


@dataclass(frozen=True, eq=False)
class _Labels:
    """Of one person: joints [14, 3] mm in the camera's frame, pixels [14, 2], box [4], and the fitted scale."""

    camera: Camera
    joints: np.ndarray
    pixels: np.ndarray
    box: np.ndarray
    scale: float


def _labels(file: Path, name: str, entry: Any) -> _Labels:
    fields = ("lsp_joints_3d", "lsp_joints_2d", "intri", "extri", "bbox", "scale")
    with reading(file):
        raw = {field: entry[field] for field in fields}
        scale = np.ravel(raw["scale"])
    extrinsics = array(file, f"extri of {name}", raw["extri"], (4, 4), limit=LIMIT)
    rotation = _calibration.rotation(file, f"extri of {name}", extrinsics[:3, :3])
    corners = array(file, f"bbox of {name}", raw["bbox"], (2, 2), limit=LIMIT)
    if (corners[0] >= corners[1]).any():
        raise RawDataError(
            f"{file}: 'bbox of {name}' is {corners.tolist()}, expected [[x1, y1], [x2, y2]], the first smaller"
        )
    return _Labels(
        camera=Camera(
            _calibration.intrinsics(file, f"intri of {name}", raw["intri"]),
            rotation,
            _mm(-rotation.T @ extrinsics[:3, 3]),
            world_up=-rotation[1],  # nothing says where up is: every camera counts as upright
        ),
        joints=_mm(array(file, f"lsp_joints_3d of {name}", raw["lsp_joints_3d"], (N_JOINTS, 3), limit=LIMIT)),
        pixels=array(file, f"lsp_joints_2d of {name}", raw["lsp_joints_2d"], (N_JOINTS, 2), limit=LIMIT),
        box=from_corners(corners.ravel()),
        scale=float(array(file, f"scale of {name}", scale, (1,), limit=LIMIT)[0]),
    )


def _mm(units: np.ndarray) -> np.ndarray:
    return units * (1000 / UNITS_PER_M)


def _check(file: Path, labels: list[_Labels]) -> None:
    """Raises RawDataError if the labels in space and in the image are of different places."""
    if not labels:
        raise RawDataError(f"{file}: no entries, expected one an image")
    errors = [
        np.linalg.norm(person.camera.camera_to_image(person.joints) - person.pixels, axis=1)
        for person in labels
    ]
    error = np.median(np.nan_to_num(errors, nan=np.inf))
    if not error <= LABEL_ERROR:
        raise RawDataError(
            f"{file}: 'lsp_joints_3d' projects {error:.1f} px (median) off 'lsp_joints_2d', expected at most "
            f"{LABEL_ERROR:g}"
        )
    scales = np.array([person.scale for person in labels])
    n_other = int((np.abs(scales / UNITS_PER_M - 1) > SCALE_ERROR).sum())
    if n_other:
        message = (
            f"{file}: 'scale' of {n_other} of {len(labels)} images is not about {UNITS_PER_M:g} units a metre (from "
            f"{scales.min():g} to {scales.max():g}); their joints may not be in mm"
        )
        warnings.warn(message, RawDataWarning, stacklevel=3)


def _mask(file: Path) -> dict:
    with reading(file):
        return masks.encode(read_image(ImageSource(file))[..., 0] > MASK_THRESHOLD)
