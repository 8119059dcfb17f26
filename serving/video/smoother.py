"""Fills short gaps in the tracks of a video and filters them, with a short view ahead instead of the whole video."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from posepile.cameras import Camera
from serving.frames import PosedFrame
from serving.predictor import People
from serving.video.distance import smoothed_distances
from serving.video.one_euro import OneEuro, backwards
from serving.video.tracker import KEPT_S

VIEW_S = 0.5  # the longest gap that is filled, and how far ahead the filter looks
ROUNDING_S = 1e-6  # of times
LEAST_SEEN = 3  # frames; whoever is seen in fewer is taken for a false alarm


@dataclass(frozen=True, eq=False)
class _Person:
    pose: np.ndarray  # [J, 3] mm, world
    box: np.ndarray  # [4] px
    score: float
    filled: bool = False


@dataclass(eq=False)
class _Pending:
    frame: PosedFrame
    people: dict[int, _Person]


@dataclass(eq=False)
class _History:
    """What is remembered of a track."""

    index: int = 0  # of the last frame with the person, counted from the first that was pushed
    seen: int = 0
    run: OneEuro = field(default_factory=OneEuro)
    past: deque[tuple[float, float]] = field(default_factory=deque)  # time s, distance mm, of the last VIEW_S


class Smoother:
    """Takes the frames of a video one by one and gives them back later, smoothed.

    Gaps of up to VIEW_S in a track are filled (straight lines for joints and box), tracks of fewer than
    LEAST_SEEN frames are dropped. Then people are moved along the line of sight to where the distances of VIEW_S
    around say that they are, which changes nothing in the picture, and joints are filtered in world space by a
    one-euro filter that runs backwards over the VIEW_S ahead, and then forwards. No more frames than those are held.

    Args:
        camera: of the video, which projects the filtered joints.
    """

    def __init__(self, camera: Camera):
        self._camera = camera
        self._pending: deque[_Pending] = deque()
        self._tracks: dict[int, _History] = {}
        self._pushed = 0

    def push(self, frame: PosedFrame) -> Iterator[PosedFrame]:
        """Takes the next frame, with ids; yields those, smoothed, that need wait no longer."""
        people = {
            int(i): _Person(pose, box, float(score))
            for i, pose, box, score in zip(
                frame.ids, frame.people.joints3d, frame.people.boxes, frame.people.scores, strict=True
            )
        }
        self._pending.append(_Pending(frame, people))
        for i in people:
            self._see(i)
        self._pushed += 1
        while frame.time_s - self._pending[0].frame.time_s > VIEW_S + ROUNDING_S:
            yield self._finished(self._pending.popleft())

    def finish(self) -> Iterator[PosedFrame]:
        """Yields the last frames, after the end of the video."""
        while self._pending:
            yield self._finished(self._pending.popleft())

    def _see(self, i: int) -> None:
        track = self._tracks.setdefault(i, _History())
        missed = self._pushed - track.index - 1 if track.seen else 0
        if 0 < missed <= len(self._pending) - 2:  # the frame before the gap is still here
            _fill(i, list(self._pending)[-missed - 2 :])
        track.index, track.seen = self._pushed, track.seen + 1

    def _finished(self, done: _Pending) -> PosedFrame:
        frame = done.frame
        least = min(LEAST_SEEN, self._pushed)  # a video may be shorter
        people = {i: p for i, p in sorted(done.people.items()) if self._tracks[i].seen >= least}
        poses = [self._filtered(i, frame.time_s, person) for i, person in people.items()]
        self._forget(frame.time_s)
        joints3d = np.stack(poses) if poses else frame.people.joints3d[:0]
        boxes = np.array([person.box for person in people.values()]).reshape(-1, 4)
        scores = np.array([person.score for person in people.values()])
        return replace(
            frame,
            people=People(boxes, joints3d, self._camera.world_to_image(joints3d), scores),
            ids=np.array([*people], int),
            filled=np.array([person.filled for person in people.values()], bool),
        )

    def _filtered(self, i: int, time_s: float, person: _Person) -> np.ndarray:
        run = self._tracks[i].run
        if run.time_s is not None and time_s - run.time_s > VIEW_S + ROUNDING_S:
            run = self._tracks[i].run = OneEuro()  # after a gap that could not be filled
        times, poses = [time_s], [person.pose]
        for pending in self._pending:
            if i not in pending.people:
                break
            times.append(pending.frame.time_s)
            poses.append(pending.people[i].pose)
        poses = self._steadied(self._tracks[i].past, times, np.stack(poses))
        if run.time_s is None:
            return run(time_s, poses[0])  # as it is: led by the backward filter it would stay ahead
        return run(time_s, backwards(times, poses))

    def _steadied(
        self, past: deque[tuple[float, float]], times: list[float], poses: np.ndarray
    ) -> np.ndarray:
        """Poses [n, J, 3] of these times at smoothed distances from the camera; the first one joins the past."""
        while past and times[0] - past[0][0] > VIEW_S + ROUNDING_S:
            past.popleft()
        from_camera = poses - self._camera.position
        distances = np.linalg.norm(from_camera.mean(axis=1), axis=-1)
        known = np.array([*past, *zip(times, distances, strict=True)])
        past.append((times[0], distances[0]))
        smoothed = smoothed_distances(known[:, 0], known[:, 1], VIEW_S)[-len(times) :]
        return self._camera.position + from_camera * (smoothed / distances)[:, np.newaxis, np.newaxis]

    def _forget(self, time_s: float) -> None:
        """Drops tracks that have ended, and that no pending frame shows."""
        held = set().union(*(pending.people for pending in self._pending))
        for i in [i for i in self._tracks if i not in held]:
            last = self._tracks[i].run.time_s
            if last is None or time_s - last > KEPT_S:
                del self._tracks[i]


def _fill(i: int, frames: list[_Pending]) -> None:
    """Puts person i, who is in the first and the last of the frames, into those between."""
    before, after = frames[0], frames[-1]
    a, b = before.people[i], after.people[i]
    start, end = before.frame.time_s, after.frame.time_s
    for between in frames[1:-1]:
        share = (between.frame.time_s - start) / (end - start)
        between.people[i] = _Person(
            pose=a.pose + share * (b.pose - a.pose),
            box=a.box + share * (b.box - a.box),
            score=min(a.score, b.score),
            filled=True,
        )
