"""Labels: what is measured of every examined example, as arrays; the images themselves are not kept."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from posepile import boxes, masks
from posepile.example import PoseExample
from posepile.store import Store

READ_AT_ONCE = 128  # examples, with their images: a few MB
MASK_MARGIN = 0.05  # of the box's longer side: a joint that close to the mask lies on it


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of `n` examples of one store.

    Attributes:
        rows: [n] int64, rows of the store, ascending.
        keys: [n] their keys.
        image_sizes: [n, 2] px, width and height.
        boxes: [n, 4] px.
        labelled: [n, J] bool.
        world: [n, J, 3] mm, world; NaN where there is no 3D label.
        depths: [n, J] mm, distance from the image plane of the camera's centre; NaN where there is no 3D
            label.
        pixels: [n, J, 2] px, labelled or projected; NaN where not labelled or not visible to the lens.
        mask_shares: [n] share of the box (inside the image) that the mask covers; NaN without a mask.
        on_mask: [n] share of the joints in the image that are on the mask or within MASK_MARGIN of it; NaN
            without a mask or a joint in the image.
    """

    rows: np.ndarray
    keys: list[str]
    image_sizes: np.ndarray
    boxes: np.ndarray
    labelled: np.ndarray
    world: np.ndarray
    depths: np.ndarray
    pixels: np.ndarray
    mask_shares: np.ndarray
    on_mask: np.ndarray
    in_image: np.ndarray = field(init=False)
    """[n, J] bool: labelled, and inside the image."""

    def __post_init__(self):
        inside = boxes.contains(full_boxes(self.image_sizes), self.pixels)
        object.__setattr__(self, "in_image", self.labelled & inside)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def has_3d(self) -> bool:
        return bool(np.isfinite(self.world).any())


def sample_rows(store: Store, size: int, seed: int) -> np.ndarray:
    """[min(size, examples)] int64: random rows without repetition, ascending; equal for equal seeds."""
    if size >= len(store):
        return np.arange(len(store))
    chosen = np.random.default_rng(seed).choice(len(store), size, replace=False, shuffle=False)
    return np.sort(chosen.astype(np.int64))


def read_labels(store: Store, rows: np.ndarray) -> Labels:
    """Reads examples and keeps their labels. Raises StoreError and ExampleError for damaged records."""
    n, n_joints = len(rows), len(store.joints)
    empty = {"world": (n_joints, 3), "depths": (n_joints,), "pixels": (n_joints, 2), "boxes": (4,)}
    empty |= {"mask_shares": (), "on_mask": ()}
    found = {name: np.full((n, *shape), np.nan) for name, shape in empty.items()}
    labelled = np.zeros((n, n_joints), bool)
    sizes = np.stack([store.column("width")[rows], store.column("height")[rows]], axis=1)
    keys: list[str] = []
    for start in range(0, n, READ_AT_ONCE):
        for i, example in enumerate(store.examples(rows[start : start + READ_AT_ONCE]), start=start):
            keys.append(example.key)
            labelled[i] = np.isfinite(_joints(example)).all(axis=1)
            for name, value in _measure(example, sizes[i]).items():
                found[name][i] = value
    return Labels(rows=np.asarray(rows), keys=keys, image_sizes=sizes, labelled=labelled, **found)


def joint_pixels(example: PoseExample) -> np.ndarray:
    """[J, 2] px: the projected 3D joints, or the 2D labels where there are no 3D ones."""
    if example.joints3d is None or example.camera is None:
        return np.asarray(_joints(example)[:, :2], np.float64)
    return example.camera.world_to_image(example.joints3d)


def full_boxes(image_sizes: np.ndarray) -> np.ndarray:
    """The boxes [n, 4] of whole images of `image_sizes` [n, 2]."""
    return np.concatenate([np.full_like(image_sizes, -0.5, dtype=float), image_sizes], axis=1)


def _joints(example: PoseExample) -> np.ndarray:
    return example.joints2d if example.joints3d is None else example.joints3d


def _measure(example: PoseExample, size: np.ndarray) -> dict[str, np.ndarray | float]:
    pixels = joint_pixels(example)
    found = {"boxes": example.box, "pixels": pixels}
    if example.joints3d is not None and example.camera is not None:
        found["world"] = example.joints3d
        found["depths"] = example.camera.world_to_camera(example.joints3d)[:, 2]
    if example.mask is not None:
        found["mask_shares"], found["on_mask"] = _measure_mask(example, pixels, size)
    return found


def _measure_mask(example: PoseExample, pixels: np.ndarray, size: np.ndarray) -> tuple[float, float]:
    mask = masks.decode(example.mask)
    low, high = boxes.to_corners(boxes.intersection(example.box, boxes.full(size))).reshape(2, 2)
    (left, top), (right, bottom) = np.ceil(low).astype(int), np.ceil(high).astype(int)
    covered = mask[max(top, 0) : bottom, max(left, 0) : right]
    share = float(covered.mean()) if covered.size else 0.0
    inside = boxes.contains(boxes.full(size), pixels)
    if not inside.any():
        return share, np.nan
    x, y = np.clip(pixels[inside].round().astype(int), 0, np.asarray(size) - 1).T
    return share, float(_grown(mask, MASK_MARGIN * example.box[2:].max())[y, x].mean())


def _grown(mask: np.ndarray, margin: float) -> np.ndarray:
    side = 2 * round(float(margin)) + 1
    return cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8)).view(bool)
