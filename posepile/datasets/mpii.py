"""MPII Human Pose: people in frames of YouTube videos, 16 joints in 2D (Andriluka 2014)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, inside, load_mat, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.matching import joint_box, match

ANNOTATIONS = "mpii_human_pose_v1_u12_1.mat"
PARTS = 16  # of the images, so that several processes share the work
N_JOINTS = 16
JOINT_BOX_FACTOR = 1.25
MIN_SCORE, MIN_IOU = 0.5, 0.1
MIN_LABELLED = 7


@dataclass(frozen=True)
class Mpii(Dataset):
    """MPII Human Pose, the train images: people with 7 joints or more that a detector finds."""

    facts: ClassVar[Facts] = Facts(
        id="mpii",
        title="MPII Human Pose",
        role="2d",
        licence="annotations simplified BSD; images for non-commercial research only",
        citation="Andriluka, Pishchulin, Gehler, Schiele: 2D Human Pose Estimation: New Benchmark and State of the Art "
        "Analysis. CVPR 2014",
        url="http://human-pose.mpi-inf.mpg.de",
        how_to_get=(
            "Get mpii_human_pose_v1.tar.gz (12 GB) and mpii_human_pose_v1_u12_2.zip from "
            "http://human-pose.mpi-inf.mpg.de.",
            f"Unpack them into ROOT/images/*.jpg and ROOT/{ANNOTATIONS}, without the archives' other folders.",
        ),
        needs=(ANNOTATIONS, "images/*.jpg"),
        uses_detector=True,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        return [Sequence(f"{i:02d}", "train", root, (str(i),)) for i in range(PARTS)]

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        file = sequence.root / ANNOTATIONS
        images = _train_images(file, file.stat().st_mtime_ns)
        for name, people in images[int(sequence.files[0]) :: PARTS]:
            source = ImageSource(inside(sequence.root / "images", name))
            labelled = np.array([joint_box(joints, JOINT_BOX_FACTOR) for joints in people])
            if not np.isfinite(labelled).any():
                continue
            found = labelled if detect is None else detect(source)
            if detect is not None:
                found = found[found[:, 4] > MIN_SCORE]
            for i, (joints, j) in enumerate(zip(people, match(labelled, found, MIN_IOU), strict=True)):
                if j >= 0 and np.isfinite(joints).all(axis=1).sum() >= MIN_LABELLED:
                    yield Frame(
                        key=f"{sequence.name}/{source.path.stem}_{i:02d}",
                        image=source,
                        camera=None,
                        box=found[j][:4],
                        joints2d=joints,
                        split=sequence.split,
                    )


DATASET = Mpii


@lru_cache(maxsize=1)
def _train_images(file: Path, _modified: int) -> list[tuple[str, list[np.ndarray]]]:
    """The names of the train images and the joints [16, 2] of everybody in them, NaN where not labelled.

    Kept, because a process reads several parts of the file.
    """
    release = load_mat(file, "RELEASE", squeezed=True)["RELEASE"]
    with reading(file):
        images, is_train = np.atleast_1d(release.annolist), np.atleast_1d(release.img_train)
        if len(images) != len(is_train):
            raise RawDataError(f"{file}: 'img_train' has {len(is_train)} entries, expected {len(images)}")
        # A single person or point comes as itself and not as an array, for `squeezed`; none as an empty array
        return [
            (str(image.image.name), [_joints(file, person) for person in np.atleast_1d(image.annorect)])
            for image, in_train in zip(images, is_train, strict=True)
            if in_train == 1
        ]


def _joints(file: Path, person) -> np.ndarray:
    joints = np.full((N_JOINTS, 2), np.nan)
    points = np.atleast_1d(getattr(getattr(person, "annopoints", None), "point", ()))
    if not len(points):
        return joints
    points = array(file, "point.id, x, y", [(p.id, p.x, p.y) for p in points], (None, 3), limit=1e5)
    ids = points[:, 0].astype(int)
    if not set(ids) <= set(range(N_JOINTS)):
        raise RawDataError(f"{file}: 'point.id' has {sorted(set(ids))}, expected 0 to {N_JOINTS - 1}")
    joints[ids] = points[:, 1:]
    return joints
