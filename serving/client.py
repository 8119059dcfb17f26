"""People in photos, found by a model that runs elsewhere in TensorFlow Serving.

Needs NumPy; gRPC needs grpcio and protobuf.

    with Client("http://localhost:8501") as client:  # or grpc://localhost:8500
        [people] = client.detect_poses(["photo.jpg"], skeleton="h36m_17")
    people["poses3d"]  # [M, 17, 3] mm

docs/server.md has the rest.
Source: serving sheet, sections 1 and 7.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posepile.names import unknown_name
from serving.parameter_table import AVERAGED, OF_DETECTION, OF_ESTIMATION, PARAMETERS
from serving.transports import NotAvailableError, WrongAnswerError, connect

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
JPEG_QUALITY = 95
Image = str | Path | bytes | np.ndarray
People = dict[str, np.ndarray]


class Client:
    """Calls one model on a server.

    Methods raise, besides the errors of `serving.transports` (all of them ServerErrors): OSError for files that
    cannot be read, TypeError or ValueError for arguments that no server could use.

    Args:
        server: http://host:8501 (REST), https://… through a proxy, or grpc://host:8500, which sends less.
        model: its name on the server.
        version: its number, or a label that the server's configuration gives; None: the latest.
        timeout_s: how long to wait for an answer. The server itself gives up a REST call after 30 s, unless it is
            started otherwise.
    """

    def __init__(
        self, server: str, model: str = "pose", version: int | str | None = None, timeout_s: float = 60
    ):
        self.server, self.model = server, model
        self._transport = connect(server, model, version, timeout_s)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._transport.close()

    def detect_poses(self, images: Sequence[Image], **parameters: Any) -> list[People]:
        """Finds the people of some images, and their poses.

        Args:
            images: of one size in px: paths of JPEG or PNG files, their bytes, or [H, W, 3] uint8 RGB, which is sent
                as JPEG. An EXIF rotation is ignored.
            parameters: the arguments of `detect_poses_batched` in docs/model.md, except average_aug. One camera
                may stand for all images: intrinsic_matrix [3, 3] or [N, 3, 3].

        Returns:
            For each image boxes [M, 5]: x, y, width, height in px, score, best first; poses3d [M, J, 3] mm;
            poses2d [M, J, 2] px. All float32.
        """
        inputs = {"image_bytes": _files(images)}
        inputs |= _arrays(parameters, (*OF_ESTIMATION, *OF_DETECTION))
        return self._people("serving_default", inputs, {"boxes": (5,)})

    def estimate_poses(
        self, images: Sequence[Image], boxes: Sequence[np.ndarray], **parameters: Any
    ) -> list[People]:
        """Poses of the people in given boxes.

        Args:
            images, parameters: as for `detect_poses`, without the parameters of detection.
            boxes: for each image [M, 4]: x, y, width, height in px.

        Returns:
            For each image poses3d [M, J, 3] mm and poses2d [M, J, 2] px, in the order of the boxes; NaN where a
            box shows nothing.
        """
        inputs = {"image_bytes": _files(images)}
        inputs |= _padded(boxes, len(images)) | _arrays(parameters, OF_ESTIMATION)
        return self._people("estimate_poses_bytes", inputs, {})

    def skeleton(self, name: str = "") -> tuple[list[str], np.ndarray]:
        """The names [J] of a skeleton's joints, and its edges [E, 2] as index pairs; "": all joints of the model."""
        found = self._transport.predict("metadata", _arrays({"skeleton": name}, ("skeleton",)))
        names, edges = (self._output(found, key) for key in ("joint_names", "joint_edges"))
        texts = [text.decode() if isinstance(text, bytes) else str(text) for text in names.tolist()]
        return texts, edges.astype(np.int32).reshape(-1, 2)

    def check(self) -> None:
        """Raises ServerError unless the model is there and ready."""
        states = self._transport.versions()
        if not any(version.state == "AVAILABLE" for version in states):
            seen = ", ".join(f"version {v.number} is {v.state} {v.error}".strip() for v in states)
            raise NotAvailableError(
                f"{self.server}: model {self.model!r} is not ready ({seen or 'no version'})"
            )

    def _people(self, signature: str, inputs: dict[str, np.ndarray], shapes: dict) -> list[People]:
        found = self._transport.predict(signature, inputs)
        n = len(inputs["image_bytes"])
        counts = self._output(found, "num_detections", n).astype(np.int64)
        poses = self._output(found, "poses3d")
        if poses.ndim == 4:
            joints = poses.shape[2]
        else:  # JSON cannot say how wide an empty array is
            joints = len(self.skeleton(inputs["skeleton"].item().decode())[0])
        most, shapes = counts.max(), shapes | {"poses3d": (joints, 3), "poses2d": (joints, 2)}
        if most:
            arrays = {key: self._output(found, key, n, most, *shape) for key, shape in shapes.items()}
        else:
            arrays = {key: np.zeros((n, 0, *shape)) for key, shape in shapes.items()}
        return [
            {key: array[i, :count].astype(np.float32) for key, array in arrays.items()}
            for i, count in enumerate(counts)
        ]

    def _output(self, found: dict[str, np.ndarray], key: str, *shape: int) -> np.ndarray:
        """An array of an answer; its shape is checked where one is given."""
        if key not in found:
            raise WrongAnswerError(f"{self.server}: no {key} in the answer, but {sorted(found)}")
        if shape and found[key].shape != shape:
            raise WrongAnswerError(
                f"{self.server}: {key} is {list(found[key].shape)} in the answer, expected {list(shape)}"
            )
        return found[key]


def _files(images: Sequence[Image]) -> np.ndarray:
    """[N] bytes of JPEG and PNG files."""
    if isinstance(images, Image) or not images:
        raise TypeError(f"images: expected a list of at least one image, got {str(images)[:60]!r}")
    return np.array([_file(image) for image in images], object)


def _file(image: Image) -> bytes:
    if isinstance(image, np.ndarray):
        return _as_jpeg(image)
    name, content = ("bytes", image) if isinstance(image, bytes) else (image, Path(image).read_bytes())
    if not content.startswith((JPEG, PNG)):
        raise ValueError(f"images: {name}: neither a JPEG nor a PNG file")
    return content


def _as_jpeg(image: np.ndarray) -> bytes:
    import cv2  # for arrays alone

    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"images: {image.dtype} {list(image.shape)}, expected uint8 [height, width, 3]")
    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def _padded(boxes: Sequence[np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Boxes of different numbers as one array with at least a row, because JSON cannot say how wide no row is."""
    rows = [np.asarray(some if len(some) else np.zeros((0, 4)), np.float32) for some in boxes]
    if len(rows) != count:
        raise ValueError(f"boxes: those of {len(rows)} images, expected of {count}")
    wrong = [list(some.shape) for some in rows if some.ndim != 2 or some.shape[1] != 4]
    if wrong:
        raise ValueError(f"boxes: {wrong[0]}, expected [M, 4] for each image")
    padded = np.zeros((count, max(1, *map(len, rows)), 4), np.float32)
    for row, some in zip(padded, rows, strict=True):
        row[: len(some)] = some
    return {"boxes": padded, "num_boxes": np.array([len(some) for some in rows], np.int32)}


def _arrays(given: dict[str, Any], names: Sequence[str]) -> dict[str, np.ndarray]:
    """All the named parameters: a server fills in those that are left out over gRPC, but not over REST."""
    names = [name for name in names if name != AVERAGED]
    for name in given:
        if name not in names:
            raise unknown_name("argument", name, names)
    return {name: _array(name, given.get(name, PARAMETERS[name].default)) for name in names}


def _array(name: str, value: Any) -> np.ndarray:
    parameter = PARAMETERS[name]
    if parameter.dtype == "string":
        if not isinstance(value, str):
            raise TypeError(f"{name} is {value!r}, expected a text")
        return np.array(value.encode(), object)
    try:
        array = np.asarray(value)
        array = array.astype(parameter.dtype, casting="same_kind")
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} is {value!r}, expected {parameter.dtype}") from error
    if parameter.per_image and array.ndim == len(parameter.shape):
        array = array[np.newaxis]
    expected = parameter.shape_of(batched=True)
    if array.ndim != len(expected) or any(
        e not in (None, a) for a, e in zip(array.shape, expected, strict=True)
    ):
        shown = ["N" if size is None else size for size in expected]
        raise ValueError(f"{name} is {list(array.shape)}, expected {shown}")
    return array
