"""MPI-INF-3DHP: 8 actors before 14 cameras, and a test set of 6 recordings, indoors and out (Mehta 2017)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile import boxes, masks
from posepile.datasets import _tdhp, _tdhp_test
from posepile.datasets._tdhp_test import SCENES
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError
from posepile.frame import Frame, ImageSource
from posepile.images import read_image
from posepile.prepare import colour
from posepile.prepare.crop import Crop, StandardCrop
from posepile.prepare.matching import hull, joint_box
from posepile.prepare.sampling import Sampler

BOX_FACTOR = 1.05
MIN_BOX_IOU = 0.5  # of the joints' box and its hull with the detection
MIN_VISIBLE = 9  # of the 28 joints
RED_OF_PERSON = 32
WITHOUT_MASKS = ("S1/Seq2", "S4/Seq2")  # whose green-screen masks the authors call unusable
BRIGHTENING = 0.67


@dataclass(frozen=True)
class TDHP(Dataset):
    """MPI-INF-3DHP: S1 to S8 from all cameras to train, 28 joints; TS1 to TS6 to test, 17 of them."""

    mend_swap: bool = True
    """Exchange left and right in about 2,100 frames of S4/Seq2, whose labels have them the wrong way round."""
    universal: bool = False
    """Give the test set's people the height that all have in common: what some papers evaluate on. Such joints do
    not project onto the people in the images."""

    facts: ClassVar[Facts] = Facts(
        id="tdhp",
        title="MPI-INF-3DHP",
        role="3d",
        licence="research use only; no commercial use; citation required",
        citation="Mehta, Rhodin, Casas, Fua, Sotnychenko, Xu, Theobalt: Monocular 3D Human Pose Estimation In The Wild "
        "Using Improved CNN Supervision. 3DV 2017",
        url="http://gvv.mpi-inf.mpg.de/3dhp-dataset/",
        how_to_get=(
            "Get mpi_inf_3dhp.zip from http://gvv.mpi-inf.mpg.de/3dhp-dataset/ (scripts that download).",
            "In conf.ig accept the terms, choose subjects 1 to 8, and switch on masks and the wall and ceiling "
            "cameras; run get_dataset.sh and get_testset.sh.",
            "Move the folders to ROOT/S<1..8>/Seq<1,2> and ROOT/TS<1..6>; any part of them will do.",
            "Videos stay as they are, or become imageSequence/img_<camera>_<frame>.jpg, and FGmasks likewise, with "
            "six digits and frames numbered from 0 (the official instructions number from 1).",
        ),
        needs=("[ST]*/**/annot*.mat",),
        uses_detector=True,
    )
    crop: ClassVar[Crop] = StandardCrop(
        encoding_exponent=BRIGHTENING / colour.DISPLAY_GAMMA, white_balance=colour.TDHP_CAST
    )

    def crop_of(self, frame: Frame) -> Crop:
        return StandardCrop() if frame.tags.get("scene") == "outdoor" else self.crop

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = []
        for subject, seq, camera in product(range(1, 9), (1, 2), range(_tdhp.N_CAMERAS)):
            name = f"S{subject}/Seq{seq}"
            if (root / name / "annot.mat").exists() and _pixels(root / name, "imageSequence", camera, 0):
                found.append(Sequence(f"{name}/{camera}", "train", root, (name, str(camera))))
        for name in SCENES:
            if (root / name / "annot_data.mat").exists():
                found.append(Sequence(name, "test", root, (name,)))
        if not found:
            raise RawDataError(
                f"{root}: no pixels in S*/Seq*/imageSequence, expected video_<camera>.avi or "
                "img_<camera>_<frame>.jpg with frames numbered from 0"
            )
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        return (
            self._read_test(sequence, detect)
            if sequence.split == "test"
            else self._read_train(sequence, detect)
        )

    def _read_train(self, sequence: Sequence, detect: Detect | None) -> Iterator[Frame]:
        name, camera = sequence.files[0], int(sequence.files[1])
        folder = sequence.root / name
        view = _tdhp.load_views(folder, [camera], self.mend_swap)[camera]
        has_masks = name not in WITHOUT_MASKS
        sampler = Sampler(100.0)
        for i, pose in enumerate(view.poses):
            pixels = view.camera.camera_to_image(pose)
            if not sampler.keep(pose) or boxes.contains(boxes.full(view.size), pixels).sum() < MIN_VISIBLE:
                continue
            image = _pixels(folder, "imageSequence", camera, i)
            if image is None:
                raise RawDataError(
                    f"{folder}/imageSequence: no frame {i} of camera {camera}, expected all frames"
                )
            mask = _pixels(folder, "FGmasks", camera, i) if has_masks else None
            yield Frame(
                key=f"{sequence.name}/{i:06d}",
                image=image,
                camera=view.camera,
                box=_box(pixels, image, detect),
                joints3d=view.camera.camera_to_world(pose),
                mask=partial(_foreground, mask) if mask else None,
                split="train",
                tags={
                    "subject": name.split("/")[0],
                    "sequence": name,
                    "camera": str(camera),
                    "frame": str(i),
                },
            )

    def _read_test(self, sequence: Sequence, detect: Detect | None) -> Iterator[Frame]:
        (name,) = sequence.files
        file = sequence.root / name / "annot_data.mat"
        labels = _tdhp_test.load_labels(file)
        camera = _tdhp_test.fitting_camera(file, name, labels)
        slots = [self.skeleton.index(joint) for joint in _tdhp.RAW_JOINTS_17]
        for i in np.flatnonzero(labels.is_valid):
            image = ImageSource(sequence.root / name / f"imageSequence/img_{i + 1:06d}.jpg")
            joints = np.full((len(self.skeleton), 3), np.nan)
            joints[slots] = camera.camera_to_world((labels.universal if self.universal else labels.poses)[i])
            yield Frame(
                key=f"{sequence.name}/{i:06d}",
                image=image,
                camera=camera,
                box=_box(camera.camera_to_image(labels.poses[i]), image, detect),
                joints3d=joints,
                split="test",
                tags={
                    "subject": name,
                    "sequence": name,
                    "scene": SCENES[name],
                    "activity": labels.activities[i],
                    "frame": str(i),
                    "person": "0",
                },
            )


DATASET = TDHP


def _pixels(folder: Path, kind: str, camera: int, frame: int) -> ImageSource | None:
    """A frame of a video, or the image file that some people extract it to; None if there is neither."""
    video = folder / f"{kind}/video_{camera}.avi"
    if video.exists():
        return ImageSource(video, frame)
    image = folder / f"{kind}/img_{camera}_{frame:06d}.jpg"
    return ImageSource(image) if image.exists() else None


def _box(pixels: np.ndarray, image: ImageSource, detect: Detect | None) -> np.ndarray:
    """The box [4] around the joints, and the detection too if they are about the same."""
    box = joint_box(pixels, BOX_FACTOR)
    detections = np.reshape(detect(image), (-1, 5)) if detect else ()
    if not len(detections):
        return box
    both = hull(box, detections[np.argmax(detections[:, 4]), :4])
    return both if boxes.iou(both, box) > MIN_BOX_IOU else box


def _foreground(mask: ImageSource) -> dict:
    """Red is what is not the green screen."""
    return masks.encode(read_image(mask)[..., 0] > RED_OF_PERSON)
