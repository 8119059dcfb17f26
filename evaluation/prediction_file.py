"""Prediction files: poses of images, named by the images' paths and the joints' names, read without loading them.

A file is .npz or .h5, rows in any order, one row a person:

    image_path              [N] str or bytes   as the benchmark names its images; "image_id" and "key" serve as well
    coords3d_pred_world     [N, J, 3]          mm, the world of the benchmark
    coords3d_pred_cam       [N, J, 3]          mm, the camera's frame; one of the two is enough
    joint_names             [J] str            absent: the benchmark's own order is assumed, and said loudly
    person_id, score, box   [N], [N], [N, 4]   optional
    poses                   [N, J, 3]          optional: mm, the frame of a camera turned to the person
    meta                    str                optional JSON: model, skeleton, num_aug, ...

Source: evaluation sheet, section 4.
"""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

NAME_FIELDS = ("image_path", "image_id", "key")
POSE_FIELDS = ("coords3d_pred_world", "coords3d_pred_cam")
POSE_SHAPED = (*POSE_FIELDS, "poses")
OPTIONAL_FIELDS = ("person_id", "score", "box")
CHUNK = 1 << 16  # rows of names at once
COPY_ROWS = 1 << 14
LOCAL_HEADER = 30  # bytes of a zip member's header before its name


class PredictionError(ValueError):
    """A prediction file that does not fit the test set; names file, field and what is wrong."""


class PredictionFile:
    """Predictions of N people; the poses stay in the file until they are asked for.

    Attributes:
        path: for messages.
        names: [N] bytes, the image of each row.
        joint_names: [J], or None.
        meta: what the writer said about the model.
        arrays: the per-row fields, array-like [N, ...], unread.

    Raises PredictionError for shapes that do not fit.
    """

    def __init__(
        self,
        path: str | Path,
        names: np.ndarray,
        arrays: Mapping[str, Any],
        joint_names: Sequence[str] | None = None,
        meta: Mapping[str, Any] | None = None,
    ):
        self.path = str(path)
        self.names = names
        self.arrays = dict(arrays)
        self.joint_names = None if joint_names is None else tuple(joint_names)
        self.meta = dict(meta or {})
        if not any(field in self.arrays for field in POSE_FIELDS):
            has = ", ".join(arrays) or "nothing"
            raise PredictionError(f"{path}: neither {' nor '.join(map(repr, POSE_FIELDS))}; it has {has}")
        for field in sorted({*POSE_SHAPED, *OPTIONAL_FIELDS} & set(self.arrays)):
            self._check(field, tuple(self.arrays[field].shape))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def n_joints(self) -> int:
        return next(self.arrays[field].shape[1] for field in POSE_FIELDS if field in self.arrays)

    @property
    def pose_field(self) -> str:
        """The field that is scored: world coordinates where there are some."""
        return next(field for field in POSE_FIELDS if field in self.arrays)

    def rows_of(self, names: Sequence[str]) -> np.ndarray:
        """[n] the first row of each image, -1 where there is none."""
        wanted = np.array([name.encode() for name in names] or [b""])
        width = self.names.dtype.itemsize
        fits = np.char.str_len(wanted) <= width
        wanted = wanted.astype(self._sorted.dtype)  # the same width, else all names would be copied
        place = np.minimum(np.searchsorted(self._sorted, wanted), max(0, len(self) - 1))
        if not len(self):
            return np.full(len(names), -1)
        found = (self._sorted[place] == wanted) & fits
        return np.where(found, self._order[place], -1)[: len(names)]

    def all_rows_of(self, name: str) -> np.ndarray:
        """[n] every row of one image, in the file's order."""
        wanted = np.array([name.encode()])
        if wanted.dtype.itemsize > self.names.dtype.itemsize:
            return np.empty(0, np.int64)
        wanted = wanted.astype(self._sorted.dtype)
        first, end = (int(np.searchsorted(self._sorted, wanted, side)[0]) for side in ("left", "right"))
        return self._order[first:end]

    def repeated(self) -> list[str]:
        """The images that have more than one row."""
        return [name.decode() for name in np.unique(self._sorted[1:][self._sorted[1:] == self._sorted[:-1]])]

    def poses(self, rows: np.ndarray, field: str | None = None) -> np.ndarray:
        """[n, J, 3] float64 mm of the given rows; NaN where a row is -1."""
        return self.read(field or self.pose_field, rows)

    def read(self, field: str, rows: np.ndarray) -> np.ndarray:
        """[n, ...] float64 of a per-row field; NaN where a row is -1."""
        rows, array = np.asarray(rows), self.arrays[field]
        if not isinstance(array, np.ndarray):  # .h5 is slow at rows in random order
            array = self.arrays[field] = _copied_to_a_mapped_file(array)
        result = np.full((len(rows), *array.shape[1:]), np.nan)
        result[rows >= 0] = array[rows[rows >= 0]]
        return result

    @cached_property
    def _order(self) -> np.ndarray:
        return np.argsort(self.names, kind="stable")

    @cached_property
    def _sorted(self) -> np.ndarray:
        return self.names[self._order]

    def _check(self, field: str, shape: tuple[int, ...]) -> None:
        expected: tuple[int | None, ...] = (len(self.names),)
        if field in POSE_SHAPED:
            expected += (None if self.joint_names is None else len(self.joint_names), 3)
        fits = len(shape) >= len(expected) and all(
            n in (None, m) for n, m in zip(expected, shape, strict=False)
        )
        if not fits or (field in POSE_SHAPED and len(shape) != 3):
            wanted = ["any" if n is None else n for n in expected]
            raise PredictionError(f"{self.path}: {field!r} has shape {list(shape)}, expected {wanted}")


def open_predictions(path: str | Path) -> PredictionFile:
    """Opens a prediction file (.npz, .h5, .hdf5). Raises PredictionError, which names file and field, or OSError."""
    path = Path(path)
    fields = _open_h5(path) if path.suffix in (".h5", ".hdf5") else _open_npz(path)
    field = next((name for name in NAME_FIELDS if name in fields), None)
    if field is None:
        raise PredictionError(
            f"{path}: field 'image_path' is missing; it has {', '.join(fields) or 'no field'}"
        )
    joint_names = fields.pop("joint_names", None)
    meta = fields.pop("meta", None)
    names = _as_bytes(path, field, fields.pop(field))
    for other in NAME_FIELDS:
        fields.pop(other, None)
    return PredictionFile(
        path=path,
        names=names,
        arrays={name: array for name, array in fields.items() if array.shape},
        joint_names=None if joint_names is None else _as_bytes(path, "joint_names", joint_names).astype(str),
        meta=_meta(path, meta),
    )


def _meta(path: Path, value: Any) -> dict:
    if value is None:
        return {}
    text = value[()]
    try:
        meta = json.loads(text.decode() if isinstance(text, bytes) else str(text))
    except ValueError as error:
        raise PredictionError(f"{path}: 'meta' is not JSON: {error}") from error
    return meta if isinstance(meta, dict) else {"meta": meta}


def _as_bytes(path: Path, field: str, array: Any) -> np.ndarray:
    """[N] bytes of strings or bytes, read in pieces."""
    if len(array.shape) != 1:
        raise PredictionError(f"{path}: {field!r} has shape {list(array.shape)}, expected one axis")
    parts = [np.empty(0, "S1")]
    for start in range(0, array.shape[0], CHUNK):
        part = np.asarray(array[start : start + CHUNK])
        if part.dtype.kind == "O":
            part = np.array([x if isinstance(x, bytes) else str(x).encode() for x in part])
        elif part.dtype.kind in "iu":  # image_id may be numbers
            part = part.astype(str)
        if part.dtype.kind == "U":
            part = np.char.encode(part, "utf-8")
        if part.dtype.kind != "S":
            raise PredictionError(f"{path}: {field!r} holds {part.dtype}, expected text")
        parts.append(part)
    return np.concatenate(parts)


def _open_h5(path: Path) -> dict[str, Any]:
    import h5py

    try:
        file = h5py.File(path)  # stays open as long as one of its fields is used
    except OSError as error:
        if not path.exists():
            raise
        raise PredictionError(f"{path}: not an .h5 file: {error}") from error
    return {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}


def _copied_to_a_mapped_file(array: Any) -> np.ndarray:
    if 0 in array.shape:
        return np.zeros(array.shape, array.dtype)
    with tempfile.TemporaryFile() as stream:
        for start in range(0, len(array), COPY_ROWS):
            stream.write(np.ascontiguousarray(array[start : start + COPY_ROWS]).tobytes())
        stream.flush()
        return np.memmap(stream, array.dtype, mode="r", shape=array.shape)


def _open_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            return {info.filename.removesuffix(".npy"): _mapped(path, archive, info) for info in members}
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        raise PredictionError(f"{path}: not an .npz file of plain arrays: {error}") from error


def _mapped(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """A member of an .npz as an array that is read when it is used; a compressed one from a temporary copy."""
    if info.compress_type == zipfile.ZIP_STORED:
        with path.open("rb") as stream:
            stream.seek(info.header_offset)
            header = stream.read(LOCAL_HEADER)
            name_length, extra_length = (int.from_bytes(header[i : i + 2], "little") for i in (26, 28))
            stream.seek(info.header_offset + LOCAL_HEADER + name_length + extra_length)
            return _map(stream, info.filename)
    with tempfile.TemporaryFile() as stream:
        with archive.open(info) as source:
            shutil.copyfileobj(source, stream, 1 << 24)
        stream.seek(0)
        return _map(stream, info.filename)


def _map(stream: BinaryIO, name: str) -> np.ndarray:
    """The .npy that starts here; the mapping outlives the stream."""
    version = np.lib.format.read_magic(stream)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise ValueError(f"{name} is an .npy of version {version}")
    shape, is_fortran, dtype = read_header(stream)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects")
    if 0 in shape or dtype.itemsize == 0:
        return np.zeros(shape, dtype)
    order = "F" if is_fortran else "C"
    mapped = np.memmap(stream, dtype, mode="r", offset=stream.tell(), shape=shape or (1,), order=order)
    return mapped.reshape(shape)
