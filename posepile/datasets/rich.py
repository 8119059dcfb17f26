"""RICH: people in scanned scenes, in several calibrated 4K views, with SMPL-X fits (Huang 2022)."""

import xml.etree.ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile import boxes
from posepile.body_models import BodyModel, find_body_model
from posepile.cameras import Camera
from posepile.datasets import _smpl
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, load_pickle, reading
from posepile.frame import Frame, ImageSource
from posepile.images import read_image
from posepile.prepare.crop import Crop, StandardCrop
from posepile.prepare.matching import best_match, joint_box
from posepile.prepare.sampling import MemorySampler

SPLITS = ("train", "val")
SUFFIXES = (".jpg", ".png", ".bmp")  # to save disk some people convert the images
MEN = {*range(9), 11, 14, 15, 20}
WOMEN = {9, 10, 12, 13, 16, 17, 18, 19, 21}
BOX_FACTOR = 1.05
MIN_IOU = 0.5
MIN_BOX_SIDE = 100.0
# Of a fit, in the order of SMPL-X's joints; hands as components of their usual poses
POSE_FIELDS = {"global_orient": 3, "body_pose": 63, "jaw_pose": 3, "leye_pose": 3, "reye_pose": 3}
HAND_FIELDS = {"left_hand_pose": "l", "right_hand_pose": "r"}
N_HAND = 12
MAX_DISTORTION = 12
LIMIT = 1000.0


@dataclass(frozen=True)
class Rich(Dataset):
    """RICH, 42 joints of SMPL-X, train and val, all calibrated views of the moments in which somebody has moved."""

    body_models: Path | None = None
    """Folder with the licensed body models (smplx/…)."""

    facts: ClassVar[Facts] = Facts(
        id="rich",
        title="RICH: Real scenes, Interaction, Contact and Humans",
        role="3d",
        licence="non-commercial scientific research, after registration",
        citation="Huang, Yi, Höschle, Safroshkin, Alexiadis, Polikovsky, Scharstein, Black: Capturing and Inferring "
        "Dense Full-Body Human-Scene Contact. CVPR 2022",
        url="https://rich.is.tue.mpg.de",
        how_to_get=(
            "Register at https://rich.is.tue.mpg.de; get the images of the train and val sequences, "
            "scan_calibration.zip, train_body.zip and val_body.zip.",
            "Unpack the images to ROOT/{train,val}/<sequence>/cam_<nn>; to save disk make them JPEGs of the same name.",
            "Unpack the bodies to ROOT/{train,val}_body/<sequence>, and the rest to ROOT/scan_calibration/<scene>.",
            "Get SMPL-X from https://smpl-x.is.tue.mpg.de, put its files into FOLDER/smplx and give FOLDER as "
            "--body-models.",
        ),
        needs=("scan_calibration/*/calibration/*.xml", "*_body/*/*/*.pkl"),
        examples=96_146,
        uses_detector=True,
    )
    crop: ClassVar[Crop] = StandardCrop(antialias_input=True)

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = []
        for split in SPLITS:
            names = sorted({folder.parent.name for folder in (root / split).glob("*/cam_*")})
            found += [Sequence(f"{split}/{name}", split, root, (split, name)) for name in names]
        if not found:
            raise RawDataError(f"{root}: no {{{','.join(SPLITS)}}}/<sequence>/cam_<nn>")
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        split, name = sequence.files
        folder = sequence.root / split / name
        scene, *subjects, _ = name.split("_")
        views = _views(folder, sequence.root / "scan_calibration" / scene / "calibration")
        frames = list(_images(min(folder.glob("cam_*"))))
        labels = sequence.root / f"{split}_body" / name
        points = {subject: self._points(labels, subject, frames) for subject in subjects}  # all 127
        samplers = {subject: MemorySampler(100.0, buffer=100) for subject in subjects}
        for frame in frames:
            people = {s: points[s][frame] for s in subjects if frame in points[s]}
            people = {s: joints for s, joints in people.items() if samplers[s].keep(joints)}
            for view in views if people else ():
                image = view.images.get(frame)
                if image is None:
                    continue
                detections = None if detect is None else detect(image)
                for subject, joints in people.items():
                    box = _box(view.camera, joints, view.size, detections)
                    if box[2:].min() >= MIN_BOX_SIDE:
                        yield Frame(
                            key=f"{sequence.name}/{view.name}/{frame}_{subject}",
                            image=image,
                            camera=view.camera,
                            box=box,
                            joints3d=joints[_smpl.SMPLX],
                            split=split,
                            tags={"subject": subject, "camera": view.name, "scene": scene},
                        )

    def _points(self, labels: Path, subject: str, frames: list[str]) -> dict[str, np.ndarray]:
        """All keypoints of SMPL-X [127, 3] in mm, world, by frame; a frame without a fit has none."""
        files = {frame: labels / frame / f"{subject}.pkl" for frame in frames}
        files = {frame: file for frame, file in files.items() if file.exists()}
        if not files:
            return {}
        model = find_body_model(self.body_models, "smplx", _gender(labels, subject))
        fits = [_load_fit(file, model) for file in files.values()]
        pose, shape, translation, expression = (np.array(part) for part in zip(*fits, strict=True))
        return dict(zip(files, model.keypoints(pose, shape, translation, expression), strict=True))


DATASET = Rich


@dataclass(frozen=True, eq=False)
class _View:
    """A calibrated camera and its images by frame; all of `size` (w, h)."""

    name: str
    camera: Camera
    images: dict[str, ImageSource]
    size: tuple[int, int]


def _gender(labels: Path, subject: str) -> str:
    number = int(subject) if subject.isdecimal() else -1
    if number not in MEN | WOMEN:
        raise RawDataError(f"{labels}: subject {subject!r}, expected one of {sorted(MEN | WOMEN)}")
    return "male" if number in MEN else "female"


def _load_fit(file: Path, model: BodyModel) -> tuple[np.ndarray, ...]:
    """Pose [165], shape [10], translation [3] mm, expression [10]."""
    raw = load_pickle(file)

    def field(name: str, n: int) -> np.ndarray:
        with reading(file):
            value = np.ravel(raw[name])
        return array(file, name, value, (n,), limit=LIMIT)

    hands = [model.hand_pose(side, field(name, N_HAND)[np.newaxis])[0] for name, side in HAND_FIELDS.items()]
    pose = np.concatenate([field(name, n) for name, n in POSE_FIELDS.items()] + hands)
    return pose, field("betas", 10), 1000 * field("transl", 3), field("expression", 10)


def _views(folder: Path, calibrations: Path) -> list[_View]:
    """The calibrated cameras of a sequence. One without calibration moves, and is left out."""
    views = []
    for images_folder in sorted(folder.glob("cam_*")):
        number = images_folder.name.removeprefix("cam_")
        file = calibrations / f"{number.zfill(3)}.xml"
        if file.exists() and (images := _images(images_folder)):
            first = next(iter(images.values()))
            with reading(first.path):
                height, width = read_image(first).shape[:2]
            views.append(_View(images_folder.name, _camera(file), images, (width, height)))
    return views


def _images(folder: Path) -> dict[str, ImageSource]:
    """The images of a camera by frame, sorted: <frame>_<camera>.jpg."""
    files = sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES)
    return {file.stem.partition("_")[0]: ImageSource(file) for file in files}


def _camera(file: Path) -> Camera:
    with reading(file):
        tree = xml.etree.ElementTree.fromstring(file.read_bytes())
        parts = [
            tree.find(f"{name}/data").text.split() for name in ("CameraMatrix", "Intrinsics", "Distortion")
        ]
    extrinsics = array(file, "CameraMatrix", parts[0], (12,), limit=1e5).reshape(3, 4)
    intrinsics = array(file, "Intrinsics", parts[1], (9,), limit=1e6).reshape(3, 3)
    distortion = array(file, "Distortion", parts[2], (None,), limit=1e4)
    if len(distortion) > MAX_DISTORTION or tuple(intrinsics[2]) != (0, 0, 1):
        raise RawDataError(
            f"{file}: 'Distortion' of {len(distortion)} numbers or 'Intrinsics' without last row 0 0 1"
        )
    rotation = extrinsics[:, :3]
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-2) or np.linalg.det(rotation) < 0:
        raise RawDataError(f"{file}: 'CameraMatrix' holds no rotation, expected [R | t] by rows")
    extrinsics = extrinsics * [1, 1, 1, 1000]  # m
    return Camera.from_matrices(
        intrinsics, extrinsics, distortion, world_up=-rotation[1]
    )  # the image's own up


def _box(
    camera: Camera, joints: np.ndarray, size: tuple[int, int], detections: np.ndarray | None
) -> np.ndarray:
    """The best detection of the person, or the box of all his points; cut to the image, perhaps to nothing."""
    box = joint_box(camera.world_to_image(joints), BOX_FACTOR)
    if detections is not None and (best := best_match(box, detections, MIN_IOU)) >= 0:
        box = np.asarray(detections[best][:4], float)
    return boxes.intersection(box, boxes.full(size)) if np.isfinite(box).all() else np.zeros(4)
