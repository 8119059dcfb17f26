"""Hands of the body where a recording says little about them."""

import numpy as np
from scipy.spatial.transform import Rotation

from posepile.synthetic.rig import Rig, unit

HAND_BONES = ("Hand", "FingerBase", "HandFinger1")
MOST_WRIST_BEND = np.radians(80)
PALM_THICKNESS_MM = 20.0
FINGERTIP = 1.8  # wrist to fingertip, in lengths from the wrist to the last bone's head


def share_wrist_twist(turned: np.ndarray, rig: Rig, side: str) -> None:
    """Turns the forearm by half of the hand's turn about it, as radius and ulna do; the skin twists less.

    Args:
        turned: [T, 31, 3, 3] global rotations; changed.
        rig: the body's.
        side: "Left" or "Right".
    """
    forearm, hand = rig.index(f"{side}ForeArm"), rig.index(f"{side}Hand")
    along = unit(rig.heads[hand] - rig.heads[forearm])
    local = Rotation.from_matrix(turned[:, forearm].swapaxes(-1, -2) @ turned[:, hand])
    x, y, z, w = local.as_quat(canonical=True).T
    half_twist = np.arctan2(np.stack([x, y, z], axis=1) @ along, w)
    turned[:, forearm] = turned[:, forearm] @ Rotation.from_rotvec(half_twist[:, None] * along).as_matrix()


def above_floor_but_for_hands(rotations: np.ndarray, root: np.ndarray, rig: Rig) -> np.ndarray:
    """Height [T] of the lowest point of the body, hands left out."""
    names = [f"{side}{bone}" for side in ("Left", "Right") for bone in HAND_BONES] + ["LThumb", "RThumb"]
    keep = ~np.isin(rig.contact_bones, [rig.index(name) for name in names])
    rest = Rig(rig.bones, rig.parents, rig.heads, rig.contact_bones[keep], rig.contacts[keep])
    return rest.lowest(rotations, root)


def lay_on_floor(rotations: np.ndarray, root: np.ndarray, rig: Rig, side: str) -> None:
    """Bends the wrist of a hand that would go through the floor, so that it supports the person.

    Recordings whose arms end at the wrist need this: their hands point as the forearms do.

    Args:
        rotations: [T, 31, 3, 3] local; changed.
        root: [T, 3] mm; the floor is at z = 0.
    """
    hand, tip = rig.index(f"{side}Hand"), rig.index(f"{side}HandFinger1")
    fingers = rig.heads[tip] - rig.heads[hand]
    length, along = (
        1.8 * float(np.linalg.norm(fingers)),
        unit(fingers),
    )  # the last finger bone is short of the tip
    thumb = rig.heads[rig.index("LThumb" if side == "Left" else "RThumb")] - rig.heads[hand]
    back = unit(np.cross(thumb, along) if side == "Left" else np.cross(along, thumb))  # of the hand
    turned = rig.globals(rotations)[:, hand]
    height = rig.posed_heads(rotations, root)[:, hand, 2]
    down, lift = turned[:, 2] @ along, turned[:, 2] @ back
    sign = np.where(
        lift >= 0, 1.0, -1.0
    )  # towards the back of the hand, or towards the palm if that leads up
    aim = -np.clip((height - PALM_THICKNESS_MM) / length, 0, 1)  # allowed z of the fingers' direction
    # The smallest angle with down cos + |lift| sin = aim.
    reach = np.hypot(down, lift)
    angle = np.arctan2(np.abs(lift), down) - np.arccos(np.clip(aim / np.maximum(reach, 1e-9), -1, 1))
    angle = np.where(down < aim, np.clip(angle, 0, MOST_WRIST_BEND), 0) * sign
    bend = Rotation.from_rotvec(angle[:, None] * np.cross(along, back)).as_matrix()
    rotations[:, hand] = rotations[:, hand] @ bend
