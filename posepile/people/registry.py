"""Detectors and segmenters by name. Their modules, and TensorFlow, are imported when one is loaded."""

import importlib
from pathlib import Path

from posepile.names import unknown_name
from posepile.people.interfaces import Detector, Segmenter

# name: (module with `load(weights: Path | None)`, what it is)
DETECTORS = {
    "movenet": ("posepile.people.movenet", "MoveNet MultiPose, at most 6 people; `dozens fetch detector`"),
    "yolov4": ("posepile.people.yolov4", "YOLOv4; needs darknet's yolov4.weights"),
}
SEGMENTERS = {
    "blazepose": ("posepile.people.blazepose", "BlazePose's mask of one person; `dozens fetch segmenter`"),
    "deeplabv3": (
        "posepile.people.deeplabv3",
        "DeepLabv3+ through keras-hub; a preset's folder, or its download",
    ),
}


def load_detector(name: str, weights: Path | None = None) -> Detector:
    """Loads a detector.

    Args:
        name: one of DETECTORS.
        weights: the model's file or folder; None for the one that `dozens fetch` or the library has put into
            the user's cache.

    Raises:
        UnknownNameError: there is no such detector; the error shows the names.
        FileNotFoundError: no weights; the error says how to get them.
        ValueError: the weights do not fit the model.
    """
    return _load("detector", name, DETECTORS, weights)


def load_segmenter(name: str, weights: Path | None = None) -> Segmenter:
    """Loads a segmenter, one of SEGMENTERS; otherwise as `load_detector`."""
    return _load("segmenter", name, SEGMENTERS, weights)


def _load(kind: str, name: str, registry: dict[str, tuple[str, str]], weights: Path | None):
    if name not in registry:
        raise unknown_name(kind, name, registry)
    if weights is not None and not Path(weights).exists():
        raise FileNotFoundError(f"{weights}: the weights of {kind} {name} are not there")
    return importlib.import_module(registry[name][0]).load(weights)
