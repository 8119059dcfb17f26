"""What exports start from: a trained network, what is known about it, and how it is to be packed."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from posepile.skeletons import Skeleton
from posepile.store import Store
from serving import skeleton_file
from serving.bone_lengths import mean_bone_lengths
from serving.export.comparison import Crops, ExportError, crops_of_store
from serving.joint_sets import JointSets, joint_sets
from serving.packing import Packing
from training import config_files, run_folder
from training.build import build_model
from training.callbacks.validating import VALIDATION_FILE
from training.model import PoseEstimator

FLOAT32 = "float32"


@dataclass(frozen=True, eq=False)
class Source:
    """What is exported.

    model: the network; its joints are those of `skeleton`, in order. provenance: JSON-able, stored inside: where the
    model comes from. crops: real ones, compared beside as many random ones; None compares on random ones only.
    bone_lengths: [E] mm, mean of each edge of the skeleton, NaN where nobody knows; None: nobody knows any. packing: of
    the multi-person model. in_float32: the same network, where `model` computes in half precision. results: documents
    of `dozens evaluate`, for the model card.
    """

    model: PoseEstimator
    skeleton: Skeleton
    provenance: dict[str, Any]
    crops: Crops | None = None
    bone_lengths: np.ndarray | None = None
    packing: Packing = Packing()
    in_float32: PoseEstimator | None = None
    results: tuple[dict[str, Any], ...] = ()

    def __post_init__(self):
        if keras.backend.backend() != "tensorflow":
            raise ExportError(f"Keras runs on {keras.backend.backend()}, expected KERAS_BACKEND=tensorflow")
        if tuple(self.model.joint_names) != self.skeleton.joints:
            raise ExportError(
                f"the model has {len(self.model.joint_names)} joints, expected the {len(self.skeleton)} of "
                f"skeleton {self.skeleton.name!r}, in its order"
            )

    def joints(self) -> JointSets:
        """All joints and skeletons to answer in. Raises JointSetError, OSError for the user's skeletons."""
        files = self.packing.skeleton_files
        own = [one for path in files for one in skeleton_file.read(path, self.skeleton)]
        return joint_sets(self.skeleton, own)

    def float32_model(self) -> PoseEstimator:
        """The network for run times that only compute in float32. Raises ExportError if there is none."""
        model = self.in_float32 or self.model
        if (precision := model.heads[0].compute_dtype) != FLOAT32:
            raise ExportError(f"the model computes in {precision}, expected {FLOAT32}")
        return model


@dataclass(frozen=True)
class Written:
    """An export that counts: format, file or folder, largest difference of a joint's position to the network's."""

    format: str
    path: Path
    largest_difference_mm: float


def source_of_run(run: Path, packing: Packing, results: Sequence[Path] = ()) -> Source:
    """The network of a finished run, and result files of `dozens evaluate`.

    Raises FileNotFoundError if it is not finished, or no run; ExportError for a file that has no results.
    """
    if not (run / config_files.CONFIG_FILE).exists():
        raise FileNotFoundError(f"{run}: no {config_files.CONFIG_FILE} in it, expected the folder of a run")
    model, skeleton = run_folder.load_model(run), run_folder.load_skeleton(run)
    stores = [
        store for path in run_folder.store_paths(run) if path.exists() and len(store := Store.open(path))
    ]
    return Source(
        model,
        skeleton,
        run_provenance(run),
        crops_of_store(stores[0], model.model_config.crop_side) if stores else None,
        mean_bone_lengths(stores, skeleton),
        packing,
        _in_float32(run, skeleton),
        tuple(_read_results(path) for path in results),
    )


def run_provenance(run: Path) -> dict[str, Any]:
    """What a run folder tells about its model: data sets, seed, configuration, environment, autoencoder, validation."""
    config = config_files.load(run)
    facts = json.loads((run / run_folder.MODEL_FILE).read_text())["provenance"]
    acae = run_folder.load_acae(run)
    return facts | {
        "configuration": config_files.to_json(config),
        "environment": json.loads((run / run_folder.ENVIRONMENT_FILE).read_text()),
        "autoencoder": None if acae is None else {"latents": acae.n_latents, **acae.provenance},
        "validation": _last_validation(run / VALIDATION_FILE),
    }


def _read_results(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text())
        if not all("figures" in model for model in document["models"].values()) or not document["title"]:
            raise KeyError("figures")
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ExportError(f"{path}: expected results that `dozens evaluate` wrote ({error!r})") from error
    return document


def _in_float32(run: Path, skeleton: Skeleton) -> PoseEstimator | None:
    """The run's network in float32; None where it is so already."""
    config = config_files.load(run)
    if config.precision == FLOAT32:
        return None
    model = build_model(replace(config, precision=FLOAT32), skeleton, run_folder.load_acae(run))
    model.load_weights(run / run_folder.WEIGHTS_FILE)
    return model


def _last_validation(file: Path) -> dict[str, Any] | None:
    """{"step", "stores": {store: {metric: value}}}, of the last step that was validated; None: none was."""
    if not file.exists():
        return None
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    if not rows:
        return None
    last = rows[-1]["step"]
    stores = {
        row["store"]: {
            name: float(value) for name, value in row.items() if value and name not in ("step", "store")
        }
        for row in rows
        if row["step"] == last
    }
    return {"step": int(last), "stores": stores}
