"""poses.json, written frame by frame, so that a long video needs no memory.

    {"format_version": 1,
     "model": folder, "skeleton": name, "" for all joints of the model,
     "detector": name, null where boxes were given, "raw": whether videos are unfiltered,
     "joint_names": [J], "joint_edges": [[a, b], …],
     "inputs": [{"path", "overlay": picture's file name, "width", "height" px, "fps": null for a photo,
                 "intrinsics": [3][3] px, "exif_orientation": 1 to 8, as a photo was turned by it,
                 "frames": [{"index": at the rate `fps`, "time_s": since the start, null for a photo,
                             "people": [{"id": the same in all frames, null in photos, "score": 0 to 1,
                                         "filled": whether nobody was found and the pose is interpolated,
                                         "box": [x, y, width, height] px,
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

from serving.frames import NOBODY, PosedFrame
from serving.predictor import JointChoice

FORMAT_VERSION = 1


class PosesFile:
    """Writes one poses.json; a context manager. The file has its name when it is complete.

    Attributes:
        inputs: what was written, in short: [{"path", "overlay", "exif_orientation" of a photo, "frames", "poses",
            "people": counted}].
        failed: [{"path", "error"}].
        path, partial: the file, and what it is called until (or if never) complete.
    """

    def __init__(self, path: Path, choice: JointChoice, facts: dict[str, Any]):
        self.path = path
        self.partial = path.with_name(path.name + ".unfinished")
        self.inputs: list[dict[str, Any]] = []
        self.failed: list[dict[str, str]] = []
        self._header = {
            "format_version": FORMAT_VERSION,
            **facts,
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
    def input(self, facts: dict[str, Any]) -> Iterator[Callable[[PosedFrame], None]]:
        """Starts a photo or video; `facts` are all but its frames. Yields a function that adds a frame."""
        count, ids = {"frames": 0, "poses": 0}, set()

        def add(frame: PosedFrame) -> None:
            self._file.write((",\n" if count["frames"] else "\n") + _json(_frame(frame)))
            count["frames"] += 1
            count["poses"] += len(frame.ids)
            ids.update(frame.ids.tolist())

        self._file.write((",\n" if self.inputs else "\n") + _json(facts)[:-1] + ', "frames": [')
        shown = ("path", "overlay", "exif_orientation")
        self.inputs.append({key: facts[key] for key in shown if key in facts})
        try:
            yield add
        finally:
            self._file.write("]}")
            people = count["poses"] if NOBODY in ids else len(ids)
            self.inputs[-1] |= count | {"people": people}

    def fail(self, path: Path, error: str) -> None:
        """Notes that an input could not be read to its end."""
        self.failed.append({"path": str(path), "error": error})


def _frame(frame: PosedFrame) -> dict[str, Any]:
    time_s = None if frame.time_s is None else round(frame.time_s, 4)
    return {
        "index": frame.index,
        "time_s": time_s,
        "people": [_person(frame, i) for i in range(len(frame.ids))],
    }


def _person(frame: PosedFrame, i: int) -> dict[str, Any]:
    number = int(frame.ids[i])
    return {
        "id": None if number == NOBODY else number,
        "score": round(float(frame.people.scores[i]), 4),
        "filled": bool(frame.filled[i]),
        "box": frame.people.boxes[i].round(2).tolist(),
        "joints3d": _numbers(frame.people.joints3d[i]),
        "joints2d": _numbers(frame.people.joints2d[i]),
    }


def _numbers(rows: np.ndarray) -> list[list[float | None]]:
    rounded = np.asarray(rows, np.float64).round(2).tolist()
    return [[value if math.isfinite(value) else None for value in row] for row in rounded]


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
