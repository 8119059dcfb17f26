"""Runs a multi-person SavedModel over the images of a benchmark and writes what it says as a prediction file.

What is predicted goes to OUT.unfinished batch by batch (`evaluation.prediction_journal`); a run that was killed goes on
from there, and no image is predicted twice. Source: evaluation sheet, section 5; serving sheet, section 1.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from more_itertools import chunked

from evaluation.prediction_file import PredictionError, open_predictions
from evaluation.prediction_journal import Journal
from evaluation.prediction_writer import PredictionWriter
from evaluation.protocols import Inference, Labelled, Protocol
from evaluation.saved_model import Poses, joint_names, poses_method
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


@dataclass(frozen=True)
class Predicted:
    """What a run did."""

    rows: int
    """Of the file."""
    images: int
    """Predicted now."""
    images_before: int
    """Found done by a former run."""


@dataclass(frozen=True, eq=False)
class _Image:
    """One image and the people whom the data set labels in it."""

    path: str
    source: ImageSource
    camera: Camera
    boxes: list[np.ndarray] = field(default_factory=list)
    people: list[int] = field(default_factory=list)


def predict(
    model: Any,
    protocol: Protocol,
    root: Path,
    out: Path,
    run: Run,
    meta: dict[str, Any],
    progress: Callable[[str, int], None] = lambda sequence, images: None,
) -> Predicted:
    """Writes the prediction file of a benchmark, streaming; goes on where a former run with the same settings ended.

    Where people are detected and an image has one person, an image without a detection gets a row of NaN: that it
    was looked at is part of the result.

    Args:
        model: loaded SavedModel.
        out: .npz or .h5.
        meta: what the file shall say of the model. "model" may differ in a run that goes on, the rest may not.
        progress: is told a sequence's name and how many more of its images are predicted.

    Raises:
        ValueError: the model lacks the benchmark's skeleton or method, the benchmark has no boxes where they are
            needed, or OUT or OUT.unfinished is of another run.
        ImageError: an image that cannot be read.
    """
    names = joint_names(model, protocol.skeleton_name)
    method = poses_method(model, "detect_poses" if run.inference.detects else "estimate_poses")
    meta = {**meta, **_settings(protocol, run)}
    if out.exists():
        return _complete_already(out, meta)
    unfinished = out.with_name(f"{out.name}.unfinished")
    header = {"joint_names": names, **{key: value for key, value in meta.items() if key != "model"}}
    with Journal(unfinished, header) as journal:
        n_before = len(journal.done)
        try:
            for labelled in protocol.labelled(root):
                for batch in _batches(labelled, run.batch_size, journal.done):
                    rows = _rows(method, protocol, batch, run, len(names))
                    journal.append([image.path for image in batch], **rows)
                    progress(labelled.sequence, len(batch))
        except BaseException as error:
            error.add_note(
                f"{unfinished} keeps {len(journal.done)} images; the same command goes on from there"
            )
            raise
        _write(out, journal, names, meta)
        done = Predicted(journal.n_rows, len(journal.done) - n_before, n_before)
    unfinished.unlink()
    return done


def run_of(protocol: Protocol, num_aug: int | None, use_data_set_boxes: bool, **sizes: int) -> Run:
    """The benchmark's settings, with what a user changes."""
    inference = protocol.inference
    if num_aug is not None:
        inference = replace(inference, num_aug=num_aug)
    if use_data_set_boxes:
        inference = replace(inference, detects=False)
    return Run(inference, **sizes)


def _write(out: Path, journal: Journal, names: Sequence[str], meta: dict[str, Any]) -> None:
    with PredictionWriter(out, names, meta) as writer:
        for image_paths, found in journal.batches():
            writer.append(image_paths, **found)


def _settings(protocol: Protocol, run: Run) -> dict[str, Any]:
    """What decides which images are predicted, and how."""
    return {
        "benchmark": protocol.id,
        "options": {each.name: getattr(protocol, each.name) for each in fields(protocol)},
        "skeleton": protocol.skeleton_name,
        **asdict(run.inference),
        "antialias_factor": run.antialias_factor,
    }


def _complete_already(out: Path, meta: dict[str, Any]) -> Predicted:
    file = open_predictions(out)
    differing = sorted(key for key in {*meta, *file.meta} - {"model"} if meta.get(key) != file.meta.get(key))
    if differing:
        raise PredictionError(
            f"{out}: exists, with other settings ({', '.join(differing)}): delete it or choose another --out"
        )
    return Predicted(len(file), 0, len(np.unique(file.names)))


def _batches(labelled: Labelled, size: int, done: Collection[str]) -> Iterator[list[_Image]]:
    """The images of a sequence that are not done, each once."""
    if labelled.image_paths and not labelled.images:
        raise ValueError(f"{labelled.sequence}: the protocol does not say where the images are")
    images: dict[str, _Image] = {}
    for i, path in enumerate(labelled.image_paths):
        if path not in done:
            image = images.setdefault(path, _Image(path, labelled.images[i], labelled.cameras[i]))
            if len(labelled.boxes):
                image.boxes.append(np.asarray(labelled.boxes[i], np.float32))
            image.people.append(labelled.people[i])
    yield from chunked(images.values(), size)


def _rows(
    method: Poses, protocol: Protocol, batch: Sequence[_Image], run: Run, n_joints: int
) -> dict[str, np.ndarray]:
    """The rows of a batch's images: image_path [n], coords3d_pred_world and _cam [n, J, 3] mm, person_id [n]."""
    paths, people = [], [np.empty(0, np.int64)]
    world, in_camera = [np.empty((0, n_joints, 3))], [np.empty((0, n_joints, 3))]
    for image, found in zip(batch, _poses(method, protocol, batch, run), strict=True):
        if protocol.one_person and not len(found):
            found = np.full((1, n_joints, 3), np.nan)
        paths += [image.path] * len(found)
        world.append(found)
        in_camera.append(image.camera.world_to_camera(found.astype(np.float64)))
        # The data set's numbers of people whose boxes were given; detected people are numbered
        people.append(np.arange(len(found)) if run.inference.detects else np.asarray(image.people))
    return {
        "image_path": paths,
        "coords3d_pred_world": np.concatenate(world),
        "coords3d_pred_cam": np.concatenate(in_camera),
        "person_id": np.concatenate(people),
    }


def _poses(method: Poses, protocol: Protocol, batch: Sequence[_Image], run: Run) -> list[np.ndarray]:
    """One [people, J, 3] mm, world, for each image; images of one size go together."""
    pixels = [read_image(image.source) for image in batch]
    found: list[np.ndarray] = []
    for _, group in groupby(range(len(batch)), key=lambda i: pixels[i].shape):
        rows = list(group)
        images = [batch[i] for i in rows]
        boxes = None if run.inference.detects else [_boxes(image) for image in images]
        cameras = _cameras([image.camera for image in images])
        found += method(
            np.stack([pixels[i] for i in rows]), boxes, cameras, _arguments(protocol, images[0], run)
        )
    return found


def _arguments(protocol: Protocol, image: _Image, run: Run) -> dict[str, Any]:
    """Those that are the same for all images of a sequence, which are of one world."""
    arguments = {
        "world_up_vector": np.asarray(image.camera.world_up, np.float32),
        "internal_batch_size": run.internal_batch_size,
        "antialias_factor": run.antialias_factor,
        "num_aug": run.inference.num_aug,
        "skeleton": protocol.skeleton_name,
    }
    if not run.inference.detects:
        return arguments
    return arguments | {
        "detector_threshold": run.inference.detector_threshold,
        "detector_nms_iou_threshold": IOU_THRESHOLD,
        "max_detections": run.inference.max_detections,
        "detector_flip_aug": True,
        "suppress_implausible_poses": False,
    }


def _boxes(image: _Image) -> np.ndarray:
    """[people, 4] px."""
    if len(image.boxes) != len(image.people):
        raise ValueError(f"{image.path}: the protocol has no boxes, expected one for each person")
    return np.array(image.boxes, np.float32).reshape(-1, 4)


def _cameras(cameras: Sequence[Camera]) -> dict[str, np.ndarray]:
    """Their arguments."""
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
    }
