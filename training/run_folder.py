"""The files of a run folder beside its checkpoints: where it ran, on what data, what it made.

config.json         everything that decides the weights (training/config_files.py)
environment.json    versions, machine, commit
stores.json         {store id: {"path", "examples", "joints"}}
model.json          joint names and edges (the skeleton) and where the model comes from
acae.npz            the autoencoder that a fine-tuned network needs
model.weights.h5    final weights
"""

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from affine_combining.weights import AcaeWeights
from posepile.skeletons import Skeleton
from posepile.store import Store
from training import config_files
from training.atomic_write import write_atomically
from training.build import build_model
from training.config import ConfigError, TrainConfig
from training.model import PoseEstimator

MODEL_FILE = "model.json"
STORES_FILE = "stores.json"
ENVIRONMENT_FILE = "environment.json"
ACAE_FILE = "acae.npz"
WEIGHTS_FILE = "model.weights.h5"
PACKAGES = (
    "dozens",
    "keras",
    "tensorflow",
    "jax",
    "numpy",
    "opencv-python-headless",
    "simplejpeg",
    "array-record",
)


def load_model(run: Path | str) -> PoseEstimator:
    """The trained network of a finished run.

    Raises:
        ConfigError: the folder's files are damaged. FileNotFoundError: the run is not finished.
    """
    run = Path(run)
    weights = run / WEIGHTS_FILE
    if not weights.exists():
        raise FileNotFoundError(f"{weights} is missing: the run is not finished (`dozens resume {run}`)")
    model = rebuild_model(run)
    model.load_weights(weights)
    return model


def rebuild_model(run: Path) -> PoseEstimator:
    """The network of a run, with its initial weights."""
    config = config_files.load(run)
    model = build_model(config, load_skeleton(run), load_acae(run))
    model.jit_compile = compiles_with_xla(config)  # of `predict`; by itself Keras would always
    return model


def compiles_with_xla(config: TrainConfig) -> bool:
    """Whether the compiled functions of a run go through XLA (`runtime.jit_compile`)."""
    if config.runtime.jit_compile != "auto":
        return config.runtime.jit_compile == "on"
    return keras.backend.backend() == "jax" or bool(tf.config.list_physical_devices("GPU"))


def load_acae(run: Path) -> AcaeWeights | None:
    """The run's own copy of the autoencoder that its configuration names, if it names any."""
    return AcaeWeights.load(run / ACAE_FILE) if (run / ACAE_FILE).exists() else None


def save_acae(run: Path, config: TrainConfig) -> None:
    """Copies the autoencoder, at the start of a run: the file that the configuration names may move or change."""
    if config.acae and not (run / ACAE_FILE).exists():
        write_atomically(run / ACAE_FILE, Path(config.acae).read_bytes())


def load_skeleton(run: Path) -> Skeleton:
    """The joints of a run's model. Raises ConfigError, FileNotFoundError."""
    path = run / MODEL_FILE
    try:
        raw = json.loads(path.read_text())["skeleton"]
        values = {f.name: raw[f.name] for f in fields(Skeleton)}
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: expected JSON with a whole 'skeleton' ({error!r})") from error
    edges = tuple((int(a), int(b)) for a, b in values.pop("edges"))
    return Skeleton(edges=edges, **{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def save_model_facts(run: Path, config: TrainConfig, skeleton: Skeleton, stores: Sequence[Store]) -> None:
    """Writes model.json, at the start of a run."""
    provenance = {
        "config": config_files.fingerprint(config),
        "variant": config.variant,
        "seed": config.seed,
        "init_from": config.init_from,
        "acae": config.acae,
        "stores": {store.id: {"examples": len(store), "licence": store.licence} for store in stores},
    }
    facts = {
        "joint_names": list(skeleton.joints),
        "joint_edges": [list(edge) for edge in skeleton.edges],
        "crop_side": config.model.crop_side,
        "provenance": provenance,
        "skeleton": skeleton.to_dict(),
    }
    _write_json(run / MODEL_FILE, facts)


def save_weights(run: Path, model: PoseEstimator) -> None:
    """Writes the final weights, whole or not at all."""
    temporary = run / f".{os.getpid()}.weights.h5"
    model.save_weights(temporary)
    write_atomically(run / WEIGHTS_FILE, temporary.read_bytes())
    temporary.unlink()


def save_stores(run: Path, stores: Sequence[Store]) -> None:
    """Writes stores.json; refuses (ConfigError) stores that differ from those that the run began with."""
    path = run / STORES_FILE
    new = {
        store.id: {
            "path": str(Path(store.path).resolve()),
            "examples": len(store),
            "joints": list(store.joints),
        }
        for store in stores
    }
    if path.exists():
        for name, old in json.loads(path.read_text()).items():
            for key in ("examples", "joints"):
                if name in new and old[key] != new[name][key]:
                    found = f"{new[name][key]} {key}, expected {old[key]}"
                    raise ConfigError(f"{new[name]['path']}: store {name} has {found}, as when the run began")
    _write_json(path, new)


def store_paths(run: Path) -> list[Path]:
    """Where the stores of a run were when it last ran."""
    path = run / STORES_FILE
    return [Path(facts["path"]) for facts in json.loads(path.read_text()).values()]


def save_environment(run: Path) -> None:
    """Writes environment.json."""
    _write_json(run / ENVIRONMENT_FILE, environment())


def environment() -> dict[str, Any]:
    """Versions, backend, machine and the commit of the checkout, if there is one."""
    return {
        "python": platform.python_version(),
        "backend": keras.backend.backend(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cpus": os.cpu_count()},
        "commit": _commit(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    here = Path(__file__).resolve().parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None  # installed from a wheel, or no git here


def _write_json(path: Path, value) -> None:
    write_atomically(path, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())
