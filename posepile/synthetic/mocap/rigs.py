"""Which joint of a motion capture rig is which bone of the body: limbs by name, the trunk by topology.

Every family of rigs has one table of names for the limbs. Pelvis, chest, spine, neck and clavicles follow
from how the skeleton hangs together, so their names and their number do not matter.
"""

import difflib
import re
from dataclasses import dataclass

from posepile.synthetic.mocap.recording import Recording

REQUIRED = ("UpLeg", "Leg", "Foot", "Arm", "ForeArm")
HEAD = ("head", "neck")  # the neck where it carries the head
# Lower case, without prefix and punctuation; {left} is left or right, {l} is l or r. The first name counts.
FAMILIES: dict[str, dict[str, tuple[str, ...]]] = {
    "CMU in BVH, Mixamo (LeftUpLeg, LeftArm)": {
        "UpLeg": ("{left}upleg",),
        "Leg": ("{left}leg",),
        "Foot": ("{left}foot",),
        "ToeBase": ("{left}toebase",),
        "Arm": ("{left}arm",),
        "ForeArm": ("{left}forearm",),
        "Hand": ("{left}hand",),
        "Thumb": ("{l}thumb", "{left}handthumb1"),
    },
    "named by joints (LeftHip, left_knee, L_Ankle)": {
        "UpLeg": ("{left}hip", "{l}hip"),
        "Leg": ("{left}knee", "{l}knee"),
        "Foot": ("{left}ankle", "{l}ankle"),
        "ToeBase": ("{left}toe", "{left}toes", "{left}foot", "{l}foot"),
        "Arm": ("{left}shoulder", "{l}shoulder"),
        "ForeArm": ("{left}elbow", "{l}elbow"),
        "Hand": ("{left}wrist", "{l}wrist"),
        "Thumb": ("{left}thumb", "{l}thumb1"),
    },
    "MakeHuman (upperleg01.L, upperarm01.L)": {
        "UpLeg": ("upperleg01{l}",),
        "Leg": ("lowerleg01{l}",),
        "Foot": ("foot{l}",),
        "ToeBase": ("toe21{l}",),
        "Arm": ("upperarm01{l}",),
        "ForeArm": ("lowerarm01{l}",),
        "Hand": ("wrist{l}",),
        "Thumb": ("finger11{l}",),
    },
    "ASF of CMU (lfemur, lhumerus)": {
        "UpLeg": ("{l}femur",),
        "Leg": ("{l}tibia",),
        "Foot": ("{l}foot",),
        "ToeBase": ("{l}toes",),
        "Arm": ("{l}humerus",),
        "ForeArm": ("{l}radius",),
        "Hand": ("{l}hand",),  # lwrist is the lower half of the forearm
        "Thumb": ("{l}thumb",),
    },
    "game engines, Blender (thigh_l, upperarm_l)": {
        "UpLeg": ("thigh{l}", "upperleg{l}"),
        "Leg": ("calf{l}", "shin{l}", "lowerleg{l}"),
        "Foot": ("foot{l}",),
        "ToeBase": ("ball{l}", "toe{l}", "toes{l}"),
        "Arm": ("upperarm{l}",),
        "ForeArm": ("lowerarm{l}", "forearm{l}"),
        "Hand": ("hand{l}",),
        "Thumb": ("thumb01{l}",),
    },
    "Biped (Bip01 L Thigh)": {
        "UpLeg": ("{l}thigh",),
        "Leg": ("{l}calf",),
        "Foot": ("{l}foot",),
        "ToeBase": ("{l}toe0",),
        "Arm": ("{l}upperarm",),
        "ForeArm": ("{l}forearm",),
        "Hand": ("{l}hand",),
        "Thumb": ("{l}finger0",),
    },
}
PREFIX = re.compile(r"^(.*:|bip\d*[ _]|character\d*_)", re.IGNORECASE)


@dataclass(frozen=True)
class RigMap:
    """Joints of a recording by the bone of the body."""

    limbs: dict[str, int]  # "LeftUpLeg" -> joint; optional ones (Hand, ToeBase, Thumb, Shoulder) may lack
    spine: tuple[int, ...]  # from the pelvis to the chest, both included
    neck: tuple[int, ...]  # from the chest to the head, both included


def map_rig(recording: Recording) -> RigMap:
    """Finds the body's bones in a recording.

    Raises:
        ValueError: naming the recording, the bones that no joint was found for, and the nearest joint names.
    """
    found = {normalized(name): i for i, name in reversed(list(enumerate(recording.joints)))}
    matches = [_match(family, found) for family in FAMILIES.values()]
    limbs = max(matches, key=lambda match: len(_wanted() & set(match)))
    head = next((found[name] for name in HEAD if name in found), None)
    if head is None or not _wanted() <= set(limbs):
        raise _unknown_rig(recording, found, limbs, head)
    pelvis = _meeting_point(recording, limbs["LeftUpLeg"], limbs["RightUpLeg"])
    chest = _meeting_point(recording, limbs["LeftArm"], limbs["RightArm"])
    for side in ("Left", "Right"):
        clavicle = recording.parents[limbs[f"{side}Arm"]]
        if clavicle != chest and clavicle >= 0:
            limbs[f"{side}Shoulder"] = clavicle
    return RigMap(limbs, _path(recording, pelvis, chest), _path(recording, chest, head))


def normalized(name: str) -> str:
    """A joint's name without prefix ("mixamorig:"), spaces and punctuation, in lower case."""
    return re.sub(r"[^a-z0-9]", "", PREFIX.sub("", name).lower())


def _wanted() -> set[str]:
    return {f"{side}{bone}" for side in ("Left", "Right") for bone in REQUIRED}


def _match(family: dict[str, tuple[str, ...]], found: dict[str, int]) -> dict[str, int]:
    result = {}
    for side in ("Left", "Right"):
        left = side.lower()
        for bone, patterns in family.items():
            names = (pattern.format(left=left, l=left[0]) for pattern in patterns)
            joint = next((found[name] for name in names if name in found), None)
            if joint is not None:
                result[f"{side}{bone}"] = joint
    return result


def _ancestors(recording: Recording, joint: int) -> list[int]:
    result = [joint]
    while recording.parents[result[-1]] >= 0:
        result.append(recording.parents[result[-1]])
    return result


def _meeting_point(recording: Recording, a: int, b: int) -> int:
    others = set(_ancestors(recording, b))
    return next(joint for joint in _ancestors(recording, a) if joint in others)


def _path(recording: Recording, start: int, end: int) -> tuple[int, ...]:
    """From start to end along the tree; where end does not hang below start, over their meeting point."""
    meeting = _meeting_point(recording, start, end)
    upward = _ancestors(recording, end)
    return (start, *reversed([joint for joint in upward[: upward.index(meeting)] if joint != start]))


def _unknown_rig(recording: Recording, found: dict, limbs: dict, head: int | None) -> ValueError:
    missing = sorted(_wanted() - set(limbs)) + (["Head"] if head is None else [])
    parts = []
    for bone in missing:
        near = difflib.get_close_matches(bone.lower(), found, n=2, cutoff=0.5)
        names = ", ".join(f"'{recording.joints[found[name]]}'" for name in near) or "none"
        parts.append(f"{bone} (nearest: {names})")
    return ValueError(
        f"{recording.name}: no joint was found for {'; '.join(parts)}. "
        f"Expected the joint names of one of these rigs: {'; '.join(FAMILIES)}"
    )
