"""EMDB 1: people outdoors before a moving phone, SMPL bodies from electromagnetic sensors. Evaluation sheet, 5.7."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from evaluation import metrics
from evaluation.alignment import fit_similarities, root_position
from evaluation.emdb_files import BODY_FIELDS, BodyPredictions, image_name, recordings
from evaluation.figures import PAPER_FIGURES, Distances, Figure
from evaluation.prediction_file import PredictionFile, open_predictions
from evaluation.protocols.protocol import Associated, Inference, Labelled, Protocol
from evaluation.smpl_bodies import BLOCK, Bodies
from posepile.body_models import BodyModel, find_body_model
from posepile.cameras import Camera
from posepile.frame import ImageSource

MESH_FIGURES = (
    Figure("mve", "MVE, where meshes are predicted", "mm"),
    Figure("mve_pa", "MVE-PA, where meshes are predicted", "mm"),
    Figure("mpjae", "MPJAE, where SMPL's rotations are predicted", "°"),
    Figure("mpjae_pa", "MPJAE-PA, where SMPL's rotations are predicted", "°"),
)
JITTER_FIGURES = (
    Figure("jitter", "Jitter, mean of recordings", "m/s³"),
    Figure("jitter_true", "Jitter of the truth", "m/s³"),
)
FRAMES_A_SECOND = 30
PARAMETERS = ("pose", "shape", "translation", "rotation", "offset")
"""Fields of `Bodies`, rows as the people."""


@dataclass(frozen=True)
class EMDBProtocol(Protocol):
    """The truth is SMPL parameters, so the licensed models are needed. Predictions are rows of joints, or a pickle."""

    body_models: str = ""
    """Folder of SMPL models: smpl/SMPL_FEMALE.pkl, SMPL_MALE.pkl and SMPL_NEUTRAL.pkl in it."""

    id: ClassVar = "emdb"
    title: ClassVar = "EMDB 1"
    skeleton_name: ClassVar = "smpl_24"
    assumed: ClassVar = ("smpl_24",)
    root: ClassVar = (1, 2)
    inference: ClassVar = Inference(max_detections=1)
    group_kinds: ClassVar = ("sequence",)
    figures: ClassVar = (*PAPER_FIGURES, *MESH_FIGURES, *JITTER_FIGURES)
    sequence_figures: ClassVar = JITTER_FIGURES
    expected_sequences: ClassVar = 17

    def labelled(self, root: Path) -> Iterator[Labelled]:
        for folder, recording in recordings(root):
            rows = np.flatnonzero(recording.is_good)
            names = [image_name(recording.name, i) for i in range(len(recording.is_good))]
            bodies = recording.bodies(self._model(recording.gender), rows)
            # The camera's frame is the world: predictions are compared in it, and the phone moves
            camera = Camera(recording.intrinsics, world_up=(0, -1, 0))
            yield Labelled(
                sequence=recording.name,
                image_paths=[names[i] for i in rows],
                joints=bodies.joints(),
                cameras=[camera] * len(rows),
                people=[0] * len(rows),
                groups={"sequence": [recording.name] * len(rows)},
                also_known=names,
                images=[ImageSource(folder / f"images/{i:05d}.jpg") for i in rows],
                boxes=[recording.boxes[i] for i in rows],
                extra={
                    "frame": rows,
                    "gender": np.repeat(recording.gender, len(rows)),
                    **{field: getattr(bodies, field) for field in PARAMETERS},
                },
            )

    def open(self, path: Path) -> PredictionFile:
        if path.suffix == ".pkl":
            return BodyPredictions(path, self.skeleton, self._model("neutral"))
        return open_predictions(path)

    def associate(self, labelled: Labelled, file: PredictionFile, columns) -> Associated:
        found = super().associate(labelled, file, columns)
        has_mesh = isinstance(file, BodyPredictions) and ("pose" in file.arrays or "vertices" in file.arrays)
        return replace(found, extra=self._mesh_values(labelled, found, file)) if has_mesh else found

    def measure(self, labelled: Labelled, found: Associated) -> tuple[dict[str, np.ndarray], Distances]:
        values, d = super().measure(labelled, found)
        frames = labelled.extra["frame"]
        values |= {"jitter": jerk(found.poses, frames), "jitter_true": jerk(found.true, frames)}
        return values | found.extra, d

    def describe(self) -> dict[str, str]:
        return {
            "joints": f"24: {' '.join(self.skeleton.joints)}",
            "root": "middle of the hips",
            "alignment": "root; P-MPJPE: rotation, translation, scale, no reflection; MVE-PA, MPJAE-PA: what aligns "
            "the joints moves vertices and rotations; A-: none",
            "thresholds": "exclusive (<); AUC continuous",
            "association": "image, one person an image",
            "split": "EMDB 1: 17 recordings",
            "frames": "those of good_frames_mask",
            "boxes": "none: people are detected",
            "truth": "SMPL of the person's gender, moved by the camera's extrinsics; predicted parameters: neutral "
            "SMPL",
            "averaging": "over all poses and joints (vertices, 9 rotations); jitter: the mean of each recording, then "
            "of the recordings",
            "jitter": "size of the third derivative of the 24 joints in the camera's frame, 30 frames a second, over "
            "four good images in a row",
        }

    def _model(self, gender: str) -> BodyModel:
        return find_body_model(Path(self.body_models) if self.body_models else None, "smpl", gender)

    def _mesh_values(
        self, labelled: Labelled, found: Associated, file: BodyPredictions
    ) -> dict[str, np.ndarray]:
        """The values of MESH_FIGURES [n] or [n, 9], as far as the file has what they need."""
        if not len(found.rows):
            return {}
        true = Bodies(
            self._model(str(labelled.extra["gender"][0])),
            **{field: labelled.extra[field] for field in PARAMETERS},
        )
        if "vertices" in file.arrays:
            starts = range(0, len(found.rows), BLOCK)
            meshes = (file.read("vertices", found.rows[start : start + BLOCK]) for start in starts)
            return _vertex_values(meshes, true, found, self.root)
        pose, betas, trans = (file.read(field, found.rows) for field in BODY_FIELDS)
        is_found = found.rows >= 0
        predicted = Bodies(  # those that are missing are at rest, and do not count below
            self._model("neutral"), *(np.where(is_found[:, None], each, 0) for each in (pose, betas, trans))
        )
        turns, right = (b.orientations()[:, list(metrics.MPJAE_JOINTS)] for b in (predicted, true))
        turns[~is_found] = np.nan
        aligned = metrics.aligned_rotations(turns, found.poses, found.true)
        return {
            **_vertex_values(predicted.surfaces(), true, found, self.root),
            "mpjae": metrics.rotation_errors(turns, right),
            "mpjae_pa": metrics.rotation_errors(aligned, right),
        }


PROTOCOL = EMDBProtocol


def jerk(poses: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """[n, J] size of the third derivative of poses [n, J, 3] mm, m/s³; NaN unless the three frames before are there."""
    found = np.full(poses.shape[:2], np.nan)
    if len(poses) > 3:
        third = np.diff(poses, 3, axis=0) * FRAMES_A_SECOND**3 / 1000
        is_row = np.asarray(frames[3:]) - np.asarray(frames[:-3]) == 3
        sizes = np.linalg.norm(third, axis=-1)
        found[3:] = np.where(is_row[:, None] & np.isfinite(sizes), sizes, np.nan)
    return found


def _vertex_values(surfaces, true: Bodies, found: Associated, root) -> dict[str, np.ndarray]:
    """mve and mve_pa [n]: the mean over a pose's vertices; NaN where the pose is missing."""
    start, parts = 0, {"mve": [], "mve_pa": []}
    for mesh, right in zip(surfaces, true.surfaces(), strict=True):
        rows = slice(start, start + len(mesh))
        poses, joints = found.poses[rows], found.true[rows]
        usable = np.isfinite(poses).all(axis=-1)
        fitted = fit_similarities(np.nan_to_num(poses), joints, usable).apply(mesh)
        centred = mesh - root_position(poses, root)
        parts["mve"].append(
            np.linalg.norm(centred - (right - root_position(joints, root)), axis=-1).mean(axis=-1)
        )
        parts["mve_pa"].append(np.linalg.norm(fitted - right, axis=-1).mean(axis=-1))
        start += len(mesh)
    is_found = np.isfinite(found.poses).all(axis=(1, 2))
    return {name: np.where(is_found, np.concatenate(values), np.nan) for name, values in parts.items()}
