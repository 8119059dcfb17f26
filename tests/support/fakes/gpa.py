"""A fake GPA: two cameras, each with its own motion; a person whom the detector misses or finds elsewhere."""

import json
from pathlib import Path

import imageio.v2 as imageio
import numpy as np

from fakes.scene import Fake, Known, person, write_image
from posepile.datasets.gpa import Gpa

SIZE = (480, 270)
FOCAL, CENTRE = (300.0, 303.0), (241.0, 133.0)
FAR_AWAY = [(0, 0, 20, 20, 0.9)]
# id, camera, split, how far along x from the start (mm), detections ("true", "none", "far")
ENTRIES = (
    ("0000000146", 0, "train", 0, "true"),
    ("0000000147", 1, "train", 0, "true"),
    ("0000000148", 0, "train", 120, "true"),
    ("0000000149", 0, "train", 150, "true"),  # 30 mm: not kept
    ("0000000150", 0, "train", 230, "none"),  # not remembered either,
    ("0000000152", 0, "test", 235, "true"),  # or this one would not be kept
    ("0000000153", 1, "train", 120, "far"),  # remembered, so that
    ("0000000154", 1, "test", 170, "true"),  # has hardly moved
    ("0000010155", 1, "test", -50, "true"),
    ("0000010156", 0, "train", 330, "true"),  # the pose of the other split counts: 95 mm
    ("0000010157", 0, "train", 340, "true"),
)
DROPPED = ("0000000149", "0000000150", "0000000153", "0000000154", "0000010156")


def write(root: Path) -> Fake:
    images, annotations, expected, detections = [], [], [], {}
    camera_ids = np.array(["1"] * 10200)
    for number, (id, camera, split, x, kind) in enumerate(ENTRIES):
        joints = person(34, (x, 0, 3000), seed=camera, up=1)
        pixels = joints[:, :2] / joints[:, 2:] * FOCAL + CENTRE
        box = _box(pixels)
        images.append({"file_name": f"x/{id}.png"})
        annotations.append(_annotation(joints, pixels, split))
        camera_ids[int(id)] = str(camera)
        detections[id] = {"true": [(0, 0, 9, 9, 0.9), (*box, 0.8)], "none": [], "far": FAR_AWAY}[kind]
        in_folders = f"{id[:6]}/{id[6:8]}/" if number % 2 else ""
        write_image(root / f"Gaussian_img_jpg_new/{in_folders}{id}.jpg", SIZE, 20 + 9 * number)
        mask = _write_mask(
            root / f"img_jpg_new_resnet101deeplabv3humanmask/{in_folders}{id}_mask.jpg", number
        )
        if id not in DROPPED:
            key, tags = f"{camera}/{split}/{id}", {"camera": str(camera)}
            expected.append(Known(key, split, box, 20 + 9 * number, joints, pixels, mask, tags=tags))
    document = {"images": images, "annotations": annotations}
    (root / "xyz_gpa12_mdp_cntind_crop_cam_c2g.json").write_text(json.dumps(document))
    (root / "Sequence_ids").mkdir()
    np.save(root / "Sequence_ids/cam_ids_750k.npy", camera_ids)
    fuzzed = ("*.json", "Sequence_ids/*.npy")
    return Fake(
        Gpa(), root, expected, fuzzed, lambda source: np.reshape(detections[source.path.stem], (-1, 5))
    )


def _annotation(joints: np.ndarray, pixels: np.ndarray, split: str) -> dict:
    return {
        "joint_cams": joints.T.tolist(),
        "joint_imgs_uncrop": pixels.tolist(),
        "f": FOCAL,
        "c": CENTRE,
        "istrains": split == "train",
        "istests": split == "test",
    }


def _box(pixels: np.ndarray) -> np.ndarray:
    """A detection that is a little wider than the joints."""
    low, high = pixels.min(axis=0) - 3, pixels.max(axis=0) + 4
    return np.concatenate([low, high - low])


def _write_mask(path: Path, number: int) -> np.ndarray:
    """A grey level of 160 is a person; 4 (a compression artefact) is none."""
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[64:208, 160 : 256 + 8 * number] = 160
    path.parent.mkdir(parents=True, exist_ok=True)
    mask[:32, :32] = 4
    imageio.imwrite(path, mask, quality=95)
    return mask > 100
