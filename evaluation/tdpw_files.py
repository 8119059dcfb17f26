"""3DPW's own files beside the joints: predictions as the challenge took them, and the SMPL bodies of the truth.

Source: evaluation sheet, section 5.4.
"""

from pathlib import Path

import numpy as np

from evaluation.prediction_file import PredictionFile
from evaluation.predictions import PredictionError
from evaluation.smpl_bodies import Bodies, global_rotations
from posepile.body_models import find_body_model
from posepile.datasets.raw import RawDataError, array, load_pickle, reading
from posepile.datasets.tdpw import SPLITS
from posepile.skeletons import Skeleton

MM_PER_M = 1000.0
LIMIT_M = 500.0
"""Nobody is that far away: such numbers are millimetres."""
N_ORIENTATIONS = 9
GENDERS = {"m": "male", "f": "female"}
N_SHAPES = 10


class ChallengePredictions(PredictionFile):
    """A folder of the challenge: train, validation and test with one pickle a sequence.

    Each holds `jointPositions` [P, T, 24, 3] metres, camera frame, and maybe `orientations` [P, T, 9, 3, 3].
    `shapes` has P and T of each sequence. Raises PredictionError.
    """

    def __init__(self, folder: Path, skeleton: Skeleton):
        names, people, poses, orientations = [], [], [], []
        self.shapes: dict[str, tuple[int, int]] = {}
        files = [file for split in SPLITS for file in sorted((folder / split).glob("*.pkl"))]
        if not files:
            raise PredictionError(f"{folder}: no {{{','.join(SPLITS)}}}/*.pkl, expected one a sequence")
        for file in files:
            found, turns = _read(file)
            n_people, n_images = found.shape[:2]
            self.shapes[f"{file.parent.name}/{file.stem}"] = n_people, n_images
            names += [image_name(file.stem, i) for i in range(n_images)] * n_people
            people += np.repeat(np.arange(n_people), n_images).tolist()
            poses.append(found.reshape(-1, 24, 3) * MM_PER_M)
            orientations.append(None if turns is None else turns.reshape(-1, N_ORIENTATIONS, 3, 3))
        arrays = {"coords3d_pred_cam": np.concatenate(poses), "person_id": np.array(people)}
        with_turns = [turns is not None for turns in orientations]
        if any(with_turns):
            if not all(with_turns):
                lacking = files[with_turns.index(False)]
                raise PredictionError(f"{lacking}: 'orientations' is missing, but other sequences have it")
            arrays["orientations"] = np.concatenate(orientations)
        super().__init__(folder, np.array(names, "S"), arrays, skeleton.joints)


def image_name(sequence: str, i: int) -> str:
    """ "3dpw/imageFiles/downtown_walk_00/image_00000.jpg"."""
    return f"3dpw/imageFiles/{sequence}/image_{i:05d}.jpg"


def true_orientations(file: Path, people: np.ndarray, images: np.ndarray, joints) -> np.ndarray:
    """[n, len(joints), 3, 3] global rotations in the camera's frame, of a sequence file's people in images [n]."""
    pose, rotation, _ = _pose_and_camera(load_pickle(file), file, people, images)
    return rotation[:, None] @ global_rotations(pose)[:, list(joints)]


def true_bodies(file: Path, people: np.ndarray, images: np.ndarray, body_models: Path) -> list[Bodies]:
    """The bodies in the camera's frame, one `Bodies` for each of the people, who have one gender and shape each.

    Their order is that of `np.unique(people)`. Raises RawDataError.
    """
    raw, found = load_pickle(file), []
    for person in np.unique(people):
        rows = people == person
        pose, rotation, offset = _pose_and_camera(raw, file, people[rows], images[rows])
        with reading(file):
            gender = GENDERS[str(raw["genders"][person])]
            shape = np.asarray(raw["betas"][person], float)[None, :N_SHAPES]
            translation = np.asarray(raw["trans"][person], float)[images[rows]]
        found.append(
            Bodies(
                find_body_model(body_models, "smpl", gender),
                pose,
                np.repeat(array(file, "betas", shape, (1, None), limit=100), len(pose), axis=0),
                MM_PER_M * array(file, "trans", translation, (len(pose), 3), limit=1e6),
                rotation,
                MM_PER_M * offset,
            )
        )
    return found


def _pose_and_camera(raw, file: Path, people: np.ndarray, images: np.ndarray):
    """[n, 72] rad, [n, 3, 3], [n, 3] metres."""
    with reading(file):
        pose = np.array([raw["poses"][p][i] for p, i in zip(people, images, strict=True)], float)
        camera = np.asarray(raw["cam_poses"], float)[images]
    n = len(people)
    pose = array(file, "poses", pose.reshape(n, -1), (n, 72), limit=1e3)
    camera = array(file, "cam_poses", camera.reshape(n, 4, 4), (n, 4, 4))
    return pose, camera[:, :3, :3], camera[:, :3, 3]


def _read(file: Path) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        raw = load_pickle(file)
        with reading(file):
            positions, turns = raw["jointPositions"], raw.get("orientations")
        positions = array(file, "jointPositions", positions, (None, None, 24, 3), finite=False)
        if turns is not None:
            shape = (*positions.shape[:2], N_ORIENTATIONS, 3, 3)
            turns = array(file, "orientations", turns, shape, finite=False)
    except RawDataError as error:
        raise PredictionError(str(error)) from error
    if positions.size and np.nanmax(np.abs(positions), initial=0) > LIMIT_M:
        raise PredictionError(
            f"{file}: 'jointPositions' has a value of {np.nanmax(np.abs(positions)):.0f}, expected metres: are they mm?"
        )
    return positions, turns
