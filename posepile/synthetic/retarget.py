"""Moves a motion from the rig that it was recorded on to the rig of the body model.

Directions decide. Every limb bone of the body points where the recorded one points: with G the recorded
rotation away from the recorded rest pose, the body's bone turns by G A, where A turns its own rest
direction, and the plane in which knee or elbow folds, to those of the recorded rest pose. Trunk, head and
clavicles have no A: rest counts as rest, so that the body keeps its natural curves. Feet keep their soles:
A turns them about the vertical only.
"""

import numpy as np
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.spatial.transform import Rotation

from posepile.synthetic.hands import above_floor_but_for_hands, lay_on_floor, share_wrist_twist
from posepile.synthetic.mocap.recording import Recording
from posepile.synthetic.mocap.rigs import RigMap, map_rig
from posepile.synthetic.rig import FORWARD, HINGES, LIMBS, UP, Rig, fold_axis, unit

SPINE, NECK = ("LowerBack", "Spine", "Spine1"), ("Neck", "Neck1", "Head")
SAME_SOLES = np.radians(30)  # up to this difference of the feet's pitch, both rest poses count as flat-footed
CLAVICLE_SHARE = 0.25  # of an arm's elevation, beyond CLAVICLE_FROM, is the collar bone's
CLAVICLE_FROM = np.radians(60)
FLOOR_WINDOW_S = 0.5  # longer than half a jump
AXIS_ALIGNED = 0.95  # cosine: a rest pose this close to an axis of its file means that axis


def retarget(recording: Recording, rig: Rig) -> tuple[np.ndarray, np.ndarray]:
    """Local rotations [T, 31, 3, 3] and root [T, 3] (mm) of the body, both float32, for a recording.

    The path is scaled by the length of the legs, centred over the origin, and its floor is moved to z = 0.

    Raises:
        ValueError: if the recording's rig is unknown or has a bone of length 0.
    """
    rig_map = map_rig(recording)
    try:
        to_body = body_axes(recording, rig_map)
        rest = recording.rest @ to_body.T
        turns = to_body @ recording.rotations @ to_body.T
        result = np.broadcast_to(np.eye(3), (len(turns), len(rig.bones), 3, 3)).copy()
        _set_trunk(result, rig, rig_map, turns)
        for side in ("Left", "Right"):
            _set_leg(result, rig, recording, rig_map, rest, to_body, turns, side)
            _set_arm(result, rig, recording, rig_map, rest, to_body, turns, side)
    except ValueError as error:
        raise ValueError(f"{recording.name}: {error}, expected bones of positive length") from error
    rotations = rig.locals(result)
    for upper in HINGES:
        _straighten(rotations, rig, upper)
    root = _root_path(recording, rig_map, rig, rest, to_body, result)
    if any(_hand_tip(recording, rig_map, to_body, side) is None for side in ("Left", "Right")):
        root[:, 2] -= floor_height(above_floor_but_for_hands(rotations, root, rig), recording.fps)
        for side in ("Left", "Right"):
            lay_on_floor(rotations, root, rig, side)
    root[:, 2] -= floor_height(rig.lowest(rotations, root), recording.fps)
    return rotations.astype(np.float32), root.astype(np.float32)


def floor_height(lowest: np.ndarray, fps: float) -> np.ndarray:
    """Height [T] of the floor under a person, from the height [T] of the body's lowest point.

    It is the smallest height within half a second, smoothed: jumps stay jumps, but the floor follows a path
    over uneven ground, and hands or toes that dip into the floor for a moment do not make the whole
    recording float.
    """
    window = 2 * int(round(FLOOR_WINDOW_S * fps)) + 1
    return uniform_filter1d(minimum_filter1d(lowest, window, mode="nearest"), window, mode="nearest")


def body_axes(recording: Recording, rig_map: RigMap) -> np.ndarray:
    """Rotation [3, 3] from the recording's axes to the body's (left, back, up), found from its rest pose."""
    rest = recording.rest
    up = _snapped(rest[rig_map.neck[-1]] - rest[rig_map.spine[0]])
    left = rest[rig_map.limbs["LeftUpLeg"]] - rest[rig_map.limbs["RightUpLeg"]]
    left = _snapped(left - up * (left @ up))
    return np.stack([left, np.cross(up, left), up])


def _snapped(vector: np.ndarray) -> np.ndarray:
    direction = unit(vector)
    axis = np.abs(direction).argmax()
    return np.sign(direction[axis]) * np.eye(3)[axis] if abs(direction[axis]) > AXIS_ALIGNED else direction


def _set_trunk(result: np.ndarray, rig: Rig, rig_map: RigMap, turns: np.ndarray) -> None:
    for bone in ("Hips", "LHipJoint", "RHipJoint"):
        result[:, rig.index(bone)] = turns[:, rig_map.spine[0]]
    for bones, chain in ((SPINE, rig_map.spine), (NECK, rig_map.neck)):
        for i, bone in enumerate(bones, start=1):
            # A rig with fewer or more vertebrae: the bend is spread evenly along the chain.
            result[:, rig.index(bone)] = _along(turns[:, list(chain)], i / len(bones))


def _along(chain: np.ndarray, fraction: float) -> np.ndarray:
    """Rotation [T, 3, 3] at a fraction of the way along a chain of global rotations [T, n, 3, 3]."""
    place = fraction * (chain.shape[1] - 1)
    first = min(int(place), chain.shape[1] - 2) if chain.shape[1] > 1 else 0
    start, end = chain[:, first], chain[:, min(first + 1, chain.shape[1] - 1)]
    step = Rotation.from_matrix(start.swapaxes(-1, -2) @ end).as_rotvec() * (place - first)
    return start @ Rotation.from_rotvec(step).as_matrix()


def _limb_alignment(
    rig: Rig,
    recording: Recording,
    rig_map: RigMap,
    rest: np.ndarray,
    to_body: np.ndarray,
    side: str,
    limb: tuple,
) -> tuple[np.ndarray, np.ndarray]:
    """A [3, 3] of the upper and of the lower bone of a leg or an arm."""
    upper, lower, end, towards = limb
    joints = [rig_map.limbs.get(f"{side}{name}") for name in (upper, lower, end)]
    hinge = rig.hinge(f"{side}{upper}")
    tip = rest[joints[2]] if joints[2] is not None else _tip(recording, to_body, joints[1])
    high = unit(rest[joints[1]] - rest[joints[0]])
    low = unit(tip - rest[joints[1]]) if tip is not None else high
    stated = recording.bends.get(recording.joints[joints[0]])
    axis = fold_axis(high, low, towards) if stated is None else unit(np.cross(high, to_body @ stated))
    return (
        _frame(high, axis) @ _frame(hinge.high, hinge.axis).T,
        _frame(low, axis) @ _frame(hinge.low, hinge.axis).T,
    )


def _set_leg(result, rig, recording, rig_map, rest, to_body, turns, side) -> None:
    alignments = _limb_alignment(rig, recording, rig_map, rest, to_body, side, LIMBS[0])
    for bone, alignment in zip(("UpLeg", "Leg"), alignments, strict=True):
        result[:, rig.index(side + bone)] = turns[:, rig_map.limbs[side + bone]] @ alignment
    _aim(result, rig, recording, rig_map, to_body, side, LIMBS[0])
    foot, toes = rig.index(f"{side}Foot"), rig.index(f"{side}ToeBase")
    ankle, toe_joint = rig_map.limbs[f"{side}Foot"], rig_map.limbs.get(f"{side}ToeBase")
    tip = rest[toe_joint] if toe_joint is not None else _tip(recording, to_body, ankle)
    alignment = np.eye(3)
    if tip is not None:
        alignment = _foot_alignment(unit(rig.heads[toes] - rig.heads[foot]), unit(tip - rest[ankle]))
    result[:, foot] = turns[:, ankle] @ alignment
    result[:, toes] = turns[:, ankle if toe_joint is None else toe_joint] @ alignment


def _aim(result, rig, recording, rig_map, to_body, side, limb) -> None:
    """Turns limb bones by the least angle to where the recorded joints are.

    This changes something only where a rig has more joints than the body, as in the thighs of MakeHuman's.
    """
    names = [side + name for name in limb[:3]]
    for bone, end in zip(names[:2], names[1:], strict=True):
        if end not in rig_map.limbs:
            continue
        wanted = recording.positions[:, rig_map.limbs[end]] - recording.positions[:, rig_map.limbs[bone]]
        wanted = wanted @ to_body.T / np.linalg.norm(wanted, axis=1, keepdims=True)
        place = rig.index(bone)
        pointing = result[:, place] @ unit(rig.heads[rig.index(end)] - rig.heads[place])
        axis = np.cross(pointing, wanted)
        sine = np.linalg.norm(axis, axis=1, keepdims=True)
        angle = np.arctan2(sine[:, 0], (pointing * wanted).sum(axis=1))[:, None]
        turn = Rotation.from_rotvec(axis / np.maximum(sine, 1e-12) * angle).as_matrix()
        result[:, place] = turn @ result[:, place]


def _foot_alignment(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    if abs(np.arcsin(ours[2]) - np.arcsin(theirs[2])) > SAME_SOLES:
        return least_rotation(ours, theirs)
    yaw = np.arctan2(theirs[1], theirs[0]) - np.arctan2(ours[1], ours[0])
    return Rotation.from_rotvec(yaw * UP).as_matrix()


def _set_arm(result, rig, recording, rig_map, rest, to_body, turns, side) -> None:
    alignments = _limb_alignment(rig, recording, rig_map, rest, to_body, side, LIMBS[1])
    for bone, alignment in zip(("Arm", "ForeArm"), alignments, strict=True):
        result[:, rig.index(side + bone)] = turns[:, rig_map.limbs[side + bone]] @ alignment
    _aim(result, rig, recording, rig_map, to_body, side, LIMBS[1])
    clavicle = rig_map.limbs.get(f"{side}Shoulder")
    if clavicle is not None:
        result[:, rig.index(f"{side}Shoulder")] = turns[:, clavicle]
    else:
        _raise_clavicle(result, rig, side)
    hand, forearm = rig.index(f"{side}Hand"), rig.index(f"{side}ForeArm")
    tip = _hand_tip(recording, rig_map, to_body, side)
    if tip is None:
        result[:, hand] = result[:, forearm]
    else:
        wrist, thumb = rig_map.limbs[f"{side}Hand"], rig_map.limbs.get(f"{side}Thumb")
        thumb_tip = None if thumb is None else _tip(recording, to_body, thumb)
        alignment = _hand_alignment(rig, side, rest[wrist], tip, thumb_tip, alignments[1])
        result[:, hand] = turns[:, wrist] @ alignment
        share_wrist_twist(result, rig, side)
    thumb_bone = "LThumb" if side == "Left" else "RThumb"
    for bone in (thumb_bone, f"{side}FingerBase", f"{side}HandFinger1"):
        result[:, rig.index(bone)] = result[:, hand]


def _hand_tip(recording: Recording, rig_map: RigMap, to_body: np.ndarray, side: str) -> np.ndarray | None:
    """Rest position [3] of the fingers; None if the recording has no hand."""
    wrist = rig_map.limbs.get(f"{side}Hand")
    return None if wrist is None else _tip(recording, to_body, wrist)


def _hand_alignment(rig, side, wrist, tip, thumb_tip, forearm_alignment) -> np.ndarray:
    ours = unit(rig.heads[rig.index(f"{side}HandFinger1")] - rig.heads[rig.index(f"{side}Hand")])
    theirs = unit(tip - wrist)
    if thumb_tip is None:
        return least_rotation(forearm_alignment @ ours, theirs) @ forearm_alignment
    thumb_bone = rig.index("LThumb" if side == "Left" else "RThumb")
    our_thumb = rig.heads[thumb_bone] - rig.heads[rig.index(f"{side}Hand")]
    return _frame(theirs, thumb_tip - wrist) @ _frame(ours, our_thumb).T


def _raise_clavicle(result: np.ndarray, rig: Rig, side: str) -> None:
    """Lifts the collar bone with the arm, as a part of an arm's elevation comes from the shoulder blade."""
    chest, shoulder, arm = rig.index("Spine1"), rig.index(f"{side}Shoulder"), rig.index(f"{side}Arm")
    along = rig.heads[rig.index(f"{side}ForeArm")] - rig.heads[arm]
    pointing = (result[:, chest].swapaxes(-1, -2) @ result[:, arm]) @ unit(along)
    elevation = np.arccos(np.clip(-pointing[:, 2], -1, 1))  # 0: the arm hangs
    lift = CLAVICLE_SHARE * np.maximum(elevation - CLAVICLE_FROM, 0)
    axis = FORWARD if side == "Left" else -FORWARD
    result[:, shoulder] = result[:, chest] @ Rotation.from_rotvec(lift[:, None] * axis).as_matrix()


def _straighten(rotations: np.ndarray, rig: Rig, upper: str) -> None:
    """Removes the part of a knee's or elbow's turn that folds it backwards (noise of the recording)."""
    hinge = rig.hinge(upper)
    excess = np.maximum(-rig.fold(rotations, upper), 0)
    turn = Rotation.from_rotvec(excess[:, None] * hinge.axis).as_matrix()
    rotations[:, hinge.lower] = turn @ rotations[:, hinge.lower]


def _root_path(recording, rig_map, rig, rest, to_body, turned) -> np.ndarray:
    hips = [rig_map.limbs["LeftUpLeg"], rig_map.limbs["RightUpLeg"]]
    path = recording.positions[:, hips].mean(axis=1) @ to_body.T
    path = path * (
        _leg_length(rig.heads, [rig.index(f"Left{bone}") for bone in ("UpLeg", "Leg", "Foot")])
        / _leg_length(rest, [rig_map.limbs[f"Left{bone}"] for bone in ("UpLeg", "Leg", "Foot")])
    )
    between = rig.heads[[rig.index("LeftUpLeg"), rig.index("RightUpLeg")]].mean(axis=0) - rig.heads[0]
    path = path - turned[:, 0] @ between
    path[:, :2] -= path[:, :2].mean(axis=0)
    return path


def _leg_length(points: np.ndarray, leg: list[int]) -> float:
    return float(np.linalg.norm(np.diff(points[leg], axis=0), axis=1).sum())


def _tip(recording: Recording, to_body: np.ndarray, joint: int) -> np.ndarray | None:
    tip = recording.joint_tip(joint)
    return None if tip is None or np.allclose(tip, recording.rest[joint]) else to_body @ tip


def _frame(direction: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Rotation [3, 3] whose first column is the direction and whose second is nearest to `across`."""
    first = unit(direction)
    second = unit(across - first * (first @ across))
    return np.stack([first, second, np.cross(first, second)], axis=1)


def least_rotation(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The smallest rotation [3, 3] that turns one unit vector [3] to another."""
    axis, cosine = np.cross(start, end), float(start @ end)
    if np.linalg.norm(axis) < 1e-9:
        axis = np.cross(start, np.eye(3)[np.abs(start).argmin()])
        return np.eye(3) if cosine > 0 else Rotation.from_rotvec(np.pi * unit(axis)).as_matrix()
    return Rotation.from_rotvec(unit(axis) * np.arctan2(np.linalg.norm(axis), cosine)).as_matrix()
