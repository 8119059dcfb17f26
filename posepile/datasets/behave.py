"""BEHAVE: people who handle objects, before four Kinects; SMPL-H fits and 3D OpenPose joints (Bhatnagar 2022)."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posepile import boxes, masks
from posepile.body_models import find_body_model
from posepile.cameras import Camera
from posepile.datasets import _smpl
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, RawDataWarning, array, inside, load_json, load_pickle, reading
from posepile.frame import Frame, ImageSource
from posepile.images import read_image
from posepile.prepare.matching import best_match, joint_box
from posepile.prepare.sampling import MemorySampler

BODY_25 = (
    "nose neck rsho relb rwri lsho lelb lwri pelv rhip rkne rank lhip lkne lank reye leye rear lear lfoo ltoe lhee "
    "rfoo rtoe rhee"
).split()
N_BODY = 66  # numbers of the pose that move SMPL's joints: root and body, without the hands
BOX_FACTOR = 1.05
MIN_IOU = 0.5
MASK_THRESHOLD = 127
LENS = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
LIMIT = 1000.0  # m


@dataclass(frozen=True)
class Behave(Dataset):
    """BEHAVE key frames (1 per second), 24 joints of SMPL and 25 of OpenPose: the moments that differ, in all views."""

    body_models: Path | None = None
    """Folder with the licensed body models (smpl/…)."""

    facts: ClassVar[Facts] = Facts(
        id="behave",
        title="BEHAVE",
        role="3d",
        licence="non-commercial research, education and art; faces to be blurred in publications",
        citation="Bhatnagar, Xie, Petrov, Sminchisescu, Theobalt, Pons-Moll: BEHAVE: Dataset and Method for Tracking "
        "Human Object Interactions. CVPR 2022",
        url="https://virtualhumans.mpi-inf.mpg.de/behave/",
        how_to_get=(
            "Get Date01.zip to Date07.zip, calibs.zip and split.json from "
            "https://virtualhumans.mpi-inf.mpg.de/behave/.",
            "Unpack the former to ROOT/sequences, and calibs.zip to ROOT/calibs.",
            "Get SMPL for Python from https://smpl.is.tue.mpg.de, put its files into FOLDER/smpl and give FOLDER as "
            "--body-models.",
        ),
        needs=("split.json", "calibs/intrinsics/*/calibration.json", "sequences/*/info.json"),
        uses_detector=True,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        file = root / "split.json"
        with reading(file):
            train = set(load_json(file)["train"])
        names = sorted(info.parent.name for info in root.glob("sequences/*/info.json"))
        return [Sequence(name, "train" if name in train else "test", root, (name,)) for name in names]

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        folder = sequence.root / "sequences" / sequence.name
        info = load_json(folder / "info.json")
        cameras = _cameras(folder, info)
        sampler = MemorySampler(100.0, buffer=100)
        moments = sorted(path for path in folder.glob("t*") if path.is_dir())
        labelled = [moment for moment in moments if all(file.exists() for file in _label_files(moment))]
        if len(labelled) < len(moments):
            n_skipped = len(moments) - len(labelled)
            warnings.warn(
                f"{folder}: {n_skipped} of {len(moments)} moments without labels",
                RawDataWarning,
                stacklevel=2,
            )
        for moment in labelled:
            joints = self._joints(moment, info)
            if not sampler.keep(joints):
                continue
            for kinect, (camera, size) in cameras.items():
                image = ImageSource(moment / f"k{kinect}.color.jpg")
                box = _box(camera, joints, size, None if detect is None else detect(image))
                if boxes.area(box) > 0:
                    yield Frame(
                        key=f"{sequence.name}/{moment.name}/k{kinect}",
                        image=image,
                        camera=camera,
                        box=box,
                        joints3d=joints,
                        mask=partial(_mask, moment / f"k{kinect}.person_mask.jpg"),
                        split=sequence.split,
                        tags={"camera": f"k{kinect}", "object": str(info.get("cat", ""))},
                    )

    def _joints(self, moment: Path, info: dict[str, Any]) -> np.ndarray:
        """[49, 3] mm, world, in our order; NaN where OpenPose has found nothing."""
        fit_file, openpose_file = _label_files(moment)
        fit = load_pickle(fit_file)
        with reading(fit_file):
            pose, betas, trans = (np.ravel(fit[name]) for name in ("pose", "betas", "trans"))
        pose = array(fit_file, "pose", pose[:N_BODY], (N_BODY,), limit=LIMIT)
        pose = np.concatenate([pose, np.zeros(6)])  # hands carry no other joint
        betas = array(fit_file, "betas", betas, (10,), limit=LIMIT)
        trans = 1000 * array(fit_file, "trans", trans, (3,), limit=LIMIT)
        gender = "male" if info.get("gender") == "male" else "female"
        smpl = find_body_model(self.body_models, "smpl", gender).joints([pose], [betas], [trans])[0]
        with reading(openpose_file):
            numbers = np.reshape(load_json(openpose_file)["body_joints3d"], (25, 4))
        numbers = array(openpose_file, "body_joints3d", numbers, (25, 4), limit=LIMIT)
        openpose = np.where(numbers[:, 3:] > 0, 1000 * numbers[:, :3], np.nan)
        found = dict(zip((f"{name}_coco" for name in BODY_25), openpose, strict=True))
        names = self.skeleton.joints[len(smpl) :]
        return np.concatenate([smpl[_smpl.SMPL], [found[name] for name in names]])


DATASET = Behave


def _label_files(moment: Path) -> tuple[Path, Path]:
    """The fit of the body and OpenPose's joints."""
    return moment / "person/fit02/person_fit.pkl", moment / "person/person_J3d.json"


def _cameras(folder: Path, info: dict[str, Any]) -> dict[int, tuple[Camera, tuple[int, int]]]:
    """Camera and image size (w, h) by the number of the Kinect. Paths in info.json are relative to its folder."""
    file, root = folder / "info.json", folder.parents[1]
    with reading(file):
        kinects = array(file, "kinects", info["kinects"], (None,), np.int64, limit=100).tolist()
        extrinsics, intrinsics = (
            inside(root, f"sequences/{folder.name}/{info[key]}") for key in ("config", "intrinsic")
        )
    return {
        k: _camera(extrinsics / str(k) / "config.json", intrinsics / str(k) / "calibration.json")
        for k in kinects
    }


def _camera(extrinsics_file: Path, intrinsics_file: Path) -> tuple[Camera, tuple[int, int]]:
    extrinsics, calibration = load_json(extrinsics_file), load_json(intrinsics_file)
    with reading(extrinsics_file):
        to_world = np.reshape(extrinsics["rotation"], (3, 3))
        position = np.ravel(extrinsics["translation"])
    with reading(intrinsics_file):
        colour = calibration["color"]
        fx, fy, cx, cy = (colour[name] for name in ("fx", "fy", "cx", "cy"))
        distortion = [colour[name] for name in LENS]
        size = [colour["width"], colour["height"]]
    matrix = array(
        intrinsics_file, "fx, fy, cx, cy", [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], (3, 3), limit=1e6
    )
    width, height = array(intrinsics_file, "width, height", size, (2,), np.int64, limit=1e5).tolist()
    to_world = array(extrinsics_file, "rotation", to_world, (3, 3))
    if not np.allclose(to_world @ to_world.T, np.eye(3), atol=1e-2) or np.linalg.det(to_world) < 0:
        raise RawDataError(f"{extrinsics_file}: 'rotation' is none, expected camera to world, by rows")
    camera = Camera(
        matrix,
        to_world.T,
        1000 * array(extrinsics_file, "translation", position, (3,), limit=LIMIT),
        array(intrinsics_file, ", ".join(LENS), distortion, (8,), limit=1e4),
        world_up=(0, -1, 0),  # the world is the second Kinect's frame, and that is about level
    )
    return camera, (width, height)


def _box(
    camera: Camera, joints: np.ndarray, size: tuple[int, int], detections: np.ndarray | None
) -> np.ndarray:
    """The best detection of the person, or the box of his joints; cut to the image, perhaps to nothing."""
    box = joint_box(camera.world_to_image(joints), BOX_FACTOR)
    if detections is not None and (best := best_match(box, detections, MIN_IOU)) >= 0:
        box = np.asarray(detections[best][:4], float)
    return boxes.intersection(box, boxes.full(size)) if np.isfinite(box).all() else np.zeros(4)


def _mask(file: Path) -> dict:
    with reading(file):
        return masks.encode(read_image(ImageSource(file))[..., 0] > MASK_THRESHOLD)
