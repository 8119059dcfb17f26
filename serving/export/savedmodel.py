"""The multi-person model as a SavedModel: OUT/savedmodel/1, a version folder as TensorFlow Serving reads them."""

import json
import shutil
from pathlib import Path

import tensorflow as tf

from posepile.people import load_detector
from serving import warmup
from serving.crop_model import CropModel
from serving.estimator import PoseEstimator
from serving.export.comparison import ExportError, compare, random_crops
from serving.export.source import Source, Written
from serving.packing import Packing
from serving.signatures import serving_signatures

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
    tf.saved_model.save(estimator, str(unfinished), signatures=serving_signatures(estimator))
    loaded = tf.saved_model.load(str(unfinished))

    def predict(images, intrinsics):
        return loaded.crop_model.predict_multi(tf.cast(images, tf.float16), intrinsics)

    difference = compare(predict, source.model, source.crops, unfinished)
    real = source.crops or random_crops(source.model.model_config.crop_side, 1)
    warmup.write(unfinished, real.images[0])
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return Written(FORMAT, folder, difference)


def build_estimator(source: Source) -> PoseEstimator:
    """The multi-person model of a network. Raises as `write`, and JointSetError for the user's skeletons."""
    packing = source.packing
    detector = _detector(packing)
    provenance = source.provenance | {"detector": None if detector is None else detector.identity}
    return PoseEstimator(
        CropModel(source.model, source.skeleton, source.provenance),
        source.joints(),
        detector,
        source.bone_lengths,
        json.dumps(provenance, sort_keys=True, allow_nan=False),
        packing.rotation_deg,
        packing.turns,
        packing.detector_flip_vertical_too,
    )


def _detector(packing: Packing) -> tf.Module | None:
    if packing.detector == "none":
        return None
    if packing.detector != "auto":
        return load_detector(packing.detector, packing.detector_weights)
    try:
        return load_detector("movenet", packing.detector_weights)
    except FileNotFoundError:
        if packing.detector_weights is not None:
            raise
        return None
