"""A fake BEHAVE: a train sequence before two of the Kinects, a test sequence with one; small images."""

import json
import pickle
from pathlib import Path

import fake_body_models as bodies
import numpy as np

from fakes.scene import Fake, Known, project, projected_box, write_image
from posepile.cameras import Camera
from posepile.datasets.behave import Behave

SIZE = (512, 384)
LENS = {"k1": 0.5, "k2": -2.5, "p1": 0.001, "p2": -0.0005, "k3": 1.5, "k4": 0.4, "k5": -2.4, "k6": 1.4}
OPENPOSE = (
    "nose neck rsho relb rwri lsho lelb lwri pelv rhip rkne rank lhip lkne lank reye leye rear lear lfoo ltoe lhee "
    "rfoo rtoe rhee"
).split()
SLOTS = (
    "neck nose lsho lelb lwri lhip lkne lank rsho relb rwri rhip rkne rank leye lear reye rear pelv lfoo ltoe lhee "
    "rfoo rtoe rhee"
).split()
# Per sequence: Kinects, gender, and the moments with the person's place in mm; "unlabelled" ones have no fit
TRAIN, TEST = "Date01_Sub01_backpack_back", "Date03_Sub06_boxlong"
MOMENTS = {
    TRAIN: {
        "t0003.000": (0, 0),
        "t0004.000": (60, 0),
        "t0005.000": (150, 0),
        "t0006.000": (30, 2),
        "t0007.000": None,
    },
    TEST: {"t0001.000": (0, 0)},
}
KINECTS = {TRAIN: (1, 3), TEST: (1,)}
KEPT = {TRAIN: ("t0003.000", "t0005.000"), TEST: ("t0001.000",)}  # t0006 has come back to t0003
UNSEEN = 4  # index into OPENPOSE


def write(root: Path) -> Fake:
    models = {
        "male": bodies.fake_body_model("smpl", seed=0),
        "female": bodies.fake_body_model("smpl", seed=1),
    }
    for gender, fields in models.items():
        bodies.write_pickle(root / f"models/smpl/SMPL_{gender.upper()}.pkl", fields)
    _write_json(root / "split.json", {"train": [TRAIN], "test": [TEST]})
    for k in (1, 3):
        _write_calibration(root, k)
    expected = []
    for name, gender, split in ((TRAIN, "male", "train"), (TEST, "female", "test")):
        info = {
            "gender": gender, "kinects": KINECTS[name], "config": "../../calibs/Date01/config",
            "intrinsic": "../../calibs/intrinsics", "cat": name.split("_")[2],
        }  # fmt: skip
        _write_json(root / f"sequences/{name}/info.json", info)
        for i, (moment, place) in enumerate(MOMENTS[name].items()):
            folder = root / f"sequences/{name}/{moment}"
            joints = _write_labels(folder, models[gender], place, n_poses=156 if gender == "male" else 72)
            for k in KINECTS[name]:
                grey = 40 + 10 * i + 3 * k
                write_image(folder / f"k{k}.color.jpg", SIZE, grey)
                mask = _write_mask(folder / f"k{k}.person_mask.jpg", k)
                if moment in KEPT[name]:
                    expected.append(_known(name, moment, k, split, joints, mask, grey))
    return Fake(Behave(root / "models"), root, expected, ("**/*.json", "**/person_fit.pkl"), _detect)


def _known(name, moment, k, split, joints, mask, grey) -> Known:
    camera = _camera(k)
    box = projected_box(camera, joints, 1.05)
    if k == 3:  # the one where there is a detection
        box = box + [4, 3, -8, -6]
    return Known(
        key=f"{name}/{moment}/k{k}",
        split=split,
        joints3d=joints,
        pixels=project(camera, joints),
        box=_cut(box),
        mask=mask,
        grey=grey,
        tags={"camera": f"k{k}", "object": name.split("_")[2]},
    )


def _cut(box: np.ndarray) -> np.ndarray:
    low = np.maximum(box[:2], -0.5)
    high = np.minimum(box[:2] + box[2:], np.array(SIZE) - 0.5)
    return np.concatenate([low, high - low])


def _detect(source) -> np.ndarray:
    """Kinect 3 detects the person, and something else; Kinect 1 something else only."""
    other = [0, 0, 30, 30, 0.9]
    if "k3" not in source.path.name:
        return np.array([other])
    place = MOMENTS[source.path.parents[1].name][source.path.parent.name]
    gender = 0 if source.path.parents[1].name == TRAIN else 1
    joints = _joints(bodies.fake_body_model("smpl", seed=gender), place)
    return np.array([other, [*(projected_box(_camera(3), joints, 1.05) + [4, 3, -8, -6]), 0.5]])


def _camera(k: int) -> Camera:
    """Kinect 1 is the world; Kinect 3 looks at the person from the right, turned by 90 degrees."""
    distortion = list(LENS.values()) if k == 1 else []
    if k == 1:
        return Camera(_matrix(k), distortion=distortion)
    return Camera(_matrix(k), [[0, 0, 1], [0, 1, 0], [-1, 0, 0]], (2600, 100, 2700), distortion)


def _matrix(k: int) -> np.ndarray:
    return np.array([[245 + k, 0, 256.5], [0, 244, 191], [0, 0, 1]], float)


def _write_calibration(root: Path, k: int) -> None:
    (fx, _, cx), (_, fy, cy) = _matrix(k)[:2]
    lens = LENS if k == 1 else dict.fromkeys(LENS, 0.0)
    colour = {
        "fx": fx,
        "fy": fy,
        "cx": cx,
        "cy": cy,
        **lens,
        "width": SIZE[0],
        "height": SIZE[1],
        "metric_radius": 1.7,
    }
    _write_json(root / f"calibs/intrinsics/{k}/calibration.json", {"color": colour, "depth": {}})
    rotation = [1, 0, 0, 0, 1, 0, 0, 0, 1] if k == 1 else [0, 0, -1, 0, 1, 0, 1, 0, 0]
    place = [0, 0, 0] if k == 1 else [2.6, 0.1, 2.7]
    _write_json(root / f"calibs/Date01/config/{k}/config.json", {"rotation": rotation, "translation": place})


def _fit(place) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    pose, shape = rng.normal(scale=0.2, size=156), rng.normal(size=10)
    return pose, shape, np.array([place[0] / 1000, 0.2, 2.7 + place[1] / 1000])


def _openpose(place) -> np.ndarray:
    rng = np.random.default_rng(8)
    points = (
        rng.uniform((-0.3, -0.7, 2.5), (0.3, 0.7, 2.9), size=(25, 3))
        + np.array([*place, 0])[[0, 2, 1]] / 1000
    )
    score = rng.uniform(0.3, 0.9, size=(25, 1))
    points[UNSEEN], score[UNSEEN] = 0, 0
    return np.concatenate([points, score], axis=1)


def _joints(fields: dict, place) -> np.ndarray:
    """[49, 3] mm: SMPL with hands that are straight, and OpenPose's."""
    pose, shape, translation = _fit(place)
    joints, _ = bodies.slow_body(fields, [*pose[:66], *np.zeros(6)], shape, 1000 * translation)
    openpose = 1000 * _openpose(place)[:, :3]
    openpose[UNSEEN] = np.nan
    return np.concatenate([joints[1:], joints[:1], openpose[[OPENPOSE.index(name) for name in SLOTS]]])


def _write_labels(folder: Path, fields: dict, place, n_poses: int) -> np.ndarray | None:
    if place is None:
        return None
    pose, shape, translation = _fit(place)
    _write_json(folder / "person/person_J3d.json", {"body_joints3d": _openpose(place).ravel().tolist()})
    file = folder / "person/fit02/person_fit.pkl"
    file.parent.mkdir(parents=True)
    file.write_bytes(pickle.dumps({"pose": pose[:n_poses], "betas": shape, "trans": translation}))
    return _joints(fields, place)


def _write_mask(path: Path, k: int) -> np.ndarray:
    import cv2

    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[80:320, 160 : 320 + 16 * k] = 255  # whole JPEG blocks, so that the edge is sharp
    cv2.imwrite(str(path), mask, [cv2.IMWRITE_JPEG_QUALITY, 100])
    return mask > 0


def _write_json(path: Path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
