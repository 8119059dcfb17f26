"""Comparison of an export with the network that it comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepile.store import Store
from training import crop
from training.augment.geometry import no_changes
from training.model import PoseEstimator

LARGEST_DIFFERENCE_MM = {"float32": 1.0, "float16": 5.0, "bfloat16": 5.0}
"""By the precision of the network. Kernels may be chosen differently after loading; poses lie metres away."""
COMPARED_CROPS = 4


class ExportError(ValueError):
    """The model cannot be exported, or its export does not give the same poses."""


@dataclass(frozen=True, eq=False)
class Crops:
    """Crops to compare on: images [N, S, S, 3] uint8 RGB and intrinsics [N, 3, 3] px."""

    images: np.ndarray
    intrinsics: np.ndarray


def compare(
    exported: Callable[[np.ndarray, np.ndarray], np.ndarray],
    model: PoseEstimator,
    real: Crops | None,
    file: Path,
) -> float:
    """The largest difference of a joint's position, mm, on random and real crops.

    Args:
        exported: (images [B, S, S, 3] float32 in 0..1, exact in float16; intrinsics [B, 3, 3] float32 px) -> [B, J, 3].
        file: of the export, for the error.

    Raises:
        ExportError: the difference is larger than LARGEST_DIFFERENCE_MM, or not a number.
    """
    side = model.model_config.crop_side
    parts = [random_crops(side, COMPARED_CROPS if real is None else len(real.images))]
    parts += [real] if real is not None else []
    difference = max(_largest_difference(exported, model, part) for part in parts)
    allowed = LARGEST_DIFFERENCE_MM[model.heads[0].compute_dtype]
    if not difference <= allowed:  # also catches NaN
        raise ExportError(
            f"{file}: joints differ from the Keras model by {difference:.3g} mm, expected at most {allowed} mm"
        )
    return difference


def random_crops(side: int, count: int) -> Crops:
    """Noise, seen by a plausible camera."""
    images = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)
    centre = (side - 1) / 2
    intrinsics = np.array([[2.5 * side, 0, centre], [0, 2.5 * side, centre], [0, 0, 1]])
    return Crops(images, np.repeat(intrinsics[np.newaxis], count, axis=0))


def crops_of_store(store: Store, side: int, count: int = COMPARED_CROPS) -> Crops:
    """Plain crops of `count` examples, evenly spread over the store."""
    rows = np.unique(np.linspace(0, len(store) - 1, count).astype(int))
    examples = store.examples(rows.tolist())
    images = [crop.decode_image(example) for example in examples]
    sizes = np.array([image.shape[1::-1] for image in images])
    cameras = crop.crop_cameras(examples, sizes, no_changes(len(examples)), side)
    warped = [crop.warp_crop(images[i], example, cameras, i) for i, example in enumerate(examples)]
    return Crops(np.stack(warped), cameras.intrinsics)


def _largest_difference(exported, model: PoseEstimator, crops: Crops) -> float:
    images = (crops.images / 255.0).astype(np.float16).astype(np.float32)
    intrinsics = crops.intrinsics.astype(np.float32)
    found = np.asarray(exported(images, intrinsics))
    expected = np.asarray(model.predict_joints(images, intrinsics))
    return float(np.linalg.norm(found - expected, axis=-1).max())
