"""SPEC-SYN: clothed scans rendered with strong perspective, with SMPL bodies (Kocabas 2021)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from posepile.body_models import find_body_model
from posepile.cameras import Camera
from posepile.datasets import _smpl
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, inside, load_npy
from posepile.frame import Frame, ImageSource
from posepile.prepare.crop import Crop, StandardCrop
from posepile.prepare.matching import joint_box, match

SPLITS = ("train", "test")
PARTS = 32  # of a split's images, so that several processes share the work
BOX_FACTOR = 1.15
MIN_IOU = 0.3
MIN_BOX_SIDE = 100.0
LIMIT = 1e4

RAW = (
    "pelv lhip rhip bell lkne rkne spin lank rank thor ltoe rtoe neck lcla rcla head lsho rsho lelb relb lwri rwri "
    "lhan rhan"
).split()
BODY_25 = "nose neck rsho relb rwri lsho lelb lwri pelv rhip rkne rank lhip lkne lank".split()
PLACED_BY = BODY_25[1:]  # the joints that SMPL has too
LIMBS = "rank rkne rhip lhip lkne lank rwri relb rsho lsho lelb lwri".split()  # the first 12 rows of S


@dataclass(frozen=True)
class Spec(Dataset):
    """SPEC-SYN, 24 joints of SMPL, placed by their pixels; detected people only. The world is at the camera, level."""

    body_models: Path | None = None
    """Folder with the licensed body models (smpl/…, the neutral one)."""

    facts: ClassVar[Facts] = Facts(
        id="spec",
        title="SPEC-SYN",
        role="3d",
        licence="non-commercial scientific research, after registration",
        citation="Kocabas, Huang, Tesch, Müller, Hilliges, Black: SPEC: Seeing People in the Wild with an Estimated "
        "Camera. ICCV 2021",
        url="https://spec.is.tue.mpg.de",
        how_to_get=(
            "Register at https://spec.is.tue.mpg.de and get spec-syn.zip.",
            "Unpack it to ROOT/spec-syn, with annotations/{train,test}.npz in it.",
            "Get the neutral SMPL model from https://smpl.is.tue.mpg.de, put its file into FOLDER/smpl and give "
            "FOLDER as --body-models.",
        ),
        needs=("spec-syn/annotations/*.npz",),
        uses_detector=True,
    )
    crop: ClassVar[Crop] = StandardCrop(clip_to_image=False)

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        present = [split for split in SPLITS if _file(root, split).exists()]
        if not present:
            raise RawDataError(f"{root / 'spec-syn/annotations'}: neither train.npz nor test.npz")
        return [
            Sequence(f"{split}/{part:02d}", split, root, (split, str(part)))
            for split in present
            for part in range(PARTS)
        ]

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        split, part = sequence.files
        file = _file(sequence.root, split)
        labels = _load(file, file.stat().st_mtime_ns)
        rows_of_image: dict[str, list[int]] = {}
        for row, name in enumerate(labels["imgname"].tolist()):
            rows_of_image.setdefault(name, []).append(row)
        for name in sorted(rows_of_image)[int(part) :: PARTS]:
            image = ImageSource(inside(sequence.root / "spec-syn", name))
            rows = rows_of_image[name]
            people = [self._placed(file, labels, row) for row in rows]
            for row, (camera, joints), box in zip(rows, people, _boxes(people, image, detect), strict=True):
                if box is not None and box[2:].min() >= MIN_BOX_SIDE:
                    yield Frame(
                        key=f"{sequence.name}/{image.path.stem}_{row:06d}",
                        image=image,
                        camera=camera,
                        box=box,
                        joints3d=joints[_smpl.SMPL],
                        split=split,
                    )

    def _placed(self, file: Path, labels: dict[str, np.ndarray], row: int) -> tuple[Camera, np.ndarray]:
        """A person's camera, and his joints [24, 3] in mm in the world, in SMPL's order.

        The files do not tell where he is: his body is moved and turned until it fits the pixels, which leaves open
        the size of the whole; that is taken from the joints S.
        """
        camera = Camera(labels["cam_int"][row], labels["cam_rotmat"][row], world_up=(0, -1, 0))
        model = find_body_model(self.body_models, "smpl", "neutral")
        body = model.joints(labels["pose"][[row]], labels["shape"][[row]])[0]
        points = body[[RAW.index(name) for name in PLACED_BY]]
        pixels = labels["openpose_gt"][row, 1 : 1 + len(PLACED_BY), :2]
        turn, shift = _placement(points, pixels, camera.intrinsics)
        if not np.isfinite(shift).all():
            raise RawDataError(f"{file}: 'openpose_gt' of row {row} fits no place of the body")
        factor = _size(labels["S"][row]) / _size(body[[RAW.index(name) for name in LIMBS]])
        in_camera = (body @ turn.T + shift) * factor
        return camera, camera.camera_to_world(in_camera)


DATASET = Spec


def _file(root: Path, split: str) -> Path:
    return root / f"spec-syn/annotations/{split}.npz"


@lru_cache(maxsize=1)
def _load(file: Path, _modified: int) -> dict[str, np.ndarray]:
    """The fields, one row a person; kept, because a process reads several parts of a file. S in mm."""
    raw = load_npy(file, "imgname", "pose", "shape", "openpose_gt", "S", "cam_rotmat", "cam_int")
    names = array(file, "imgname", raw["imgname"], (None,), str)
    n = len(names)
    labels = {
        "imgname": names,
        "pose": array(file, "pose", raw["pose"], (n, 72), limit=LIMIT),
        "shape": array(file, "shape", raw["shape"], (n, 10), limit=LIMIT),
        "openpose_gt": array(file, "openpose_gt", raw["openpose_gt"], (n, 25, None), limit=1e6),
        "S": 1000 * array(file, "S", raw["S"], (n, None, None), limit=LIMIT)[:, : len(LIMBS), :3],
        "cam_rotmat": array(file, "cam_rotmat", raw["cam_rotmat"], (n, 3, 3), limit=2),
        "cam_int": array(file, "cam_int", raw["cam_int"], (n, 3, 3), limit=1e6),
    }
    if labels["openpose_gt"].shape[2] < 2 or labels["S"].shape[1:] != (len(LIMBS), 3):
        raise RawDataError(f"{file}: 'openpose_gt' has no x and y, or 'S' no 12 limb joints with x, y, z")
    products = labels["cam_rotmat"] @ labels["cam_rotmat"].swapaxes(1, 2)
    if not np.allclose(products, np.eye(3), atol=1e-2) or (np.linalg.det(labels["cam_rotmat"]) < 0).any():
        raise RawDataError(f"{file}: 'cam_rotmat' has an entry that is no rotation")
    if (labels["cam_int"][:, 2] != (0, 0, 1)).any():
        raise RawDataError(f"{file}: 'cam_int' has a last row other than 0, 0, 1")
    return labels


def _placement(
    points: np.ndarray, pixels: np.ndarray, intrinsics: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The rotation [3, 3] and translation [3] that bring points [n, 3] to their pixels [n, 2]; NaN without any."""
    try:
        is_solved, turn, shift = cv2.solvePnP(points, np.ascontiguousarray(pixels), intrinsics, None)
    except cv2.error:
        is_solved = False
    return (cv2.Rodrigues(turn)[0], shift[:, 0]) if is_solved else (np.eye(3), np.full(3, np.nan))


def _size(points: np.ndarray) -> float:
    """How far points [n, 3] are spread about their mean."""
    return float(np.sqrt(np.square(points - points.mean(axis=0)).mean()))


def _boxes(people, image: ImageSource, detect: Detect | None) -> list[np.ndarray | None]:
    """Each person's detection [4]; None if he has not been detected."""
    found = np.array([joint_box(camera.world_to_image(joints), BOX_FACTOR) for camera, joints in people])
    if detect is None:
        return [box if np.isfinite(box).all() else None for box in found]
    detections = np.asarray(detect(image), float)
    return [detections[d, :4] if d >= 0 else None for d in match(found, detections, MIN_IOU)]
