"""DeepMimic motions (humanoid3d_*.txt), which the `pybullet` package ships under the MIT licence.

JSON {Loop, Frames}; a row is the frame's duration (s), root position (m, y up), root quaternion, then
chest, neck, and for the right side hip, knee, ankle, shoulder, elbow, and the same for the left: 8
quaternions (w, x, y, z) and 4 hinge angles (rad), 44 columns. The person faces +x with the right side at
+z; all rest frames have the world's axes.
"""

import json
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from posepile.synthetic.mocap.recording import Recording, to_global, to_positions

COLUMNS = 44
HINGE_AXIS = np.array([0.0, 0.0, 1.0])  # knees fold at negative, elbows at positive angles
# Offset from the parent's joint, m, after pybullet_data/humanoid/humanoid.urdf, which is four times as large.
JOINTS: dict[str, tuple[str, tuple[float, float, float]]] = {
    "root": ("", (0, 0, 0)),
    "chest": ("root", (0, 0.236151, 0)),
    "neck": ("chest", (0, 0.223894, 0)),
    "right_hip": ("root", (0, 0, 0.084887)),
    "right_knee": ("right_hip", (0, -0.421546, 0)),
    "right_ankle": ("right_knee", (0, -0.409870, 0)),
    "right_shoulder": ("chest", (-0.02405, 0.2435, 0.18311)),
    "right_elbow": ("right_shoulder", (0, -0.274788, 0)),
    "left_hip": ("root", (0, 0, -0.084887)),
    "left_knee": ("left_hip", (0, -0.421546, 0)),
    "left_ankle": ("left_knee", (0, -0.409870, 0)),
    "left_shoulder": ("chest", (-0.02405, 0.2435, -0.18311)),
    "left_elbow": ("left_shoulder", (0, -0.274788, 0)),
    "right_wrist": ("right_elbow", (0, -0.258947, 0)),
    "left_wrist": ("left_elbow", (0, -0.258947, 0)),
}
MOVING = tuple(JOINTS)[:-2]  # in the order of the columns; the wrists are fixed
SOLE = np.array([0.13, -0.055, 0.0])  # from the ankle to the ball of the foot, flat on the floor at rest


def read_deepmimic(path: Path) -> Recording:
    """Reads one motion; positions in metres.

    Raises:
        ValueError: naming the file, the field or frame, and the expectation.
    """
    frames = _read_frames(Path(path))
    joints = tuple(JOINTS)
    parents = tuple(joints.index(parent) if parent else -1 for parent, _ in JOINTS.values())
    rest = np.zeros((len(joints), 3))
    for i, (parent, (_, offset)) in enumerate(zip(parents, JOINTS.values(), strict=True)):
        rest[i] = np.array(offset) + (rest[parent] if parent >= 0 else 0)
    rotations = to_global(parents, _local_rotations(frames, joints))
    positions = to_positions(parents, rest, rotations, frames[:, 1:4])
    tips = {name: rest[joints.index(name)] + SOLE for name in ("left_ankle", "right_ankle")}
    fps = 1 / float(np.median(frames[:, 0]))
    return Recording(str(path), fps, joints, parents, rest, rotations, positions, tips)


def _read_frames(path: Path) -> np.ndarray:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f'{path}: not JSON ({error}), expected {{"Loop": …, "Frames": …}}') from None
    rows = content.get("Frames") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{path}: no 'Frames', expected a list of rows of {COLUMNS} numbers")
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != COLUMNS:
            found = len(row) if isinstance(row, list) else type(row).__name__
            raise ValueError(f"{path}: frame {i} of 'Frames' has {found} columns, expected {COLUMNS}")
    try:
        frames = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{path}: 'Frames' holds something else, expected numbers") from None
    if not np.isfinite(frames).all() or np.median(frames[:, 0]) <= 0:
        raise ValueError(f"{path}: 'Frames' has NaN, infinite or non-positive times, expected finite numbers")
    return frames


def _local_rotations(frames: np.ndarray, joints: tuple[str, ...]) -> np.ndarray:
    local = np.broadcast_to(np.eye(3), (len(frames), len(joints), 3, 3)).copy()
    column = 4
    for i, name in enumerate(MOVING):
        if name.endswith(("knee", "elbow")):
            turns = Rotation.from_rotvec(frames[:, column, None] * HINGE_AXIS)
            column += 1
        else:
            turns = Rotation.from_quat(frames[:, column : column + 4], scalar_first=True)
            column += 4
        local[:, i] = turns.as_matrix()
    return local
