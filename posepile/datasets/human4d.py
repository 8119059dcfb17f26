"""HUMAN4D: single people before four RGB-D cameras that lie on their side, with motion capture (Chatzitofis 2020)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile import boxes
from posepile.cameras import Camera
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, load_json, load_npy, load_text_table, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.matching import best_match, joint_box
from posepile.prepare.sampling import MemorySampler

SUBJECTS = ("S1", "S2", "S3", "S4")
SIZE = (1280, 720)
N_RAW_JOINTS = 33
DROPPED_JOINT = 15  # the left clavicle's root: the right one's lies at the same place
BOX_FACTOR = 1.2
MIN_IOU, MIN_LONGER_SIDE = 0.5, 30.0
LIMIT_MM = 1e5


@dataclass(frozen=True)
class Human4D(Dataset):
    """HUMAN4D, 32 joints, S1 to S4; examples are turned upright by cropping."""

    first_pose: int = 1
    """The pose of the first image after a recording's offset. The authors' own viewer has 0: a 30th of a second."""
    colour_cameras: bool = True
    """Whether the published cameras, those of depth, are moved to where the colour cameras are, by a centimetre or
    two. Earlier models were trained without."""

    facts: ClassVar[Facts] = Facts(
        id="human4d",
        title="HUMAN4D",
        role="3d",
        licence="of the data: not stated with certainty, treat as research only",
        citation="Chatzitofis, Saroglou, Boutis, Drakoulis, Zioulis, Subramanyam, Kevelham, Charbonnier, Cesar, "
        "Zarpalas et al.: HUMAN4D: A Human-Centric Multimodal Dataset for Motions and Immersive Media. "
        "IEEE Access 8, 2020",
        url="https://tofis.github.io/human4d_dataset/",
        how_to_get=(
            "Get the Zenodo records 4473009, 4473047, 4483817 and 4484110 (links on "
            "https://tofis.github.io/human4d_dataset/): the subjects S1 to S4.",
            "Arrange them as ROOT/S<1..4>/offsets.txt, pose/<device>.extrinsics and <recording>/Dump/color/*.png and "
            "<recording>/Dump/gposes3d/<k>.npy.",
            "Put device_repository.json into ROOT or into each subject's folder.",
        ),
        needs=("S?/offsets.txt", "S?/pose/*.extrinsics", "S?/*/Dump/color/*.png", "S?/*/Dump/gposes3d/*.npy"),
        uses_detector=True,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        devices = {
            file.stem for subject in SUBJECTS for file in (root / subject / "pose").glob("*.extrinsics")
        }
        if not devices:
            raise RawDataError(f"{root}: no {{{','.join(SUBJECTS)}}}/pose/*.extrinsics")
        return [Sequence(device, "train", root, (device,)) for device in sorted(devices)]

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        (device,) = sequence.files
        sampler = MemorySampler(100.0, buffer=100)  # of a camera, in all recordings
        for subject in SUBJECTS:
            folder = sequence.root / subject
            if not (folder / f"pose/{device}.extrinsics").exists():
                continue
            camera, offsets = self._camera(folder, device), None
            for recording, path in _images(folder, device):
                offsets = offsets or _offsets(folder / "offsets.txt")
                if (joints := self._pose(folder, recording, path, offsets)) is None or not sampler.keep(
                    joints
                ):
                    continue
                box = _box(joint_box(camera.world_to_image(joints), BOX_FACTOR), path, detect)
                if box is not None:
                    yield Frame(
                        key=f"{device}/{subject}/{recording}/{path.stem}",
                        image=ImageSource(path),
                        camera=camera,
                        box=box,
                        joints3d=joints,
                        split="train",
                        tags={"subject": subject, "sequence": f"{subject}/{recording}", "camera": device},
                    )

    def _pose(self, folder: Path, recording: str, image: Path, offsets: dict[str, int]) -> np.ndarray | None:
        """[32, 3] mm, world; None where the motion capture has not begun yet, or has ended."""
        if recording not in offsets:
            raise RawDataError(
                f"{folder / 'offsets.txt'}: no line for {recording}, expected one for each recording"
            )
        k = int(image.name.partition("_")[0]) - offsets[recording] + self.first_pose
        file = folder / recording / f"Dump/gposes3d/{k}.npy"
        if k < 0 or not file.exists():
            return None
        poses = array(file, "poses", load_npy(file), (1, N_RAW_JOINTS, 3), finite=False, limit=LIMIT_MM)
        return np.delete(poses[0], DROPPED_JOINT, axis=0)

    def _camera(self, folder: Path, device: str) -> Camera:
        """The colour camera of a device."""
        file = folder / f"pose/{device}.extrinsics"
        numbers = array(file, "extrinsics", load_text_table(file), (4, 3), limit=LIMIT_MM)
        to_world = _rotation(file, "rotation", numbers[:3])
        position, rotation = numbers[3], to_world.T
        repository, facts = _device(folder, device)
        with reading(repository):
            intrinsics = facts["Color Intrinsics"][0]["x".join(map(str, SIZE))]
            colour_to_depth, shift = facts["Color Depth Rotation"], facts["Color Depth Translation"]
        intrinsics = array(repository, "Color Intrinsics", intrinsics, (9,), limit=1e5).reshape(3, 3)
        if intrinsics[2].tolist() != [0, 0, 1]:
            raise RawDataError(
                f"{repository}: 'Color Intrinsics' ends in {intrinsics[2].tolist()}, expected 0 0 1"
            )
        if self.colour_cameras:
            colour_to_depth = array(repository, "Color Depth Rotation", colour_to_depth, (9,)).reshape(3, 3)
            shift = array(repository, "Color Depth Translation", shift, (3,), limit=1.0)  # m
            position = position + to_world @ (1000 * shift)
            rotation = _rotation(repository, "Color Depth Rotation", colour_to_depth).T @ rotation
        return Camera(intrinsics, rotation, position)


DATASET = Human4D


def _images(folder: Path, device: str) -> list[tuple[str, Path]]:
    """A device's images of all recordings of a subject with the recording's name, in order of time."""
    found = []
    for path in folder.glob("*/Dump/color/*.png"):
        if match := re.fullmatch(r"(\d{1,9})_(.+)_color_(\d{1,9})", path.stem, re.ASCII):
            if match.group(2) == device:
                recording = path.parent.parent.parent.name
                found.append((recording, int(match.group(1)), int(match.group(3)), path))
    return [(recording, path) for recording, _, _, path in sorted(found)]


def _offsets(file: Path) -> dict[str, int]:
    """How many groups of images come before the motion capture, by recording; the second number is not used."""
    with reading(file):
        lines = [line.split() for line in file.read_text().splitlines() if line.strip()]
        return {line[0]: int(line[1]) for line in lines}


def _device(folder: Path, device: str) -> tuple[Path, dict]:
    """What the repository of devices, the subject's or that of all, says about a device."""
    file = folder / "device_repository.json"
    file = file if file.exists() else folder.parent / file.name
    devices = load_json(file)
    with reading(file):
        for facts in devices:
            if facts["Device"] == device:
                return file, facts
    raise RawDataError(f"{file}: no 'Device' {device!r}, expected those with extrinsics")


def _rotation(file: Path, field: str, matrix: np.ndarray) -> np.ndarray:
    if np.abs(matrix @ matrix.T - np.eye(3)).max() > 1e-2 or np.linalg.det(matrix) < 0:
        raise RawDataError(f"{file}: {field!r} is no rotation")
    return matrix


def _box(labelled: np.ndarray, image: Path, detect: Detect | None) -> np.ndarray | None:
    """The detection [4] that is about the box of the joints; that box itself if there is no detection at all."""
    upright = np.asarray(detect(ImageSource(image, quarter_turns=1)), float) if detect else np.zeros((0, 5))
    found = _turned_back(upright[:, :4]) if len(upright) else labelled[np.newaxis]
    best = best_match(labelled, found, MIN_IOU)
    return found[best] if best >= 0 and found[best, 2:].max() >= MIN_LONGER_SIDE else None


def _turned_back(upright: np.ndarray) -> np.ndarray:
    """Boxes [n, 4] of the image that was turned clockwise by a quarter, in the stored image."""
    corners = boxes.to_corners(upright)
    x1, y1, x2, y2 = corners.T
    far = SIZE[1] - 1  # pixel centres are integers: row y became column 719 - y
    return boxes.from_corners(np.stack([y1, far - x2, y2, far - x1], axis=-1))
