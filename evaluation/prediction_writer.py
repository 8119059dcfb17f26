"""Writes prediction files piece by piece, while a model predicts; nothing but one piece is in memory."""

import json
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

ROWS = 1024  # of an .h5 chunk
BLOCK = 1 << 16  # rows of names at once


class PredictionWriter:
    """A context manager: the file gets its name when the block ends without an error.

    path: .h5 or .npz. meta: any JSON object: the model, its hash, num_aug, ...
    """

    def __init__(self, path: str | Path, joint_names: Sequence[str], meta: Mapping[str, Any] | None = None):
        self._path = Path(path)
        self._part = self._path.with_name(f"{self._path.name}.part")
        self._n_joints = len(joint_names)
        text = json.dumps(dict(meta or {}), allow_nan=False)
        backends = {".h5": _H5, ".npz": _Npz}
        if self._path.suffix not in backends:
            raise ValueError(f"{path}: expected a name that ends in {' or '.join(backends)}")
        self._backend = backends[self._path.suffix](self._part, list(joint_names), text)

    def __enter__(self) -> "PredictionWriter":
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._backend.close(error is None)
        if error is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)

    def append(self, image_paths: Sequence[str], **fields: np.ndarray) -> None:
        """Adds n rows: coords3d_pred_world and/or coords3d_pred_cam [n, J, 3] mm; person_id, score, box.

        Every call has the same fields. Raises ValueError for shapes that do not fit.
        """
        fields = {name: np.asarray(value) for name, value in fields.items()}
        for name, value in fields.items():
            expected = (len(image_paths), *((self._n_joints, 3) if name.startswith("coords3d") else ()))
            if value.shape[: len(expected)] != expected:
                raise ValueError(f"{self._path}: {name!r} has shape {value.shape}, expected {expected}")
        self._backend.append([path.encode() for path in image_paths], fields)


class _H5:
    """Resizable data sets; opened by anything that reads HDF5."""

    def __init__(self, path: Path, joint_names: list[str], meta: str):
        import h5py

        self._file = h5py.File(path, "w")
        self._text = h5py.string_dtype()
        self._file.create_dataset("joint_names", data=joint_names, dtype=self._text)
        self._file.create_dataset("meta", data=meta, dtype=self._text)
        self._names = self._file.create_dataset(
            "image_path", (0,), self._text, maxshape=(None,), chunks=(ROWS,)
        )

    def append(self, names: list[bytes], fields: Mapping[str, np.ndarray]) -> None:
        start, end = len(self._names), len(self._names) + len(names)
        for name, value in fields.items():
            if name not in self._file:
                if start:
                    raise ValueError(f"field {name!r} was not in the first rows")
                rest = value.shape[1:]
                self._file.create_dataset(
                    name, (0, *rest), _stored(value), maxshape=(None, *rest), chunks=(ROWS, *rest)
                )
            self._file[name].resize(end, axis=0)
            self._file[name][start:end] = value
        self._names.resize(end, axis=0)
        self._names[start:end] = names

    def close(self, _complete: bool) -> None:
        self._file.close()


class _Npz:
    """Raw files that become the members of a zip at the end."""

    def __init__(self, path: Path, joint_names: list[str], meta: str):
        self._path, self._joint_names, self._meta = path, joint_names, meta
        self._names: list[np.ndarray] = []
        self._streams: dict[str, tuple[BinaryIO, np.dtype, tuple[int, ...]]] = {}

    def append(self, names: list[bytes], fields: Mapping[str, np.ndarray]) -> None:
        if not self._names:
            for name, value in fields.items():
                self._streams[name] = (tempfile.TemporaryFile(), np.dtype(_stored(value)), value.shape[1:])
        if set(fields) != set(self._streams):
            raise ValueError(
                f"fields are {sorted(fields)}, expected {sorted(self._streams)} as in the first rows"
            )
        self._names.append(np.array(names, dtype="S"))
        for name, value in fields.items():
            stream, dtype, _ = self._streams[name]
            stream.write(np.ascontiguousarray(value, dtype).tobytes())

    def close(self, complete: bool) -> None:
        if complete:
            names = np.concatenate(self._names) if self._names else np.empty(0, "S1")
            with zipfile.ZipFile(self._path, "w", allowZip64=True) as archive:
                _write_array(archive, "image_path", names)
                _write_array(archive, "joint_names", np.array(self._joint_names))
                _write_array(archive, "meta", np.array(self._meta))
                for name, (stream, dtype, rest) in self._streams.items():
                    stream.seek(0)
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        shape = (len(names), *rest)
                        descr = np.lib.format.dtype_to_descr(dtype)
                        header = {"descr": descr, "fortran_order": False, "shape": shape}
                        np.lib.format.write_array_header_1_0(member, header)
                        while block := stream.read(1 << 24):
                            member.write(block)
        for stream, _, _ in self._streams.values():
            stream.close()


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)


def _stored(value: np.ndarray) -> type:
    return np.float32 if value.dtype.kind == "f" else value.dtype
