"""A person's motion as BVH (Biovision hierarchy), which programs for animation read.

Bones get their median length, so joints are exact only where bones keep theirs. At rest the bones point as in
the first frame. A joint with one bone turns by the smallest rotation that aims it, against its parent; one
with several by the best fit to all of them, and a joint without length, NAME_to_CHILD, before each bone turns
by what is then missing. Lengths are mm, and y is up: (x, -y, -z) of the camera's axes.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
from scipy.spatial.transform import Rotation

from serving.video.bone_tree import BoneTree, link
from serving.video.motion import Motion

Y_UP = np.array([1.0, -1.0, -1.0])
SAMPLE = 2000  # frames, evenly spread, that bone lengths are taken from
LINKING_SAMPLE = 20
TIP = 0.25  # length of an end site, as a part of the bone before it


def write_bvh(
    path: Path, joints: Sequence[str], edges: Sequence[tuple[int, int]], motion: Motion, fps: float
) -> None:
    """Writes a motion. Frames without the person are interpolated.

    Args:
        joints: [J] names; edges: [E, 2] between them, see bone_tree.link.
        motion: the poses, camera axes.
        fps: frames a second.
    """
    some = motion.some(SAMPLE) * Y_UP
    spread = some[:: max(1, len(some) // LINKING_SAMPLE)]
    body = _Body(joints, link(joints, edges, spread), some)
    with open(path, "w") as file:
        file.write("HIERARCHY\n")
        body.write_joint(file, int(body.tree.order[0]), depth=0)
        file.write(f"MOTION\nFrames: {motion.count}\nFrame Time: {1 / fps:.9f}\n")
        for values in body.channels(motion.blocks(interpolated=True)):
            np.savetxt(file, values, fmt="%.6f")


class _Body:
    """Args: names [J]; the tree; poses [n, J, 3] mm, the first of which is the rest pose."""

    def __init__(self, joints: Sequence[str], tree: BoneTree, poses: np.ndarray):
        self.joints, self.tree = joints, tree
        self._children = {joint: tree.children(joint) for joint in range(len(joints))}
        self._offsets = np.zeros((len(joints), 3))
        for joint in tree.order[1:]:
            bones = poses[:, joint] - poses[:, tree.parents[joint]]
            length = np.median(np.linalg.norm(bones, axis=-1))
            self._offsets[joint] = length * _unit(bones[0])

    def write_joint(self, file: TextIO, joint: int, depth: int) -> None:
        """The hierarchy from a joint on; channels come in the order in which joints are written."""
        name, children = self.joints[joint], self._children[joint]
        is_root = self.tree.parents[joint] < 0
        offset = np.zeros(3) if is_root or self._has_helper(joint) else self._offsets[joint]
        if self._has_helper(joint):
            # The helper lies in the parent and aims this joint's bone
            parent = self.joints[self.tree.parents[joint]]
            _open(file, "JOINT", f"{parent}_to_{name}", np.zeros(3), depth)
            depth, offset = depth + 1, self._offsets[joint]
        _open(file, "ROOT" if is_root else "JOINT", name, offset, depth)
        for child in children:
            self.write_joint(file, child, depth + 1)
        if not children:
            pad = "\t" * (depth + 1)
            tip = _numbers(TIP * self._offsets[joint])
            file.write(f"{pad}End Site\n{pad}{{\n{pad}\tOFFSET {tip}\n{pad}}}\n")
        file.write("\t" * depth + "}\n")
        if self._has_helper(joint):
            file.write("\t" * (depth - 1) + "}\n")

    def channels(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Channel values [n, channels] for poses [n, J, 3] mm, camera axes."""
        root = int(self.tree.order[0])
        for block in blocks:
            poses = block * Y_UP
            at_rest = np.broadcast_to(np.eye(3), (len(poses), 3, 3))
            yield np.concatenate([poses[:, root], *self._turns(poses, root, at_rest)], axis=1)

    def _turns(self, poses: np.ndarray, joint: int, parent: np.ndarray) -> Iterator[np.ndarray]:
        """Angles [n, 3] of all joints from this one on, in the order in which they are written.

        parent: [n, 3, 3], the rotation of the joint before, against the rest pose.
        """
        children = self._children[joint]
        bones = [poses[:, child] - poses[:, joint] for child in children]
        rests = [self._offsets[child] for child in children]
        if not children:
            turned = parent
        elif len(children) == 1:
            turned = _aimed(parent, rests[0], bones[0])
        else:
            turned = _best_fit(np.stack(rests), np.stack(bones, axis=1))
        yield _angles(parent, turned)
        for child, rest, bone in zip(children, rests, bones, strict=True):
            before = turned
            if self._has_helper(child):
                before = _aimed(turned, rest, bone)
                yield _angles(turned, before)
            yield from self._turns(poses, child, before)

    def _has_helper(self, joint: int) -> bool:
        parent = self.tree.parents[joint]
        return parent >= 0 and len(self._children[parent]) > 1


def _open(file: TextIO, kind: str, name: str, offset: np.ndarray, depth: int) -> None:
    pad = "\t" * depth
    channels = "Zrotation Xrotation Yrotation"
    count = "3"
    if kind == "ROOT":
        channels, count = f"Xposition Yposition Zposition {channels}", "6"
    file.write(f"{pad}{kind} {name}\n{pad}{{\n")
    file.write(f"{pad}\tOFFSET {_numbers(offset)}\n{pad}\tCHANNELS {count} {channels}\n")


def _numbers(vector: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in vector)


def _angles(parent: np.ndarray, turned: np.ndarray) -> np.ndarray:
    """Degrees [n, 3] about z, x, y (in the order in which they are multiplied) of a joint against its parent."""
    local = Rotation.from_matrix(np.swapaxes(parent, 1, 2) @ turned)
    return local.as_euler("ZXY", degrees=True)


def _aimed(turned: np.ndarray, rest: np.ndarray, bones: np.ndarray) -> np.ndarray:
    """Rotations [n, 3, 3], turned further by the least that aims `rest` [3] at the bones [n, 3]."""
    start, end = turned @ _unit(rest), _unit(bones)
    cross, cosine = np.cross(start, end), (start * end).sum(axis=-1)
    opposite = cosine < -1 + 1e-12
    skew = np.zeros((len(bones), 3, 3))
    for i, (row, column) in enumerate([(2, 1), (0, 2), (1, 0)]):
        skew[:, row, column], skew[:, column, row] = cross[:, i], -cross[:, i]
    weight = 1 / np.where(opposite, 1, 1 + cosine)[:, np.newaxis, np.newaxis]
    least = np.eye(3) + skew + skew @ skew * weight
    if opposite.any():  # half a turn, about any axis across
        across = _unit(np.cross(start[opposite], np.eye(3)[np.abs(start[opposite]).argmin(axis=-1)]))
        least[opposite] = 2 * across[:, :, np.newaxis] * across[:, np.newaxis] - np.eye(3)
    return least @ turned


def _best_fit(rests: np.ndarray, bones: np.ndarray) -> np.ndarray:
    """Rotations [n, 3, 3] that best turn vectors [k, 3] to [n, k, 3] (Kabsch)."""
    u, _, vt = np.linalg.svd(np.einsum("nki,kj->nij", bones, rests))
    mirrored = np.linalg.det(u @ vt) < 0
    u[mirrored, :, 2] *= -1
    return u @ vt


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [..., 3] of length 1; upwards where they have none."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 1e-9, vectors / np.maximum(length, 1e-9), [0.0, 1.0, 0.0])
