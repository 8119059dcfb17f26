"""A fake Human3.6M: two subjects, two activities, two cameras, 66 frames."""

from pathlib import Path

import cdflib.cdfwrite
import h5py
import numpy as np

from fakes.scene import Fake, Known, person, project, write_image, write_video
from posepile.cameras import Camera
from posepile.datasets.h36m import CAMERAS, H36M, RAW_INDEX, S9_SHIFT

T, SIZE = 66, (1000, 1002)
MOVED = ((5, 40.0), (10, 101.0), (15, 200.0), (20, 202.0))  # from this frame on, mm from the first pose
KEPT = (0, 10, 20)  # of the train subject: 99 mm from frame 10 is not enough at 15, 101 mm is at 20
DISTORTION = [-0.2071, 0.2478, -0.0014, -0.001, -0.0031]  # k1 k2 p1 p2 k3


def write(root: Path) -> Fake:
    cameras = {CAMERAS[c]: known_camera(c) for c in range(2)}
    write_metadata(root / "Release-v1.2/metadata.xml")
    expected = []
    for subject, activity in ((1, "Directions 1"), (1, "_ALL 1"), (9, "Greeting"), (9, "Greeting 1")):
        poses = known_poses(subject)
        folder = root / f"S{subject}"
        write_cdf(folder / f"MyPoseFeatures/D3_Positions/{activity}.cdf", poses)
        for name, camera in cameras.items():
            boxes = write_boxes(
                folder / f"MySegmentsMat/ground_truth_bb/{activity}.{name}.mat", camera, poses
            )
            greys = [20 + 2 * i for i in range(T)]
            _write_pixels(folder, f"{activity}.{name}", greys)
            if "_" not in activity:
                expected += _known(subject, activity, name, camera, poses[:, RAW_INDEX], boxes, greys)
    return Fake(H36M(), root, expected, ("**/metadata.xml", "**/*.cdf", "**/*.mat"))


def _known(subject, activity, name, camera, poses, boxes, greys) -> list[Known]:
    frames = KEPT if subject == 1 else (0, 64)
    shift = S9_SHIFT if (subject, activity) == (9, "Greeting") else np.zeros(3)
    return [
        Known(
            key=f"S{subject}/{activity}/{name}/{i:06d}",
            split="train" if subject == 1 else "test",
            joints3d=poses[i] + shift,
            pixels=project(camera, poses[i] + shift),
            box=boxes[i] if not shift.any() else _moved(camera, boxes[i], poses[i, -1] + shift),
            grey=greys[i],
            tags={"subject": f"S{subject}", "camera": name, "activity": activity},
        )
        for i in frames
    ]


def _moved(camera: Camera, box: np.ndarray, pelvis: np.ndarray) -> np.ndarray:
    """The box after its corners, at the pelvis' depth, have moved with the joints."""
    depth = (camera.rotation @ (pelvis - camera.position))[2]
    corners = []
    for corner in (box[:2], box[:2] + box[2:]):
        point = camera.camera_to_world(camera.image_to_camera(corner, depth)) + S9_SHIFT
        corners.append(project(camera, point[np.newaxis])[0])
    return np.concatenate([corners[0], corners[1] - corners[0]])


def known_poses(subject: int) -> np.ndarray:
    """[T, 32, 3] mm: stands still, but for the left wrist of the train subject (raw joint 19)."""
    poses = np.repeat(person(32, at=(200, 300, 900), seed=subject)[np.newaxis], T, axis=0)
    offset = np.zeros(T)
    for first, moved in MOVED:
        offset[first:] = moved
    if subject == 1:
        poses[:, 19, 0] += offset
    return poses


def _angles(c: int) -> np.ndarray:
    return np.array([(-1.45, 0.1, 0.3), (-1.6, -0.15, 2.9)][c % 2])


def known_camera(c: int) -> Camera:
    a, b, g = _angles(c)
    sin, cos = np.sin, np.cos
    rx = np.array([[1, 0, 0], [0, cos(a), -sin(a)], [0, sin(a), cos(a)]])
    ry = np.array([[cos(b), 0, sin(b)], [0, 1, 0], [-sin(b), 0, cos(b)]])
    rz = np.array([[cos(g), -sin(g), 0], [sin(g), cos(g), 0], [0, 0, 1]])
    rotation = rx @ ry @ rz
    position = np.array([200, 300, 900]) - 4500 * rotation[2]
    intrinsics = [[1145.0 + c, 0, 512.5], [0, 1143.8, 515.45], [0, 0, 1]]
    return Camera(intrinsics, rotation, position, np.array(DISTORTION))


def write_metadata(path: Path) -> None:
    extrinsics, intrinsics = np.zeros((4, 11, 6)), np.zeros((4, 9))
    k1, k2, p1, p2, k3 = DISTORTION
    for c in range(4):
        camera = known_camera(c)
        extrinsics[c] = np.concatenate([_angles(c), camera.position])
        intrinsics[c] = [*np.diag(camera.intrinsics)[:2], 512.5, 515.45, k1, k2, k3, p1, p2]
    numbers = " ".join(repr(float(x)) for x in np.concatenate([extrinsics.ravel(), intrinsics.ravel()]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<a><w0>[{numbers}]</w0><mapping/></a>")


def write_cdf(path: Path, poses: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = [len(poses), 96]
    variable = {
        "Variable": "Pose", "Data_Type": 44, "Num_Elements": 1, "Rec_Vary": True, "Dim_Sizes": shape,
        "Var_Type": "zVariable",
    }  # fmt: skip
    with cdflib.cdfwrite.CDF(path, delete=True) as cdf:
        cdf.write_var(variable, var_data=poses.reshape(1, *shape).astype(np.float32))


def write_boxes(path: Path, camera: Camera, poses: np.ndarray) -> np.ndarray:
    """Writes the box masks, whose contents repeat; returns boxes [T, 4]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    boxes = []
    with h5py.File(path, "w") as file:
        masks = file.create_dataset("Masks", (len(poses), 1), h5py.ref_dtype)
        for i in range(len(poses)):
            pixels = project(camera, poses[i])
            x1, y1 = np.floor(pixels.min(axis=0)).astype(int)
            x2, y2 = np.ceil(pixels.max(axis=0)).astype(int)
            mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
            mask[y1 : y2 + 1, x1 : x2 + 1] = 1
            entry = file.create_dataset(f"#refs#/m{i}", data=mask.T, compression="gzip", compression_opts=1)
            masks[i, 0] = entry.ref
            boxes.append([x1 - 0.5, y1 - 0.5, x2 - x1 + 1, y2 - y1 + 1])
    return np.array(boxes)


def _write_pixels(folder: Path, name: str, greys: list[int]) -> None:
    """A video for the first camera, extracted frames for the second."""
    if name.endswith(CAMERAS[0]):
        write_video(folder / f"Videos/{name}.mp4", SIZE, greys)
        return
    for i, grey in enumerate(greys):
        if i % 5 == 0 or i % 64 == 0:
            write_image(folder / f"Images/{name}/frame_{i:06d}.jpg", SIZE, grey)
