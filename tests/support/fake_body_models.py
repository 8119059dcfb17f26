"""Files in the formats of SMPL, SMPL+H and SMPL-X with made-up bodies, and a slow second way of posing them."""

from pathlib import Path

import cv2
import numpy as np
from old_pickles import Python2Pickler, stored
from scipy.sparse import csc_matrix

BODY = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
N_VERTICES = {"smpl": 60, "smplh": 60, "smplx": 10475}
N_SHAPES = {"smpl": 10, "smplh": 16, "smplx": 20}

POINTS = [9120, 9929, 9448, 616, 6, 5770, 5780, 8846, 8463, 8474, 8635]  # nose, eyes, ears, feet
POINTS += [5361, 4933, 5058, 5169, 5286, 8079, 7669, 7794, 7905, 8022]  # finger tips


def fake_body_model(kind: str, seed: int = 0) -> dict[str, np.ndarray]:
    """The fields of a model file: a cloud of vertices 1.7 m high, y up, whose joints are means of some of them."""
    rng = np.random.default_rng(seed)
    parents = _parents(kind)
    n_joints, n = len(parents), N_VERTICES[kind]
    regressor = np.zeros((n_joints, n))
    for row in regressor:
        row[rng.choice(n, 4, replace=False)] = rng.dirichlet(np.ones(4))
    weights = np.zeros((n, n_joints))
    for shares in rng.dirichlet(np.ones(4), size=n).T:
        weights[np.arange(n), rng.integers(0, n_joints, size=n)] += shares
    pose_directions = np.zeros((n, 3, 9 * (n_joints - 1)), np.float32 if n < 100 else np.float16)
    pose_directions[..., ::10] = rng.normal(scale=0.01, size=pose_directions[..., ::10].shape)
    fields = {
        "v_template": rng.uniform((-0.3, -1.1, -0.15), (0.3, 0.6, 0.15), size=(n, 3)),
        "shapedirs": rng.normal(scale=0.01, size=(n, 3, N_SHAPES[kind])),
        "posedirs": pose_directions,
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.array([[p % 2**32 for p in parents], range(n_joints)], np.uint32),
        "f": rng.integers(0, n, size=(300, 3)).astype(np.uint32),
    }
    if kind == "smplx":
        fields["lmk_faces_idx"] = rng.integers(0, 300, size=51).astype(np.uint32)
        fields["lmk_bary_coords"] = rng.dirichlet(np.ones(3), size=51)
        fields |= {f"hands_mean{side}": rng.normal(scale=0.2, size=45) for side in "lr"}
        fields |= {f"hands_components{side}": np.linalg.qr(rng.normal(size=(45, 45)))[0] for side in "lr"}
    return fields


def write_npz(file: Path, fields: dict) -> None:
    """With Python objects among its fields, as SMPL-X's files have them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        np.savez(stream, joint2num=np.array({"pelvis": 0}, dtype=object), **fields)


def write_pickle(file: Path, fields: dict) -> None:
    """As Python 2 wrote SMPL's files: directions as objects of chumpy, a sparse joint regressor."""
    directions = fields["shapedirs"]
    more = np.concatenate([directions, directions], axis=-1)
    chosen = np.arange(more.size).reshape(more.shape)[..., : directions.shape[-1]]
    selection = {"a": _chumpy(more), "idxs": chosen.ravel(), "preferred_shape": directions.shape}
    sparse = csc_matrix(fields["J_regressor"])
    matrix = {"_shape": sparse.shape, "data": sparse.data, "indices": sparse.indices, "indptr": sparse.indptr}
    objects = {
        "shapedirs": stored("chumpy.reordering", "Select", selection),
        "posedirs": _chumpy(fields["posedirs"]),
        "J": stored("chumpy.reordering", "transpose", {"a": _chumpy(np.eye(3)), "axes": None}),
        "J_regressor": stored("scipy.sparse.csc", "csc_matrix", {"maxprint": 50} | matrix),
        "bs_style": "lbs",
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        Python2Pickler(stream, protocol=2).dump(fields | objects)


def slow_body(
    fields: dict, pose, shape, translation=(0, 0, 0), expression=None, chosen=slice(None)
) -> tuple[np.ndarray, np.ndarray]:
    """Joints [J, 3] and chosen vertices [m, 3] in mm of one body, matrix by matrix. Translation in mm."""
    directions = fields["shapedirs"]
    shaped = fields["v_template"] + directions[..., : len(shape)] @ shape
    if expression is not None:
        shaped = shaped + directions[..., 10 : 10 + len(expression)] @ expression
    rest = fields["J_regressor"] @ shaped
    parents = fields["kintree_table"][0].astype(np.int64)
    placed, features = [], []
    for joint, turn in enumerate(np.reshape(pose, (-1, 3))):
        step = np.eye(4)
        step[:3, :3] = cv2.Rodrigues(np.array(turn, float))[0]
        step[:3, 3] = rest[joint] - (rest[parents[joint]] if joint else 0)
        placed.append(placed[parents[joint]] @ step if joint else step)
        features += [*(step[:3, :3] - np.eye(3)).ravel()] if joint else []
    corrected = shaped[chosen] + fields["posedirs"][chosen].astype(float) @ features
    vertices = np.zeros_like(corrected)
    for joint, placement in enumerate(placed):
        moved = (corrected - rest[joint]) @ placement[:3, :3].T + placement[:3, 3]
        vertices += fields["weights"][chosen, joint, np.newaxis] * moved
    joints = np.array([placement[:3, 3] for placement in placed])
    return 1000 * joints + translation, 1000 * vertices + translation


def slow_keypoints(fields: dict, pose, shape, translation, expression) -> np.ndarray:
    """[127, 3] mm: joints, surface points and landmarks of one body of SMPL-X."""
    triangles = fields["f"][fields["lmk_faces_idx"]].astype(int)
    chosen = [*POINTS, *triangles.ravel()]
    joints, points = slow_body(fields, pose, shape, translation, expression, chosen)
    corners = points[len(POINTS) :].reshape(51, 3, 3)
    landmarks = (corners * fields["lmk_bary_coords"][:, :, np.newaxis]).sum(axis=1)
    return np.concatenate([joints, points[: len(POINTS)], landmarks])


def _parents(kind: str) -> list[int]:
    if kind == "smpl":
        return [*BODY, 20, 21]
    head = [15, 15, 15] if kind == "smplx" else []
    parents = [*BODY, *head]
    for wrist in (20, 21):
        for _ in range(5):
            parents += [wrist, len(parents), len(parents) + 1]
    return parents


def _chumpy(value: np.ndarray):
    return stored("chumpy.ch", "Ch", {"x": value, "_status": "new", "_dirty_vars": set(), "_itr": None})
