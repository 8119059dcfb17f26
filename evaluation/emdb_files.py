"""EMDB's files: the truth as SMPL parameters, and predictions of whole recordings.

Source: the data set's own description (github.com/eth-ait/emdb, dataset.md); evaluation sheet, section 5.7.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.prediction_file import PredictionFile
from evaluation.predictions import PredictionError
from evaluation.smpl_bodies import Bodies
from posepile.body_models import BodyModel
from posepile.boxes import from_corners
from posepile.datasets import _calibration
from posepile.datasets.raw import RawDataError, array, load_pickle, reading
from posepile.skeletons import Skeleton

MM_PER_M = 1000.0
N_POSE = 72
GENDERS = ("female", "male", "neutral")
BODY_FIELDS = ("pose", "betas", "trans")


@dataclass(frozen=True, eq=False)
class Recording:
    """The truth of a recording of T images.

    Attributes:
        name: "P0_09_outdoor_walk".
        gender: of SMPL's models.
        is_good: [T] bool, images that count.
        pose: [T, 72], world.
        shape: [10].
        translation: [T, 3] mm.
        intrinsics: [3, 3] px.
        rotations, offsets: [T, 3, 3], [T, 3] mm, world to camera.
        boxes: [T, 4] px.
    """

    name: str
    gender: str
    is_good: np.ndarray
    pose: np.ndarray
    shape: np.ndarray
    translation: np.ndarray
    intrinsics: np.ndarray
    rotations: np.ndarray
    offsets: np.ndarray
    boxes: np.ndarray

    def bodies(self, model: BodyModel, rows: np.ndarray) -> Bodies:
        """In the camera's frame, of the images chosen."""
        shape = np.repeat(self.shape[None], len(rows), axis=0)
        return Bodies(
            model, self.pose[rows], shape, self.translation[rows], self.rotations[rows], self.offsets[rows]
        )


def recordings(root: Path) -> Iterator[tuple[Path, Recording]]:
    """The folders and truths of EMDB 1 below `root` (P0 to P9), in the order of their names. Raises RawDataError."""
    files = sorted(root.glob("P*/*/P*_data.pkl"))
    if not files:
        raise RawDataError(f"{root}: no P*/*/P*_data.pkl, expected EMDB's folders P0 to P9")
    for file in files:
        raw = load_pickle(file)
        with reading(file):
            is_first = bool(raw["emdb1"])
        if is_first:
            yield file.parent, _recording(file, raw)


def image_name(recording: str, i: int) -> str:
    """ "emdb/P0/09_outdoor_walk/images/00000.jpg" of "P0_09_outdoor_walk"."""
    subject, _, sequence = recording.partition("_")
    return f"emdb/{subject}/{sequence}/images/{i:05d}.jpg"


class BodyPredictions(PredictionFile):
    """A pickle {recording: of all its images}, camera frame.

    Either SMPL's parameters of the neutral body, `pose` [T, 72], `betas` [T or 1, up to 10] and `trans` [T, 3] metres,
    which stay in `arrays`; or `joints` [T, 24, 3] and maybe `vertices` [T, V, 3], millimetres. Raises PredictionError.
    """

    def __init__(self, path: Path, skeleton: Skeleton, neutral: BodyModel):
        try:
            raw = load_pickle(path)
            if not isinstance(raw, Mapping) or not raw:
                raise RawDataError(f"{path}: no dict of recordings, expected {{name: {{'pose': ...}}}}")
            parts = [_person(path, name, person, neutral) for name, person in raw.items()]
        except RawDataError as error:
            raise PredictionError(str(error)) from error
        for name, part in zip(raw, parts, strict=True):
            if set(part) != set(parts[0]):
                raise PredictionError(
                    f"{path}: {name!r} has {sorted(part)}, the first has {sorted(parts[0])}"
                )
        names = [
            image_name(name, i)
            for name, part in zip(raw, parts, strict=True)
            for i in range(len(part["coords3d_pred_cam"]))
        ]
        arrays = {field: np.concatenate([part[field] for part in parts]) for field in parts[0]}
        super().__init__(path, np.array(names, "S"), arrays, skeleton.joints)


def _recording(file: Path, raw: Mapping[str, Any]) -> Recording:
    with reading(file):
        name, gender, n = str(raw["name"]), str(raw["gender"]), int(raw["n_frames"])
        camera, smpl = raw["camera"], raw["smpl"]
        parts = smpl["poses_root"], smpl["poses_body"]
        fields = camera["intrinsics"], camera["extrinsics"], smpl["trans"], smpl["betas"]
        is_good, corners = raw["good_frames_mask"], raw["bboxes"]["bboxes"]
    if gender not in GENDERS:
        raise RawDataError(f"{file}: 'gender' is {gender!r}, expected {', '.join(GENDERS)}")
    extrinsics = array(file, "extrinsics", fields[1], (n, 4, 4), limit=1e5)
    root = array(file, "poses_root", parts[0], (n, 3), limit=1e3)
    body = array(file, "poses_body", parts[1], (n, N_POSE - 3), limit=1e3)
    return Recording(
        name=name,
        gender=gender,
        is_good=array(file, "good_frames_mask", is_good, (n,)) != 0,
        pose=np.concatenate([root, body], axis=1),
        shape=array(file, "betas", fields[3], (10,), limit=100),
        translation=MM_PER_M * array(file, "trans", fields[2], (n, 3), limit=1e5),
        intrinsics=_calibration.intrinsics(file, "intrinsics", fields[0]),
        rotations=extrinsics[:, :3, :3],
        offsets=MM_PER_M * extrinsics[:, :3, 3],
        boxes=from_corners(array(file, "bboxes", corners, (n, 4), finite=False, limit=1e6)),
    )


def _person(path: Path, name: str, person: Any, neutral: BodyModel) -> dict[str, np.ndarray]:
    """The per-image arrays of one recording."""
    with reading(path):
        found = {field: person[field] for field in (*BODY_FIELDS, "joints", "vertices") if field in person}
    if "joints" in found:
        joints = array(path, f"joints of {name}", found["joints"], (None, 24, 3), finite=False, limit=1e6)
        if "vertices" not in found:
            return {"coords3d_pred_cam": joints}
        shape = (len(joints), len(neutral.vertices), 3)
        vertices = array(path, f"vertices of {name}", found["vertices"], shape, np.float32, finite=False)
        return {"coords3d_pred_cam": joints, "vertices": vertices}
    if missing := [field for field in BODY_FIELDS if field not in found]:
        raise RawDataError(
            f"{path}: {name!r} has no {missing[0]!r}, expected {', '.join(BODY_FIELDS)}; or joints"
        )
    pose = array(path, f"pose of {name}", found["pose"], (None, N_POSE), limit=1e3)
    betas = array(path, f"betas of {name}", np.atleast_2d(found["betas"]), (None, None), limit=1e3)
    trans = MM_PER_M * array(path, f"trans of {name}", found["trans"], (len(pose), 3), limit=1e3)
    if len(betas) not in (1, len(pose)) or betas.shape[1] > neutral.n_shapes:
        raise RawDataError(
            f"{path}: 'betas of {name}' has shape {list(betas.shape)}, expected [{len(pose)}, up to {neutral.n_shapes}]"
        )
    shape = np.zeros((len(pose), neutral.n_shapes))
    shape[:, : betas.shape[1]] = betas
    joints = Bodies(neutral, pose, shape, trans).joints()
    return {"coords3d_pred_cam": joints, "pose": pose, "betas": shape, "trans": trans}
