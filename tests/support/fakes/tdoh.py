"""A fake 3DOH50K: three train images with masks, one test image without."""

import json
from pathlib import Path

import imageio.v2 as imageio
import numpy as np

from fakes.scene import Fake, Known, camera, person, project, write_image
from posepile.cameras import Camera
from posepile.datasets.tdoh import TDOH

SIZE = (300, 400)
UNIT = 7.0  # of the files, a metre


def write(root: Path) -> Fake:
    expected = _write_split(root / "trainset", "train", ["00002", "00000", "00001"])
    expected += _write_split(root / "testset", "test", ["00000"])
    return Fake(TDOH(), root, expected, ("*/annots.json",))


def known_camera(i: int) -> Camera:
    """Looks at (0, 0, 0) from 4 m; its own y axis is what is down in the world."""
    angle = 0.4 + i
    made = camera((4000 * np.cos(angle), 4000 * np.sin(angle), 300), focal=400.0, size=SIZE)
    return Camera(made.intrinsics, made.rotation, made.position, world_up=-made.rotation[1])


def _write_split(folder: Path, split: str, names: list[str]) -> list[Known]:
    entries, expected = {}, []
    for i, name in enumerate(names):
        cam, joints = known_camera(i), person(14, seed=i)
        pixels = project(cam, joints)
        low, high = pixels.min(axis=0) - 5, pixels.max(axis=0) + 7
        entries[name] = _entry(cam, joints, pixels, low, high) | {
            "img_path": f"images\\{name}.jpg",
            "mask_path": f"masks\\{name}.png",
        }
        write_image(folder / f"images/{name}.jpg", SIZE, 40 + 20 * i)
        mask = np.zeros(SIZE[::-1], bool)
        mask[80 + i : 300, 100:200] = True
        if split == "train":
            write_mask(folder / f"masks/{name}.png", mask, has_alpha=i == 1)
        expected.append(
            Known(
                key=f"{folder.name}/{name}",
                split=split,
                joints3d=joints,
                pixels=pixels,
                box=np.concatenate([low, high - low]),
                mask=mask if split == "train" else None,
                grey=40 + 20 * i,
                tags={"image": name},
            )
        )
    (folder / "annots.json").write_text(json.dumps(entries))
    return expected


def _entry(cam: Camera, joints: np.ndarray, pixels: np.ndarray, low, high) -> dict:
    extrinsics = np.eye(4)
    extrinsics[:3, :3] = cam.rotation
    extrinsics[:3, 3] = -cam.rotation @ cam.position / 1000 * UNIT
    in_camera = (joints - cam.position) @ cam.rotation.T / 1000 * UNIT
    unused = {
        "smpl_joints_3d": (24, 3),
        "smpl_joints_2d": (24, 2),
        "betas": (1, 10),
        "pose": (1, 72),
        "trans": (1, 3),
    }
    return {
        "lsp_joints_3d": in_camera.tolist(),
        "lsp_joints_2d": pixels.tolist(),
        "intri": cam.intrinsics.tolist(),
        "extri": extrinsics.tolist(),
        "bbox": [low.tolist(), high.tolist()],
        "scale": [UNIT],
        **{name: np.zeros(shape).tolist() for name, shape in unused.items()},
    }


def write_mask(path: Path, mask: np.ndarray, has_alpha: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.where(mask, 255, 0).astype(np.uint8)
    channels = [grey, 0 * grey, 0 * grey] + [np.full_like(grey, 255)] * has_alpha
    imageio.imwrite(path, np.stack(channels, axis=-1))
