"""A fake BML-MoVi: rounds F and S2 before a fixed camera, and a phone that is held, moved and rolled."""

import json
from pathlib import Path

import numpy as np
import scipy.io

from fakes.scene import Fake, Known, camera, person, project, projected_box, write_video
from posepile.cameras import Camera
from posepile.datasets.bml_movi import BmlMovi

SIZE, PHONE_SIZE = (800, 600), (1920, 1080)
AT = (300, 150, 850)
PHONE_FOCAL = 1508.7021
N = 60  # rows, at 120 Hz: half a second
# Round S: its 17 columns, in the order of the file, among the 87; None: two that no joint has
S_COLUMNS = (5, 6, 12, 13, 20, None, 36, 37, 43, 44, 51, None, 67, 71, 77, 79, 85)
PHONE_OFFSET, FIRST_OF_PHONE = 0.1, 3  # s, and the first frame at 30 Hz after it


def write(root: Path) -> Fake:
    fixed = {
        1: camera((4900, 7, 1345), AT, focal=979.0, size=SIZE, distortion=[-0.18, 0.18]),
        2: camera((440, -3850, 1380), AT, focal=980.0, size=SIZE, distortion=[-0.23, 0.35]),
    }
    for number, cam in fixed.items():
        _write_fixed(root / "Calib", number, cam)
    points = known_points()
    write_f(root / "F_Subjects_1_45/F_v3d_Subject_1.mat", points)
    _write_s(root / "S/S_v3d_Subject_50.mat", points)
    phones = known_phones()
    _write_phones(root / "Calib/F_CP2.json", phones)
    for name, size, n in (
        ("F_PG1_Subject_1_L.avi", SIZE, 20), ("S2_PG2_Subject_50.mp4", SIZE, 9), ("F_CP2_Subject_1.mp4", PHONE_SIZE, 9),
        ("F_CP1_Subject_1.mp4", (64, 48), 2), ("I1_CP1_Subject_1.mp4", (64, 48), 2),
        ("F_PG1_Subject_3.avi", (64, 48), 2),
    ):  # fmt: skip
        write_video(root / name, size, [20 + 8 * i for i in range(n)], fps=30)
    s_points = np.full_like(points, np.nan)
    columns = [c for c in S_COLUMNS if c is not None]
    s_points[:, columns] = points[:, columns]
    # Row 4 i of the mocap is frame i; the last row is for interpolation only
    expected = [_known("F_PG1_Subject_1_L.avi", fixed[1], i, points[4 * i]) for i in (0, 5, 9)]
    expected += [_known("S2_PG2_Subject_50.mp4", fixed[2], i, s_points[4 * i]) for i in (0, 5)]
    # Frame 3 is row 0 by the phone's offset; 4 has no camera, 6 is rolled
    expected += [
        _known("F_CP2_Subject_1.mp4", phones[i], i, points[4 * (i - FIRST_OF_PHONE)])
        for i in (FIRST_OF_PHONE, 8)
    ]

    def detect(source):
        if source.path.suffix == ".avi":
            return np.zeros((0, 5))
        key = f"{source.path.name}/{source.frame:06d}"
        box = next(k.box for k in expected if k.key == key)
        return np.array([[0, 0, 9, 9, 0.9], [*box, 0.8]])

    return Fake(BmlMovi(), root, expected, ("Calib/*", "*/*.mat"), detect)


def known_points() -> np.ndarray:
    """[60, 87, 3] mm: a slow drift (at most 95 mm), 160 mm aside from row 20 to 35, then a marker that appears.

    Marker 40 is missing until row 36; that of row 45 on, 150 mm aside, is a pose that was there before.
    """
    first = person(87, AT, seed=2)
    first[10] = (-40.0, 120.0, 900.0)  # negative on purpose
    aside = np.interp(np.arange(N), [0, 19], [0, 60])
    aside[20:36] = 180
    aside[36:45] = 20
    aside[45:] = 150
    points = first + aside[:, np.newaxis, np.newaxis] * (0, 1, 0)
    points[:36, 40] = np.nan
    return points


def known_phones() -> dict[int, Camera | None]:
    """The phone's camera by frame."""
    phones: dict[int, Camera | None] = {}
    for i in range(9):
        made = camera((3000 + 50 * i, 2500, 1500), AT, focal=PHONE_FOCAL, size=PHONE_SIZE)
        phones[i] = Camera(
            [[PHONE_FOCAL, 0, 960], [0, PHONE_FOCAL, 540], [0, 0, 1]], made.rotation, made.position
        )
    phones[4] = None
    phones[6] = phones[6].rolled(np.deg2rad(10))
    phones[8] = phones[8].rolled(np.deg2rad(6))
    return phones


def _known(name: str, cam: Camera, i: int, pose: np.ndarray) -> Known:
    """Detections are where the joints are, but a bit wider; in the .avi there are none."""
    box = projected_box(cam, pose, 1.05)
    if not name.endswith(".avi"):
        box = box + (-5, -5, 10, 10)
    round, camera_name, _, subject = name.split(".")[0].removesuffix("_L").split("_")
    return Known(
        key=f"{name}/{i:06d}",
        split="train",
        joints3d=pose,
        pixels=project(cam, pose),
        box=box,
        grey=20 + 8 * i,
        tags={"subject": subject, "round": round, "camera": camera_name, "frame": str(i)},
    )


def _write_fixed(folder: Path, number: int, cam: Camera) -> None:
    """MATLAB's way: row vectors times matrices, and the first pixel's centre is (1, 1)."""
    folder.mkdir(parents=True, exist_ok=True)
    intrinsics = cam.intrinsics.copy()
    intrinsics[:2, 2] += 1
    np.savez(
        folder / f"cameraParams_PG{number}.npz",
        IntrinsicMatrix=intrinsics.T,
        RadialDistortion=cam.distortion[np.newaxis, :2],
    )
    np.savez(
        folder / f"Extrinsics_PG{number}.npz",
        rotationMatrix=cam.rotation.T,
        translationVector=(-cam.rotation @ cam.position)[np.newaxis],
    )


def write_f(path: Path, points: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = np.nan_to_num(points)  # 0 where missing
    move = np.empty((1, 1), object)
    move[0, 0] = {"markerLocation": stored, "virtualMarkerLocation": stored[:, 67:], "flags30": [[1.0, 9.0]]}
    scipy.io.savemat(path, {"Subject_1_F": {"id": 1.0, "move": move}}, do_compression=True)


def _write_s(path: Path, points: np.ndarray) -> None:
    """Two recordings, the second is known."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found = np.stack(
        [np.full((N, 3), 77.0) if c is None else np.nan_to_num(points[:, c]) for c in S_COLUMNS], axis=1
    )
    move = np.empty((1, 2), object)
    for k, markers in enumerate((np.ones((10, 17, 3)), found)):
        move[0, k] = {"markerLocation": markers, "virtualMarkerLocation": markers[:, 12:]}
    scipy.io.savemat(path, {"Subject_50_S": {"move": move}}, do_compression=True)


def _write_phones(path: Path, phones: dict[int, Camera | None]) -> None:
    entries = {
        i: cam and {"rotation": cam.rotation.tolist(), "position": cam.position.tolist()}
        for i, cam in phones.items()
    }
    path.write_text(json.dumps({"1": {"time_offset_s": PHONE_OFFSET, "cameras": entries}}))
