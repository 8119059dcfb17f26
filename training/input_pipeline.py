"""Batches of crops for training: a pure function of (configuration, seed, step), computed ahead by threads.

A step's examples are chosen by the mixture, read, decoded, cropped and changed in plain NumPy and OpenCV;
tf.data only runs that function for one step after another. So a run starts anywhere at no cost, and neither
the number of threads nor an interruption changes a batch. The 3D-labelled examples come first in a batch.
"""

import time
from collections.abc import Sequence

import cv2
import numpy as np
import tensorflow as tf

from posepile import mixtures, skeletons
from posepile.example import PoseExample
from posepile.mixture import Mixture
from posepile.store import Store
from training import crop
from training.augment import geometry
from training.augment.appearance import Appearance
from training.augment.randomness import Draws
from training.batch_memory import Memory
from training.config import TrainConfig

LABELS_2D = skeletons.load("common2d")
KEYS_2D = ("joints2d", "valid2d")


class ExampleError(ValueError):
    """An example that cannot be trained on; names its store and key."""


class BatchLoader:
    """Makes the batch of any step.

    Args:
        config: the run; its crop side, augmentation and seed are used.
        mixture: which examples make a batch; stores with role "3d" must precede those with role "2d".

    Attributes:
        times: {step: (start, end) of making its batch, time.monotonic()}, to measure stalls; to be popped.
        error: the last error of a loading thread: inside tf.data its type would be lost.
    """

    def __init__(self, config: TrainConfig, mixture: Mixture):
        self.config = config
        self.mixture = mixture
        self.side = config.model.crop_side
        self.columns = [_columns(mixture, k) for k in range(len(mixture.stores))]
        self.times: dict[int, tuple[float, float]] = {}
        self.error: Exception | None = None
        store_of = np.asarray(mixture.rows(0)[0])
        is_2d = np.array([store.role == "2d" for store in mixture.stores])[store_of]
        if (np.diff(is_2d.astype(int)) < 0).any():
            raise ValueError(
                "the mixture lists a 2D-labelled store before a 3D-labelled one, expected 3D first"
            )
        self.n_3d = int((~is_2d).sum())
        self.n_2d = int(is_2d.sum())
        self.stores_of_batch = [mixture.stores[k].id.removeprefix(mixtures.PREFIX_OF_TWINS) for k in store_of]
        self.appearance = Appearance(config.augment, config.data, self.side, self.stores_of_batch)
        self._crop_memory = Memory((len(store_of), self.side, self.side, 3))

    def batch(self, step: int) -> dict[str, np.ndarray]:
        """The batch of a step, B = B3 + B2 examples.

        Returns:
            image [B, R, R, 3] uint8 RGB, intrinsics [B, 3, 3] float32 px;
            joints3d [B3, J, 3] float32 mm in the crop camera's frame and valid3d [B3, J] bool;
            joints2d [B2, 17, 2] float32 px of the crop and valid2d [B2, 17] bool. Zeros where not valid.

        Raises:
            ExampleError: an example that cannot be decoded or cropped, or with infinite labels.
        """
        store_of, rows = (np.asarray(a) for a in self.mixture.rows(step))
        examples = _read(self.mixture.stores, store_of, rows)
        draws = Draws(self.config.seed, step, len(examples))
        try:
            sizes = crop.image_sizes(examples)
            cameras = crop.crop_cameras(examples, sizes, self._view_changes(draws), self.side)
            crops = self._crops(examples, sizes, cameras, draws)
        except crop.CropError as error:
            i = next(i for i, example in enumerate(examples) if example is error.example)
            raise ExampleError(f"store {self.mixture.stores[store_of[i]].id}: {error}") from error
        joints3d, valid3d = self._labels_3d(examples[: self.n_3d], store_of, cameras)
        joints2d, valid2d = self._labels_2d(examples, store_of, sizes, cameras)
        intrinsics = cameras.intrinsics.astype(np.float32)
        return dict(image=crops, intrinsics=intrinsics, joints3d=joints3d, valid3d=valid3d, joints2d=joints2d,
                    valid2d=valid2d)  # fmt: skip

    def _view_changes(self, draws: Draws) -> geometry.ViewChanges:
        if self.config.augment.enabled:
            return geometry.draw_changes(self.config.augment, draws, self.stores_of_batch)
        return geometry.no_changes(draws.batch_size)

    def _crops(
        self, examples: Sequence[PoseExample], sizes: np.ndarray, cameras: crop.CropCameras, draws: Draws
    ) -> np.ndarray:
        """[B, R, R, 3] uint8; one example after the other, so that an image is still in the cache when it is
        warped."""
        crops = self._crop_memory.take()
        looks = None
        if self.config.augment.enabled:
            looks = self.appearance.draw(draws, np.array([example.mask is not None for example in examples]))
        buffer = np.empty(4 * sizes.prod(axis=1).max(), np.uint8)
        for i, example in enumerate(examples):
            image = crop.decode_image(example, buffer)
            if looks is None:
                crops[i] = crop.warp_crop(image, example, cameras, i)
            else:
                cut_out = crop.warp_cut_out(image, example, cameras, i, with_mask=looks.backgrounds.chosen[i])
                self.appearance.change(cut_out, looks, i, changed=crops[i])
        return crops

    def _labels_3d(self, examples: Sequence[PoseExample], store_of, cameras: crop.CropCameras):
        union = self.mixture.skeleton
        world = np.full((len(cameras.flip), len(union.joints), 3), np.nan)
        for i, example in enumerate(examples):
            if example.joints3d is None or example.camera is None:
                raise self._error(
                    example, store_of[i], "has no camera or no 3D joints, in a store of role '3d'"
                )
            world[i, self.columns[store_of[i]]] = example.joints3d
        joints = cameras.world_to_camera(world)[: self.n_3d]
        flip = cameras.flip[: self.n_3d]
        joints[flip] = joints[flip][:, union.mirror]
        return self._checked(joints, examples, store_of)

    def _labels_2d(self, examples: Sequence[PoseExample], store_of, sizes, cameras: crop.CropCameras):
        pixels = np.full((self.n_2d, len(LABELS_2D.joints), 2), np.nan)
        for row, i in enumerate(range(self.n_3d, len(examples))):
            example = examples[i]
            if example.joints2d is None:
                raise self._error(example, store_of[i], "has no 2D joints, in a store of role '2d'")
            source, target = self.columns[store_of[i]]
            labels = example.joints2d[source]
            pixels[row, target] = crop.warp_labels(labels, example, sizes[i, 1], cameras, i)
        flip = cameras.flip[self.n_3d :]
        pixels[flip] = pixels[flip][:, LABELS_2D.mirror]
        return self._checked(pixels, examples[self.n_3d :], store_of[self.n_3d :])

    def _checked(self, points: np.ndarray, examples, store_of):
        infinite = np.isinf(points).any(axis=(1, 2))
        if infinite.any():
            i = int(infinite.argmax())
            raise self._error(examples[i], store_of[i], "has infinite joints")
        valid = ~np.isnan(points).any(axis=-1)
        return np.where(valid[..., np.newaxis], points, 0).astype(np.float32), valid

    def _error(self, example: PoseExample, k: int, problem: str) -> ExampleError:
        return ExampleError(f"store {self.mixture.stores[k].id}: example {example.key!r} {problem}")


def dataset(loader: BatchLoader, start_step: int = 0) -> tf.data.Dataset:
    """The batches of steps start_step, start_step + 1, … to the end of the run, as (x, y) for Keras.

    x = {"image", "intrinsics"}; y has the labels, 2D ones if any. The network makes its floats of the image's
    bytes itself, where they are: that takes a quarter of the memory, and of the time to get them to a GPU.
    An error while loading ends the iteration with one of TensorFlow's; `loader.error` is the real one.
    """
    runtime = loader.config.runtime
    signature = _signature(loader)
    cv2.setNumThreads(
        1
    )  # examples are already spread over threads; OpenCV's own would only compete with them

    def load(step):
        types = [spec.dtype for spec in signature.values()]
        arrays = tf.numpy_function(_loading(loader, list(signature)), [step], types, stateful=False)
        batch = {
            name: tf.ensure_shape(array, spec.shape)
            for (name, spec), array in zip(signature.items(), arrays, strict=True)
            if loader.n_2d or name not in KEYS_2D
        }
        return {name: batch.pop(name) for name in ("image", "intrinsics")}, batch

    steps = tf.data.Dataset.range(start_step, max(loader.config.steps, start_step + 1))
    batches = steps.map(load, num_parallel_calls=runtime.loader_threads, deterministic=True)
    return batches.prefetch(runtime.prefetch)


def _loading(loader: BatchLoader, names: Sequence[str]):
    def load(step):
        start = time.monotonic()
        try:
            batch = loader.batch(int(step))
        except Exception as error:
            loader.error = error
            raise
        loader.times[int(step)] = (start, time.monotonic())
        return [batch[name] for name in names]

    return load


def _signature(loader: BatchLoader) -> dict[str, tf.TensorSpec]:
    """What `BatchLoader.batch` returns; shapes are fixed, so that the step is compiled once."""
    n, side = loader.n_3d + loader.n_2d, loader.side
    joints, labels = len(loader.mixture.skeleton.joints), len(LABELS_2D.joints)
    return {
        "image": tf.TensorSpec((n, side, side, 3), tf.uint8),
        "intrinsics": tf.TensorSpec((n, 3, 3), tf.float32),
        "joints3d": tf.TensorSpec((loader.n_3d, joints, 3), tf.float32),
        "valid3d": tf.TensorSpec((loader.n_3d, joints), tf.bool),
        "joints2d": tf.TensorSpec((loader.n_2d, labels, 2), tf.float32),
        "valid2d": tf.TensorSpec((loader.n_2d, labels), tf.bool),
    }


def _read(stores: Sequence[Store], store_of: np.ndarray, rows: np.ndarray) -> list[PoseExample]:
    """The examples of a batch, in its order; one read a run of equal stores."""
    edges = np.flatnonzero(np.diff(store_of)) + 1
    examples = []
    for part in np.split(np.arange(len(rows)), edges):
        examples += stores[store_of[part[0]]].examples(rows[part])
    return examples


def _columns(mixture: Mixture, k: int):
    """Where the joints of store k go: union slots; for 2D labels (joints of the store, slots of the 17)."""
    store = mixture.stores[k]
    if store.role != "2d":
        return mixture.columns(k)
    labels = LABELS_2D.joints
    pairs = [(i, labels.index(joint)) for i, joint in enumerate(store.joints) if joint in labels]
    if not pairs:
        raise ValueError(f"store {store.id}: none of its joints is among {', '.join(labels)}")
    return tuple(np.array(pairs).T)
