"""What exports start from: a trained network, what is known about it, and how it is to be packed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from posepile.skeletons import Skeleton
from posepile.store import Store
from serving.bone_lengths import mean_bone_lengths
from serving.export.comparison import Crops, ExportError, crops_of_store
from serving.packing import Packing
from training import config_files, run_folder
from training.model import PoseEstimator


@dataclass(frozen=True, eq=False)
class Source:
    """What is exported.

    model: the network; its joints are those of `skeleton`, in order. provenance: JSON-able, stored inside: where the
    model comes from. crops: real ones, compared beside as many random ones; None compares on random ones only.
    bone_lengths: [E] mm, mean of each edge of the skeleton, NaN where nobody knows; None: nobody knows any. packing: of
    the multi-person model.
    """

    model: PoseEstimator
    skeleton: Skeleton
    provenance: dict[str, Any]
    crops: Crops | None = None
    bone_lengths: np.ndarray | None = None
    packing: Packing = Packing()

    def __post_init__(self):
        if keras.backend.backend() != "tensorflow":
            raise ExportError(f"Keras runs on {keras.backend.backend()}, expected KERAS_BACKEND=tensorflow")
        if tuple(self.model.joint_names) != self.skeleton.joints:
            raise ExportError(
                f"the model has {len(self.model.joint_names)} joints, expected the {len(self.skeleton)} of "
                f"skeleton {self.skeleton.name!r}, in its order"
            )


@dataclass(frozen=True)
class Written:
    """An export that counts: format, file or folder, largest difference of a joint's position to the network's."""

    format: str
    path: Path
    largest_difference_mm: float


def source_of_run(run: Path, packing: Packing) -> Source:
    """The network of a finished run. Raises FileNotFoundError if it is not finished, or no run."""
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
    )


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
