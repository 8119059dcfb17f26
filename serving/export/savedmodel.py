"""The multi-person model as a SavedModel: OUT/savedmodel/1, a version folder as TensorFlow Serving reads them."""

import json
import shutil
from pathlib import Path

import tensorflow as tf

from posepile.people import load_detector
from serving.crop_model import CropModel
from serving.estimator import PoseEstimator
from serving.export.comparison import ExportError, compare
from serving.export.source import Options, Source, Written
from serving.joint_sets import joint_sets

FORMAT = "savedmodel"
VERSION = "1"


def write(source: Source, out: Path) -> Written:
    """Writes OUT/savedmodel/1, loads it again and compares it. The folder appears when it is right.

    An older SavedModel there is replaced. Raises ExportError, FileNotFoundError (weights of the detector).
    """
    folder = out / FORMAT / VERSION
    if folder.exists() and not (folder / "saved_model.pb").exists():
        raise ExportError(f"{folder}: exists and is no SavedModel, expected a folder to write or replace")
    estimator = build_estimator(source)
    # A server looks for folders whose names are numbers, and loads them as soon as they are there
    unfinished = folder.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    tf.saved_model.save(estimator, str(unfinished))
    loaded = tf.saved_model.load(str(unfinished))

    def predict(images, intrinsics):
        return loaded.crop_model.predict_multi(tf.cast(images, tf.float16), intrinsics)

    difference = compare(predict, source.model, source.crops, unfinished)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return Written(FORMAT, folder, difference)


def build_estimator(source: Source) -> PoseEstimator:
    """The multi-person model of a network. Raises as `write`."""
    options = source.options
    detector = _detector(options)
    provenance = source.provenance | {"detector": None if detector is None else detector.identity}
    return PoseEstimator(
        CropModel(source.model, source.skeleton, source.provenance),
        joint_sets(source.skeleton),
        detector,
        source.bone_lengths,
        json.dumps(provenance, sort_keys=True, allow_nan=False),
        options.rotation_deg,
        options.turns,
        options.detector_flip_vertical_too,
    )


def _detector(options: Options) -> tf.Module | None:
    if options.detector == "none":
        return None
    if options.detector != "auto":
        return load_detector(options.detector, options.detector_weights)
    try:
        return load_detector("movenet", options.detector_weights)
    except FileNotFoundError:
        if options.detector_weights is not None:
            raise
        return None
