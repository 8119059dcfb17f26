"""BML-MoVi: 90 people, everyday actions, two fixed and two phone cameras, 67 markers (Ghorbani 2021)."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from posepile.datasets import _bml_movi
from posepile.datasets._views import detected_box, image_size, is_seen
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, RawDataWarning
from posepile.frame import Frame, ImageSource
from posepile.prepare.matching import joint_box
from posepile.prepare.sampling import MemorySampler

# Rounds I1 and I2 have no markers
VIDEO = re.compile(r"(F|S1|S2)_(CP|PG)([12])_Subject_(\d+)(_L)?\.(mp4|avi)", re.ASCII)
BOX_FACTOR = 1.05
N_REMEMBERED = 500


@dataclass(frozen=True)
class BmlMovi(Dataset):
    """BML-MoVi, 87 joints (67 markers, 20 joint centres), all to train; z is up.

    The phones (CP1, CP2) are not calibrated by the authors. Their videos are read for the people that have an entry
    in ROOT/Calib/<F|S1|S2>_CP<1|2>.json, which `dozens calibrate bml_movi` estimates: {"<subject>": {"time_offset_s":
    s, "camera": C}}, or for a moving phone "cameras": {"<frame>": C or null}, where C is {"rotation": 3 x 3, world to
    camera, "position": 3, in mm}.
    """

    facts: ClassVar[Facts] = Facts(
        id="bml_movi",
        title="BML-MoVi",
        role="3d",
        licence="non-commercial scientific research",
        citation="Ghorbani, Mahdaviani, Thaler, Kording, Cook, Blohm, Troje: MoVi: A Large Multi-Purpose Human Motion "
        "and Video Dataset. PLoS ONE 16(6), 2021",
        url="https://www.biomotionlab.ca/movi",
        how_to_get=(
            "Get the files of https://doi.org/10.5683/SP2/JRHDRN: the videos of rounds F, S1 and S2, and v3d.",
            "Unpack to ROOT/<F|S1|S2>_<PG|CP><1|2>_Subject_<n>*.<avi|mp4>, "
            "ROOT/{F_Subjects_1_45,F_Subjects_46_90}/F_v3d_Subject_<n>.mat and ROOT/S/S_v3d_Subject_<n>.mat.",
            "Put {Extrinsics,cameraParams}_PG<1,2>.npz, also in https://github.com/saeed1262/MoVi-Toolbox, into "
            "ROOT/Calib.",
            "For the phones' videos run `dozens calibrate bml_movi --root ROOT`, or put your own calibration into "
            "ROOT/Calib, see the reader's documentation.",
        ),
        needs=("*_Subject_*", "[FS]*/?_v3d_Subject_*.mat", "Calib/*_[CP][GP][12].*"),
        examples=562_691,
        uses_detector=True,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        calibrated = {
            (round, number): set(_bml_movi.phone_entries(file))
            for round in ("F", "S1", "S2")
            for number in "12"
            if (file := _bml_movi.phone_file(root, round, int(number))).exists()
        }
        found, n_skipped = [], 0
        for video in sorted((*root.glob("*.avi"), *root.glob("*.mp4"))):
            if not (match := VIDEO.fullmatch(video.name)):
                continue
            round, kind, number, subject = match.groups()[:4]
            has_camera = kind == "PG" or subject in calibrated.get((round, number), ())
            if has_camera and _bml_movi.motion_file(root, round, int(subject)).exists():
                parts = (video.name, round, kind, number, subject)
                found.append(Sequence(video.name, "train", root, parts))
            else:
                n_skipped += 1
        if n_skipped:
            warnings.warn(
                f"{root}: {n_skipped} videos skipped, of phones without calibration or people without markers",
                RawDataWarning,
                stacklevel=2,
            )
        if not found:
            raise RawDataError(
                f"{root}: no <F|S1|S2>_<PG|CP><1|2>_Subject_<n>.<avi|mp4> with camera and markers"
            )
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        root, (name, round, kind, number, subject) = sequence.root, sequence.files
        video = root / name
        points = _bml_movi.load_points(_bml_movi.motion_file(root, round, int(subject)), round, int(subject))
        camera_of, offset = _cameras(root, round, kind, int(number), int(subject))
        n_frames, rate = _bml_movi.length(video)
        size = image_size(ImageSource(video, 0))
        sampler = MemorySampler(100.0, N_REMEMBERED)
        for i, pose in enumerate(_bml_movi.at_frames(points, n_frames, rate, offset)):
            camera = camera_of(i)
            if camera is None or _bml_movi.roll(camera) > _bml_movi.MAX_ROLL:
                continue
            box = joint_box(camera.world_to_image(pose), BOX_FACTOR)
            if not is_seen(box, size) or not sampler.keep(pose):
                continue
            image = ImageSource(video, i)
            yield Frame(
                key=f"{sequence.name}/{i:06d}",
                image=image,
                camera=camera,
                box=detected_box(box, image, detect),
                joints3d=pose,
                split="train",
                tags={"subject": subject, "round": round, "camera": f"{kind}{number}", "frame": str(i)},
            )


DATASET = BmlMovi


def _cameras(root: Path, round: str, kind: str, number: int, subject: int):
    """The camera at each frame, and the time offset in s."""
    if kind == "CP":
        return _bml_movi.phone_cameras(_bml_movi.phone_file(root, round, number), subject)
    fixed = _bml_movi.fixed_camera(root, number)
    return (lambda frame: fixed), 0.0
