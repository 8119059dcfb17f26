"""Which person in this frame is which one in the last: an assignment by place in space and by box."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from posepile import boxes as geometry

KEPT_S = 1.0  # a person unseen for longer is a new one afterwards
REACH_MM, REACH_MM_PER_S = 400.0, 4000.0  # how far from where they are expected a person can be
OVERLAP = 0.3  # of the boxes; enough alone, because depth is what a single camera sees worst
VELOCITY_S = 0.3  # time constant of a track's velocity; shorter follows noise
FORBIDDEN = 1e3  # cost; far above any sum of allowed ones


@dataclass(eq=False)
class _Track:
    id: int
    time_s: float
    pose: np.ndarray  # [J, 3] mm
    box: np.ndarray  # [4] px
    velocity: np.ndarray  # [3] mm/s, of the mean joint
    box_velocity: np.ndarray  # [2] px/s, of the centre

    def expected(self, time_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Pose and box where the velocity leads until then."""
        elapsed = time_s - self.time_s
        box = self.box.copy()
        box[:2] += self.box_velocity * elapsed
        return self.pose + self.velocity * elapsed, box

    def update(self, time_s: float, pose: np.ndarray, box: np.ndarray) -> None:
        elapsed = time_s - self.time_s
        share = elapsed / (elapsed + VELOCITY_S)
        moved = np.nanmean(pose, axis=0) - np.nanmean(self.pose, axis=0)
        box_moved = geometry.centre(box) - geometry.centre(self.box)
        self.velocity += share * (moved / elapsed - self.velocity)
        self.box_velocity += share * (box_moved / elapsed - self.box_velocity)
        self.time_s, self.pose, self.box = time_s, pose, box


class Tracker:
    """Gives ids 1, 2, … to the people of successive frames.

    A person goes on as the track that they fit best, all people together (Hungarian method); the cost is the
    distance from the expected pose, as a share of what is possible, plus 1 - IoU with the expected box. Who
    is out of reach and hardly overlaps is no candidate. Who fits no track begins one; a track ends when it was
    not seen for KEPT_S.
    """

    def __init__(self):
        self._tracks: list[_Track] = []
        self._count = 0

    def assign(self, time_s: float, poses: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Ids [M] of the people of a frame.

        Args:
            time_s: later than that of the frame before.
            poses: [M, J, 3] mm, world; NaN joints do not count.
            boxes: [M, 4] px.
        """
        self._tracks = [track for track in self._tracks if time_s - track.time_s <= KEPT_S]
        ids = np.zeros(len(poses), int)
        for person, track in self._matches(time_s, poses, boxes):
            track.update(time_s, poses[person], boxes[person])
            ids[person] = track.id
        for person in np.flatnonzero(ids == 0):
            self._count += 1
            ids[person] = self._count
            still = np.zeros(3), np.zeros(2)
            self._tracks.append(_Track(self._count, time_s, poses[person], boxes[person], *still))
        return ids

    def _matches(self, time_s: float, poses: np.ndarray, boxes: np.ndarray):
        """Pairs of a person's row and their track."""
        if not self._tracks or not len(poses):
            return []
        expected = [track.expected(time_s) for track in self._tracks]
        distance = np.stack([_distance(poses, pose) for pose, _ in expected], axis=1)  # [M, tracks]
        overlap = np.stack([geometry.iou(boxes, box) for _, box in expected], axis=1)
        unseen = np.array([time_s - track.time_s for track in self._tracks])
        remote = distance / (REACH_MM + REACH_MM_PER_S * unseen)
        allowed = (remote < 1) | (overlap > OVERLAP)
        cost = np.where(allowed, np.minimum(remote, 1) + 1 - overlap, FORBIDDEN)
        rows, columns = linear_sum_assignment(cost)
        return [(i, self._tracks[j]) for i, j in zip(rows, columns, strict=True) if allowed[i, j]]


def _distance(poses: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Mean joint distance [M] of poses [M, J, 3] from one [J, 3]; infinite without a common joint."""
    joints = np.linalg.norm(poses - pose, axis=-1)
    common = np.isfinite(joints)
    total = np.where(common, joints, 0).sum(axis=1)
    return np.where(common.any(axis=1), total / np.maximum(common.sum(axis=1), 1), np.inf)
