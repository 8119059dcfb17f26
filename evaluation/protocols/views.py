"""Videos of one person by several calibrated cameras at once: no truth, but do the views agree?

`dozens predict` runs a model on them as on a benchmark; `dozens consistency --calibration` compares the views.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import imageio_ffmpeg
import numpy as np

from evaluation.calibration_file import load_qca
from evaluation.protocols.protocol import Inference, Labelled, Protocol
from posepile.cameras import Camera
from posepile.datasets.raw import RawDataError, reading
from posepile.frame import ImageSource

VIDEOS = (".mp4", ".mov", ".avi", ".mkv")


@dataclass(frozen=True)
class Views(Protocol):
    """ROOT has one video of each camera, which all begin at the same moment: its name begins with the camera's."""

    calibration: str
    """Qualisys calibration (.qca.txt), whose names the cameras have."""
    joints: str = ""
    """Skeleton to predict (`h36m_17`); all joints of the model by default."""
    step: int = 1
    """Every so many frames."""

    id: ClassVar = "views"
    title: ClassVar = "calibrated views"
    inference: ClassVar = Inference(max_detections=1)

    @property
    def skeleton_name(self) -> str:
        return self.joints

    def labelled(self, root: Path) -> Iterator[Labelled]:
        cameras = load_qca(Path(self.calibration))
        for name, camera in cameras.items():
            yield self._view(name, camera, _video(root, name))

    def describe(self) -> dict[str, str]:
        return {"frames": f"every {self.step}", "boxes": "none: one person is detected", "truth": "none"}

    def _view(self, name: str, camera: Camera, video: Path) -> Labelled:
        with reading(video):
            frames = range(0, imageio_ffmpeg.count_frames_and_secs(str(video))[0], self.step)
        return Labelled(
            sequence=name,
            image_paths=[f"{name}/{i:06d}.jpg" for i in frames],
            joints=np.empty((len(frames), 0, 3)),
            cameras=[camera] * len(frames),
            people=[0] * len(frames),
            images=[ImageSource(video, i) for i in frames],
        )


PROTOCOL = Views


def _video(root: Path, camera: str) -> Path:
    named = re.compile(rf"{re.escape(camera)}(?!\d)")  # cam1 is not cam10
    found = sorted(p for p in root.iterdir() if p.suffix.lower() in VIDEOS and named.match(p.name))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise RawDataError(f"{root}: videos whose name begins with {camera!r}: {names}; expected one")
    return found[0]
