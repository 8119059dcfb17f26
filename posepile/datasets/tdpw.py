"""3DPW: people outdoors before a moving camera, SMPL bodies from inertial sensors (von Marcard 2018)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile.cameras import Camera
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, load_pickle, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.matching import joint_box

SPLITS = {"train": "train", "validation": "val", "test": "test"}  # folder: split
N_JOINTS, N_JOINTS_2D = 24, 18
PELVIS, NECK = 0, 12
TRUNK = (200, 1000)  # mm between them that can be meant
SLOTS = [*range(1, N_JOINTS), PELVIS]
BOX_FACTOR = 1.15
MM_PER_M = 1000.0


@dataclass(frozen=True)
class TDPW(Dataset):
    """3DPW, 24 SMPL joints of all three splits. The world is the camera's frame: its own has no reliable up."""

    facts: ClassVar[Facts] = Facts(
        id="tdpw",
        title="3DPW, 3D Poses in the Wild",
        role="test",
        licence="non-commercial academic research",
        citation="von Marcard, Henschel, Black, Rosenhahn, Pons-Moll: Recovering Accurate 3D Human Pose in The Wild "
        "Using IMUs and a Moving Camera. ECCV 2018",
        url="https://virtualhumans.mpi-inf.mpg.de/3DPW/",
        how_to_get=(
            "Get imageFiles.zip and sequenceFiles.zip from https://virtualhumans.mpi-inf.mpg.de/3DPW/.",
            "Unpack them into ROOT/imageFiles/<sequence> and ROOT/sequenceFiles/{train,validation,test}.",
        ),
        needs=("sequenceFiles/*/*.pkl",),
    )
    is_filtered: ClassVar[bool] = False  # all three splits are evaluated on

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = []
        for folder, split in SPLITS.items():
            for file in sorted((root / "sequenceFiles" / folder).glob("*.pkl")):
                found.append(Sequence(f"{folder}/{file.stem}", split, root, (folder, file.stem)))
        if not found:
            raise RawDataError(f"{root}: no sequenceFiles/{{{','.join(SPLITS)}}}/*.pkl")
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        folder, name = sequence.files
        file = sequence.root / "sequenceFiles" / folder / f"{name}.pkl"
        labels = load_labels(file)
        camera = Camera(labels.intrinsics, world_up=(0, -1, 0))
        for i, person in np.argwhere(labels.is_valid.T):
            joints = labels.joints[person, i, SLOTS]
            box = joint_box(camera.camera_to_image(joints), BOX_FACTOR)
            if not np.isfinite(box).all():
                raise RawDataError(f"{file}: person {person} of image {i} is behind the camera")
            yield Frame(
                key=f"{sequence.name}/{i:05d}/{person}",
                image=ImageSource(sequence.root / f"imageFiles/{name}/image_{i:05d}.jpg"),
                camera=camera,
                box=box,
                joints3d=joints,
                split=sequence.split,
                tags={
                    "subject": f"{name}-{person}",
                    "sequence": name,
                    "frame": str(i),
                    "person": str(person),
                    "gender": labels.genders[person],
                },
            )


DATASET = TDPW


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of a sequence of N images with P people.

    Attributes:
        intrinsics: [3, 3] px.
        joints: [P, N, 24, 3] mm, in the camera's frame; SMPL's own order, pelvis first.
        poses2d: [P, N, 18, 3]: x and y in px, and the confidence, of OpenPose's 18 joints; zero where not found.
        is_valid: [P, N] bool: the camera fits the image for that person, and something of him was found in it.
        genders: P times "m" or "f".
    """

    intrinsics: np.ndarray
    joints: np.ndarray
    poses2d: np.ndarray
    is_valid: np.ndarray
    genders: tuple[str, ...]


def load_labels(file: Path) -> Labels:
    """The labels of a sequence file. Source: sheet of tdpw, sections 3 and 4. Raises RawDataError."""
    raw = load_pickle(file)
    with reading(file):
        if raw["sequence"] != file.stem:
            raise RawDataError(f"{file}: 'sequence' is {raw['sequence']!r}, expected {file.stem!r}")
        people = {key: list(raw[key]) for key in ("jointPositions", "poses2d", "campose_valid", "genders")}
        intrinsics, cam_poses = raw["cam_intrinsics"], raw["cam_poses"]
    counts = {key: len(values) for key, values in people.items()}
    if len(set(counts.values())) != 1:
        raise RawDataError(f"{file}: numbers of people differ ({counts})")
    intrinsics = array(file, "cam_intrinsics", intrinsics, (3, 3), limit=1e6)
    cam_poses = array(file, "cam_poses", cam_poses, (None, 4, 4), finite=False)
    n = len(cam_poses)

    def of_each(key: str, *shape: int) -> np.ndarray:
        values = [array(file, key, value, (n, *shape), finite=False, limit=1e6) for value in people[key]]
        return np.array(values).reshape(-1, n, *shape)

    poses2d = of_each("poses2d", 3, N_JOINTS_2D).swapaxes(-1, -2)
    is_valid = (of_each("campose_valid") != 0) & (poses2d != 0).any(axis=(-2, -1))
    world = of_each("jointPositions", 3 * N_JOINTS).reshape(-1, n, N_JOINTS, 3)
    rotations, translations = cam_poses[:, :3, :3], cam_poses[:, :3, 3]
    _check_rotations(file, rotations[is_valid.any(axis=0)])
    joints = np.einsum("nij,pnkj->pnki", rotations, world) + translations[:, np.newaxis]
    joints *= MM_PER_M
    _check_trunks(file, joints[is_valid])
    genders = tuple(str(gender) for gender in people["genders"])
    return Labels(intrinsics, joints, poses2d, is_valid, genders)


def _check_rotations(file: Path, rotations: np.ndarray) -> None:
    """Raises RawDataError unless [n, 3, 3] are rotations; those of images that nobody uses may be stale."""
    squares = rotations @ rotations.swapaxes(-1, -2)
    if not np.allclose(squares, np.eye(3), atol=1e-3) or (np.linalg.det(rotations) < 0).any():
        raise RawDataError(f"{file}: 'cam_poses' has no rotation in it, expected [R | t]")


def _check_trunks(file: Path, joints: np.ndarray) -> None:
    """Raises RawDataError unless joints [n, 24, 3] mm are of a person's size, so that metres were metres."""
    lengths = np.linalg.norm(joints[:, PELVIS] - joints[:, NECK], axis=-1)
    if not np.isfinite(joints).all():
        raise RawDataError(f"{file}: 'jointPositions' has NaN where 'campose_valid' is set, expected none")
    if not ((lengths > TRUNK[0]) & (lengths < TRUNK[1])).all():
        raise RawDataError(
            f"{file}: 'jointPositions' has the neck between {lengths.min():.0f} and {lengths.max():.0f} mm from the "
            f"pelvis, expected {TRUNK[0]} to {TRUNK[1]}; are they in metres?"
        )
