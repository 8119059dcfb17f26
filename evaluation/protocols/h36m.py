"""Human3.6M: S9 and S11, every 64th frame, 17 joints relative to the pelvis. Evaluation sheet, section 5.1."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from evaluation import metrics
from evaluation.figures import PAPER_FIGURES, Distances, Figure
from evaluation.protocols.protocol import Associated, Inference, Labelled, Protocol, from_frames
from evaluation.tally import Tally
from posepile.datasets.h36m import H36M
from posepile.frame import Frame

ACTIONS = (
    "Directions Discussion Eating Greeting Phoning Posing Purchases Sitting SittingDown Smoking Photo Waiting Walking "
    "WalkDog WalkTogether"
).split()
"""In the order of tables."""


@dataclass(frozen=True)
class H36MProtocol(Protocol):
    """Protocol 1 is MPJPE, protocol 2 the same poses after Procrustes alignment."""

    only_s11: bool = False
    """The old protocol: S11 alone (whose networks train on six subjects, S9 too)."""
    correct_s9: bool = True
    """Mend three sequences of S9 whose truth is 200 mm off. Only absolute figures feel it; published ones are
    uncorrected."""

    id: ClassVar = "h36m"
    title: ClassVar = "Human3.6M"
    skeleton_name: ClassVar = "h36m_17"
    assumed: ClassVar = ("h36m_17", "h36m_25")
    inference: ClassVar = Inference(detects=False)
    group_kinds: ClassVar = ("action",)
    figures: ClassVar = (
        *PAPER_FIGURES,
        Figure("n_mpjpe", "N-MPJPE", "mm"),
        Figure("mrpe", "MRPE", "mm"),
    )

    @property
    def expected_sequences(self) -> int:
        return 120 if self.only_s11 else 240

    def labelled(self, root: Path) -> Iterator[Labelled]:
        reader = H36M(correct_s9=self.correct_s9)
        columns = [reader.skeleton.index(joint) for joint in self.skeleton.base_names]
        for sequence in reader.sequences(root):
            if sequence.split == "test":
                frames = list(reader.read(sequence))
                others = []
                if self.only_s11 and not sequence.name.startswith("S11/"):
                    frames, others = [], frames  # a file may have them, too
                actions = [frame.tags["activity"].split(" ")[0] for frame in frames]
                found = from_frames(sequence.name, frames, columns, image_path, {"action": actions})
                yield replace(found, also_known=[image_path(frame) for frame in others])

    def measure(self, labelled: Labelled, found: Associated) -> tuple[dict[str, np.ndarray], Distances]:
        values, d = super().measure(labelled, found)
        scaled = metrics.scaled_distances(found.poses, found.true, root=self.root)
        values["n_mpjpe"] = metrics.counted_errors(scaled)
        values["mrpe"] = metrics.counted_errors(d.absolute[:, self.root])
        return values, d

    def groups(self, kind: str, tally: Tally) -> list[str]:
        found = tally.groups(kind)
        return [a for a in ACTIONS if a in found] + sorted(a for a in found if a not in ACTIONS)

    def describe(self) -> dict[str, str]:
        return {
            "joints": "17: " + " ".join(self.skeleton.joints),
            "root": "pelvis, which counts in means (its distance is 0)",
            "alignment": "MPJPE (protocol 1), PCK, AUC, CPS: root; P-MPJPE (protocol 2): rotation, translation, scale, "
            "no reflection; N-MPJPE: root and scale; A-, MRPE: none",
            "thresholds": "exclusive (<); AUC continuous",
            "association": "image path, one person an image",
            "split": "S11" if self.only_s11 else "S9, S11",
            "frames": "0, 64, 128, ... of all four cameras",
            "boxes": "the data set's own",
            "truth": "S9 corrected by -200 mm in x (Greeting, SittingDown 1, Waiting 1)"
            if self.correct_s9
            else "S9 uncorrected",
            "averaging": "over all poses and joints, not over actions",
        }


PROTOCOL = H36MProtocol


def image_path(frame: Frame) -> str:
    """ "h36m/S9/Images/Greeting.54138969/frame_000064.jpg"."""
    tags, number = frame.tags, int(frame.key.rsplit("/", 1)[1])
    return f"h36m/{tags['subject']}/Images/{tags['activity']}.{tags['camera']}/frame_{number:06d}.jpg"
