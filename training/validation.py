"""Validation: how well a network does on examples that it is not trained on, without augmentation.

Nothing random is drawn and no state of the network changes, so a run ends with the same weights whether it is
validated or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from posepile.mixture import MERGED, Mixture
from posepile.names import unknown_name
from posepile.skeletons import Skeleton
from posepile.store import Store
from training import crop
from training.config import TrainConfig
from training.model import PoseEstimator
from training.pose_errors import Sums, added, means, pose_error_sums
from training.pseudo_labels import plain_crops

BATCH_SIZE = 32
ALL = "all"
"""The name of all stores together."""


@dataclass(frozen=True, eq=False)
class ValidationSet:
    """Some examples of a store.

    Attributes:
        rows: [n] in the store.
        columns: [J] where the store's joints stand in the network's output.
    """

    store: Store
    rows: np.ndarray
    columns: np.ndarray


@dataclass(frozen=True, eq=False)
class Examined:
    """A batch of a store with what the network says: crops [n, R, R, 3] uint8 RGB, cameras, joints [n, J, 3] mm of
    the crop camera, predicted and labelled, and valid [n, J] bool."""

    crops: np.ndarray
    cameras: crop.CropCameras
    predicted: np.ndarray
    labelled: np.ndarray
    valid: np.ndarray


def validation_sets(config: TrainConfig, mixture: Mixture, stores: Sequence[Store]) -> list[ValidationSet]:
    """The stores that `config.runtime.validation` names; without any, test sets and validation splits.

    Raises:
        UnknownNameError: a name that is not among the stores.
    """
    runtime, by_id = config.runtime, {store.id: store for store in stores}
    for name in runtime.validation:
        if name not in by_id:
            raise unknown_name("store", name, by_id)
    chosen = [by_id[name] for name in runtime.validation] or stores
    sets = []
    for store in chosen:
        columns = _columns(store, mixture.skeleton)
        rows = _rows(store, trained_on_val=store.id in config.data.with_validation_split)
        if runtime.validation and (columns is None or not len(rows)):
            raise ValueError(
                f"{store.path}: cannot be validated on, expected 3D labels of joints that the network has, and "
                "examples that are not trained on"
            )
        if columns is not None and len(rows):
            keep = np.linspace(0, len(rows) - 1, min(len(rows), runtime.validation_examples))
            sets.append(ValidationSet(store, rows[keep.round().astype(int)], columns))
    return sets


def sample_sets(
    sets: Sequence[ValidationSet], mixture: Mixture, per_store: int, n: int
) -> list[ValidationSet]:
    """The first examples of some stores, to look at: validated ones, or else ones that are trained on."""
    if not sets:
        sets = [
            ValidationSet(store, np.arange(len(store)), mixture.columns(k))
            for k, store in enumerate(mixture.stores)
            if store.role != "2d"
        ]
    few = [sets[i] for i in np.unique(np.linspace(0, len(sets) - 1, min(n, len(sets))).round().astype(int))]
    return [replace(part, rows=part.rows[:per_store]) for part in few]


def validate(model: PoseEstimator, sets: Sequence[ValidationSet]) -> dict[str, dict[str, float]]:
    """{store id: {metric: value}}, with several stores "all", too; those of `pose_errors`, and `pixels` (crop px)."""
    found = {each.store.id: added([_sums(part, each) for part in _batches(model, each)]) for each in sets}
    if len(found) > 1:
        found[ALL] = added(list(found.values()))
    return {name: means(sums) for name, sums in found.items()}


def examine(model: PoseEstimator, part: ValidationSet, rows: np.ndarray) -> Examined:
    """Crops, labels and predictions of at most BATCH_SIZE rows."""
    examples = part.store.examples(rows)
    cameras, crops = plain_crops(examples, model.model_config.crop_side)
    labelled = cameras.world_to_camera(
        np.stack([example.joints3d for example in examples]).astype(np.float64)
    )
    valid = ~np.isnan(labelled).any(axis=-1)
    fill = BATCH_SIZE - len(rows)  # one batch shape, so that the network is compiled once
    inputs = {
        "image": np.pad(crops, [(0, fill), *[(0, 0)] * 3]).astype(np.float32) / 255,
        "intrinsics": np.pad(cameras.intrinsics.astype(np.float32), [(0, fill), (0, 0), (0, 0)], mode="edge"),
    }
    joints = np.asarray(model.predict_on_batch(inputs)["joints"])[: len(rows), part.columns]
    return Examined(crops, cameras, joints, np.where(valid[..., None], labelled, 0.0), valid)


def project(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """[n, J, 3] mm, [n, 3, 3] -> [n, J, 2] px; depths count as at least 1 mm."""
    points = points / np.maximum(points[..., 2:], 1.0)
    return np.einsum("nij,nkj->nki", intrinsics, points)[..., :2]


def _batches(model, part):
    for start in range(0, len(part.rows), BATCH_SIZE):
        yield examine(model, part, part.rows[start : start + BATCH_SIZE])


def _sums(found: Examined, part: ValidationSet) -> Sums:
    sums = pose_error_sums(found.predicted, found.labelled, found.valid, part.store.info.base_joints)
    pixels = [project(points, found.cameras.intrinsics) for points in (found.predicted, found.labelled)]
    errors = np.linalg.norm(pixels[0] - pixels[1], axis=-1)[found.valid & (found.labelled[..., 2] > 1.0)]
    return sums | {"pixels": (float(errors.sum()), float(errors.size))}


def _columns(store: Store, skeleton: Skeleton) -> np.ndarray | None:
    """Where the store's joints stand in the network's output; None if it has joints that the network has not."""
    if store.role == "2d":
        return None
    merged = MERGED in skeleton.formats  # joints of equal names share an output
    slots = {name: i for i, name in enumerate(skeleton.base_names if merged else skeleton.union_names)}
    names = store.info.base_joints if merged else store.info.union_joints
    return np.array([slots[name] for name in names]) if all(name in slots for name in names) else None


def _rows(store: Store, trained_on_val: bool) -> np.ndarray:
    split = np.asarray(store.index.column("split").to_pylist())
    if store.role == "test":
        return np.arange(len(split))
    return np.flatnonzero(split == "val") if not trained_on_val else np.array([], int)
