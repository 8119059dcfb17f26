"""3DPW: people outdoors before a moving camera, by the rules of its challenge. Evaluation sheet, section 5.4."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from evaluation import metrics
from evaluation.figures import PAPER_FIGURES, Distances, Figure, by_name
from evaluation.lsp_joints import load_regressor, lsp_values, regress
from evaluation.prediction_file import PredictionFile, open_predictions
from evaluation.protocols.protocol import Associated, Labelled, Protocol, doubts_of_people
from evaluation.tally import Tally
from evaluation.tdpw_association import Found, as_given, by_labels, by_masks
from evaluation.tdpw_files import ChallengePredictions, image_name, true_bodies, true_orientations
from evaluation.tracks import held
from posepile.cameras import Camera
from posepile.datasets.tdpw import BOX_FACTOR, TDPW, load_labels
from posepile.frame import ImageSource
from posepile.prepare.matching import joint_box

MAJOR = [1, 2, 4, 5, 7, 8, *range(16, 22)]
MINOR = [joint for joint in range(24) if joint not in MAJOR]
NCPS_MM = (50, 75, 100, 125, 150)
VERTICES = "vertices_pred_cam"
VERTEX_BLOCK = 64  # meshes in memory at once

ASSOCIATIONS = {
    "labels": "labelled 2D joints: in each image the Hungarian assignment with the largest sum of closeness in "
    "shoulders, elbows, hips, knees; somebody with fewer than 5 confident joints is compared with his last pose",
    "masks": "a tracker's masks: in each image the Hungarian assignment with the largest sum of overlaps (intersection "
    "over union) of masks with drawn skeletons",
    "given": "person_id of the file",
}

CHALLENGE = (
    Figure("mpjpe", "MPJPE", "mm"),
    Figure("p_mpjpe", "P-MPJPE", "mm"),
    Figure("pck@50_major", "PCK@50 (≤), 12 major joints", "%"),
    Figure("auc_major", "AUC (200 thresholds), 12 major joints", "%"),
    Figure("ncps@125", "NCPS@125", "%"),
    Figure("ncps_auc", "NCPS-AUC@300", "%"),
    Figure("apck@150_major", "APCK@150 (≤), 12 major joints", "%"),
    Figure("a_mpjpe", "A-MPJPE", "mm"),
    Figure("pck@50_minor", "PCK@50 (≤), 12 minor joints", "%"),
)
"""The challenge's line, in its order."""
NCPS = tuple(Figure(f"ncps@{t}", f"NCPS@{t}", "%") for t in NCPS_MM)
BY_JOINT = tuple(Figure(f"pck@{k}_24", f"PCK@{k} (≤)", "%") for k in (50, 100, 150))
OWN_FIGURES = (
    *(figure for figure in CHALLENGE if figure.name not in by_name(PAPER_FIGURES)),
    *(figure for figure in NCPS if figure.name not in by_name(CHALLENGE)),
    *BY_JOINT,
    Figure("auc_major_binned", "AUC (50 bins), 12 major joints", "%"),
    Figure("found", "People with a prediction of their own image (others keep their last pose)", "%"),
    Figure("mpjae", "MPJAE, where orientations are predicted", "°"),
    Figure("mpjae_pa", "MPJAE-PA, where orientations are predicted", "°"),
)
LSP_FIGURES = (
    Figure("mpjpe_lsp", "MPJPE, 14 LSP joints of the mesh", "mm"),
    Figure("p_mpjpe_lsp", "P-MPJPE, 14 LSP joints of the mesh", "mm"),
)


@dataclass(frozen=True)
class TDPWProtocol(Protocol):
    """Predictions are one row a person and image, or a folder of the challenge's pickles (whose people are given)."""

    testset_only: bool = False
    """The test split alone; the challenge takes all three."""
    association: Literal["labels", "masks", "given"] = "labels"
    """Who is who in each image: by the labelled 2D joints, by a tracker's masks, or by the file's `person_id` (the
    person's number in the sequence's file)."""
    masks: str = ""
    """Folder of a tracker's masks, SEQUENCE/image_00000.png: the person's number in the sequence's file plus one."""
    mask_scale: float = 1.0
    """Size of the masks relative to the images."""
    body_models: str = ""
    """Folder of licensed SMPL models, for the 14 LSP joints of meshes."""
    regressor: str = ""
    """.npy file [17, vertices] of Human3.6M's joint regressor, for the same."""

    id: ClassVar = "tdpw"
    title: ClassVar = "3DPW"
    skeleton_name: ClassVar = "smpl_24"
    assumed: ClassVar = ("smpl_24",)
    group_kinds: ClassVar = ("split", "joint")
    group_figures: ClassVar = ("mpjpe", "p_mpjpe", *(figure.name for figure in BY_JOINT))
    one_person: ClassVar = False

    @property
    def figures(self) -> tuple[Figure, ...]:
        return (*PAPER_FIGURES, *OWN_FIGURES, *(LSP_FIGURES if self._has_meshes else ()))

    @property
    def expected_sequences(self) -> int:
        return 24 if self.testset_only else 60

    def labelled(self, root: Path) -> Iterator[Labelled]:
        for sequence in TDPW().sequences(root):
            folder, name = sequence.files
            labels = load_labels(root / "sequenceFiles" / folder / f"{name}.pkl")
            is_scored = labels.is_valid & (folder == "test" or not self.testset_only)
            frames, people = np.nonzero(is_scored.T)
            camera = Camera(labels.intrinsics, world_up=(0, -1, 0))
            names = [image_name(name, i) for i in range(is_scored.shape[1])]
            joints = labels.joints[people, frames]
            yield Labelled(
                sequence=sequence.name,
                image_paths=[names[i] for i in frames],
                joints=joints,
                cameras=[camera] * len(frames),
                people=people.tolist(),
                # Each pose counts for every joint: `measure` makes a figure of each, `value` asks for it
                groups={"split": [folder] * len(frames), "joint": ["all"] * len(frames)},
                also_known=names,
                images=[ImageSource(root / f"imageFiles/{name}/image_{i:05d}.jpg") for i in frames],
                boxes=[joint_box(camera.camera_to_image(pose), BOX_FACTOR) for pose in joints],
                # of the whole sequence: people are followed through images in which they are not scored
                extra={"frames": frames, "poses2d": labels.poses2d, "intrinsics": labels.intrinsics},
            )

    def open(self, path: Path) -> PredictionFile:
        return ChallengePredictions(path, self.skeleton) if path.is_dir() else open_predictions(path)

    def associate(self, labelled: Labelled, file: PredictionFile, columns) -> Associated:
        rows_of = [file.all_rows_of(name) for name in labelled.also_known]
        used = np.concatenate([np.empty(0, np.int64), *rows_of])
        poses = file.poses(used)[:, columns]
        images = np.repeat(np.arange(len(rows_of)), [len(rows) for rows in rows_of])
        own = self._whose(labelled, Found(poses, images, used, np.isfinite(poses).any(axis=(1, 2))), file)
        at = np.array(labelled.people, np.int64), labelled.extra["frames"]
        chosen = held(own)[at]
        padded = np.concatenate([poses, np.full((1, *poses.shape[1:]), np.nan)])
        rows = np.where(chosen >= 0, np.append(used, -1)[chosen], -1)
        extra = {"found": (own[at] >= 0).astype(float), **self._more(labelled, file, rows)}
        in_images = np.take(labelled.also_known, images)
        doubts = doubts_of_people(in_images, poses, nobody_is_nan=isinstance(file, ChallengePredictions))
        return Associated(padded[chosen], labelled.joints, rows, used, extra, is_world=False, doubts=doubts)

    def measure(self, labelled: Labelled, found: Associated) -> tuple[dict[str, np.ndarray], Distances]:
        values, d = super().measure(labelled, found)
        values |= challenge_values(d) | {"found": found.extra["found"]}
        if "orientations" in found.extra:
            turns, true = found.extra["orientations"], found.extra["true_orientations"]
            aligned = metrics.aligned_rotations(turns, found.poses, found.true)
            values["mpjae"] = metrics.rotation_errors(turns, true)
            values["mpjae_pa"] = metrics.rotation_errors(aligned, true)
        if "lsp" in found.extra:
            values |= lsp_values(found.extra["lsp"], found.extra["true_lsp"])
        for name in self.group_figures:
            values |= {
                _of_joint(name, joint): values[name][:, i] for i, joint in enumerate(self.skeleton.joints)
            }
        return values, d

    def groups(self, kind: str, tally: Tally) -> list[str]:
        return list(self.skeleton.joints) if kind == "joint" else tally.groups(kind)

    def value(self, figure: Figure, tally: Tally, joint: str | None = None, **where: str) -> float:
        name = figure.name if joint is None else _of_joint(figure.name, joint)
        return figure.scale * tally.mean(name, **where)

    def vector(self, tally: Tally) -> list[tuple[str, float]]:
        """The challenge's 9 numbers, 5 of normalised correct poses, and the 19 of the summary line."""
        return [(figure.label, self.value(figure, tally)) for figure in (*CHALLENGE, *NCPS, *PAPER_FIGURES)]

    def doubts(self, tally: Tally) -> list[str]:
        if self._has_meshes and not tally.count("mpjpe_lsp"):
            return [f"no figures of the 14 LSP joints: the file has no {VERTICES!r} [N, 6890, 3]"]
        return []

    def describe(self) -> dict[str, str]:
        return {
            "joints": f"24: {' '.join(self.skeleton.joints)}; major: {_names(self.skeleton.joints, MAJOR)}; minor: the "
            "others",
            "LSP joints": "14, regressed from meshes with the given regressor, root its row 0"
            if self._has_meshes
            else "not scored: they need meshes in the file, --body-models and --regressor",
            "root": "pelvis, which counts in means over 24 joints (its distance is 0)",
            "alignment": "root; P-MPJPE, NCPS: rotation, translation, scale, no reflection; A-, APCK: none",
            "thresholds": "inclusive (≤) where noted and in NCPS, whose poses are judged by their worst major joint; "
            "in the 19 numbers exclusive (<). AUC of major joints: trapezoid over 0, 1, ..., 199 mm",
            "association": f"{ASSOCIATIONS[self.association]}; the challenge's pickles: as they give it",
            "gaps": "somebody who is not found in an image keeps his last pose, at the start his first",
            "split": "test" if self.testset_only else "train, validation and test together",
            "frames": "all in which the camera fits the person and something of him was found in the image",
            "boxes": "none: people are detected",
            "truth": "jointPositions, moved by cam_poses into the camera's frame",
            "averaging": "over all poses and joints",
        }

    @property
    def _has_meshes(self) -> bool:
        return bool(self.body_models and self.regressor)

    def _whose(self, labelled: Labelled, found: Found, file: PredictionFile) -> np.ndarray:
        """[P, T] which of the predictions is whose in which image, -1 where nobody's."""
        if isinstance(file, ChallengePredictions) or self.association == "given":
            return as_given(labelled, found, file)
        if self.association == "masks":
            if not self.masks:
                raise ValueError("association by masks needs the option --masks FOLDER")
            return by_masks(labelled, found, self.skeleton, Path(self.masks), self.mask_scale)
        return by_labels(labelled, found, self.skeleton)

    def _more(self, labelled: Labelled, file: PredictionFile, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Orientations and regressed joints, predicted and true, where the file has them."""
        found, people, frames = {}, np.array(labelled.people, np.int64), labelled.extra["frames"]
        if not len(people):
            return found
        source = labelled.images[0].path.parents[2] / "sequenceFiles" / f"{labelled.sequence}.pkl"
        if "orientations" in file.arrays:
            found["orientations"] = file.read("orientations", rows)
            found["true_orientations"] = true_orientations(source, people, frames, metrics.MPJAE_JOINTS)
        if self._has_meshes and VERTICES in file.arrays:
            regressor = load_regressor(Path(self.regressor))
            blocks = np.split(rows, range(VERTEX_BLOCK, len(rows), VERTEX_BLOCK))
            found["lsp"] = np.concatenate([regress(regressor, file.read(VERTICES, b)) for b in blocks])
            found["true_lsp"] = np.empty_like(found["lsp"])
            bodies = true_bodies(source, people, frames, Path(self.body_models))
            for person, body in zip(np.unique(people), bodies, strict=True):
                points = np.concatenate([regress(regressor, surface) for surface in body.surfaces()])
                found["true_lsp"][people == person] = points
        return found


PROTOCOL = TDPWProtocol


def challenge_values(d: Distances) -> dict[str, np.ndarray]:
    """The values of the challenge's figures, thresholds inclusive."""
    major, worst = d.relative[:, MAJOR], metrics.worst_joints(d.aligned[:, MAJOR])
    return {
        "pck@50_major": metrics.hits(major, 50, inclusive=True),
        "auc_major": metrics.nearness_3dpw(major),
        "auc_major_binned": metrics.nearness_3dpw_binned(major),
        **{f"ncps@{t}": metrics.hits(worst, t, inclusive=True) for t in NCPS_MM},
        "ncps_auc": metrics.nearness(worst, 300),
        "apck@150_major": metrics.hits(d.absolute[:, MAJOR], 150, inclusive=True),
        "pck@50_minor": metrics.hits(d.relative[:, MINOR], 50, inclusive=True),
        **{f"pck@{k}_24": metrics.hits(d.relative, k, inclusive=True) for k in (50, 100, 150)},
    }


def _of_joint(figure: str, joint: str) -> str:
    return f"{figure} of {joint}"


def _names(joints, chosen) -> str:
    return " ".join(joints[i] for i in chosen)
