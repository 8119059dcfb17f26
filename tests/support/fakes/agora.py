"""A fake AGORA: a panorama with people to keep and to drop, and a 3D scene with its own camera."""

from pathlib import Path

import cv2
import numpy as np
from old_pickles import write_data_frame

from fakes.scene import Fake, Known, person, picture
from posepile.datasets.agora import Agora

SIZE = (3840, 2160)
PALETTE = [(55, 181, 57), (153, 108, 6), (112, 105, 191), (89, 121, 72)]
SMPLX = [*range(25), 28, 43, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 68, 71, 73]
PANORAMA = "ag_trainset_renderpeople_bfh_hdri_50mm_5_10_00012"
SCENE = "ag_validationset_3dpeople_bfh_archviz_5_10_00003"

# Per image the people: position in the camera's frame in mm; occlusion in percent; whether valid; box of the
# silhouette [x, y, w, h], whose left part of that width is visible; box of the detection, if there is one
PEOPLE = {
    PANORAMA: [
        ((-1500, 0, 8000), 0.0, True, (600, 400, 500, 1300), 300, None),  # not detected, but hardly occluded
        ((0, 0, 8000), 90.0, True, (1700, 400, 500, 1300), 300, (1700, 400, 300, 1300)),  # occluded
        ((1500, 0, 8000), 60.0, True, (2600, 400, 500, 1300), 200, None),  # occluded and not detected
    ],
    SCENE: [
        ((-1500, 100, 7000), 60.0, True, (900, 600, 300, 800), 200, (890, 590, 210, 820)),  # detected
        ((0, 100, 7000), 0.0, False, (1800, 600, 300, 800), 300, (1800, 600, 300, 800)),  # not valid
        ((1500, 100, 7000), 10.0, True, (2500, 600, 300, 800), 80, None),  # too narrow
    ],
}
CAMERA = {
    "camX": 120.0,
    "camY": -340.0,
    "camZ": 50.0,
    "camYaw": 25.0,
}  # cm, degrees; the panorama's is ignored


def write(root: Path) -> Fake:
    lines = (f"{i}\t[{r}, {g}, {b}]" for i, (r, g, b) in enumerate(PALETTE))
    root.mkdir(exist_ok=True)
    (root / "seg_rgbs.txt").write_text("\n".join(lines) + "\n")
    expected = []
    for name, part, images, kept in (
        (PANORAMA, "train_0", "train_0", [0]),
        (SCENE, "validation_3", "validation", [0]),
    ):
        smpl, smplx = (
            [_joints(place, n, i) for i, (place, *_) in enumerate(PEOPLE[name])] for n in (45, 127)
        )
        grey = 60 if part == "train_0" else 90
        everybody = _write_images(root, name, images, grey)
        _write_tables(root, name, part, smpl, smplx)
        for k in kept:
            joints = np.concatenate([smpl[k][1:24], smpl[k][:1], smplx[k][SMPLX]])
            x, y, _, h = PEOPLE[name][k][3]
            visible = (x - 0.5, y - 0.5, PEOPLE[name][k][4], h)
            expected.append(
                Known(
                    key=f"{part}/{name}_{k:02d}",
                    split="train" if part == "train_0" else "val",
                    joints3d=_world(name, 1000 * joints),
                    pixels=_pixels(name, joints),
                    box=np.array(PEOPLE[name][k][5] or visible, float),
                    mask=everybody,
                    grey=grey,
                )
            )
    return Fake(Agora(), root, expected, ("**/*_withjv.pkl", "seg_rgbs.txt"), _detect)


def _detect(source) -> np.ndarray:
    found = [[*detection, 0.9] for *_, detection in PEOPLE[source.path.stem] if detection]
    return np.array(found, float).reshape(-1, 5)


def _joints(place, n: int, seed: int) -> np.ndarray:
    """[n, 3] m, camera frame."""
    return person(n, place, seed=seed + n, up=1) / 1000


def _focal(name: str) -> float:
    return (50 if name == PANORAMA else 28) * 3840 / 36


def _pixels(name: str, joints: np.ndarray) -> np.ndarray:
    return _focal(name) * joints[:, :2] / joints[:, 2:] + np.array([1920, 1080])


def _world(name: str, joints: np.ndarray) -> np.ndarray:
    """By the sheet's formula: the panorama's camera stands 1.7 m up, and is not turned."""
    if name == PANORAMA:
        return joints + [0, -1700, 0]
    turn = cv2.Rodrigues(np.array([0, -np.deg2rad(CAMERA["camYaw"]), 0]))[0]
    return joints @ turn + [10 * CAMERA["camY"], -10 * CAMERA["camZ"] - 1700, 10 * CAMERA["camX"]]


def _write_images(root: Path, name: str, images: str, grey: int) -> np.ndarray:
    """Writes the image and its masks; returns where everybody is, [h, w] bool."""
    _write_png(root / images / f"{name}.png", picture(SIZE, grey))
    folder = root / images.partition("_")[0] / name.rpartition("_")[0]
    stem, number = name.rsplit("_", 1)
    colours = np.full((SIZE[1], SIZE[0], 3), (255, 0, 0), np.uint8)
    for k, (_, _, _, (x, y, w, h), width, _) in enumerate(PEOPLE[name]):
        alone = np.zeros_like(colours)
        alone[y : y + h, x : x + w] = 255
        colours[y : y + h, x : x + width] = np.array(PALETTE[k]) + [7, -4, 0]
        _write_png(folder / f"{stem}_mask_{int(number):06d}_{k + 1:05d}.png", alone)
    colours[:50, :50] = PALETTE[0]  # the colour of somebody, but outside his silhouette
    _write_png(folder / f"{stem}_mask_{int(number):06d}_00000.png", colours)
    return (colours != (255, 0, 0)).any(axis=-1)


def _write_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])


def _write_tables(root: Path, name: str, part: str, smpl: list, smplx: list) -> None:
    for folder, joints in (("SMPL", smpl), ("SMPLX", smplx)):
        table = {
            "imgPath": [f"{name}.png"],
            **{key: [value] for key, value in CAMERA.items()},
            "gender": [["female"] * len(joints)],
            "occlusion": [[p[1] for p in PEOPLE[name]]],
            "isValid": [[p[2] for p in PEOPLE[name]]],
            "gt_joints_3d": [[j.astype(np.float32) for j in joints]],
        }
        write_data_frame(root / folder / f"{part}_withjv.pkl", table)
