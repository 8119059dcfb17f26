"""A fake TotalCapture: two actions, two cameras; a person who leaves the image, a matte that is cut off early."""

from pathlib import Path

import imageio.v2 as imageio
import numpy as np

from fakes.scene import Fake, Known, camera, person, project, projected_box, write_video
from posepile.cameras import Camera
from posepile.datasets.totalcapture import TotalCapture

SIZE = (640, 360)
TARGET = (0, 900, 0)
NAMES = (
    "Hips Spine Spine1 Spine2 Spine3 Neck Head RightShoulder RightArm RightForeArm RightHand LeftShoulder LeftArm "
    "LeftForeArm LeftHand RightUpLeg RightLeg RightFoot LeftUpLeg LeftLeg LeftFoot"
)
# mm along x: frame 1 moves by an inch, frame 3 leaves the image and is not seen by the sampler, so 4 is not kept;
# 5 has a black matte, 7 no matte at all
MOVED = (0.0, 25.4, 254.0, 9000.0, 280.0, 500.0, 700.0, 900.0)
KEPT = (0, 2, 6)
BLACK, N_MATTES = 5, 7


def write(root: Path) -> Fake:
    cameras = [
        camera(position, TARGET, (0, 1, 0), focal=500.0, size=SIZE, distortion=[-0.1])
        for position in ((300, 1300, 4500), (-2600, 1000, 3800))
    ]
    _write_cameras(root / "calibration.cal", cameras)
    expected = []
    for subject, action in ((1, "acting1"), (2, "rom3"), (1, "walking2"), (4, "rom3")):
        poses = np.array([person(21, TARGET, seed=subject, up=1) + (x, 0, 0) for x in MOVED])
        _write_poses(root / f"vicon/S{subject}/{action}/gt_skel_gbl_pos.txt", poses)
        for c, cam in enumerate(cameras, start=1):
            place = f"s{subject}/{'deep/' * c}{action}/TC_S{subject}_{action}_cam{c}.mp4"
            write_video(root / "video" / place, SIZE, [20 + 20 * i for i in range(len(MOVED))], fps=60)
            masks = [known_mask(cam, pose, i == BLACK) for i, pose in enumerate(poses[:N_MATTES])]
            _write_mattes(root / "mattes" / place, masks)
            if action in ("acting1", "rom3") and subject < 4:
                expected += [_known(subject, action, c, cam, i, poses[i], masks[i]) for i in KEPT]
    return Fake(TotalCapture(), root, expected, ("*.cal", "vicon/**/*.txt"))


def _known(subject, action, c, cam, i, pose, mask) -> Known:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    low, high = (
        np.array([columns[0], rows[0]]) - 0.5,
        np.array([columns[-1], rows[-1]]) + 0.5,
    )
    box = projected_box(cam, pose, 1.25)
    low, high = np.maximum(low, box[:2]), np.minimum(high, box[:2] + box[2:])
    return Known(
        key=f"S{subject}/{action}/cam{c}/{i:06d}",
        split="train",
        joints3d=pose,
        pixels=project(cam, pose),
        box=np.concatenate([low, high - low]),
        mask=mask,
        grey=20 + 20 * i,
        tags={"subject": f"S{subject}", "activity": action, "camera": str(c), "frame": str(i)},
    )


def known_mask(cam: Camera, pose: np.ndarray, is_black: bool) -> np.ndarray:
    """[h, w] bool: the joints' box, but narrower at the left, in blocks that a video keeps sharp."""
    mask = np.zeros(SIZE[::-1], bool)
    pixels = project(cam, pose)
    (x1, y1), (x2, y2) = (
        (16 * np.rint(pixels[:, :].min(axis=0) / 16).astype(int) + (16, 0)),
        (16 * np.rint(pixels.max(axis=0) / 16).astype(int)),
    )
    if not is_black:
        mask[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)] = True
    return mask


def _write_mattes(path: Path, masks: list[np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with imageio.get_writer(
        path, fps=60, macro_block_size=1, quality=None, output_params=["-crf", "0"], pixelformat="yuv420p"
    ) as writer:
        for mask in masks:
            writer.append_data(np.repeat(mask[..., np.newaxis] * np.uint8(255), 3, axis=2))


def _write_poses(path: Path, poses: np.ndarray) -> None:
    """In inches; every line ends with a tab, and the last one is empty."""
    lines = ["\t".join(NAMES.split()) + "\t"]
    for pose in poses / 25.4:
        lines.append("".join(f"{x!r} {y!r} {z!r}\t" for x, y, z in pose.tolist()))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, ""]))


def _write_cameras(path: Path, cameras: list[Camera]) -> None:
    """In metres."""
    lines = [f"{len(cameras)} 1"]
    for cam in cameras:
        lines.append(f"0 {SIZE[1] - 1} 0 {SIZE[0] - 1}")
        rows = [
            [cam.intrinsics[0, 0], cam.intrinsics[1, 1], *cam.intrinsics[:2, 2]], [cam.distortion[0]], *cam.rotation,
            -cam.rotation @ cam.position / 1000,
        ]  # fmt: skip
        lines += [" ".join(repr(float(x)) for x in row) for row in rows]
    path.write_text("\n".join(lines) + "\n")
