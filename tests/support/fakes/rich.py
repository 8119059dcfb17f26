"""A fake RICH: one person before two cameras and a moving one, and two people before one camera."""

import pickle
from pathlib import Path

import fake_body_models as bodies
import numpy as np

from fakes.scene import Fake, Known, camera, project, projected_box, write_image
from posepile.cameras import Camera
from posepile.datasets.rich import Rich

SIZE = (640, 480)
KEYPOINTS = [*range(25), 28, 43, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 68, 71, 73]
DISTORTION = [-0.05, 0.02, 0.001, -0.001, 0.003]
ALONE, PAIR = "ParkingLot1_005_test1", "Pavallion_003_018_x"
# Per sequence and subject: how far he has moved in mm, at frames 1, 2, …; None where he has no fit
MOVES = {ALONE: {"005": (0, None, 50, 200)}, PAIR: {"003": (0, 20, 40, 150), "018": (0, 120, 130, None)}}
KEPT = {ALONE: {"005": (0, 3)}, PAIR: {"003": (0, 3), "018": (0, 1)}}
CAMERAS = {ALONE: (0, 1), PAIR: (2,)}
PLACE = {"005": (0, 200, 3500), "003": (-700, 200, 3500), "018": (700, 200, 3500)}


def write(root: Path) -> Fake:
    models = {
        "MALE": bodies.fake_body_model("smplx", seed=0),
        "FEMALE": bodies.fake_body_model("smplx", seed=1),
    }
    for gender, fields in models.items():
        bodies.write_npz(root / f"models/smplx/SMPLX_{gender}.npz", fields)
    expected = []
    for name, split in ((ALONE, "train"), (PAIR, "val")):
        scene = name.split("_")[0]
        for c in CAMERAS[name]:
            _write_calibration(root / f"scan_calibration/{scene}/calibration/{c:03d}.xml", _camera(c))
        for i in range(4):
            for c in (*CAMERAS[name], 7):  # number 7 moves, and has no calibration
                write_image(
                    root / f"{split}/{name}/cam_{c:02d}/{i + 1:05d}_{c:02d}.jpg", SIZE, 40 + 10 * i + c
                )
            for subject, moves in MOVES[name].items():
                if moves[i] is None:
                    continue
                fit = _fit(subject, moves[i])
                file = root / f"{split}_body/{name}/{i + 1:05d}/{subject}.pkl"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(pickle.dumps(fit))
                if i in KEPT[name][subject]:
                    points = _points(models["FEMALE" if subject == "018" else "MALE"], fit)
                    expected += [_known(split, name, subject, i, c, points) for c in CAMERAS[name]]
    return Fake(Rich(root / "models"), root, expected, ("**/*.xml", "*_body/**/*.pkl"), _detect)


def _known(split: str, name: str, subject: str, i: int, c: int, points: np.ndarray) -> Known:
    box = projected_box(_camera(c), points, 1.05)
    low = np.maximum(box[:2], -0.5)
    high = np.minimum(box[:2] + box[2:], np.array(SIZE) - 0.5)
    return Known(
        key=f"{split}/{name}/cam_{c:02d}/{i + 1:05d}_{subject}",
        split=split,
        joints3d=points[KEYPOINTS],
        pixels=project(_camera(c), points[KEYPOINTS]),
        box=np.concatenate([low, high - low]) if c else np.array(DETECTION[:4]),
        grey=40 + 10 * i + c,
        tags={"subject": subject, "camera": f"cam_{c:02d}"},
    )


DETECTION = [230.0, 135.0, 170.0, 210.0, 0.8]


def _detect(source) -> np.ndarray:
    """Camera 0 detects the person roughly; the others something else."""
    return np.array([DETECTION if "cam_00" in str(source.path) else [0, 0, 60, 60, 0.9]])


def _camera(c: int) -> Camera:
    if c != 1:  # the first camera is the world
        return Camera([[420, 0, 321], [0, 424, 238], [0, 0, 1]], distortion=DISTORTION)
    return camera(
        (2600, -300, 900), (0, 200, 3500), up=(0, -1, 0), focal=500, size=SIZE, distortion=DISTORTION
    )


def _write_calibration(path: Path, camera: Camera) -> None:
    translation = -camera.rotation @ camera.position / 1000
    fields = {
        "CameraMatrix": np.concatenate([camera.rotation, translation[:, np.newaxis]], axis=1),
        "Intrinsics": camera.intrinsics,
        "Distortion": np.array(DISTORTION),
    }
    parts = ""
    for name, value in fields.items():
        numbers = " ".join(map(repr, value.ravel().tolist()))
        parts += f"<{name} type_id='opencv-matrix'><rows>1</rows><data>\n {numbers}</data></{name}>"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<?xml version='1.0'?><opencv_storage>{parts}</opencv_storage>")


def _fit(subject: str, moved: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(int(subject))
    sizes = {
        "global_orient": 3, "body_pose": 63, "jaw_pose": 3, "leye_pose": 3, "reye_pose": 3, "left_hand_pose": 12,
        "right_hand_pose": 12, "betas": 10, "expression": 10,
    }  # fmt: skip
    fit = {name: rng.normal(scale=0.2, size=(1, n)).astype(np.float32) for name, n in sizes.items()}
    place = np.add(PLACE[subject], (moved, 0, 0)) / 1000
    return fit | {"transl": place[np.newaxis].astype(np.float32)}


def _points(fields: dict, fit: dict) -> np.ndarray:
    """[127, 3] mm."""
    fit = {name: value[0].astype(float) for name, value in fit.items()}
    hands = [
        fields[f"hands_mean{side[0]}"]
        + fields[f"hands_components{side[0]}"][:12].T @ fit[f"{side}_hand_pose"]
        for side in ("left", "right")
    ]
    body = [fit[name] for name in ("global_orient", "body_pose", "jaw_pose", "leye_pose", "reye_pose")]
    pose = np.concatenate(body + hands)
    return bodies.slow_keypoints(fields, pose, fit["betas"], 1000 * fit["transl"], fit["expression"])
