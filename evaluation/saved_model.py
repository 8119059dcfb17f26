"""Multi-person SavedModels, ours and others', called in one way: images in, the poses of each image out.

A model has `detect_poses_batched` and `estimate_poses_batched`, which take images of one size, or only `detect_poses`
and `estimate_poses`, which take one image; they are called by the names of their arguments. Source: serving sheet,
section 1.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

Method = Literal["detect_poses", "estimate_poses"]
Poses = Callable[
    [np.ndarray, Sequence[np.ndarray] | None, Mapping[str, np.ndarray], Mapping[str, Any]], list[np.ndarray]
]
"""(images [N, H, W, 3], boxes N times [M, 4] or None, arguments by image [N, ...], other arguments) -> N times
[M, J, 3] mm."""


def load_model(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The SavedModel, and what identifies it: path and hash. Raises ValueError for what is none."""
    import tensorflow as tf

    if not (folder / "saved_model.pb").is_file():
        raise ValueError(f"{folder}: no saved_model.pb, expected a SavedModel")
    return tf.saved_model.load(str(folder)), {"model": str(folder), "model_sha256": _hash(folder)}


def joint_names(model: Any, skeleton: str) -> list[str]:
    """What the model calls the joints of a skeleton that it answers in. Raises ValueError if it does not."""
    known = dict(getattr(model, "per_skeleton_joint_names", {}))
    if skeleton not in known:
        answers = ", ".join(sorted(known)) or "no skeleton"
        raise ValueError(f"the model answers in {answers}; the benchmark needs {skeleton!r}")
    return [name.decode() for name in np.asarray(known[skeleton]).tolist()]


def poses_method(model: Any, name: Method) -> Poses:
    """The method for a batch, or where there is none, that for one image, called again and again.

    Raises ValueError if the model has neither.
    """
    if hasattr(model, f"{name}_batched"):
        return partial(_batched, getattr(model, f"{name}_batched"))
    if hasattr(model, name):
        return partial(_one_by_one, getattr(model, name))
    raise ValueError(f"the model has neither '{name}_batched' nor {name!r}, expected a multi-person model")


def _batched(method, images, boxes, by_image, others) -> list[np.ndarray]:
    import tensorflow as tf

    given = []
    if boxes is not None:
        counts = np.array([len(of_image) for of_image in boxes], np.int64)
        given = [tf.RaggedTensor.from_row_lengths(np.concatenate(boxes), counts)]
    found = method(images, *given, **by_image, **others)["poses3d"]
    return [found[i].numpy() for i in range(len(images))]


def _one_by_one(method, images, boxes, by_image, others) -> list[np.ndarray]:
    found = []
    for i, image in enumerate(images):
        given = [] if boxes is None else [boxes[i]]
        own = {name: value[i] for name, value in by_image.items()}
        found.append(method(image, *given, **own, **others)["poses3d"].numpy())
    return found


def _hash(folder: Path) -> str:
    """SHA-256 of all files of a SavedModel but its assets for warming up."""
    digest = hashlib.sha256()
    for path in sorted([folder / "saved_model.pb", *(folder / "variables").glob("*")]):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
