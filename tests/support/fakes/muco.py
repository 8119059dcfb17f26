"""A fake MuCo-3DHP: five composites of people from two recordings of a fake MPI-INF-3DHP, all by camera 2."""

from pathlib import Path

import h5py
import numpy as np

from fakes.scene import Fake, Known, person, project, projected_box, write_image
from fakes.tdhp import SLOTS, make_cameras, write_calibration, write_labels, write_mask
from posepile.datasets.muco import MuCo

SIZE, CAMERA = (320, 320), 2
PLACES = {  # recording and frame: x and depth in mm, in the camera's frame
    ("S1/Seq1", 0): (-950, 3600),
    ("S2/Seq1", 0): (900, 4600),
    ("S1/Seq1", 1): (1272, 6500),  # hidden by the one before him
    ("S2/Seq1", 1): (0, 4100),  # his lower half is hidden by the nearest one's chair
    ("S1/Seq1", 2): (0, 5000),  # without a chair mask
}
NEAREST, RIGHT, HIDDEN, MIDDLE = list(PLACES)[:4]
PEOPLE = [HIDDEN, NEAREST, RIGHT, MIDDLE]  # of the composites, but for the second; not in the order of depth
CHAIR = (slice(144, 288), slice(112, 208))  # rows, columns; of the first
NONE = np.zeros((0, 5))


def write(root: Path) -> Fake:
    cameras = {f"S{s}/Seq1": [_renumbered(c, s) for c in make_cameras(SIZE)] for s in (1, 2)}
    poses = {
        origin: _pose(cameras[origin[0]][CAMERA], *PLACES[origin], seed=i) for i, origin in enumerate(PLACES)
    }
    for recording, cams in cameras.items():
        folder = root / "3dhp" / recording
        write_calibration(folder / "camera.calibration", cams, SIZE)
        write_labels(
            folder / "annot.mat",
            cams,
            np.array([poses.get((recording, i), poses[NEAREST]) for i in range(3)]),
        )
    parts = {
        origin: _person_part(root, origin, cameras[origin[0]][CAMERA], poses[origin]) for origin in PLACES
    }
    (root / "3dhp/S1/Seq1/ChairMasks" / f"img_{CAMERA}_000002.jpg").unlink()
    write_info(
        root / "sampled_dataset_info.mat", [PEOPLE, [*PEOPLE[:3], ("S1/Seq1", 2)], PEOPLE, PEOPLE, PEOPLE]
    )
    files = [
        "00/0000/000001.jpg",
        "000002.jpg",
        "000003.jpg",
        "",
        "000005.jpg",
    ]  # the fourth has not been made
    for i, file in enumerate(files):
        if file:
            write_image(root / "unaugmented_set_001" / file, SIZE, 40 + 20 * i)
    boxes = _visible_boxes(parts)
    detections = _detections(boxes, cameras, poses)
    mask = np.logical_or.reduce([*parts.values()][:4])
    mask[CHAIR] = True
    seen = {i: boxes[i] + [1, 2, -1, -2] for i in (1, 2, 3)}
    expected = [_known(1, 40, i, box, mask, cameras, poses) for i, box in seen.items()]
    expected.append(_known(5, 120, 2, boxes[2], mask, cameras, poses))
    fuzzed = ("sampled_dataset_info.mat", "3dhp/*/*/annot.mat", "3dhp/*/*/camera.calibration")
    dataset = MuCo(tdhp_root=root / "3dhp")
    return Fake(dataset, root, expected, fuzzed, lambda source: detections.get(source.path.name, NONE))


def _detections(boxes, cameras, poses) -> dict[str, np.ndarray]:
    """What the detector finds, by the image's name."""
    spurious = np.array([2, 2, 40, 25, 0.9])
    # The mask reaches below the person, where it does not count: twice the rest is less than this
    joints_box = projected_box(cameras["S2/Seq1"][CAMERA], poses[RIGHT], 1.05)
    x, top, width, height = boxes[2]
    counted = min(top + height, joints_box[1] + joints_box[3]) - max(top, joints_box[1])
    too_tall = np.array([x, top, width, counted + height, 0.9])
    return {
        "000001.jpg": np.array([spurious, *(np.append(boxes[i] + [1, 2, -1, -2], 0.8) for i in (3, 2, 1))]),
        "000003.jpg": np.array([np.append(boxes[1], 0.09), too_tall]),  # too weak
        # Twice as large as what is to be seen of them: the nearest's is too wide, the middle's is of all of him
        "000005.jpg": np.array(
            [
                np.append(boxes[1] * [1, 1, 1.5, 1.5], 0.8),
                np.append(boxes[2], 0.7),
                np.append(projected_box(cameras["S2/Seq1"][CAMERA], poses[MIDDLE]), 0.6),
            ]
        ),
    }


def _known(number, grey, i, box, mask, cameras, poses) -> Known:
    """Person `i` of a composite."""
    recording, frame = PEOPLE[i]
    joints = poses[PEOPLE[i]][SLOTS]
    return Known(
        key=f"000001/{number:06d}/{i}",
        split="train",
        joints3d=joints,
        pixels=project(cameras[recording][CAMERA], joints),
        box=box,
        mask=mask,
        grey=grey,
        tags={"subject": recording[:2], "camera": "2", "frame": str(frame), "person": str(i)},
    )


def write_info(path: Path, composites: list[list[tuple[str, int]]]) -> None:
    """Cells of cells of [subject, sequence, camera, frame]."""
    with h5py.File(path, "w") as file:
        info = file.create_dataset("composite_info", (4, len(composites)), h5py.ref_dtype)
        for i, people in enumerate(composites):
            for j, (recording, frame) in enumerate(people):
                values = [[int(recording[1])], [int(recording[-1])], [CAMERA], [frame]]
                origin = file.create_dataset(f"#refs#/origin_{i}_{j}", data=np.array(values, float))
                cell = file.create_dataset(f"#refs#/cell_{i}_{j}", (7, 1), h5py.ref_dtype)
                cell[0, 0] = origin.ref
                info[j, i] = cell.ref


def _renumbered(camera, subject: int):
    """Each subject has a calibration of his own."""
    return camera.shifted((subject, 0))


def _pose(camera, x: float, depth: float, seed: int) -> np.ndarray:
    """[28, 3] mm, world; raw order."""
    pose = person(28, (x, 50, depth), seed=seed, up=1)
    pose[4] = x, 50, depth  # the pelvis
    return pose @ camera.rotation + camera.position


def _person_part(root: Path, origin: tuple[str, int], camera, pose: np.ndarray) -> np.ndarray:
    """Writes the masks of a source image; returns the part [h, w] of the person that counts.

    The mask is a column that reaches to the lower border, and a speck; the part ends below the person, where the
    box of the 17 main joints, 1.3 times as large, does.
    """
    pixels = project(camera, pose[[4, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16, 18, 19, 20, 23, 24, 25]])
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    column = np.zeros(SIZE[::-1], bool)
    x1, x2 = (np.rint([low[0] / 16, high[0] / 16]) * 16).astype(int)
    column[int(low[1] / 16) * 16 :, x1:x2] = True
    mask = np.zeros((*SIZE[::-1], 3), np.uint8)
    mask[column] = 255, 255, 0
    mask[:16, 304:] = 255, 0, 0
    chair = np.full_like(mask, 255)
    if origin == NEAREST:
        chair[CHAIR] = 0
        chair[:16, :16] = 0
    folder, name = root / "3dhp" / origin[0], f"img_{CAMERA}_{origin[1]:06d}.jpg"
    write_mask(folder / "FGmasks" / name, mask)
    write_mask(folder / "ChairMasks" / name, chair)
    write_image(folder / "imageSequence" / name, (32, 32), 100)
    # Enlarged about its centre twice, cut to the image between
    centre, half = (low + high) / 2, (high - low) / 2 * 1.05
    low, high = np.maximum(centre - half, 0), np.minimum(centre + half, SIZE)
    centre, half = (low + high) / 2, (high - low) / 2 * 1.3
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    (x1, y1), (x2, y2) = centre - half, centre + half
    return column & (columns >= x1) & (columns < x2) & (rows >= y1) & (rows < y2)


def _visible_boxes(parts: dict) -> list[np.ndarray]:
    """[4, 4]: the box of what nobody nearer, and no nearer one's chair, hides."""
    by_depth = sorted(PEOPLE, key=lambda origin: PLACES[origin][1])
    boxes = []
    for origin in PEOPLE:
        visible = parts[origin].copy()
        for nearer in by_depth[: by_depth.index(origin)]:
            visible &= ~parts[nearer]
            if nearer == NEAREST:
                visible[CHAIR] = False
        rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
        empty = not len(rows)
        boxes.append(
            np.zeros(4) if empty else
            np.array([columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1], float)
        )  # fmt: skip
    return boxes
