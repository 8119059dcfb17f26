"""IKEA ASM: people who assemble furniture, three Kinect cameras, joints from 2D estimates (Ben-Shabat 2021)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile.boxes import contains
from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, load_json, load_pickle, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.matching import best_match, joint_box
from posepile.prepare.sampling import Sampler

CAMERAS = ("dev1", "dev2", "dev3")
CALIBRATION = "Calibration/camera_parameters.pkl"
N_JOINTS = 17
SIZE = (1920, 1080)
NOT_A_SCAN = "special_test"
MM_PER_CM = 10
MIN_VISIBLE = 4
BOX_FACTOR = 1.2
MIN_IOU = 0.3
MAX_CM = 1e5


@dataclass(frozen=True)
class Ikea(Dataset):
    """IKEA ASM, 17 joints, all scans and cameras, the labelled frames. The world is the camera dev2's frame."""

    facts: ClassVar[Facts] = Facts(
        id="ikea",
        title="IKEA ASM (IKEA Assembly dataset)",
        role="3d",
        licence="free download; its page names none for the data (the authors' code is MIT)",
        citation="Ben-Shabat, Yu, Saleh, Campbell, Rodriguez-Opazo, Li, Gould: The IKEA ASM Dataset: Understanding "
        "People Assembling Furniture through Actions, Objects and Pose. WACV 2021",
        url="https://ikeaasm.github.io/",
        how_to_get=(
            "From https://ikeaasm.github.io/ get the multi-view RGB videos, pose annotations and camera parameters.",
            "Unpack and merge them: ROOT/Calibration/camera_parameters.pkl and",
            "ROOT/<furniture>/<scan>/dev<1,2,3>/{images/scan_video.avi,pose3d/<frame>.json}.",
            "Videos stay as they are; or extract their labelled frames to images/<frame>.jpg, six digits, from 0 on.",
        ),
        needs=(CALIBRATION, "*/*/dev?/pose3d/*.json", "*/*/dev?/images/*"),
        examples=26_913,
        uses_detector=True,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = []
        for folder in sorted(root.glob("*/*/dev?/pose3d")):
            parts = folder.parent.relative_to(root).parts
            if NOT_A_SCAN not in parts and parts[2] in CAMERAS:
                found.append(Sequence("/".join(parts), "train", root, parts))
        if not found:
            raise RawDataError(f"{root}: no <furniture>/<scan>/dev<1,2,3>/pose3d")
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        _, scan, camera_name = sequence.files
        folder = sequence.root.joinpath(*sequence.files)
        camera = _camera(sequence.root / CALIBRATION, scan, camera_name)
        sampler = Sampler(100.0, check_validity=True)
        for file in sorted((folder / "pose3d").glob("*.json")):
            pose = _pose(file)
            # The sampler comes first: what is dropped below is compared with all the same
            if not sampler.keep(pose):
                continue
            pixels = camera.camera_to_image(pose)
            if contains([0, 0, *SIZE], pixels).sum() < MIN_VISIBLE:
                continue
            image, labelled = _image(folder / "images", file), joint_box(pixels, BOX_FACTOR)
            boxes = () if detect is None else detect(image)
            if not len(boxes):
                boxes = labelled[np.newaxis]
            if (best := best_match(labelled, boxes, MIN_IOU)) >= 0:
                yield Frame(
                    key=f"{sequence.name}/{file.stem}",
                    image=image,
                    camera=camera,
                    box=boxes[best][:4],
                    joints3d=camera.camera_to_world(pose),
                    split=sequence.split,
                    tags={"subject": scan.split("_")[0], "sequence": scan, "camera": camera_name},
                )


DATASET = Ikea


def _camera(file: Path, scan: str, name: str) -> Camera:
    """The camera in a scan's calibration, whose number is the name's fourth field."""
    with reading(file):
        fields = scan.split("_")
        number = fields[3] if len(fields) > 3 else ""
        cameras = load_pickle(file)
        if number not in cameras:
            raise RawDataError(
                f"{file}: no calibration {number!r} of scan {scan!r}, has {sorted(map(str, cameras))}"
            )
        facts = {key: cameras[number][name][key] for key in "KRT"}
    field = f"{number}.{name}."
    translation = array(file, field + "T", facts["T"], (3, 1), limit=MAX_CM)
    extrinsics = np.hstack([_calibration.rotation(file, field + "R", facts["R"]), MM_PER_CM * translation])
    intrinsics = _calibration.intrinsics(file, field + "K", facts["K"])
    return Camera.from_matrices(intrinsics, extrinsics, world_up=(0, -1, 0))


def _pose(file: Path) -> np.ndarray:
    """[17, 3] mm, the frame of the camera in whose folder the file is; zeros stand for no joint."""
    contents = load_json(file)
    with reading(file):
        numbers = contents["pose_keypoints_3d"]
    numbers = array(file, "pose_keypoints_3d", numbers, (4 * N_JOINTS,), limit=MAX_CM).reshape(N_JOINTS, 4)
    pose = MM_PER_CM * numbers[:, :3]
    return np.where((pose == 0).any(axis=1, keepdims=True), np.nan, pose)


def _image(folder: Path, labels: Path) -> ImageSource:
    """The image file that some people extract a labelled frame to, or the frame of the video."""
    image, video = folder / f"{labels.stem}.jpg", folder / "scan_video.avi"
    if image.exists():
        return ImageSource(image)
    if not labels.stem.isdecimal():
        raise RawDataError(f"{labels}: expected the number of a frame as the file's name")
    if not video.exists():
        raise RawDataError(f"{folder}: neither {image.name} nor {video.name}, expected one of them")
    return ImageSource(video, int(labels.stem))
