"""Runs a multi-person SavedModel over the images of a benchmark and writes what it says as a prediction file.

Any SavedModel with the methods `detect_poses_batched` and `estimate_poses_batched` serves, whoever exported it; they
are called by the names of their arguments. Source: evaluation sheet, section 5; serving sheet, section 1.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from more_itertools import chunked

from evaluation.prediction_writer import PredictionWriter
from evaluation.protocols import Inference, Labelled, Protocol
from posepile.cameras import Camera
from posepile.frame import ImageSource
from posepile.images import read_image

IOU_THRESHOLD = 0.7
SHORT_DISTORTION = 5  # coefficients that every model takes; more are sent only where they are not zero


@dataclass(frozen=True)
class Run:
    """How to run a model."""

    inference: Inference
    batch_size: int = 8
    """Images in one call."""
    internal_batch_size: int = 64
    """Crops in one run of the network."""
    antialias_factor: int = 2


@dataclass(frozen=True, eq=False)
class _Image:
    """One image and the people whom the data set labels in it."""

    path: str
    source: ImageSource
    camera: Camera
    boxes: list[np.ndarray] = field(default_factory=list)
    people: list[int] = field(default_factory=list)


def predict(model: Any, protocol: Protocol, root: Path, out: Path, run: Run, meta: dict[str, Any]) -> int:
    """Writes the prediction file of a benchmark, streaming; returns the number of its rows.

    Where people are detected and an image has one person, an image without a detection gets a row of NaN: that it
    was looked at is part of the result.

    Args:
        model: loaded SavedModel.
        out: .npz or .h5.
        meta: what the file shall say of the model.

    Raises:
        ValueError: the model lacks the benchmark's skeleton, or the benchmark has no boxes where they are needed.
        ImageError: an image that cannot be read.
    """
    names = _joint_names(model, protocol.skeleton_name)
    settings = {**asdict(run.inference), "antialias_factor": run.antialias_factor}
    meta = {**meta, "skeleton": protocol.skeleton_name, "benchmark": protocol.id, **settings}
    n_rows = 0
    with PredictionWriter(out, names, meta) as writer:
        for labelled in protocol.labelled(root):
            for batch in _batches(labelled, run.batch_size):
                found = _poses(model, protocol, batch, run)
                for image, poses in zip(batch, found, strict=True):
                    if protocol.one_person and not len(poses):
                        poses = np.full((1, len(names), 3), np.nan)
                    people = _person_ids(image, poses, run.inference.detects)
                    writer.append([image.path] * len(poses), coords3d_pred_world=poses, person_id=people)
                    n_rows += len(poses)
    return n_rows


def load_model(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The SavedModel, and what identifies it: path and hash. Raises ValueError for one without the methods."""
    import tensorflow as tf

    if not (folder / "saved_model.pb").is_file():
        raise ValueError(f"{folder}: no saved_model.pb, expected a SavedModel")
    model = tf.saved_model.load(str(folder))
    for method in ("detect_poses_batched", "estimate_poses_batched"):
        if not hasattr(model, method):
            raise ValueError(f"{folder}: the model has no {method!r}, expected a multi-person model")
    return model, {"model": str(folder), "model_sha256": _hash(folder)}


def run_of(protocol: Protocol, num_aug: int | None, use_data_set_boxes: bool, **sizes: int) -> Run:
    """The benchmark's settings, with what a user changes."""
    inference = protocol.inference
    if num_aug is not None:
        inference = replace(inference, num_aug=num_aug)
    if use_data_set_boxes:
        inference = replace(inference, detects=False)
    return Run(inference, **sizes)


def _joint_names(model: Any, skeleton: str) -> list[str]:
    known = dict(model.per_skeleton_joint_names)
    if skeleton not in known:
        raise ValueError(f"the model answers in {', '.join(sorted(known))}; the benchmark needs {skeleton!r}")
    return [name.decode() for name in np.asarray(known[skeleton]).tolist()]


def _batches(labelled: Labelled, size: int) -> Iterator[list[_Image]]:
    """The images of a sequence, each once; those of a batch have one size of files and one world."""
    if labelled.image_paths and not labelled.images:
        raise ValueError(f"{labelled.sequence}: the protocol does not say where the images are")
    images: dict[str, _Image] = {}
    for i, path in enumerate(labelled.image_paths):
        image = images.setdefault(path, _Image(path, labelled.images[i], labelled.cameras[i]))
        if len(labelled.boxes):
            image.boxes.append(np.asarray(labelled.boxes[i], np.float32))
        image.people.append(labelled.people[i])
    yield from chunked(images.values(), size)


def _poses(model: Any, protocol: Protocol, batch: Sequence[_Image], run: Run) -> list[np.ndarray]:
    """One [people, J, 3] mm, world, for each image."""
    pixels = [read_image(image.source) for image in batch]
    found: list[np.ndarray] = []
    for _, group in groupby(range(len(batch)), key=lambda i: pixels[i].shape):
        rows = list(group)
        images = np.stack([pixels[i] for i in rows])
        found += _call(model, protocol, images, [batch[i] for i in rows], run)
    return found


def _call(
    model: Any, protocol: Protocol, pixels: np.ndarray, batch: Sequence[_Image], run: Run
) -> list[np.ndarray]:
    import tensorflow as tf

    arguments = {
        **_cameras([image.camera for image in batch]),
        "internal_batch_size": run.internal_batch_size,
        "antialias_factor": run.antialias_factor,
        "num_aug": run.inference.num_aug,
        "skeleton": protocol.skeleton_name,
    }
    if run.inference.detects:
        found = model.detect_poses_batched(
            pixels,
            detector_threshold=run.inference.detector_threshold,
            detector_nms_iou_threshold=IOU_THRESHOLD,
            max_detections=run.inference.max_detections,
            detector_flip_aug=True,
            suppress_implausible_poses=False,
            **arguments,
        )
    else:
        counts = [len(image.boxes) for image in batch]
        if counts != [len(image.people) for image in batch]:
            raise ValueError(f"{batch[0].path}: the protocol has no boxes, expected one for each person")
        boxes = np.array([box for image in batch for box in image.boxes], np.float32).reshape(-1, 4)
        ragged = tf.RaggedTensor.from_row_lengths(boxes, np.array(counts, np.int64))
        found = model.estimate_poses_batched(pixels, ragged, **arguments)
    return [found["poses3d"][i].numpy() for i in range(len(batch))]


def _cameras(cameras: Sequence[Camera]) -> dict[str, np.ndarray]:
    """Their arguments; all are of one world."""
    distortion = np.stack([camera.distortion for camera in cameras])
    if not distortion[:, SHORT_DISTORTION:].any():
        distortion = distortion[:, :SHORT_DISTORTION]
    extrinsics = np.tile(np.eye(4), (len(cameras), 1, 1))
    for matrix, camera in zip(extrinsics, cameras, strict=True):
        matrix[:3, :3] = camera.rotation
        matrix[:3, 3] = -camera.rotation @ camera.position
    return {
        "intrinsic_matrix": np.stack([camera.intrinsics for camera in cameras]).astype(np.float32),
        "distortion_coeffs": distortion.astype(np.float32),
        "extrinsic_matrix": extrinsics.astype(np.float32),
        "world_up_vector": np.asarray(cameras[0].world_up, np.float32),
    }


def _person_ids(image: _Image, poses: np.ndarray, detects: bool) -> np.ndarray:
    """The data set's numbers of people whose boxes were given; detected people are numbered."""
    return np.arange(len(poses)) if detects else np.asarray(image.people)


def _hash(folder: Path) -> str:
    """SHA-256 of all files of a SavedModel but its assets for warming up."""
    digest = hashlib.sha256()
    for path in sorted([folder / "saved_model.pb", *(folder / "variables").glob("*")]):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
