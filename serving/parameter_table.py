"""The optional arguments of the multi-person model: types, shapes and defaults in one table.

Needs no TensorFlow, so that clients of a server can use it.
Source: serving sheet, section 1.
"""

from dataclasses import dataclass
from typing import Any, Literal

UNKNOWN_INTRINSICS = ((-1.0, -1.0, -1.0),) * 3
IDENTITY = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
NO_DISTORTION = (0.0,) * 5


@dataclass(frozen=True)
class Parameter:
    """An optional argument: its type, its shape for one image, its default, and whether images differ in it."""

    dtype: Literal["float32", "int32", "bool", "string"]
    shape: tuple[int | None, ...]
    default: Any
    per_image: bool = False

    def shape_of(self, batched: bool) -> tuple[int | None, ...]:
        return (None, *self.shape) if batched and self.per_image else self.shape

    def default_of(self, batched: bool) -> Any:
        return (self.default,) if batched and self.per_image else self.default


PARAMETERS = {
    "intrinsic_matrix": Parameter("float32", (3, 3), UNKNOWN_INTRINSICS, per_image=True),
    "distortion_coeffs": Parameter("float32", (None,), NO_DISTORTION, per_image=True),
    "extrinsic_matrix": Parameter("float32", (4, 4), IDENTITY, per_image=True),
    "world_up_vector": Parameter("float32", (3,), (0.0, -1.0, 0.0)),
    "default_fov_degrees": Parameter("float32", (), 55.0),
    "internal_batch_size": Parameter("int32", (), 64),
    "antialias_factor": Parameter("int32", (), 1),
    "num_aug": Parameter("int32", (), 5),
    "average_aug": Parameter("bool", (), True),
    "skeleton": Parameter("string", (), ""),
    "detector_threshold": Parameter("float32", (), 0.3),
    "detector_nms_iou_threshold": Parameter("float32", (), 0.7),
    "max_detections": Parameter("int32", (), -1),
    "detector_flip_aug": Parameter("bool", (), False),
    "suppress_implausible_poses": Parameter("bool", (), True),
}
"""In the order of the methods' arguments."""
OF_DETECTION = tuple(PARAMETERS)[-5:]
OF_ESTIMATION = tuple(PARAMETERS)[:-5]
AVERAGED = "average_aug"
"""A server's signatures lack it, it is always true there: otherwise the results would have another rank."""
