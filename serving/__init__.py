"""How a trained network finds people in a user's photo or video, anywhere.

`PoseEstimator` (the multi-person model) and `Predictor` (an exported one, on images as arrays) are imported when
they are asked for: TensorFlow takes seconds.
"""

import importlib

_MODULES = {"PoseEstimator": "serving.estimator", "Predictor": "serving.predictor"}


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
