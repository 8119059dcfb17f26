"""EMDB in its layout, with made-up SMPL models: a recording of EMDB 1 and one that is not in it; no pixels.

Bodies are at rest and their translation is 0, so that they are what the models' files say; the camera stands 3 m away
and turns about its axis.
"""

import pickle
from pathlib import Path

import numpy as np
from fake_body_models import fake_body_model, write_pickle
from scipy.spatial.transform import Rotation

T = 4
INTRINSICS = np.array([[900.0, 0, 480], [0, 900, 640], [0, 0, 1]])
GOOD = np.array([True, False, True, True])
NAME = "P0_09_outdoor_walk"
GENDERS = ("FEMALE", "MALE", "NEUTRAL")


def write(folder: Path) -> Path:
    """`folder`/emdb is the data set, `folder`/models has SMPL; returns the former."""
    for gender in GENDERS:
        write_pickle(folder / f"models/smpl/SMPL_{gender}.pkl", body(gender))
    for name, is_first in ((NAME, True), ("P1_11_indoor_walk", False)):
        subject, _, sequence = name.partition("_")
        target = folder / "emdb" / subject / sequence
        (target / "images").mkdir(parents=True)
        (target / f"{name}_data.pkl").write_bytes(pickle.dumps(raw(name, is_first)))
    return folder / "emdb"


def body(gender: str) -> dict[str, np.ndarray]:
    """The fields of a model's file; the neutral body is the male one but for its shape's directions."""
    return fake_body_model("smpl", 0 if gender == "FEMALE" else 1)


def extrinsics() -> np.ndarray:
    """[T, 4, 4], metres."""
    found = np.tile(np.eye(4), (T, 1, 1))
    found[:, :3, :3] = Rotation.from_euler("z", 10.0 * np.arange(T)[:, None], degrees=True).as_matrix()
    found[:, 2, 3] = 3
    return found


def raw(name: str, is_first: bool) -> dict:
    return {
        "gender": "male",
        "name": name,
        "emdb1": is_first,
        "emdb2": not is_first,
        "n_frames": T,
        "good_frames_mask": GOOD,
        "camera": {"intrinsics": INTRINSICS, "extrinsics": extrinsics(), "width": 960, "height": 1280},
        "smpl": {
            "poses_root": np.zeros((T, 3)),
            "poses_body": np.zeros((T, 69)),
            "trans": np.zeros((T, 3)),
            "betas": np.zeros(10),
        },
        "kp2d": np.zeros((T, 24, 2)),
        "bboxes": {"bboxes": np.tile([100.0, 100, 400, 800], (T, 1)), "invalid_idxs": np.array([1])},
    }
