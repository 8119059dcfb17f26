"""The yardstick of benchmarks/input_pipeline.py: one example after the other in NumPy and OpenCV, written plainly.

The same crops, augmentations and labels as training/input_pipeline.py, as one would write them first: float32
images from the decoded JPEG on, a warp of image and mask, HSV by OpenCV. Random numbers are its own.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from posepile.cameras import Camera
from posepile.example import PoseExample
from training.crop import INVENTED_FOV, LOWEST_LABEL


def load_example(
    example: PoseExample, columns, mirror: np.ndarray, n_joints: int, side: int, photos: Sequence[np.ndarray],
    cut_outs: Sequence[np.ndarray], background: float, rng: np.random.Generator, change_looks: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """One example of a batch.

    Args:
        columns: where its joints go: [J_k] among the n_joints of the network, or for 2D labels a pair of arrays.
        mirror: [n_joints] the joints' mirror map.
        photos: [h, w, 3] uint8 RGB. cut_outs: [h, w, 4] uint8 RGBA. background: probability of another background.
        change_looks: False for geometry alone.

    Returns:
        image [side, side, 3] float32 in 0..1, intrinsics [3, 3], joints [n_joints, 3 or 2], valid [n_joints] bool.
    """
    image = cv2.imdecode(
        np.frombuffer(example.image, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    )
    old, new, flip = cameras_of(example, image.shape, side, rng)
    crop = warp(image.astype(np.float32), old, new, side)[..., ::-1]
    if change_looks:
        if example.mask is not None and rng.random() < background:
            mask = warp(coco_mask.decode(example.mask).astype(np.float32), old, new, side)[..., np.newaxis]
            behind = background_for(photos[rng.integers(len(photos))], side, rng)
            crop = mask * crop + (1 - mask) * behind
        crop = occluded_and_coloured(crop, cut_outs, rng)
    joints, valid = labels_of(example, old, new, image.shape[0], columns, mirror, n_joints, flip)
    return np.ascontiguousarray(crop, np.float32) / 255, new.intrinsics.astype(np.float32), joints, valid


def cameras_of(
    example: PoseExample, shape, side: int, rng: np.random.Generator
) -> tuple[Camera, Camera, bool]:
    """The camera of the image, and the random one of the crop (training sheet §2)."""
    box = example.box.astype(np.float64)
    centre, longer = box[:2] + box[2:] / 2, box[2:].max()
    angle, radius = rng.uniform(-np.pi, np.pi), 0.1 * np.sqrt(rng.random())
    centre = centre + longer * radius * np.array([np.cos(angle), np.sin(angle)])
    half = np.array([0, box[3] / 2]) if box[2] < box[3] else np.array([box[2] / 2, 0])
    if example.camera is None:
        focal = max(shape[:2]) / 2 / np.tan(INVENTED_FOV / 2)
        middle = (np.array(shape[1::-1]) - 1) / 2
        old = Camera(np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]]))
        new = old
    else:
        old = example.camera
        new = old.turned_to(centre).with_square_pixels()
    ends = new.world_to_image(old.image_to_world(np.stack([centre - half, centre + half])))
    new = new.zoomed(side / np.linalg.norm(ends[0] - ends[1]) * rng.uniform(0.75, 1.25))
    new = new.rolled(np.deg2rad(rng.uniform(-20, 20))).with_principal_point([(side - 1) / 2] * 2)
    flip = rng.random() < 0.5
    if flip:
        rotation = new.rotation * np.array([[-1.0], [1.0], [1.0]])
        new = Camera(new.intrinsics, rotation, new.position, world_up=new.world_up)
    if example.camera is None:
        new = new.shifted((side - 1) / 2 - new.world_to_image(old.image_to_world(centre)))
    return old, new, flip


def warp(image: np.ndarray, old: Camera, new: Camera, side: int) -> np.ndarray:
    """What `new` sees of float32 pixels."""
    rotation = old.rotation @ new.rotation.T
    if not old.has_distortion:
        homography = old.intrinsics @ rotation @ np.linalg.inv(new.intrinsics)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpPerspective(image, homography, (side, side), flags=flags)
    maps = cv2.initUndistortRectifyMap(
        old.intrinsics, old.distortion, rotation.T, new.intrinsics, (side, side), cv2.CV_32FC1
    )
    return cv2.remap(image, *maps, cv2.INTER_LINEAR)


def background_for(photo: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """A photo drawn behind the crop, [side, side, 3] float32."""
    height, width = photo.shape[:2]
    scale = rng.uniform(1.2, 1.5) * max(side / width, side / height)
    angle, radius = rng.uniform(-np.pi, np.pi), 0.1 * side * np.sqrt(rng.random())
    x = (side - 1) / 2 - scale * (width - 1) / 2 + radius * np.cos(angle)
    y = (side - 1) / 2 - scale * (height - 1) / 2 + radius * np.sin(angle)
    moved = cv2.warpAffine(
        photo, np.array([[scale, 0, x], [0, scale, y]]), (side, side), flags=cv2.INTER_LINEAR
    )
    return moved.astype(np.float32)


def occluded_and_coloured(crop: np.ndarray, cut_outs, rng: np.random.Generator) -> np.ndarray:
    """Objects before the change of colours, or a rectangle of noise after it."""
    objects, applied = rng.random() < 0.5, rng.random() < 0.5
    if objects and applied:
        crop = np.ascontiguousarray(crop)
        for _ in range(rng.integers(1, 7)):
            paste(crop, cut_outs[rng.integers(len(cut_outs))], rng)
    crop = coloured(crop, rng)
    if applied and not objects:
        erase(crop, rng)
    return crop


def paste(crop: np.ndarray, cut_out: np.ndarray, rng: np.random.Generator) -> None:
    side = crop.shape[0]
    scale = rng.uniform(0.2, 1) * side / 256
    size = [max(1, round(length * scale)) for length in cut_out.shape[1::-1]]
    cut_out = cv2.resize(cut_out, size, interpolation=cv2.INTER_LINEAR)
    left, top = np.rint(rng.uniform(0, side, 2) - np.array(size) / 2).astype(int)
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + size[0], side), min(top + size[1], side)
    if x1 < x2 and y1 < y2:
        part = cut_out[y1 - top : y2 - top, x1 - left : x2 - left].astype(np.float32)
        alpha = part[..., 3:] / 255
        crop[y1:y2, x1:x2] = alpha * part[..., :3] + (1 - alpha) * crop[y1:y2, x1:x2]


def coloured(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness, contrast, hue and saturation in random order; in and out float32 of 0..255."""
    crop = np.ascontiguousarray(crop) / np.float32(255)
    for change in rng.permutation(4):
        if change == 0:
            crop += np.float32(rng.uniform(-0.125, 0.125))
        elif change == 1:
            crop = (crop - np.float32(0.5)) * np.float32(rng.uniform(0.5, 1.5)) + np.float32(0.5)
        else:
            hsv = cv2.cvtColor(np.clip(crop, 0, 1), cv2.COLOR_RGB2HSV)
            if change == 2:
                hue = hsv[..., 0] + np.float32(rng.uniform(-72, 72))
                hsv[..., 0] = hue - 360 * np.floor(hue / 360)  # NumPy's % takes eight times as long
            else:
                hsv[..., 1] = np.minimum(hsv[..., 1] * np.float32(rng.uniform(0.5, 1.5)), 1)
            crop = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return np.rint(np.clip(crop, 0, 1) * 255)


def erase(crop: np.ndarray, rng: np.random.Generator) -> None:
    side = crop.shape[0]
    while True:
        area, aspect = rng.uniform(0, 1 / 3) * side**2, rng.uniform(0.3, 1 / 0.3)
        height, width = int(np.sqrt(area * aspect)), int(np.sqrt(area / aspect))
        left, top = rng.integers(0, side, 2)
        if left + width <= side and top + height <= side:
            break
    crop[top : top + height, left : left + width] = rng.integers(0, 255, (height, width, 3), np.uint8)


def labels_of(
    example: PoseExample, old: Camera, new: Camera, height: int, columns, mirror, n_joints: int, flip: bool
):
    if example.joints3d is not None:
        joints = np.full((n_joints, 3), np.nan)
        joints[columns] = new.world_to_camera(example.joints3d)
    else:
        source, target = columns
        pixels = example.joints2d[source].astype(np.float64)
        pixels[pixels[:, 1] > LOWEST_LABEL * height] = np.nan
        joints = np.full((n_joints, 2), np.nan)
        joints[target] = new.world_to_image(old.image_to_world(pixels))
    if flip:
        joints = joints[mirror]
    valid = np.isfinite(joints).all(axis=1)
    return np.where(valid[:, np.newaxis], joints, 0).astype(np.float32), valid
