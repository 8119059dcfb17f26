"""A fake HUMBI: two subjects; of the first two poses, cameras 0 and 4, and images that are of no use."""

from pathlib import Path

import numpy as np

from fakes.scene import Fake, Known, camera, person, project, write_image
from posepile.cameras import Camera
from posepile.datasets.humbi import Humbi

SIZE = (480, 270)
SLOTS = [1, 0, 5, 6, 7, 12, 13, 14, 2, 3, 4, 9, 10, 11, 16, 18, 15, 17, 8, 19, 20, 21, 22, 23, 24]  # of raw
POSES = ("00000001", "00000029")
NONE = np.zeros((0, 5))


def write(root: Path) -> Fake:
    expected, detections = [], {}
    for subject in (1, 12):
        body = root / f"subject_{subject}/body"
        for p, pose in enumerate(POSES if subject == 1 else POSES[:1]):
            joints = known_joints(subject + p)
            _write_labels(body / pose / "reconstruction", joints)
            for c in (0, 4):
                path, grey = body / pose / f"image/image{c:07d}.jpg", 40 + 10 * c + 20 * p + subject
                write_image(path, SIZE, grey)
                expected.append(_known(subject, pose, c, joints, grey))
            write_image(body / pose / "image/image0000009.jpg", SIZE, 40)  # not calibrated
        write_calibration(body, (0, 4, 11))
    _break_some(root)
    _add_detections(expected, detections)
    fuzzed = ("*/body/*.txt", "*/body/*/*/*.txt", "ignore_images.txt")

    def detect(source) -> np.ndarray:
        return detections.get(source.path.relative_to(root).as_posix(), NONE)

    return Fake(Humbi(), root, expected, fuzzed, detect)


def known_cameras() -> dict[int, Camera]:
    """y is down in the world; camera 11 has no images, and sees nobody."""
    places = {0: (0, -200, -2500), 4: (2500, 100, 600), 11: (0, 0, 3000)}
    return {i: camera(place, (0, 0, 0), (0, -1, 0), 280.0 + i, SIZE) for i, place in places.items()}


def known_joints(seed: int) -> np.ndarray:
    """[25, 3] mm in raw order; one is missing, another is zero."""
    joints = person(25, seed=seed, up=1)
    joints[[7, 20]] = np.nan
    return joints


def _known(subject: int, pose: str, c: int, joints: np.ndarray, grey: int) -> Known:
    cam = known_cameras()[c]
    pixels = project(cam, joints[SLOTS])
    low, high = np.nanmin(pixels, axis=0), np.nanmax(pixels, axis=0)
    middle, half = (low + high) / 2, (high - low) / 2 * 1.05
    return Known(
        key=f"subject_{subject}/{pose}/{c:07d}",
        split="train",
        joints3d=joints[SLOTS],
        pixels=pixels,
        box=np.concatenate([middle - half, 2 * half]),
        grey=grey,
        tags={"subject": f"subject_{subject}", "camera": str(c)},
    )


def _write_labels(folder: Path, joints: np.ndarray) -> None:
    lines = [" ".join(f"{x / 1000:.7f}" for x in joint) for joint in joints]
    lines[7], lines[20] = "nan nan nan", "0.0 0.0 0.0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "keypoints.txt").write_text("\n".join(lines) + "\n")
    parameters = [1.1, 0.1, -0.2, 0.05, *np.linspace(-0.2, 0.2, 72), *np.linspace(-1, 1, 10)]
    (folder / "smpl_parameter.txt").write_text("\n".join(f"{x:.7f}" for x in parameters) + "\n")


def write_calibration(folder: Path, ids) -> None:
    header = [f"Numcam: {len(ids)}", "numframes: 1", "numP: 1"]
    intrinsics, extrinsics = [*header], [*header]
    for i in ids:
        cam = known_cameras()[i]
        for lines, rows in ((intrinsics, cam.intrinsics), (extrinsics, [cam.position / 1000, *cam.rotation])):
            lines += [f"0 {i}", *(" ".join(f"{x:.9f}" for x in row) for row in rows)]
    (folder / "intrinsic.txt").write_text("\n".join(intrinsics) + "\n")
    (folder / "extrinsic.txt").write_text("\n".join(extrinsics) + "\n")


def _break_some(root: Path) -> None:
    """A pose without labels, an image that ends early, an image that is to be ignored."""
    body = root / "subject_1/body"
    write_image(body / "00000057/image/image0000000.jpg", SIZE, 40)
    file = body / POSES[0] / "image/image0000011.jpg"
    write_image(file, SIZE, 40)
    file.write_bytes(file.read_bytes()[:-300])
    name = f"subject_1/body/{POSES[1]}/image/image0000011.jpg"
    write_image(root / name, SIZE, 40)
    (root / "ignore_images.txt").write_text(f"{name}\n")


def _add_detections(expected: list[Known], detections: dict) -> None:
    """A good detection widens the first box, to the image's border; one of little overlap does not the second."""
    first, second = (f"subject_1/body/{POSES[0]}/image/image{c:07d}.jpg" for c in (0, 4))
    x, y, w, h = expected[0].box
    detections[first] = np.array([(x, y, w / 3, h, 0.9), (x + 4, y - 8, w, SIZE[1], 0.5)])
    expected[0].box[:] = x, max(y - 8, 0), w + 4, SIZE[1] - max(y - 8, 0)
    x, y, w, h = expected[1].box
    detections[second] = np.array([(x - w, y, w * 1.5, h, 0.9)])
