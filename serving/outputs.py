"""Everything that `dozens pose` writes of the poses: poses.json, pictures, tables and motions."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from serving.frames import PosedFrame
from serving.overlay import Painter
from serving.poses_file import PosesFile
from serving.predictor import JointChoice
from serving.rows import RowsFile
from serving.tables import write_csv, write_npz
from serving.video.bvh import write_bvh
from serving.video.c3d import MOST_FRAMES, write_c3d
from serving.video.motion import Motion, motions

Format = Literal["csv", "npz", "bvh", "c3d"]


class Outputs:
    """Writes into a folder; a context manager. Frames go to the disk as they come.

    Args:
        folder: exists.
        answered, drawn: the joints that are written, and those in the pictures.
        facts: about all of poses.json, see there.
        formats: what is wanted besides poses.json.

    Attributes:
        poses: the file poses.json.
    """

    def __init__(
        self,
        folder: Path,
        answered: JointChoice,
        drawn: JointChoice,
        facts: dict[str, Any],
        formats: Sequence[Format] = (),
    ):
        self.poses = PosesFile(folder / "poses.json", answered, facts)
        self._folder, self._formats = folder, formats
        self._answered, self._drawn = answered, drawn
        self._facts: list[dict[str, Any]] = []  # of each input that was begun
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Outputs":
        self._stack.enter_context(self.poses)
        joints = len(self._answered.joints)
        self._rows = self._stack.enter_context(RowsFile(self._folder, joints)) if self._formats else None
        return self

    def __exit__(self, *error) -> bool | None:
        return self._stack.__exit__(*error)

    @contextlib.contextmanager
    def input(self, facts: dict[str, Any]) -> Iterator[Callable[[PosedFrame], np.ndarray]]:
        """Starts a photo or video. Yields a function that adds a frame and gives its picture."""
        number, painter = len(self._facts), Painter(self._drawn)
        self._facts.append(facts)
        with self.poses.input(facts) as add_to_poses:

            def add(frame: PosedFrame) -> np.ndarray:
                answer = frame.take(self._answered.columns)
                add_to_poses(answer)
                if self._rows is not None:
                    self._rows.add(number, answer)
                return painter.draw(frame.take(self._drawn.columns))

            yield add

    def write_formats(self) -> list[Path]:
        """Writes the other files, when all inputs are done: poses.csv, poses.npz, a .bvh and .c3d a person and video.

        Gives their paths.
        """
        written = []
        if self._rows is None:
            return written
        rows, names = self._rows.rows(), [facts["path"] for facts in self._facts]
        for name, write_table in (("csv", write_csv), ("npz", write_npz)):
            if name in self._formats:
                written.append(self._folder / f"poses.{name}")
                write_table(written[-1], rows, names, self._answered)
        if {"bvh", "c3d"}.intersection(self._formats):
            for (number, person), motion in motions(rows).items():
                written += self._write_motion(self._facts[number], person, motion)
        return written

    def _write_motion(self, facts: dict[str, Any], person: int, motion: Motion) -> list[Path]:
        stem, fps = f"{Path(facts['overlay']).stem}_person{person}", facts["fps"]
        joints, written = self._answered.joints, []
        if "bvh" in self._formats:
            written.append(self._folder / f"{stem}.bvh")
            write_bvh(written[-1], joints, self._answered.edges, motion, fps)
        if "c3d" in self._formats:
            for i, part in enumerate(motion.parts(MOST_FRAMES), start=1):
                tail = f"_part{i}" if i > 1 else ""
                written.append(self._folder / f"{stem}{tail}.c3d")
                blocks = part.blocks(interpolated=False)
                write_c3d(written[-1], joints, blocks, part.count, fps, part.first)
        return written
