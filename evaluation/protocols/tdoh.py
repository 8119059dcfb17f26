"""3DOH50K: people behind objects, the test set, 14 LSP joints between the hips. Evaluation sheet, section 5.6."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from evaluation.prediction_file import PredictionFile, open_predictions
from evaluation.protocols.protocol import Inference, Labelled, Protocol
from posepile.cameras import Camera
from posepile.datasets.tdoh import TDOH

FOLDER = "3doh/testset/images"


@dataclass(frozen=True)
class TDOHProtocol(Protocol):
    """Predictions name the image, or have `image_id`: the annotation file's own "00000"."""

    id: ClassVar = "tdoh"
    title: ClassVar = "3DOH50K"
    skeleton_name: ClassVar = "lsp_14"
    assumed: ClassVar = ("lsp_14",)
    root: ClassVar = (2, 3)
    inference: ClassVar = Inference(detects=False)

    def labelled(self, root: Path) -> Iterator[Labelled]:
        reader = TDOH()
        columns = [reader.skeleton.index(joint) for joint in self.skeleton.base_names]
        for sequence in reader.sequences(root):
            if sequence.split != "test":
                continue
            frames = list(reader.read(sequence))
            joints = [frame.camera.world_to_camera(frame.joints3d[columns]) for frame in frames]
            yield Labelled(
                sequence=sequence.name,
                image_paths=[f"{FOLDER}/{frame.tags['image']}.jpg" for frame in frames],
                joints=np.array(joints),
                # Each image's own frame: there is no world that the images share
                cameras=[Camera(frame.camera.intrinsics, world_up=(0, -1, 0)) for frame in frames],
                people=[0] * len(frames),
                images=[frame.image for frame in frames],
                boxes=[frame.box for frame in frames],
            )

    def open(self, path: Path) -> PredictionFile:
        file = open_predictions(path)
        names = [
            name if b"/" in name else f"{FOLDER}/{name.decode()}.jpg".encode() for name in file.names.tolist()
        ]
        return PredictionFile(path, np.array(names, "S"), file.arrays, file.joint_names, file.meta)

    def describe(self) -> dict[str, str]:
        return {
            "joints": f"14: {' '.join(self.skeleton.joints)} (head: its top)",
            "root": "middle of the hips, which is no joint: nothing in the means is 0 by itself",
            "alignment": "root; P-MPJPE: rotation, translation, scale, no reflection; A-: none",
            "thresholds": "exclusive (<); AUC continuous",
            "association": "image, one person an image",
            "split": "testset",
            "frames": "all",
            "boxes": "the data set's",
            "truth": "lsp_joints_3d, camera frame, 7 units a metre",
            "averaging": "over all poses and joints",
        }


PROTOCOL = TDOHProtocol
