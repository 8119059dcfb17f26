"""Exports of a trained crop model. Each is loaded again and compared with its original before it counts."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from posepile.skeletons import Skeleton
from posepile.store import Store
from training import config_files, crop, run_folder
from training.augment.geometry import no_changes
from training.model import PoseEstimator

LARGEST_DIFFERENCE_MM = 1.0  # float32 kernels may be chosen differently after loading; poses lie metres away
COMPARED_CROPS = 4


class ExportError(ValueError):
    """The model cannot be exported, or its export does not give the same poses."""


@dataclass(frozen=True, eq=False)
class Crops:
    """Crops to compare on: images [N, S, S, 3] uint8 RGB and intrinsics [N, 3, 3] px."""

    images: np.ndarray
    intrinsics: np.ndarray


class CropModel(tf.Module):
    """What is inside the SavedModel: crops in, absolute poses out, and what the joints are.

    `predict_multi(images [B, S, S, 3] float16 RGB in 0..1, intrinsics [B, 3, 3] float32 px) -> [B, J, 3]
    float32 mm`, camera frame of the crop (x right, y down, z forward).

    Attributes, all variables because plain constants do not survive loading: `joint_names` [J], `joint_edges`
    [E, 2], `joint_formats` [J] (the format that defines the joint; "merged" where several share it),
    `input_resolution` S, `provenance` (JSON).

    Source: serving sheet, section 1.
    """

    def __init__(self, model: PoseEstimator, skeleton: Skeleton, provenance: dict[str, Any]):
        super().__init__()
        side = model.model_config.crop_side
        self.joint_names = tf.Variable(list(skeleton.joints), trainable=False)
        self.joint_formats = tf.Variable(list(skeleton.formats), trainable=False)
        self.joint_edges = tf.Variable(np.reshape(skeleton.edges, (-1, 2)).astype(np.int32), trainable=False)
        self.input_resolution = tf.Variable(side, dtype=tf.int32, trainable=False)
        text = json.dumps(provenance, sort_keys=True, allow_nan=False)
        self.provenance = tf.Variable(text, trainable=False)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, side, side, 3], tf.float16, "images"),
                tf.TensorSpec([None, 3, 3], tf.float32, "intrinsics"),
            ]
        )
        def predict_multi(images, intrinsics):
            return model.predict_joints(tf.cast(images, tf.float32), intrinsics)

        self.predict_multi = predict_multi
        # Only what inference reads is saved: no optimizer, no teacher head.
        self.network_variables = list(predict_multi.get_concrete_function().graph.variables)


def export_run(run: Path, out: Path) -> float:
    """Exports the network of a finished run, with its configuration and history inside.

    It is compared on crops of the run's own data where that still exists.

    Returns and raises as `export_model`; FileNotFoundError if the run is not finished or no run.
    """
    if not (run / config_files.CONFIG_FILE).exists():
        raise FileNotFoundError(f"{run}: no {config_files.CONFIG_FILE} in it, expected the folder of a run")
    model = run_folder.load_model(run)
    return export_model(
        model,
        run_folder.load_skeleton(run),
        run_provenance(run),
        out,
        _crops_of_run(run, model.model_config.crop_side),
    )


def export_model(
    model: PoseEstimator,
    skeleton: Skeleton,
    provenance: dict[str, Any],
    out: Path,
    crops: Crops | None = None,
) -> float:
    """Writes a SavedModel (`CropModel`), loads it again and compares it. The folder appears when it is right.

    Args:
        model: the network; its joints are those of `skeleton`, in order.
        provenance: JSON-able, stored inside: where the model comes from.
        out: the folder to write; an older SavedModel there is replaced.
        crops: real crops, compared beside as many random ones; None compares on random ones only.

    Returns:
        The largest difference of a joint's position, mm.

    Raises:
        ExportError: the difference exceeds 1 mm; the joints differ; `out` holds something else; Keras does
            not run on TensorFlow.
    """
    _check(model, skeleton, out)
    side = model.model_config.crop_side
    parts = [random_crops(side, COMPARED_CROPS if crops is None else len(crops.images))]
    parts += [crops] if crops is not None else []
    module = CropModel(model, skeleton, provenance)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(out.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    tf.saved_model.save(module, str(unfinished), signatures=_named_output(module))
    exported = tf.saved_model.load(str(unfinished))
    difference = max(_largest_difference(exported, model, part) for part in parts)
    if not difference <= LARGEST_DIFFERENCE_MM:  # also catches NaN
        raise ExportError(
            f"{unfinished}: joints differ from the Keras model by {difference:.3g} mm, "
            f"expected at most {LARGEST_DIFFERENCE_MM} mm"
        )
    shutil.rmtree(out, ignore_errors=True)
    unfinished.rename(out)
    return difference


def run_provenance(run: Path) -> dict[str, Any]:
    """What a run folder tells about its model: data sets, seed, configuration, environment, autoencoder."""
    config = config_files.load(run)
    facts = json.loads((run / run_folder.MODEL_FILE).read_text())["provenance"]
    acae = run_folder.load_acae(config)
    return facts | {
        "configuration": config_files.to_json(config),
        "environment": json.loads((run / run_folder.ENVIRONMENT_FILE).read_text()),
        "autoencoder": None if acae is None else {"latents": acae.n_latents, **acae.provenance},
    }


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


def _crops_of_run(run: Path, side: int) -> Crops | None:
    for path in run_folder.store_paths(run):
        if path.exists() and len(store := Store.open(path)):
            return crops_of_store(store, side)
    return None


def _check(model: PoseEstimator, skeleton: Skeleton, out: Path) -> None:
    if keras.backend.backend() != "tensorflow":
        raise ExportError(f"Keras runs on {keras.backend.backend()}, expected KERAS_BACKEND=tensorflow")
    if tuple(model.joint_names) != skeleton.joints:
        raise ExportError(
            f"the model has {len(model.joint_names)} joints, expected the {len(skeleton)} of "
            f"skeleton {skeleton.name!r}, in its order"
        )
    if out.exists() and not (out / "saved_model.pb").exists():
        raise ExportError(f"{out}: exists and is no SavedModel, expected a folder to write or replace")


def _named_output(module: CropModel):
    """TensorFlow Serving wants named outputs."""

    @tf.function(input_signature=module.predict_multi.input_signature)
    def serving_default(images, intrinsics):
        return {"poses3d": module.predict_multi(images, intrinsics)}

    return {"serving_default": serving_default}


def _largest_difference(exported, model: PoseEstimator, crops: Crops) -> float:
    images = (crops.images / 255.0).astype(np.float16)
    intrinsics = crops.intrinsics.astype(np.float32)
    found = exported.predict_multi(images, intrinsics).numpy()
    expected = np.asarray(model.predict_joints(images.astype(np.float32), intrinsics))
    return float(np.linalg.norm(found - expected, axis=-1).max())
