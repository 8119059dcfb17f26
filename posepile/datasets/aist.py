"""AIST++: dancers before nine cameras, joints triangulated from detected ones (Tsuchida 2019, Li 2021)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy.spatial.transform import Rotation

from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, inside, load_json, load_pickle, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.crop import Crop, StandardCrop
from posepile.prepare.matching import joint_box
from posepile.prepare.sampling import Sampler
from posepile.video_times import video_times

RAW_JOINTS = "nose leye reye lear rear lsho rsho lelb relb lwri rwri lhip rhip lkne rkne lank rank".split()
MIDDLES = {"neck": ("lsho", "rsho"), "pelv": ("lhip", "rhip")}
N_VIEWS = 9  # c10 is of moving cameras, without calibration
BAD_VIEWS = {
    "gBR_sBM_c05_d04_mBR0_ch01": "not synchronous with the other views",
    "gJB_sBM_c07_d07_mJB3_ch05": "640 x 480 px, other than calibrated",
}
SIZE = (1920, 1080)
RATE = 60  # labels a second
BOX_FACTOR = 1.15
MM_PER_CM = 10.0
LIMIT = 1e5


@dataclass(frozen=True)
class Aist(Dataset):
    """AIST++, 19 joints: COCO's 17, neck and pelvis; all views, and the official splits by pose."""

    round_up: bool = True
    """A video frame shown between two labels' times belongs to the later one, as in the pile; off: to the earlier one,
    as in the official tools. Only videos that are not at exactly 60 frames/s differ, by a frame."""

    facts: ClassVar[Facts] = Facts(
        id="aist",
        title="AIST++ on the AIST Dance Video Database",
        role="3d",
        licence="annotations CC BY 4.0; videos for research under the terms of the AIST Dance Video Database",
        citation="Li, Yang, Ross, Kanazawa: AI Choreographer: Music Conditioned 3D Dance Generation with AIST++. ICCV "
        "2021. Tsuchida, Fukayama, Hamasaki, Goto: AIST Dance Video Database. ISMIR 2019",
        url="https://google.github.io/aistplusplus_dataset",
        how_to_get=(
            "Get fullset.zip from https://google.github.io/aistplusplus_dataset (needs a Google account), and move "
            "its folder aist_plusplus_final to ROOT/annotations.",
            "Accept the terms at https://aistdancedb.ongaaccel.jp and get refined_10M_all_video_url.csv.",
            "Download its videos into ROOT/videos, or with https://github.com/google/aistplusplus_api those that are "
            "labelled.",
        ),
        needs=("annotations/cameras/mapping.txt", "annotations/keypoints3d/*.pkl", "videos/*.mp4"),
        examples=5_280_681,
    )
    crop: ClassVar[Crop] = StandardCrop(factor=0.8)

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        labels = root / "annotations"
        ignored, splits = _names(labels / "ignore_list.txt"), _splits(labels / "splits")
        found = []
        for file in sorted((labels / "keypoints3d").glob("*_cAll_*.pkl")):
            for view in range(1, N_VIEWS + 1):
                name = file.stem.replace("_cAll_", f"_c{view:02d}_")
                video_exists = (root / f"videos/{name}.mp4").exists()
                if file.stem in ignored or name in BAD_VIEWS or not video_exists:
                    continue
                if file.stem not in splits:
                    raise RawDataError(f"{labels}/splits: no pose_*.txt names {file.stem}, expected one")
                found.append(Sequence(name, splits[file.stem], root, (file.stem, name, str(view))))
        if not found:
            raise RawDataError(
                f"{root}/videos: no video of a labelled sequence, expected <name with c01..c09>.mp4"
            )
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        dance, name, view = sequence.files
        labels, video = sequence.root / "annotations", sequence.root / f"videos/{name}.mp4"
        camera = _camera(labels / "cameras", dance, int(view))
        poses = self._poses(labels / f"keypoints3d/{dance}.pkl")
        with reading(video):
            frames = video_times(video).at_rate(RATE, self.round_up)
        sampler = Sampler(100.0)
        for i, (pose, frame) in enumerate(zip(poses, frames, strict=False)):  # one of them may end earlier
            if not sampler.keep(pose):
                continue
            box = joint_box(camera.world_to_image(pose), BOX_FACTOR)
            if np.isfinite(box).all():
                yield Frame(
                    key=f"{sequence.name}/{i:06d}",
                    image=ImageSource(video, int(frame)),
                    camera=camera,
                    box=box,
                    joints3d=pose,
                    split=sequence.split,
                    tags={
                        "subject": _part(name, "d"),
                        "sequence": dance,
                        "camera": f"c{int(view):02d}",
                        "frame": str(i),
                    },
                )

    def _poses(self, file: Path) -> np.ndarray:
        """[T, 19, 3] mm, world, y up."""
        raw = load_pickle(file)
        with reading(file):
            joints = raw["keypoints3d_optim"]
        joints = array(
            file, "keypoints3d_optim", joints, (None, len(RAW_JOINTS), 3), finite=False, limit=LIMIT
        )
        named = {name: MM_PER_CM * joints[:, i] for i, name in enumerate(RAW_JOINTS)}
        for name, (left, right) in MIDDLES.items():
            named[name] = (named[left] + named[right]) / 2
        return np.stack([named[joint] for joint in self.skeleton.joints], axis=1)


DATASET = Aist


def _part(name: str, first: str) -> str:
    """The part of a file name that begins so: the dancer's is "d04"."""
    return next((part for part in name.split("_") if part.startswith(first)), "")


def _names(file: Path) -> set[str]:
    with reading(file):
        return set(file.read_text().split())


def _splits(folder: Path) -> dict[str, str]:
    """The split of each sequence."""
    found: dict[str, str] = {}
    for split in ("train", "val", "test"):
        file = folder / f"pose_{split}.txt"
        for name in _names(file):
            if found.setdefault(name, split) != split:
                raise RawDataError(f"{file}: {name} is in pose_{found[name]}.txt too, expected one split")
    return found


def _camera(folder: Path, dance: str, view: int) -> Camera:
    mapping = folder / "mapping.txt"
    with reading(mapping):
        settings = dict(line.split() for line in mapping.read_text().splitlines() if line.strip())
        file = inside(folder, f"{settings[dance]}.json")
    cameras = load_json(file)
    if not isinstance(cameras, list) or len(cameras) < N_VIEWS:
        raise RawDataError(f"{file}: no list of {N_VIEWS} cameras")
    return _parsed_camera(file, f"c{view:02d}", cameras[view - 1])


def _parsed_camera(file: Path, name: str, facts: Any) -> Camera:
    with reading(file):
        found, size = facts["name"], facts["size"]
        fields = [facts[key] for key in ("matrix", "rotation", "translation", "distortions")]
    if found != name or size != list(SIZE):
        raise RawDataError(f"{file}: camera {found!r} of size {size}, expected {name!r} of size {list(SIZE)}")
    intrinsics = _calibration.intrinsics(file, f"matrix of {name}", fields[0])
    rotation = Rotation.from_rotvec(array(file, f"rotation of {name}", fields[1], (3,), limit=10)).as_matrix()
    translation = MM_PER_CM * array(file, f"translation of {name}", fields[2], (3,), limit=LIMIT)
    distortion = array(file, f"distortions of {name}", fields[3], (5,), limit=LIMIT)
    return Camera(intrinsics, rotation, -rotation.T @ translation, distortion, world_up=(0, 1, 0))
