"""A fake MPI-INF-3DHP: three recordings of up to three cameras, and two test sets."""

from pathlib import Path

import cv2
import h5py
import numpy as np
import scipy.io

from fakes.scene import Fake, Known, camera, person, project, projected_box, write_image, write_video
from posepile.cameras import Camera
from posepile.datasets.tdhp import TDHP

SIZE = (400, 400)
SLOTS = [
    0,
    1,
    2,
    8,
    12,
    13,
    17,
    21,
    22,
    26,
    27,
    7,
    5,
    14,
    15,
    16,
    9,
    10,
    11,
    23,
    24,
    25,
    18,
    19,
    20,
    3,
    6,
    4,
]  # of raw
TEST_JOINTS = "htop neck rsho relb rwri lsho lelb lwri rhip rkne rank lhip lkne lank pelv spin head".split()
T = 7
MASK = (slice(96, 304), slice(144, 256))  # rows, columns: multiples of 16, which compression leaves sharp


def write(root: Path) -> Fake:
    write_calibration(root / "S1/Seq1/camera.calibration", cameras := make_cameras())
    poses = _poses()
    write_labels(root / "S1/Seq1/annot.mat", cameras, poses)
    expected, detections = [], {}
    for c in (0, 1):
        greys = [30 + 5 * i for i in range(T)]
        _write_pixels(root / "S1/Seq1", c, greys, is_video=c == 0)
        # 99 mm at frame 3 is not enough. At 4 he is out of camera 0's sight, at 5 back, which is far enough.
        for i in (0, 2, 5) if c == 0 else (0, 2, 4, 5):
            expected.append(_known("S1/Seq1", c, i, cameras[c], poses[i], greys[i], has_mask=True))
    _add_detections(expected, detections)
    # A recording whose masks are not to be used, one camera, one pose
    write_calibration(root / "S1/Seq2/camera.calibration", cameras)
    write_labels(root / "S1/Seq2/annot.mat", cameras, poses[:2])
    _write_pixels(root / "S1/Seq2", 12, [77, 78], is_video=False)
    expected.append(_known("S1/Seq2", 12, 0, cameras[12], poses[0], 77, has_mask=False))
    for name in ("TS1", "TS5"):
        expected += _write_test_set(root / name)
    fuzzed = ("S*/*/annot.mat", "S*/*/camera.calibration", "TS*/annot_data.mat")
    return Fake(
        TDHP(), root, expected, fuzzed, lambda source: detections.get(_place(source.path, source.frame), NONE)
    )


NONE = np.zeros((0, 5))


def make_cameras(size=SIZE) -> list[Camera]:
    """14 cameras around (0, 1000, 0) mm, y up; number 0 looks along -z, number 1 along -x."""
    angles = np.deg2rad([90, 0, *(20 + 25 * np.arange(12))])
    return [
        camera((4000 * np.cos(a), 1100, 4000 * np.sin(a)), (0, 1000, 0), (0, 1, 0), 1.1 * size[0] + i, size)
        for i, a in enumerate(angles)
    ]


def write_calibration(path: Path, cameras: list[Camera], size=SIZE) -> None:
    lines = ["Skeletool Camera Calibration File V1.0"]
    for i, cam in enumerate(cameras):
        intrinsics, extrinsics = np.eye(4), np.eye(4)
        intrinsics[:3, :3], extrinsics[:3, :3] = cam.intrinsics, cam.rotation
        extrinsics[:3, 3] = -cam.rotation @ cam.position
        lines += [
            f"name          {i}",
            "  sensor      10 10",
            f"  size        {size[0]} {size[1]}",
            "  animated    0",
        ]
        for key, matrix in (("intrinsic", intrinsics), ("extrinsic", extrinsics)):
            lines.append(f"  {key}   {' '.join(f'{x:.9g}' for x in matrix.ravel())} ")
        lines.append("  radial      0")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def write_labels(path: Path, cameras: list[Camera], poses: np.ndarray) -> None:
    """Writes world poses [T, 28, 3] mm in raw order, and the same in universal size."""
    cells = {key: np.empty((14, 1), object) for key in ("annot2", "annot3", "univ_annot3")}
    for cell in cells.values():
        cell[:, 0] = [np.zeros((1, 3))] * 14
    for c, cam in enumerate(cameras):
        in_camera = (poses - cam.position) @ cam.rotation.T
        cells["annot2"][c, 0] = np.array([project(cam, pose) for pose in poses]).reshape(len(poses), -1)
        cells["annot3"][c, 0] = in_camera.reshape(len(poses), -1)
        cells["univ_annot3"][c, 0] = 0.9 * cells["annot3"][c, 0]
    n = {"cameras": np.arange(14), "frames": np.arange(len(poses))}
    scipy.io.savemat(path, cells | n)


def _poses() -> np.ndarray:
    poses = np.repeat(person(28, (0, 1000, 0), up=1)[np.newaxis], T, axis=0)
    for i, moved in enumerate((0, 60, 120, 219, 219, 219, 219)):  # raw joint 11: a wrist
        poses[i, 11, 0] += moved
    poses[4, :, 0] -= 2500
    return poses


def _known(name: str, c: int, i: int, cam: Camera, pose: np.ndarray, grey: int, has_mask: bool) -> Known:
    mask = np.zeros(SIZE[::-1], bool)
    mask[MASK] = True
    return Known(
        key=f"{name}/{c}/{i:06d}",
        split="train",
        joints3d=pose[SLOTS],
        pixels=project(cam, pose[SLOTS]),
        box=projected_box(cam, pose, 1.05),
        mask=mask if has_mask else None,
        grey=grey,
        tags={"subject": name[:2], "sequence": name, "camera": str(c), "frame": str(i)},
    )


def _add_detections(expected: list[Known], detections: dict) -> None:
    """A good detection widens the first box; a more confident one elsewhere keeps the second from being widened."""
    x, y, w, h = expected[0].box
    detections["Seq1", "video_0.avi", 0] = np.array([(0, 0, 30, 30, 0.5), (x - 9, y + 5, w, h, 0.9)])
    expected[0].box[:] = x - 9, y, w + 9, h + 5
    x, y, w, h = expected[1].box
    detections["Seq1", "video_0.avi", 2] = np.array([(0, 0, 30, 30, 0.9), (x - 9, y + 5, w, h, 0.8)])


def _place(path: Path, frame: int | None) -> tuple:
    return path.parent.parent.name, path.name, frame


def _write_pixels(folder: Path, c: int, greys: list[int], is_video: bool) -> None:
    """A video and its mask, or the frames and masks that they are extracted to."""
    mask = np.zeros((*SIZE[::-1], 3), np.uint8)
    mask[MASK] = 255, 0, 255  # red: not the green screen; blue: lower body
    mask[:32, :32] = 0, 255, 0
    if is_video:
        write_video(folder / f"imageSequence/video_{c}.avi", SIZE, greys)
        write_frames(folder / f"FGmasks/video_{c}.avi", [mask] * len(greys))
        return
    for i, grey in enumerate(greys):
        write_image(folder / f"imageSequence/img_{c}_{i:06d}.jpg", SIZE, grey)
        write_mask(folder / f"FGmasks/img_{c}_{i:06d}.jpg", mask)


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Writes [h, w, 3] RGB as a JPEG whose colours are as sharp as its greys."""
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), mask[..., ::-1], sampling)


def write_frames(path: Path, frames: list[np.ndarray]) -> None:
    import imageio.v2 as imageio

    path.parent.mkdir(parents=True, exist_ok=True)
    with imageio.get_writer(path, fps=25, macro_block_size=1, quality=10) as writer:
        for frame in frames:
            writer.append_data(frame)


def test_set_camera(name: str) -> Camera:
    """The sheet's numbers. The principal point of TS1 is stretched by the pixels' aspect, that of TS5 is not."""
    if name == "TS1":
        intrinsics = [[1500.172, 0, 1017.387], [0, 1500.832, 1043.491], [0, 0, 1]]
        position, distortion = (3427.28, 1387.86, 309.42), ()
        up, right = np.array([-0.208215, 0.976233, 0.06014]), np.array([0.000575281, 0.0616098, -0.9981])
    else:
        intrinsics = [[1683.983, 0, 939.858], [0, 1672.594, 560.14], [0, 0, 1]]
        position = (-2104.3074, 1038.6707, -4596.6367)
        distortion = (-0.276859611, 0.131125256, -0.000360494, -0.001149441, -0.049318332)
        up = np.array([0.025272345, 0.995038509, 0.096227370])
        right = np.array([-0.939647257, -0.009210289, 0.342020929])
    rotation = np.array([right, -up, np.cross(up, right)])
    return Camera(intrinsics, rotation, np.array(position), np.array(distortion), (0, 1, 0))


def _write_test_set(folder: Path) -> list[Known]:
    """Three images, the middle one unlabelled; row i is image i + 1."""
    cam = test_set_camera(folder.name)
    place = cam.position + 4000 * cam.rotation[2]
    poses = np.array([person(17, place + (100 * i, 0, 0), seed=i, up=1) for i in range(3)])
    in_camera = (poses - cam.position) @ cam.rotation.T
    is_valid = np.array([True, False, True])
    in_camera[1], activities = np.nan, np.array([[1], [0], [7]])
    folder.mkdir(parents=True)
    with h5py.File(folder / "annot_data.mat", "w") as file:
        file["annot3"] = in_camera[:, np.newaxis]
        file["univ_annot3"] = 0.9 * in_camera[:, np.newaxis]
        file["annot2"] = np.array([project(cam, pose) for pose in poses])[:, np.newaxis]
        file["valid_frame"] = is_valid[:, np.newaxis].astype(float)
        file["activity_annotation"] = activities.astype(float)
    expected = []
    for i in range(4):  # one image more than rows
        write_image(folder / f"imageSequence/img_{i + 1:06d}.jpg", (64, 48), 40 + 10 * i)
    for i, activity in ((0, "Stand/Walk"), (2, "Misc.")):
        joints = np.full((28, 3), np.nan)
        slots = [TDHP().skeleton.index(joint) for joint in TEST_JOINTS]
        joints[slots] = poses[i]
        tags = {"sequence": folder.name, "activity": activity, "frame": str(i), "person": "0"}
        expected.append(
            Known(
                key=f"{folder.name}/{i:06d}",
                split="test",
                joints3d=joints,
                pixels=project(cam, joints),
                box=projected_box(cam, poses[i], 1.05),
                grey=40 + 10 * i,
                tags=tags,
            )
        )
    return expected
