"""A fake SAIL-VOS: a scene in which a man walks, others are hidden, tiny, or have too few bones."""

from pathlib import Path

import imageio.v2 as imageio
import numpy as np

from fakes.scene import Fake, Known, camera, person, project, write_image
from posepile.cameras import Camera
from posepile.datasets.sailvos import SailVos

SIZE = (1280, 800)
BASE = np.array([1_500_000.0, -2_800_000.0, 30_000.0])  # mm
N_ROWS = 345
# The joints of the pile and the rows that say where they are
ROWS = (
    [341, 8], [61], [216, 234], [171], [164, 309], [255, 39], [330], [108], [45, 294], [215, 131, 253], [295],
    [144, 315], [147, 342, 27], [85], [152], [206, 128, 102], [307, 312], [130], [11], [167, 188, 191, 310],
    [194, 193, 236, 78], [227, 304, 58, 229], [37, 260, 195], [47, 148, 232], [323], [160],
)  # fmt: skip
OFFSETS = (-18.0, 12.0, 30.0, 6.0)  # mm, of the rows of one joint
MISSING = 12  # a joint without any row
GREY = 30


def write(root: Path) -> Fake:
    folder, expected, detections = root / "ph_1", [], {}
    joints, cameras = _walk(), [_camera(i) for i in range(4)]
    # 30 mm at frame 1 are not enough; somebody else is at 9, whom the reference pose is compared with too
    shown = {0: [7, 8, 9, 10, 12], 1: [7], 2: [7, 11], 3: [7]}
    boxes = {7: (100, 200, 120, 300), 8: (300, 200, 90, 200), 9: (500, 200, 90, 200), 10: (700, 200, 40, 90),
             11: (900, 200, 80, 200), 12: (1100, 100, 100, 200)}  # fmt: skip
    kept = []
    for i, ids in shown.items():
        visible = np.full(SIZE[::-1], 3, np.int32)  # a car
        for id in ids:
            _draw(visible, boxes[id], id)
            silhouette = np.zeros(SIZE[::-1], np.uint8)
            _draw(silhouette, boxes[id], 255)
            if id == 8:
                visible[210:, 310:390] = 3  # hidden but for two edges
            path = folder / f"{id}_Ped_{id:04x}/{i:06d}"
            path.parent.mkdir(parents=True, exist_ok=True)
            imageio.imwrite(f"{path}.png", silhouette)
            pose = joints[i] if id == 7 else joints[0] + (700 * (id - 7), 300, 0)
            _write_bones(path, pose, cameras[i], n_known=2 if id == 9 else None)
            if (id, i) in ((7, 0), (7, 2), (7, 3), (12, 0)):
                kept.append((id, i, pose))
        _write_pixels(folder, i, visible, is_original=i % 2 == 0)
        x = np.array([(*boxes[id], 0.8) for id in ids], float)
        detections[f"{i:06d}"] = x + (3, -2, 4, 0, 0)
        if i == 2:  # one twice as large as the person is not his
            detections[f"{i:06d}"][1] = (870, 150, 140, 300, 0.9)
    origin = np.mean([cameras[i].position for _, i, _ in kept], axis=0)
    for id, i, pose in kept:
        box, mask = np.add(boxes[id], (3, -2, 4, 0)), _people_mask(shown[i], boxes)
        pixels, key = project(cameras[i], pose), f"ph_1/{i:06d}_{id}"
        tags = {"subject": f"ph_1/{id}"}
        expected.append(Known(key, "train", box, GREY + 30 * i, pose - origin, pixels, mask, tags=tags))
    fuzzed = ("*/*_Ped_*/*.txt", "*/*_Ped_*/*.png", "*/visible/*")
    return Fake(SailVos(), root, expected, fuzzed, lambda source: detections[source.path.stem])


def _walk() -> np.ndarray:
    """[4, 26, 3] mm; in x, the way that he turns his back to."""
    pose = person(len(ROWS), BASE, seed=3)
    pose[MISSING] = np.nan
    return pose + np.array([0, 30, 160, 400.0])[:, np.newaxis, np.newaxis] * [1, 0, 0]


def _camera(i: int) -> Camera:
    """Of 900 px, and moving."""
    seen = camera(BASE + (6500, -900 + 100 * i, 800), BASE + (0, 500, 0), focal=900.0, size=SIZE)
    return Camera([[900, 0, 640], [0, 900, 400], [0, 0, 1]], seen.rotation, seen.position)


def _write_bones(path: Path, pose: np.ndarray, seen: Camera, n_known: int | None) -> None:
    """Rows around each joint whose mean is the joint; of a joint with many, one is unknown."""
    world = np.zeros((N_ROWS, 3))
    for j, rows in enumerate(ROWS[:n_known]):
        filled = rows if len(rows) < 4 else rows[:-1]
        offsets = np.array(OFFSETS[: len(filled)])
        for row, offset in zip(filled, offsets - offsets.mean(), strict=True):
            world[row] = np.nan_to_num(pose[j] + offset * np.array([1, -0.5, 0.3]))
    pixels = project(seen, world)
    is_none = (world == 0).all(axis=1)
    pixels[is_none] = np.where(np.arange(is_none.sum()) % 2, -1280, -800)[:, np.newaxis]
    pixels[344] = 700, -800
    world[344] = BASE  # known, but off-screen
    np.savetxt(f"{path}_2d.txt", pixels, fmt="%.5f")
    np.savetxt(f"{path}_3d.txt", world / 1000, fmt="%.8f")


def _draw(image: np.ndarray, box: tuple, value: int) -> None:
    x, y, w, h = box
    image[y : y + h, x : x + w] = value


def _people_mask(ids: list[int], boxes: dict) -> np.ndarray:
    mask = np.zeros(SIZE[::-1], bool)
    for id in ids:
        _draw(mask, boxes[id], True)
    if 8 in ids:
        mask[210:, 310:390] = False
    return mask


def _write_pixels(folder: Path, i: int, visible: np.ndarray, is_original: bool) -> None:
    """As released, or converted."""
    (folder / "visible").mkdir(exist_ok=True)
    write_image(folder / f"images/{i:06d}.{'bmp' if is_original else 'jpg'}", SIZE, GREY + 30 * i)
    if is_original:
        np.save(folder / f"visible/{i:06d}.npy", visible[:, :].astype(np.uint8))
    else:
        np.savez_compressed(folder / f"visible/{i:06d}.npz", visible_ids=visible)
