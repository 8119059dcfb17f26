"""MPI-INF-3DHP: the test recordings TS1 to TS6, metric and universal truth side by side. Evaluation sheet, 5.2."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from evaluation import metrics
from evaluation.figures import ABSOLUTE, CPS_AREA, LENGTHS, PAPER_FIGURES, PCK_AUC, Distances, Figure, by_name
from evaluation.protocols.protocol import (
    Associated,
    Inference,
    Labelled,
    Protocol,
    from_frames,
    true_in_frame_of,
)
from evaluation.tally import Tally
from posepile.datasets.tdhp import TDHP
from posepile.frame import Frame

N_SCORED = 14
"""PCK and AUC of the benchmark are of the first joints, without pelvis, spine and head."""
OWN_FIGURES = (
    Figure("pck@150_14", "PCK@150, 14 joints", "%"),
    Figure("auc_14", "AUC (31 thresholds), 14 joints", "%"),
    Figure("pck@150_14_univ", "PCK@150, 14 joints, universal truth", "%"),
    Figure("auc_14_univ", "AUC (31 thresholds), 14 joints, universal truth", "%"),
    Figure("mpjpe_univ", "MPJPE, universal truth", "mm"),
    Figure("p_mpjpe_univ", "P-MPJPE, universal truth", "mm"),
)
ACTIVITIES = ("Stand/Walk", "Exercise", "Sit on Chair", "Reach/Crouch", "On Floor", "Sports", "Misc.")
SCENES = ("green-screen", "no-green-screen", "outdoor")
VECTOR_PARTS = (tuple(LENGTHS), PCK_AUC, CPS_AREA, ABSOLUTE)


@dataclass(frozen=True)
class TDHPProtocol(Protocol):
    """Figures without a note are of metric truth; "univ" ones of people made as tall as each other."""

    id: ClassVar = "tdhp"
    title: ClassVar = "MPI-INF-3DHP"
    skeleton_name: ClassVar = "mpi_inf_3dhp_17"
    assumed: ClassVar = ("mpi_inf_3dhp_17", "mpi_inf_3dhp_28")
    root: ClassVar = 14
    inference: ClassVar = Inference(detector_threshold=0.0, max_detections=1)
    group_kinds: ClassVar = ("sequence", "activity", "scene")
    group_figures: ClassVar = (
        "pck@150_14", "auc_14", "mpjpe", "pck@150_14_univ", "auc_14_univ", "mpjpe_univ",
    )  # fmt: skip
    figures: ClassVar = (*PAPER_FIGURES, *OWN_FIGURES)
    expected_sequences: ClassVar = 6

    def labelled(self, root: Path) -> Iterator[Labelled]:
        metric, universal = TDHP(), TDHP(universal=True)
        columns = [metric.skeleton.index(joint) for joint in self.skeleton.base_names]
        for sequence in metric.sequences(root):
            if sequence.split == "test":
                frames = list(metric.read(sequence))
                groups = {kind: [frame.tags[kind] for frame in frames] for kind in self.group_kinds}
                found = from_frames(sequence.name, frames, columns, image_path, groups)
                joints = [frame.joints3d[columns] for frame in universal.read(sequence)]
                folder = root / sequence.name / "imageSequence"
                images = [
                    f"3dhp/{sequence.name}/imageSequence/{path.name}" for path in folder.glob("img_*.jpg")
                ]
                extra = {"universal": np.reshape(joints, found.joints.shape)}
                yield replace(found, extra=extra, also_known=sorted(images))

    def associate(self, labelled: Labelled, file, columns) -> Associated:
        found = super().associate(labelled, file, columns)
        tall = replace(labelled, joints=labelled.extra["universal"])
        return replace(found, extra={"universal": true_in_frame_of(file, tall)})

    def measure(self, labelled: Labelled, found: Associated) -> tuple[dict[str, np.ndarray], Distances]:
        values, d = super().measure(labelled, found)
        universal = found.extra["universal"]
        of_universal = metrics.root_relative_distances(found.poses, universal, root=self.root)
        for note, distances in (("", d.relative), ("_univ", of_universal)):
            scored = distances[:, :N_SCORED]
            values[f"pck@150_14{note}"] = metrics.hits(scored, 150)
            values[f"auc_14{note}"] = metrics.nearness_3dhp(scored)
        values["mpjpe_univ"] = metrics.counted_errors(of_universal)
        values["p_mpjpe_univ"] = metrics.counted_errors(metrics.procrustes_distances(found.poses, universal))
        return values, d

    def groups(self, kind: str, tally: Tally) -> list[str]:
        order = {"activity": ACTIVITIES, "scene": SCENES}.get(kind, ())
        return sorted(tally.groups(kind), key=lambda label: order.index(label) if order else 0)

    def vector(self, tally: Tally) -> list[tuple[str, float]]:
        """38 numbers: each part of the 19 for all scenes, then for the outdoor ones."""
        figures = by_name(PAPER_FIGURES)
        return [
            (f"{figures[name].label}{note}", self.value(figures[name], tally, **where))
            for part in VECTOR_PARTS
            for note, where in (("", {}), (", outdoor", {"scene": "outdoor"}))
            for name in part
        ]

    def describe(self) -> dict[str, str]:
        return {
            "joints": f"17: {' '.join(self.skeleton.joints)}; those noted '14 joints': the first 14",
            "root": "pelvis, which counts in means over 17 joints (its distance is 0)",
            "alignment": "root; P-MPJPE: rotation, translation, scale, no reflection; A-: none",
            "thresholds": "exclusive (<); AUC continuous, that of 14 joints at 0, 5, ..., 150 mm (perfect is 96.77)",
            "association": "image path, one person an image",
            "split": "TS1 to TS6; scenes: TS1-2 green-screen, TS3-4 no-green-screen, TS5-6 outdoor",
            "frames": "all valid ones",
            "boxes": "none: people are detected",
            "truth": "annot3 (metric); univ_annot3 (universal height) where noted",
            "averaging": "over all poses and joints",
        }


PROTOCOL = TDHPProtocol


def image_path(frame: Frame) -> str:
    """ "3dhp/TS1/imageSequence/img_000001.jpg": the images are numbered from 1."""
    return f"3dhp/{frame.tags['sequence']}/imageSequence/img_{int(frame.tags['frame']) + 1:06d}.jpg"
