"""A fake Berkeley MHAD: a recording before two cameras of a cluster and a Kinect; the images of another are lost."""

from pathlib import Path

import cv2
import ezc3d
import numpy as np

from fakes.scene import Fake, Known, camera, person, picture, project, projected_box, write_image
from posepile.cameras import Camera
from posepile.datasets.bmhad import Bmhad

SIZE = (640, 480)
TARGET = (0, 1000, 0)
VIEWS = {("l01", 1): (1900, 1400, 3800), ("l01", 2): (2020, 1430, 3700), ("k01", 1): (-2500, 1200, 3300)}
DISTORTION = [-0.3, 0.12, 1e-4, -1e-3]
MOVED = (0, 999, 60, 999, 130, 999, 10, 999, 250)  # mm, of a marker in the recorder's frames
ROWS = (0, 2, 4, 6, 8)  # of the images
KEPT = (0, 2, 4)  # 60 mm is too little, and 10 mm a pose of before
INVALID = 7  # marker, in frame 4 (recorder's) and no other


def write(root: Path) -> Fake:
    poses = known_poses()
    expected = []
    cameras = {
        view: camera(place, TARGET, (0, 1, 0), focal=525.0, size=SIZE, distortion=DISTORTION)
        for view, place in VIEWS.items()
    }
    for cluster in ("l01", "k01"):
        _write_cluster(
            root / "Calibration", cluster, [c for (name, _), c in cameras.items() if name == cluster]
        )
    for recording in ("s01_a02_r03", "s04_a08_r05"):
        _write_c3d(root / f"Mocap/OpticalData/moc_{recording}.c3d", poses)
        for kind, name in (("Camera", "img"), ("Kinect", "kin01")):
            _write_rows(root / f"{kind}/Correspondences/corr_moc_{name}_{recording}.txt")
    for (cluster, number), cam in cameras.items():
        _write_images(root, cluster, number)
        expected += [_known(cluster, number, cam, i, poses[ROWS[i]]) for i in KEPT]
    fuzzed = ("Calibration/*", "*/Correspondences/*", "Mocap/**/*.c3d")
    return Fake(Bmhad(), root, expected, fuzzed)


def known_poses() -> np.ndarray:
    """[9, 43, 3] mm, y up."""
    poses = np.repeat(person(43, TARGET, seed=9, up=1)[np.newaxis], len(MOVED), axis=0)
    poses[:, 20, 1] += MOVED
    poses[4, INVALID] = np.nan
    return poses


def _known(cluster: str, number: int, cam: Camera, i: int, pose: np.ndarray) -> Known:
    return Known(
        key=f"s01_a02_r03/{cluster}_c{number:02d}/{i:05d}",
        split="train",
        joints3d=pose,
        pixels=project(cam, pose),
        box=projected_box(cam, pose, 1.05),
        grey=20 + 30 * i,
        tags={"subject": "s01", "activity": "a02", "camera": f"{cluster}_c{number:02d}", "frame": str(i)},
    )


def _write_images(root: Path, cluster: str, number: int) -> None:
    """Of the first camera as recorded, of the second converted, and of the Kinect."""
    for i in range(len(ROWS)):
        grey = 20 + 30 * i
        if cluster == "k01":
            path = root / f"Kinect/Kin01/S01/A02/R03/kin_k01_s01_a02_r03_color_{i:05d}.ppm"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), picture(SIZE, grey))
            continue
        stem = f"Camera/Cluster01/Cam{number:02d}/S01/A02/R03/img_l01_c{number:02d}_s01_a02_r03_{i:05d}"
        if number == 1:
            path = root / f"{stem}.pgm"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), picture(SIZE, grey)[..., 0])
        else:
            write_image(root / f"{stem}.jpg", SIZE, grey)


def _write_rows(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{i} {0.011 * i:.4f} {row} 7\n" for i, row in enumerate(ROWS)))


def _write_c3d(path: Path, poses: np.ndarray) -> None:
    """The file has x turned about and z up, and one point more, without a marker's name."""
    x, y, z = np.moveaxis(poses, -1, 0)
    points = np.stack([-x, z, y], axis=-1)
    points = np.concatenate([points, np.full((len(points), 1, 3), 5.0)], axis=1)
    file = ezc3d.c3d()
    file["parameters"]["POINT"]["RATE"]["value"] = [480.0]
    file["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    file["parameters"]["POINT"]["LABELS"]["value"] = [f"M{k:03d}" for k in range(44)]
    file["data"]["points"] = np.concatenate([points, np.ones((*points.shape[:2], 1))], axis=-1).T
    path.parent.mkdir(parents=True, exist_ok=True)
    file.write(str(path))


def _write_cluster(folder: Path, cluster: str, cameras: list[Camera]) -> None:
    """The first camera is the cluster's reference."""
    folder.mkdir(parents=True, exist_ok=True)
    first = cameras[0]
    turn, shift = first.rotation, -first.rotation @ first.position
    rows = " ".join(f"{x:.12f}" for x in turn.ravel()), " ".join(f"{x:.12f}" for x in shift)
    (folder / f"RwTw_{cluster}.txt").write_text(f"Rw={rows[0]} \nTw={rows[1]} \n")
    lines = ["%YAML:1.0", f"Number of cameras: {len(cameras)}"]
    for number, cam in enumerate(cameras, start=1):
        relative = cam.rotation @ turn.T
        place = [*(-cam.rotation @ cam.position - relative @ shift), *cv2.Rodrigues(relative)[0].ravel()]
        lines.append(f"Camera_{number}:")
        for key, value in (("K", cam.intrinsics), ("Dist", [cam.distortion[:4]]), ("PosRel", [place])):
            value = np.asarray(value)
            lines += [f"   {key}: !!opencv-matrix", f"      rows: {len(value)}", f"      cols: {value.shape[1]}",
                      "      dt: d", f"      data: [ {', '.join(f'{x:.12g}' for x in value.ravel())} ]"]  # fmt: skip
    (folder / f"camcfg_{cluster}.yml").write_text("\n".join(lines) + "\n")
