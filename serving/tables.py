"""All poses of a run as one table: CSV for spreadsheets, npz for NumPy. Read row by row from the disk."""

import csv
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from serving.predictor import JointChoice

CHUNK = 1000  # rows in memory at a time


def write_csv(path: Path, rows: np.ndarray, inputs: Sequence[str], choice: JointChoice) -> None:
    """One line a person and frame: input, frame, …, then x, y, z (mm) and u, v (px) of each joint.

    Args:
        rows: as in serving/rows.py.
        inputs: their names; `input` of a row counts them.
        choice: the joints.
    """
    head = ["input", "frame", "time_s", "id", "filled", "score", "x", "y", "width", "height"]
    head += [f"{joint}_{axis}" for joint in choice.joints for axis in "xyzuv"]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for row in (row for chunk in _chunks(rows) for row in chunk):
            joints = np.concatenate([row["joints3d"], row["joints2d"]], axis=1).ravel()
            facts = [inputs[row["input"]], row["frame"], *_rounded([row["time_s"]], 4), row["id"]]
            facts += [int(row["filled"]), *_rounded([row["score"]], 4)]
            writer.writerow([*facts, *_rounded(row["box"], 2), *_rounded(joints, 2)])


def write_npz(path: Path, rows: np.ndarray, inputs: Sequence[str], choice: JointChoice) -> None:
    """The fields of the rows as arrays of the same length, and inputs, joint_names [J], joint_edges [E, 2].

    Arguments as in `write_csv`. np.savez would take a copy of each array into memory.
    """
    facts = {
        "inputs": np.array(inputs, str),
        "joint_names": np.array(choice.joints, str),
        "joint_edges": np.array(choice.edges, np.int32).reshape(-1, 2),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, values in facts.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, values, allow_pickle=False)
        for name in rows.dtype.names:
            _write_field(archive, name, rows)


def _write_field(archive: zipfile.ZipFile, name: str, rows: np.ndarray) -> None:
    field = rows.dtype[name]
    header = {
        "descr": np.lib.format.dtype_to_descr(field.base),
        "fortran_order": False,
        "shape": (len(rows), *field.shape),
    }
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_2_0(file, header)
        for chunk in _chunks(rows):
            file.write(np.ascontiguousarray(chunk[name]).tobytes())


def _chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), CHUNK):
        yield np.array(rows[start : start + CHUNK])


def _rounded(values, digits: int) -> list[float | None]:
    """What has no value is an empty cell."""
    return [round(float(value), digits) if np.isfinite(value) else None for value in values]
