"""The skeleton of the body model without its skin: what motion needs of `posepile.synthetic.body`."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from posepile.synthetic.mocap.recording import to_global, to_positions

FORWARD, BACKWARD, UP = np.array([0.0, -1.0, 0.0]), np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
# Upper bone, lower bone, the bone at its end, the direction in which the joint between the first two folds.
LIMBS = (("UpLeg", "Leg", "Foot", BACKWARD), ("Arm", "ForeArm", "Hand", FORWARD))
HINGES = tuple(f"{side}{upper}" for side in ("Left", "Right") for upper in ("UpLeg", "Arm"))
LEAST_BEND = np.radians(
    5
)  # a rest pose that bends a knee or elbow by less does not tell in which plane it folds
OTHER_SIDE = {"Left": "Right", "Right": "Left", "LH": "RH", "RH": "LH", "LT": "RT", "RT": "LT"}
MIRROR = np.diag([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Rig:
    """The 31 bones in an average shape at rest: mm, z up, facing -y, left at +x. Rotations as in `body`."""

    bones: tuple[str, ...]
    parents: tuple[int, ...]
    heads: np.ndarray  # [31, 3] the points that the bones turn about
    contact_bones: np.ndarray  # [K] bone of each contact point
    contacts: (
        np.ndarray
    )  # [K, 3] points of the resting skin, spread out: what touches the floor is near one of them

    def index(self, bone: str) -> int:
        return self.bones.index(bone)

    @cached_property
    def mirror(self) -> np.ndarray:
        """[31] the bone of the other side; itself for central bones."""
        names = [
            next((OTHER_SIDE[p] + bone[len(p) :] for p in OTHER_SIDE if bone.startswith(p)), bone)
            for bone in self.bones
        ]
        return np.array([self.bones.index(name) for name in names])

    def globals(self, rotations: np.ndarray) -> np.ndarray:
        """Global rotations [T, 31, 3, 3] from local ones."""
        return to_global(self.parents, rotations)

    def locals(self, rotations: np.ndarray) -> np.ndarray:
        """Local rotations [T, 31, 3, 3] from global ones."""
        result = np.array(rotations)
        for bone, parent in enumerate(self.parents):
            if parent >= 0:
                result[:, bone] = rotations[:, parent].swapaxes(-1, -2) @ rotations[:, bone]
        return result

    def posed_heads(self, rotations: np.ndarray, root: np.ndarray) -> np.ndarray:
        """Heads [T, 31, 3] of the bones, mm, from local rotations [T, 31, 3, 3] and the root [T, 3]."""
        return to_positions(self.parents, self.heads, self.globals(rotations), root)

    def lowest(self, rotations: np.ndarray, root: np.ndarray) -> np.ndarray:
        """Height [T] of the lowest contact point, mm, from local rotations and the root."""
        turned = self.globals(rotations)
        heads = to_positions(self.parents, self.heads, turned, root)
        arms = self.contacts - self.heads[self.contact_bones]
        heights = heads[:, self.contact_bones, 2] + np.einsum(
            "tkj,kj->tk", turned[:, self.contact_bones, 2], arms
        )
        return heights.min(axis=1)

    def fold(self, rotations: np.ndarray, upper: str) -> np.ndarray:
        """How far a knee (`upper` is "LeftUpLeg") or elbow ("LeftArm") is folded, from local rotations.

        Returns:
            [T] radians: 0 straight, positive the anatomical way, negative backwards.
        """
        hinge = self.hinge(upper)
        low = np.einsum("tij,j->ti", rotations[:, hinge.lower], hinge.low)  # in the frame of the upper bone
        return np.arctan2(low @ np.cross(hinge.axis, hinge.high), low @ hinge.high)

    def hinge(self, upper: str) -> "Hinge":
        """The knee or elbow at the end of an upper bone."""
        side, kind = (upper[:4], upper[4:]) if upper.startswith("Left") else (upper[:5], upper[5:])
        _, lower, end, towards = next(limb for limb in LIMBS if limb[0] == kind)
        a, b, c = self.index(upper), self.index(side + lower), self.index(side + end)
        high, low = unit(self.heads[b] - self.heads[a]), unit(self.heads[c] - self.heads[b])
        return Hinge(b, fold_axis(high, low, towards), high, low)


@dataclass(frozen=True, eq=False)
class Hinge:
    lower: int  # the bone that it moves
    axis: np.ndarray  # [3] at rest; turning the lower bone about it by a positive angle folds the limb
    high: np.ndarray  # [3] rest direction of the upper bone
    low: np.ndarray  # [3] rest direction of the lower bone


def fold_axis(high: np.ndarray, low: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Axis [3] about which a limb folds, from the rest directions of its two bones.

    A limb that is straight at rest does not show its axis; then it folds towards the given direction.
    """
    bent = np.arccos(np.clip(high @ low, -1, 1)) >= LEAST_BEND
    return unit(np.cross(high, low if bent else towards))


def mirrored(rig: Rig, rotations: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pose of the person's mirror image (x becomes -x): local rotations [T, 31, 3, 3] and root [T, 3].

    A dancer's left arm becomes the right arm; the rig's rest pose is symmetric, so nothing else changes.
    """
    sign = MIRROR.astype(rotations.dtype)
    return sign @ rotations[:, rig.mirror] @ sign, root @ sign.astype(root.dtype)


def unit(vector: np.ndarray) -> np.ndarray:
    """A vector of length 1; raises ValueError where there is no direction."""
    length = np.linalg.norm(vector)
    if length < 1e-9:
        raise ValueError("a bone of length 0 has no direction")
    return vector / length
