"""Berkeley MHAD: 12 people, 11 actions, 12 cameras and 2 Kinects, 43 optical markers (Ofli 2013)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import ClassVar, NamedTuple

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets._c3d import load_c3d
from posepile.datasets._views import is_seen
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, load_text_table, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.matching import joint_box
from posepile.prepare.sampling import MemorySampler

N_CAMERAS = {"l01": 4, "l02": 4, "l03": 2, "l04": 2, "k01": 1, "k02": 1}  # by cluster; k: the Kinects' colour
SUBJECTS, ACTIONS, REPETITIONS = range(1, 13), range(1, 12), range(1, 6)
N_MARKERS = 43
IMAGE_SIZE = (640, 480)
BOX_FACTOR = 1.05
LIMIT = 1e5  # mm


@dataclass(frozen=True)
class Bmhad(Dataset):
    """Berkeley MHAD, 43 markers on the body's surface, all to train; y is up.

    Recordings that were lost (s04 a08 r05; s05 a02 r05 and s10 a08 r05 of two clusters) are not there to be listed.
    """

    facts: ClassVar[Facts] = Facts(
        id="bmhad",
        title="Berkeley MHAD: Multimodal Human Action Database",
        role="3d",
        licence="free to get; a BSD-style licence, which comes with the files",
        citation="Ofli, Chaudhry, Kurillo, Vidal, Bajcsy: Berkeley MHAD: A Comprehensive Multimodal Human Action "
        "Database. WACV 2013",
        url="https://tele-immersion.citris-uc.org/berkeley_mhad",
        how_to_get=(
            "From https://tele-immersion.citris-uc.org/berkeley_mhad get Calibration, Camera, Kinect and Mocap.",
            "Unpack to ROOT/Calibration, ROOT/Camera/{Correspondences,Cluster01/Cam01/S01/A01/R01/*.pgm}, "
            "ROOT/Kinect/{Correspondences,Kin01/S01/A01/R01/*.ppm} and ROOT/Mocap/OpticalData/*.c3d.",
            "The cameras' images stay .pgm as they are, or are already converted to colours as .jpg beside them.",
        ),
        needs=("Calibration/RwTw_*.txt", "Calibration/camcfg_*.yml", "Mocap/OpticalData/moc_*.c3d"),
        examples=527_458,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = []
        for subject, action, repetition in product(SUBJECTS, ACTIONS, REPETITIONS):
            recording = f"s{subject:02d}_a{action:02d}_r{repetition:02d}"
            if not _mocap_file(root, recording).exists():
                continue
            for cluster, number in ((c, k + 1) for c, n in N_CAMERAS.items() for k in range(n)):
                view = _View(root, cluster, number, recording)
                if view.folder.is_dir() and view.correspondences.exists():
                    parts = (cluster, str(number), recording)
                    found.append(Sequence(f"{recording}/{cluster}_c{number:02d}", "train", root, parts))
        if not found:
            raise RawDataError(
                f"{root}: no images, expected Camera/Cluster*/Cam*/S*/A*/R* or Kinect/Kin*/S*/A*/R*"
            )
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        root, (cluster, number, recording) = sequence.root, sequence.files
        view = _View(root, cluster, int(number), recording)
        camera = _camera(root / "Calibration", cluster, int(number))
        markers = _markers(_mocap_file(root, recording))
        poses = markers[_rows(view.correspondences, len(markers))]
        subject, action, repetition = recording.split("_")
        sampler = MemorySampler(100.0, buffer=max(len(poses), 1))
        for i, pose in enumerate(poses):
            box = joint_box(camera.world_to_image(pose), BOX_FACTOR)
            if is_seen(box, IMAGE_SIZE) and sampler.keep(pose):
                yield Frame(
                    key=f"{sequence.name}/{i:05d}",
                    image=view.image(i),
                    camera=camera,
                    box=box,
                    joints3d=pose,
                    split="train",
                    tags={
                        "subject": subject,
                        "activity": action,
                        "repetition": repetition,
                        "camera": f"{cluster}_c{int(number):02d}",
                        "frame": str(i),
                    },
                )


DATASET = Bmhad


def _mocap_file(root: Path, recording: str) -> Path:
    return root / f"Mocap/OpticalData/moc_{recording}.c3d"


class _View(NamedTuple):
    """Where the files of a camera (1-based in its cluster) and a recording are."""

    root: Path
    cluster: str
    number: int
    recording: str

    @property
    def is_kinect(self) -> bool:
        return self.cluster.startswith("k")

    @property
    def folder(self) -> Path:
        place = self.recording.upper().replace("_", "/")
        if self.is_kinect:
            return self.root / f"Kinect/Kin{self.cluster[1:]}/{place}"
        return self.root / f"Camera/Cluster{self.cluster[1:]}/Cam{self.number:02d}/{place}"

    @property
    def correspondences(self) -> Path:
        if self.is_kinect:
            return self.root / f"Kinect/Correspondences/corr_moc_kin{self.cluster[1:]}_{self.recording}.txt"
        return self.root / f"Camera/Correspondences/corr_moc_img_{self.recording}.txt"

    def image(self, i: int) -> ImageSource:
        if self.is_kinect:
            return ImageSource(self.folder / f"kin_{self.cluster}_{self.recording}_color_{i:05d}.ppm")
        path = self.folder / f"img_{self.cluster}_c{self.number:02d}_{self.recording}_{i:05d}.pgm"
        return ImageSource(path, is_mosaic=True) if path.exists() else ImageSource(path.with_suffix(".jpg"))


def _rows(file: Path, n_markers: int) -> np.ndarray:
    """[T]: the row of the markers for each image."""
    table = load_text_table(file)
    if table.ndim != 2 or table.shape[1] < 3:
        raise RawDataError(f"{file}: rows of {table.shape[-1]} numbers, expected at least 3")
    images, rows = (array(file, f"column {k}", table[:, k], (len(table),)) for k in (0, 2))
    if (images != np.arange(len(images))).any():
        raise RawDataError(f"{file}: column 0 does not count images from 0")
    if len(rows) and not (0 <= rows.min() and rows.max() < n_markers and (rows == np.rint(rows)).all()):
        raise RawDataError(
            f"{file}: column 2 has {rows.min():g} to {rows.max():g}, expected rows below {n_markers}"
        )
    return rows.astype(int)


def _markers(file: Path) -> np.ndarray:
    """[T, 43, 3] mm, world with y up; NaN where a marker was not found."""
    points = load_c3d(file)
    n_frames, n_points = points.residuals.shape
    if n_points < N_MARKERS:
        raise RawDataError(f"{file}: {n_points} points, expected {N_MARKERS} markers")
    if points.unit not in ("mm", ""):
        raise RawDataError(f"{file}: unit is {points.unit!r}, expected 'mm'")
    found = np.where(points.residuals[..., np.newaxis] < 0, np.nan, points.positions)[:, :N_MARKERS]
    found = array(file, "points", found, (n_frames, N_MARKERS, 3), finite=False, limit=LIMIT)
    return found[..., [0, 2, 1]] * (-1, 1, 1)  # the file has z up


def _camera(folder: Path, cluster: str, number: int) -> Camera:
    """World to the cluster's reference camera, and from there to this one."""
    world_file, cluster_file = folder / f"RwTw_{cluster}.txt", folder / f"camcfg_{cluster}.yml"
    rotation, translation = _world_to_cluster(world_file)
    intrinsics, distortion, place = _camera_in_cluster(cluster_file, number)
    turn = Rotation.from_rotvec(place[3:]).as_matrix()
    rotation, translation = turn @ rotation, turn @ translation + place[:3]
    return Camera(intrinsics, rotation, -rotation.T @ translation, distortion, world_up=(0, 1, 0))


def _world_to_cluster(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """[3, 3] and [3] mm, of the lines "Rw=..." and "Tw=..."."""
    with reading(file):
        words = file.read_text().replace("=", " ").split()
    if len(words) != 14 or (words[0], words[10]) != ("Rw", "Tw"):
        raise RawDataError(f"{file}: {len(words)} words, expected Rw= and 9 numbers, Tw= and 3")
    rotation = _calibration.rotation(file, "Rw", np.reshape(words[1:10], (3, 3)))
    return rotation, array(file, "Tw", words[11:], (3,), limit=LIMIT)


def _camera_in_cluster(file: Path, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Intrinsics [3, 3] px, distortion [4], and [6]: translation in mm and Rodrigues vector."""
    name = f"Camera_{number}"
    with reading(file):
        text = file.read_bytes().decode()
        try:
            storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
            node = storage.getNode(name)
            found = {key: node.getNode(key).mat() for key in ("K", "Dist", "PosRel")}
        except cv2.error as error:
            raise RawDataError(f"{file}: no camera file of OpenCV ({error.err})") from error
    if missing := [key for key, value in found.items() if value is None]:
        raise RawDataError(f"{file}: no matrix {missing[0]!r} of {name}")
    return (
        _calibration.intrinsics(file, f"K of {name}", found["K"]),
        array(file, f"Dist of {name}", np.ravel(found["Dist"]), (4,), limit=1e3),
        array(file, f"PosRel of {name}", np.ravel(found["PosRel"]), (6,), limit=LIMIT),
    )
