"""Writes data/motion.npz: the 15 humanoid clips of the `pybullet` package (MIT), retargeted to the body.

    python -m pip install pybullet==3.2.7
    python -m posepile.synthetic.export_motion

Run once, by hand; nothing imports this module, and the product does not need pybullet. The file also holds
the body's skeleton in an average shape with points of its skin, so that motion needs no skinned body.
"""

import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from posepile.synthetic.body import Body, load_body
from posepile.synthetic.mocap.deepmimic import read_deepmimic
from posepile.synthetic.motion import DATA, QUANTUM
from posepile.synthetic.retarget import retarget
from posepile.synthetic.rig import Rig

ADULT = {"age": 2 / 3}  # everything else average
PREFIX = "humanoid3d_"


def main(out: Path = DATA) -> None:
    package = importlib.util.find_spec("pybullet_data")
    if package is None or package.origin is None:
        raise SystemExit("pybullet_data is not installed: python -m pip install pybullet==3.2.7")
    files = sorted((Path(package.origin).parent / "data/motions").glob(f"{PREFIX}*.txt"))
    rig = average_rig(load_body())
    recordings = [read_deepmimic(path) for path in files]
    poses = [retarget(recording, rig) for recording in recordings]
    turns = np.concatenate([rotations for rotations, _ in poses])
    vectors = Rotation.from_matrix(turns.reshape(-1, 3, 3)).as_rotvec().reshape(*turns.shape[:3])
    np.savez_compressed(
        out,
        bones=np.array(rig.bones),
        parents=np.array(rig.parents, np.int8),
        heads_mm=rig.heads.astype(np.float32),
        contact_bones=rig.contact_bones.astype(np.uint8),
        contacts_mm=rig.contacts.astype(np.float32),
        names=np.array([path.stem.removeprefix(PREFIX) for path in files]),
        fps=np.array([recording.fps for recording in recordings]),
        lengths=np.array([len(rotations) for rotations, _ in poses]),
        rotvecs=np.round(vectors / QUANTUM).astype(np.int16),
        root_mm=np.concatenate([root for _, root in poses]),
        source=np.array("pybullet_data 3.2.7, data/motions/humanoid3d_*.txt, MIT licence (DeepMimic)"),
    )
    print(
        f"{out}: {out.stat().st_size / 1e6:.2f} MB, {len(files)} clips, {len(turns)} frames", file=sys.stderr
    )


def average_rig(body: Body) -> Rig:
    """The skeleton of an average adult, with the outermost skin vertices of every bone as contact points."""
    shaped = body.shape({name: np.array([value]) for name, value in ADULT.items()})
    vertices, heads = shaped.vertices[0].astype(np.float64), shaped.heads[0].astype(np.float64)
    owners = body.weight_bones[np.arange(len(vertices)), body.weights.argmax(axis=1)].astype(np.int64)
    directions = np.array([d for d in itertools.product((-1, 0, 1), repeat=3) if any(d)])
    chosen = set()
    for bone in range(len(body.bones)):
        own = np.flatnonzero((owners == bone) & (vertices[:, 0] >= 0))
        if len(own):
            chosen |= set(own[(vertices[own] @ directions.T).argmax(axis=0)].tolist())
    rows = np.array(sorted(chosen))
    # The other half is the mirror image, so that a mirrored pose stands at the same height.
    points = np.concatenate([vertices[rows], vertices[rows] * (-1, 1, 1)])
    bones = np.concatenate([owners[rows], body.bone_mirror[owners[rows]]])
    return Rig(tuple(body.bones), tuple(int(p) for p in body.parents), heads, bones, points)


if __name__ == "__main__":
    main()
