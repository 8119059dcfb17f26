"""What happens beside the training steps: one Keras callback each, and the progress that they share."""

from training.callbacks.averaging import AverageSwap, PostponeAverage
from training.callbacks.guard import NonFiniteGuard, NonFiniteLossError, example_ids
from training.callbacks.logs import (
    METRICS_FILE,
    SPEED_COLUMNS,
    Log,
    MetricsFile,
    TensorBoard,
    WeightsAndBiases,
)
from training.callbacks.phase import InferenceModeSwitch
from training.callbacks.progress import ProgressBar, Progressed, StallMeter, StepCounter, TimeEstimate
from training.callbacks.samples import SampleImages
from training.callbacks.saving import Checkpoints, RunStopped, StopOnSignal
from training.callbacks.validating import VALIDATION_FILE, Validation

__all__ = [
    "METRICS_FILE",
    "SPEED_COLUMNS",
    "VALIDATION_FILE",
    "AverageSwap",
    "Checkpoints",
    "InferenceModeSwitch",
    "Log",
    "MetricsFile",
    "NonFiniteGuard",
    "NonFiniteLossError",
    "PostponeAverage",
    "ProgressBar",
    "Progressed",
    "RunStopped",
    "SampleImages",
    "StallMeter",
    "StepCounter",
    "StopOnSignal",
    "TensorBoard",
    "TimeEstimate",
    "Validation",
    "WeightsAndBiases",
    "example_ids",
]
