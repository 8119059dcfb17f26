"""Writes body.npz here: bodies computed by anny itself in float64. Needs torch and anny (see export_body.py).

ANNY_CACHE_DIR=/tmp/anny python tests/posepile/synthetic/golden/make_body_golden.py
"""

from pathlib import Path

import anny
import numpy as np
import torch

CASES = 12
EVERY = 25  # a golden file of every vertex would be megabytes


def anny_bodies(phenotypes, rotations, root_mm, exported_vertices):
    """anny's rest and posed vertices and bone heads, mm; phenotypes [n, 6], rotations [n, 31, 3, 3]."""
    model = anny.Anny(rig="cmu_mb", phenotype_blendshapes="original", skinning_method="lbs")
    pose = torch.zeros(len(rotations), len(model.bone_labels), 4, 4, dtype=torch.float64)
    pose[..., 3, 3] = 1
    pose[..., :3, :3] = torch.as_tensor(rotations)
    pose[:, 0, :3, 3] = torch.as_tensor(root_mm) / 1000
    out = model(pose, torch.as_tensor(phenotypes), pose_parameterization="local-ref")
    kept = exported_vertices.astype(np.int64)
    return {
        "rest_vertices": out["rest_vertices"].numpy()[:, kept] * 1000,
        "rest_heads": out["rest_bone_heads"].numpy() * 1000,
        "vertices": out["vertices"].numpy()[:, kept] * 1000,
        "heads": out["bone_poses"].numpy()[:, :, :3, 3] * 1000,
    }


def random_cases(seed, n):
    """Phenotypes [n, 6] (a third corners), rotations [n, 31, 3, 3] of some 40 degrees, roots [n, 3] mm."""
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(seed)
    phenotypes = rng.uniform(0, 1, (n, 6))
    phenotypes[: n // 3] = np.round(phenotypes[: n // 3])
    vectors = rng.normal(0, 0.4, (n * 31, 3))
    return (
        phenotypes,
        Rotation.from_rotvec(vectors).as_matrix().reshape(n, 31, 3, 3),
        rng.uniform(-500, 500, (n, 3)),
    )


if __name__ == "__main__":
    exported = np.load(Path(__file__).parents[4] / "posepile/synthetic/data/body.npz")["anny_vertices"]
    rows = np.arange(0, len(exported), EVERY)
    phenotypes, rotations, root = random_cases(seed=0, n=CASES)
    bodies = anny_bodies(phenotypes, rotations, root, exported[rows])
    cases = dict(phenotypes=phenotypes, rotations=rotations, root=root, rows=rows)
    np.savez_compressed(Path(__file__).parent / "body.npz", **cases, **bodies)
