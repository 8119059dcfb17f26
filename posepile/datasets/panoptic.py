"""CMU Panoptic Studio: groups of people in a dome, before 31 HD cameras (Joo 2017)."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from posepile import boxes
from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, RawDataWarning, array, load_json, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare import colour
from posepile.prepare.crop import Crop, StandardCrop
from posepile.prepare.matching import joint_box, match
from posepile.video_times import video_times

SEQUENCES = """
160224_haggling1 160226_haggling1 160422_haggling1 160422_ultimatum1 160906_band1 160906_band2 160906_band3
160906_band4 160906_ian1 160906_ian2 160906_ian3 160906_ian5 160906_pizza1 161029_build1 161029_car1 161029_flute1
161029_piano1 161029_piano2 161029_piano3 161029_piano4 161029_sports1 161029_tools1 161202_haggling1
170221_haggling_b1 170221_haggling_b2 170221_haggling_b3 170221_haggling_m1 170221_haggling_m2 170221_haggling_m3
170224_haggling_a1 170224_haggling_a2 170224_haggling_a3 170224_haggling_b1 170224_haggling_b2 170224_haggling_b3
170228_haggling_a1 170228_haggling_a2 170228_haggling_a3 170228_haggling_b1 170228_haggling_b2 170228_haggling_b3
170404_haggling_a1 170404_haggling_a2 170404_haggling_a3 170404_haggling_b1 170404_haggling_b2 170404_haggling_b3
170407_haggling_a1 170407_haggling_a2 170407_haggling_a3 170407_haggling_b1 170407_haggling_b2 170407_haggling_b3
170407_office2 170915_office1 170915_toddler5 171026_cello3 171026_pose1 171026_pose2 171026_pose3 171204_pose1
171204_pose2 171204_pose3 171204_pose4 171204_pose5 171204_pose6
""".split()
BROKEN_VIDEOS = {  # or missing at the owner's
    "171204_pose3/hd_00_20", "171204_pose4/hd_00_20", "171204_pose5/hd_00_20", "160422_haggling1/hd_00_20",
    "160906_band3/hd_00_03",
}  # fmt: skip
POSES = "hdPose3d_stage1_coco19"
N_JOINTS = 19
SLOTS = [0, 1, *range(3, N_JOINTS), 2]  # of raw: the pelvis comes last
MIN_CONFIDENCE = 0.1  # joints of no more than this are invalid
MIN_JOINTS = 6  # valid, of a person; and in the image, of an example
MOVEMENT, MIN_MOVED = 100.0, 3  # mm, joints
SIZE = (1920, 1080)
BOX_FACTOR = 1.25
MIN_IOU, MAX_AREA_RATIO = 0.1, 2.0
MM_PER_CM = 10.0
LIMIT = 1e5  # cm


@dataclass(frozen=True)
class Panoptic(Dataset):
    """CMU Panoptic, 19 joints, the HD cameras of 66 sequences to train: people when they have moved."""

    facts: ClassVar[Facts] = Facts(
        id="panoptic",
        title="CMU Panoptic Studio (HD views)",
        role="3d",
        licence="non-commercial research use only",
        citation="Joo, Simon, Li, Liu, Tan, Gui, Banerjee, Godisart, Nabbe, Matthews, Kanade, Nobuhara, Sheikh: "
        "Panoptic Studio: A Massively Multiview System for Social Interaction Capture. TPAMI 41(1), 2019",
        url="http://domedb.perception.cs.cmu.edu",
        how_to_get=(
            "Get the scripts of https://github.com/CMU-Perceptual-Computing-Lab/panoptic-toolbox.",
            "In ROOT run getData.sh <sequence> 0 31 (no VGA cameras, 31 HD cameras) for each sequence.",
            f"Unpack ROOT/<sequence>/{POSES}.tar there, so that there is ROOT/<sequence>/{POSES}/body3DScene_*.json "
            "(or a folder hd between them), beside hdVideos/hd_00_<nn>.mp4 and calibration_<sequence>.json.",
        ),
        needs=("*/calibration_*.json", f"*/{POSES}/**/body3DScene_*.json", "*/hdVideos/hd_*.mp4"),
        examples=2_782_985,
        uses_detector=True,
    )
    crop: ClassVar[Crop] = StandardCrop(white_balance=colour.PANOPTIC_CAST)

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = []
        for name in SEQUENCES:
            has_poses = (root / name / POSES).is_dir()
            for video in sorted((root / name / "hdVideos").glob("hd_??_??.mp4")):
                unit = f"{name}/{video.stem}"
                if has_poses and unit not in BROKEN_VIDEOS:
                    found.append(Sequence(unit, "train", root, (name, video.stem)))
        if not found:
            raise RawDataError(
                f"{root}: no <sequence>/hdVideos/hd_<nn>_<nn>.mp4 of the {len(SEQUENCES)} known sequences"
            )
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        name, video_name = sequence.files
        folder = sequence.root / name
        video = folder / f"hdVideos/{video_name}.mp4"
        camera = _camera(folder / f"calibration_{name}.json", video_name[-5:])
        scene = _load_scene(folder / POSES)
        with reading(video):
            n_frames = len(video_times(video))
        for i, people, has_moved in scene:
            if i >= n_frames:
                continue
            pixels = camera.world_to_image(people)
            n_visible = boxes.contains(np.tile(boxes.full(SIZE), (len(people), 1)), pixels).sum(axis=-1)
            is_wanted = has_moved & (n_visible >= MIN_JOINTS)
            if not is_wanted.any():
                continue
            image = ImageSource(video, i)
            labelled = np.array([joint_box(points, BOX_FACTOR) for points in pixels])
            found = labelled if detect is None else np.reshape(detect(image), (-1, 5))
            assigned = match(labelled, found, MIN_IOU, MAX_AREA_RATIO)
            for person in np.flatnonzero(is_wanted & (assigned >= 0)):
                yield Frame(
                    key=f"{sequence.name}/{i:08d}_{person}",
                    image=image,
                    camera=camera,
                    box=found[assigned[person]][:4],
                    joints3d=people[person],
                    split=sequence.split,
                    tags={"sequence": name, "camera": video_name[-5:], "frame": str(i)},
                )


DATASET = Panoptic


class SceneFrame(NamedTuple):
    """The people of a frame: its number, joints [P, 19, 3] mm, and whether each has moved, [P] bool."""

    number: int
    people: np.ndarray
    has_moved: np.ndarray


@lru_cache(maxsize=1)  # the cameras of a sequence come one after another
def _load_scene(folder: Path) -> list[SceneFrame]:
    """The frames with people, in order. Frames whose file is damaged are left out, and counted."""
    files = sorted(folder.glob("body3DScene_*.json")) or sorted((folder / "hd").glob("body3DScene_*.json"))
    frames, n_damaged, references = [], 0, References()
    for file in files:
        number = re.fullmatch(r"body3DScene_(\d+)", file.stem, re.ASCII)
        if number is None:
            continue
        try:
            people = _people(file)
        except RawDataError:
            n_damaged += 1
            continue
        if len(people):
            frames.append(SceneFrame(int(number[1]), people, references.moved(people)))
    if n_damaged == len(files):
        raise RawDataError(f"{folder}: no readable body3DScene_<frame>.json among {n_damaged}")
    if n_damaged:
        message = f"{folder}: {n_damaged} of {len(files)} frames are damaged"
        warnings.warn(message, RawDataWarning, stacklevel=3)
    return frames


def _people(file: Path) -> np.ndarray:
    """[P, 19, 3] mm, in our order: those with enough valid joints."""
    scene = load_json(file)
    with reading(file):
        bodies = [body["joints19"] for body in scene["bodies"]]
    people = np.full((len(bodies), N_JOINTS, 3), np.nan)
    for person, body in zip(people, bodies, strict=True):
        joints = array(file, "joints19", body, (4 * N_JOINTS,), limit=LIMIT).reshape(N_JOINTS, 4)[SLOTS]
        is_valid = joints[:, 3] > MIN_CONFIDENCE
        person[is_valid] = MM_PER_CM * joints[is_valid, :3]
    return people[np.isfinite(people).all(axis=-1).sum(axis=-1) >= MIN_JOINTS]


class References:
    """Where the people of a sequence were when they last moved. They are matched by place, for want of reliable ids."""

    def __init__(self):
        self._poses: list[np.ndarray] = []

    def moved(self, people: np.ndarray) -> np.ndarray:
        """Whether each of `people` [P, J, 3] mm has moved, or is new; [P] bool.

        Source: sheet of panoptic, section 6. A reference is never given up.
        """
        has_moved, is_new = np.ones(len(people), bool), np.ones(len(people), bool)
        if self._poses:
            distances = np.linalg.norm(
                people[:, np.newaxis] - np.array(self._poses), axis=-1
            )  # [P, references, J]
            for person, reference in zip(*linear_sum_assignment(_mean_distances(distances)), strict=True):
                is_new[person] = False
                n_moved = (distances[person, reference] >= MOVEMENT).sum()  # NaN is not
                has_moved[person] = n_moved >= MIN_MOVED
                if has_moved[person]:
                    self._poses[reference] = people[person]
        self._poses += list(people[is_new])
        return has_moved


def _mean_distances(distances: np.ndarray) -> np.ndarray:
    """[P, references]: over the joints [P, references, J] that both have; far, where there is none."""
    is_known = np.isfinite(distances)
    total = np.where(is_known, distances, 0).sum(axis=-1)
    return np.where(
        is_known.any(axis=-1), total / np.maximum(is_known.sum(axis=-1), 1), 10 * MM_PER_CM * LIMIT
    )


def _camera(file: Path, name: str) -> Camera:
    calibration = load_json(file)
    with reading(file):
        found = [facts for facts in calibration["cameras"] if facts["name"] == name]
    if len(found) != 1:
        raise RawDataError(f"{file}: {len(found)} cameras named {name!r}, expected one")
    return _parsed_camera(file, name, found[0])


def _parsed_camera(file: Path, name: str, facts: Any) -> Camera:
    with reading(file):
        size, fields = facts["resolution"], [facts[key] for key in ("K", "distCoef", "R")]
        translation = np.ravel(facts["t"])
    if size != list(SIZE):
        raise RawDataError(f"{file}: camera {name} has 'resolution' {size}, expected {list(SIZE)}")
    intrinsics = _calibration.intrinsics(file, f"K of {name}", fields[0])
    distortion = array(file, f"distCoef of {name}", fields[1], (5,), limit=LIMIT)
    rotation = _calibration.rotation(file, f"R of {name}", fields[2])
    translation = MM_PER_CM * array(file, f"t of {name}", translation, (3,), limit=LIMIT)
    return Camera(intrinsics, rotation, -rotation.T @ translation, distortion, world_up=(0, -1, 0))
