"""poses.json, written frame by frame, so that a long video needs no memory.

    {"format_version": 1,
     "model": folder, "skeleton": name, "" for all joints of the model,
     "joint_names": [J], "joint_edges": [[a, b], …],
     "inputs": [{"path", "overlay": picture's file name, "width", "height" px, "fps": null for a photo,
                 "intrinsics": [3][3] px,
                 "frames": [{"people": [{"box": [x, y, width, height] px,
                                         "joints3d": [J][3] mm, camera frame (x right, y down, z forward),
                                         "joints2d": [J][2] px}]}]}],
     "failed": [{"path", "error"}]}

Numbers are rounded to 0.01; what has no value is null (a joint behind the camera has no pixel). An input that
failed half-way is in both lists, with the frames before. Keys are only ever added while format_version stays.
"""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from serving.predictor import JointChoice, People

FORMAT_VERSION = 1


class PosesFile:
    """Writes one poses.json; a context manager. The file has its name when it is complete.

    Attributes:
        inputs: what was written, in short: [{"path", "overlay", "frames": count, "poses": count}].
        failed: [{"path", "error"}].
        path, partial: the file, and what it is called until (or if never) complete.
    """

    def __init__(self, path: Path, model: Path, skeleton: str, choice: JointChoice):
        self.path = path
        self.partial = path.with_name(path.name + ".unfinished")
        self.inputs: list[dict[str, Any]] = []
        self.failed: list[dict[str, str]] = []
        self._header = {
            "format_version": FORMAT_VERSION,
            "model": str(model),
            "skeleton": skeleton,
            "joint_names": list(choice.joints),
            "joint_edges": [list(edge) for edge in choice.edges],
        }

    def __enter__(self) -> "PosesFile":
        self._file = open(self.partial, "w")
        self._file.write(_json(self._header)[:-1] + ',\n"inputs": [')
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._file.write(f'],\n"failed": {_json(self.failed)}}}\n')
        self._file.close()
        if kind is None:
            self.partial.replace(self.path)

    @contextmanager
    def input(self, facts: dict[str, Any]) -> Iterator[Callable[[People], None]]:
        """Starts a photo or video; `facts` are all but its frames. Yields a function that adds a frame."""
        count = {"frames": 0, "poses": 0}

        def add(people: People) -> None:
            self._file.write((",\n" if count["frames"] else "\n") + _json({"people": _people(people)}))
            count["frames"] += 1
            count["poses"] += len(people.boxes)

        self._file.write((",\n" if self.inputs else "\n") + _json(facts)[:-1] + ', "frames": [')
        self.inputs.append({"path": facts["path"], "overlay": facts["overlay"]})
        try:
            yield add
        finally:
            self._file.write("]}")
            self.inputs[-1] |= count

    def fail(self, path: Path, error: str) -> None:
        """Notes that an input could not be read to its end."""
        self.failed.append({"path": str(path), "error": error})


def _people(people: People) -> list[dict[str, Any]]:
    return [
        {"box": box.round(2).tolist(), "joints3d": _numbers(pose), "joints2d": _numbers(points)}
        for box, pose, points in zip(people.boxes, people.joints3d, people.joints2d, strict=True)
    ]


def _numbers(rows: np.ndarray) -> list[list[float | None]]:
    rounded = np.asarray(rows, np.float64).round(2).tolist()
    return [[value if math.isfinite(value) else None for value in row] for row in rounded]


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
