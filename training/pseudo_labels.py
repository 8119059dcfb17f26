"""Pseudo ground truth: what a trained network predicts for chosen data sets, all joints of every example.

Each pose is the mean of the prediction on the crop and that on its mirror image, mirrored back, in the crop
camera's frame; absolute depth is kept. Source: autoencoder sheet, §8.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepile.example import PoseExample
from posepile.skeletons import Skeleton
from posepile.store import Store
from training import checkpoint, crop
from training.augment.geometry import no_changes
from training.model import PoseEstimator
from training.pose_errors import PCK_MM, similarity_aligned

NEAREST_MM = 300.0
LEAST_LABELS = 4
"""Joints that must be labelled for a pose to be compared with them: fewer fit anything, once turned."""
BATCH_SIZE = 64


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions for N examples.

    Attributes:
        keys: [N] "<store id>:<key>" of each example.
        poses: [N, J, 3] float32 mm, in the frame of each example's crop camera.
        world: [N, J, 3] float32 mm, in the world.
        joint_names: the J names.
        n_rejected: examples left out by `filtered`.
        agreement: [N] how well the labelled joints fit (`label_agreement`), NaN where too few are labelled;
            None if not compared.
    """

    keys: np.ndarray
    poses: np.ndarray
    world: np.ndarray
    joint_names: tuple[str, ...]
    n_rejected: int = 0
    agreement: np.ndarray | None = None

    def filtered(self, least_agreement: float = 0.0) -> "Predictions":
        """Without poses that have a value that is not finite or a joint nearer than 300 mm to the camera.

        Args:
            least_agreement: also without poses whose labelled joints fit worse than that; 0.5 is a sensible
                limit. Poses that cannot be compared stay.
        """
        good = np.isfinite(self.poses).all(axis=(1, 2)) & (self.poses[..., 2] > NEAREST_MM).all(axis=1)
        if self.agreement is not None:
            good &= ~(self.agreement < least_agreement)
        return Predictions(
            self.keys[good],
            self.poses[good],
            self.world[good],
            self.joint_names,
            self.n_rejected + int((~good).sum()),
            None if self.agreement is None else self.agreement[good],
        )

    def save(self, path: Path, **meta) -> None:
        """Writes the .npz file that `dozens fit-acae` and the evaluation read; `meta` is any JSON value."""
        temporary = Path(path).with_suffix(".part.npz")
        np.savez(
            temporary,
            key=self.keys,
            poses=self.poses,
            coords3d_pred_world=self.world,
            joint_names=np.array(self.joint_names),
            meta=np.array(json.dumps({"n_rejected": self.n_rejected, **meta}, allow_nan=False)),
        )
        checkpoint.write_atomically(Path(path), temporary.read_bytes())
        temporary.unlink()


def predict_store(
    model: PoseEstimator,
    store: Store,
    skeleton: Skeleton,
    *,
    rows: Sequence[int] | None = None,
    flip: bool = True,
) -> Predictions:
    """Predicts all joints of (the given rows of) a store, from crops without augmentation.

    Args:
        model: trained; its crop side and joints are used.
        store: whose boxes and cameras are used; its labels are not.
        skeleton: of the model; gives the mirror map.
        rows: of the store; None means all.
        flip: whether to average with the mirror image.

    Raises:
        CropError: an example that cannot be decoded or cropped; names it.
    """
    side, mirror = model.model_config.crop_side, skeleton.mirror
    rows = np.arange(len(store)) if rows is None else np.asarray(rows)
    keys, poses, world, agreement = [], [], [], []
    labelled, columns = labelled_columns(store, skeleton)
    with ThreadPoolExecutor(1) as ahead:  # crops of the next batch are made while the network runs
        parts = np.array_split(rows, max(1, -(-len(rows) // BATCH_SIZE)))
        futures = [ahead.submit(_crops, store, part, side, flip) for part in parts[:2]]
        for i in range(len(parts)):
            examples, cameras, images = futures[i].result()
            futures[i] = None
            if i + 2 < len(parts):
                futures.append(ahead.submit(_crops, store, parts[i + 2], side, flip))
            predicted = _predict(model, images, cameras.intrinsics, mirror, flip)
            poses.append(predicted)
            world.append(cameras.camera_to_world(predicted))
            labels = [example.joints3d for example in examples]
            agreement += [
                np.nan if label is None else label_agreement(pose[columns], label[labelled])
                for pose, label in zip(world[-1], labels, strict=True)
            ]
            keys += [f"{store.id}:{example.key}" for example in examples]  # unique across stores
    joints = len(skeleton.joints)
    return Predictions(
        keys=np.array(keys),
        poses=np.concatenate(poses).astype(np.float32).reshape(-1, joints, 3),
        world=np.concatenate(world).astype(np.float32).reshape(-1, joints, 3),
        joint_names=tuple(skeleton.joints),
        agreement=np.array(agreement, np.float32),
    )


def joined(parts: Sequence[Predictions]) -> Predictions:
    """The predictions for several stores, one after the other."""
    names = {part.joint_names for part in parts}
    if len(names) != 1:
        raise ValueError(f"predictions of {len(names)} different joint lists, expected one")
    return Predictions(
        keys=np.concatenate([part.keys for part in parts]),
        poses=np.concatenate([part.poses for part in parts]),
        world=np.concatenate([part.world for part in parts]),
        joint_names=parts[0].joint_names,
        n_rejected=sum(part.n_rejected for part in parts),
        agreement=np.concatenate([_agreement(part) for part in parts]),
    )


def labelled_columns(store: Store, skeleton: Skeleton) -> tuple[list[int], list[int]]:
    """The joints of a store that a skeleton has, by name: where they are in the store, and in the skeleton."""
    if store.role == "2d":
        return [], []
    slots = {name: i for i, name in enumerate(skeleton.union_names)}
    found = [(i, slots[name]) for i, name in enumerate(store.info.union_joints) if name in slots]
    return [i for i, _ in found], [slot for _, slot in found]


def label_agreement(predicted: np.ndarray, labelled: np.ndarray) -> float:
    """How well a pose fits labelled joints once turned, moved and scaled to them.

    Args:
        predicted, labelled: [J, 3] mm; labels that are not finite do not count.

    Returns:
        The area under the curve of joints within 0 to 150 mm, in 0..1; NaN for fewer than four labels.

    Source: autoencoder sheet, section 8.
    """
    used = np.isfinite(labelled).all(axis=1)
    if used.sum() < LEAST_LABELS:
        return np.nan
    predicted, labelled = predicted[used].astype(np.float64), labelled[used].astype(np.float64)
    if not np.isfinite(predicted).all():
        return 0.0
    error = np.linalg.norm(similarity_aligned(predicted, labelled) - labelled, axis=-1)
    return float(np.clip(1 - error / PCK_MM, 0, 1).mean())


def plain_crops(examples: Sequence[PoseExample], side: int) -> tuple[crop.CropCameras, np.ndarray]:
    """Crops without augmentation: their cameras, and [N, side, side, 3] uint8 RGB images."""
    images = [crop.decode_image(example) for example in examples]
    sizes = np.array([(image.shape[1], image.shape[0]) for image in images]).reshape(-1, 2)
    cameras = crop.crop_cameras(examples, sizes, no_changes(len(examples)), side)
    crops = [crop.warp_crop(images[i], example, cameras, i) for i, example in enumerate(examples)]
    return cameras, np.stack(crops)


def _agreement(part: Predictions) -> np.ndarray:
    return np.full(len(part.keys), np.nan, np.float32) if part.agreement is None else part.agreement


def _crops(store: Store, rows: np.ndarray, side: int, flip: bool):
    examples = store.examples(rows)
    return examples, *plain_crops(examples, side)


def _predict(
    model: PoseEstimator, images: np.ndarray, intrinsics: np.ndarray, mirror, flip: bool
) -> np.ndarray:
    """[N, J, 3] mm. The crop's principal point is its middle, so its mirror image has the same intrinsics."""
    predicted = _forward(model, images, intrinsics)
    if not flip:
        return predicted
    mirrored = _forward(model, images[:, :, ::-1], intrinsics)[:, mirror]
    return (predicted + mirrored * np.float32([-1, 1, 1])) / 2


def _forward(model: PoseEstimator, images: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    n = len(images)
    fill = [(0, BATCH_SIZE - n), *[(0, 0)] * 3]  # one batch shape, so that the network is compiled once
    inputs = {
        "image": np.pad(images, fill).astype(np.float32) / 255,
        "intrinsics": np.pad(intrinsics.astype(np.float32), fill[:3], mode="edge"),
    }
    return np.asarray(model.predict_on_batch(inputs)["joints"])[:n]
