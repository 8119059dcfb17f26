"""A person's pose as anatomical joint angles, their limits, and the way from angles to the body's rig.

All angles 0 is a person who stands straight, arms hanging, palms inwards. Degrees in this module's fields,
as tables of ranges of motion are. Angles are symmetric: equal numbers on both sides give a symmetric pose.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from posepile.synthetic.mocap.recording import Recording, to_global, to_positions
from posepile.synthetic.rig import MIRROR

# Offsets from the parent, mm, of the straight person: z up, facing -y. Only directions count in retargeting.
OFFSETS: dict[str, tuple[str, tuple[float, float, float]]] = {
    "Hips": ("", (0, 0, 950)),
    "Spine": ("Hips", (0, 0, 150)),
    "Head": ("Spine", (0, 0, 450)),
    "LeftUpLeg": ("Hips", (100, 0, 0)),
    "LeftLeg": ("LeftUpLeg", (0, 0, -450)),
    "LeftFoot": ("LeftLeg", (0, 0, -430)),
    "LeftToeBase": ("LeftFoot", (10, -150, -55)),
    "LeftArm": ("Spine", (190, 0, 350)),
    "LeftForeArm": ("LeftArm", (0, 0, -290)),
    "LeftHand": ("LeftForeArm", (0, 0, -260)),
    "LeftHandThumb1": ("LeftHand", (0, -40, -60)),
}
FINGERS, THUMB = np.array([0, 0, -160]), np.array([0, 0, -20])  # tips of the middle finger, of the thumb
RIGHT = {name: name.replace("Left", "Right") for name in OFFSETS if name.startswith("Left")}


@dataclass
class Leg:
    flexion: float = 0.0  # the thigh goes forwards
    abduction: float = 4.0  # the thigh goes outwards
    outward: float = 5.0  # the thigh turns about itself, the toes go outwards
    knee: float = 3.0
    ankle: float = 0.0  # the toes go up


@dataclass
class Arm:
    elevation: float = 12.0  # 0 hanging, 90 horizontal, 180 overhead
    azimuth: float = (
        80.0  # where it is raised to: 0 forwards, 90 outwards, 180 backwards, negative across the chest
    )
    twist: float = 0.0  # beyond what the elevation brings along: a bent forearm goes outwards
    elbow: float = 15.0
    palm_back: float = 20.0  # the palm of a hanging hand turns from inwards to backwards
    wrist: float = 8.0  # towards the palm


@dataclass
class Trunk:
    forwards: float = 0.0
    left: float = 0.0  # sideways
    turn: float = 0.0  # to the left


@dataclass
class Angles:
    """One pose; `pelvis` is the orientation of the whole person, identity upright and facing -y."""

    legs: tuple[Leg, Leg] = field(default_factory=lambda: (Leg(), Leg()))  # left, right
    arms: tuple[Arm, Arm] = field(default_factory=lambda: (Arm(), Arm()))
    spine: Trunk = field(default_factory=Trunk)
    neck: Trunk = field(default_factory=Trunk)
    pelvis: Rotation = field(default_factory=Rotation.identity)


# Smallest and largest angle; rounded from clinical tables of active range of motion.
LIMITS: dict[type, dict[str, tuple[float, float]]] = {
    Leg: {
        "flexion": (-20, 125),
        "abduction": (-20, 50),
        "outward": (-35, 85),
        "knee": (0, 150),
        "ankle": (-45, 30),
    },
    Arm: {
        "elevation": (0, 176),
        "azimuth": (-40, 150),
        "twist": (-60, 60),
        "elbow": (0, 145),
        "palm_back": (-80, 85),
        "wrist": (-60, 65),
    },
    Trunk: {"forwards": (-45, 70), "left": (-30, 30), "turn": (-60, 60)},
}
HIGHEST_BEHIND = 50.0  # an arm behind the trunk cannot be raised further than this
TURNED_OUT_OVERHEAD = (
    110.0  # an arm raised overhead sideways turns outwards by this, or it would hit the shoulder
)


def limited(angles: Angles) -> Angles:
    """The nearest pose within the limits of every joint."""
    arms = tuple(_limit(arm) for arm in angles.arms)
    for arm in arms:
        if arm.azimuth > 100:
            arm.elevation = min(arm.elevation, HIGHEST_BEHIND)
    legs = tuple(_limit(leg) for leg in angles.legs)
    return Angles(legs, arms, _limit(angles.spine), _limit(angles.neck), angles.pelvis)


def _limit(part):
    limits = LIMITS[type(part)]
    return type(part)(**{name: float(np.clip(getattr(part, name), *limits[name])) for name in limits})


def to_recording(poses: Sequence[Angles]) -> Recording:
    """The poses as frames of a recording of the straight person, which `retarget` moves to the body."""
    offsets = dict(OFFSETS)
    for left, right in RIGHT.items():
        parent, offset = OFFSETS[left]
        offsets[right] = (RIGHT.get(parent, parent), tuple(MIRROR @ offset))
    joints = tuple(offsets)
    parents = tuple(joints.index(parent) if parent else -1 for parent, _ in offsets.values())
    rest = np.zeros((len(joints), 3))
    for joint, (parent, (_, offset)) in enumerate(zip(parents, offsets.values(), strict=True)):
        rest[joint] = np.array(offset) + (rest[parent] if parent >= 0 else 0)
    local = np.broadcast_to(np.eye(3), (len(poses), len(joints), 3, 3)).copy()
    for name, turns in _local_rotations(poses).items():
        local[:, joints.index(name)] = turns
    rotations = to_global(parents, local)
    positions = to_positions(parents, rest, rotations, np.broadcast_to(rest[0], (len(poses), 3)))
    tips = {}
    for side in ("Left", "Right"):
        tips[f"{side}Hand"] = rest[joints.index(f"{side}Hand")] + FINGERS
        tips[f"{side}HandThumb1"] = rest[joints.index(f"{side}HandThumb1")] + THUMB
    return Recording("joint angles", 1.0, joints, parents, rest, rotations, positions, tips)


def _local_rotations(poses: Sequence[Angles]) -> dict[str, np.ndarray]:
    result = {
        "Hips": np.stack([pose.pelvis.as_matrix() for pose in poses]),
        "Spine": _trunk([pose.spine for pose in poses]),
        "Head": _trunk([pose.neck for pose in poses]),
    }
    for i, side in enumerate(("Left", "Right")):
        limbs = _left_leg([pose.legs[i] for pose in poses]) | _left_arm([pose.arms[i] for pose in poses])
        for bone, turns in limbs.items():
            result[side + bone] = turns if side == "Left" else MIRROR @ turns @ MIRROR
    return result


def _about(axis: str, degrees: np.ndarray) -> Rotation:
    return Rotation.from_euler(axis, degrees[:, None], degrees=True)


def _columns(parts: Sequence) -> list[np.ndarray]:
    return [np.array([getattr(part, name) for part in parts]) for name in LIMITS[type(parts[0])]]


def _trunk(parts: Sequence[Trunk]) -> np.ndarray:
    forwards, left, turn = _columns(parts)
    return (_about("z", turn) * _about("y", left) * _about("x", forwards)).as_matrix()


def _left_leg(legs: Sequence[Leg]) -> dict[str, np.ndarray]:
    flexion, abduction, outward, knee, ankle = _columns(legs)
    return {
        "UpLeg": (_about("x", -flexion) * _about("y", -abduction) * _about("z", outward)).as_matrix(),
        "Leg": _about("x", knee).as_matrix(),
        "Foot": _about("x", -ankle).as_matrix(),
    }


def _left_arm(arms: Sequence[Arm]) -> dict[str, np.ndarray]:
    elevation, azimuth, twist, elbow, palm_back, wrist = _columns(arms)
    around = np.radians(azimuth)
    axis = np.stack([-np.cos(around), -np.sin(around), np.zeros_like(around)], axis=1)
    swing = Rotation.from_rotvec(axis * np.radians(elevation)[:, None])
    sideways = np.clip(np.sin(around), 0, 1)
    brought = TURNED_OUT_OVERHEAD * sideways * (elevation / 180) ** 2
    return {
        "Arm": (swing * _about("z", twist + brought)).as_matrix(),
        "ForeArm": _about("x", -elbow).as_matrix(),
        "Hand": (_about("z", -palm_back) * _about("y", wrist)).as_matrix(),
    }
