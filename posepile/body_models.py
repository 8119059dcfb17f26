"""SMPL, SMPL+H and SMPL-X: from pose and shape to joints and surface points, by linear blend skinning in NumPy.

The models are licensed and come as files that their owner has got himself; nothing of them is here. Files of all
releases are read: Python 2 pickles with chumpy and SciPy objects (without importing chumpy), and .npz.

Source: Loper et al., SMPL, SIGGRAPH Asia 2015; Romero et al., Embodied Hands, 2017; Pavlakos et al., SMPL-X, CVPR
2019. Files hold metres, everything here is mm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.sparse import csc_matrix
from scipy.spatial.transform import Rotation

from posepile.datasets.raw import RawDataError, StoredObject, array, load_pickle, reading

KINDS = {24: "smpl", 52: "smplh", 55: "smplx"}  # by the number of joints
PAGES = {
    "smpl": "https://smpl.is.tue.mpg.de (SMPL for Python, version 1.1.0)",
    "smplh": "https://mano.is.tue.mpg.de (extended SMPL+H model)",
    "smplx": "https://smpl-x.is.tue.mpg.de (SMPL-X v1.1, NPZ)",
}
# The surface points that the field's library appends to the joints of SMPL-X: vertices of the eyes, ears, feet and
# finger tips; 51 landmarks of the face follow, which the file gives.
SMPLX_VERTICES = (
    9120, 9929, 9448, 616, 6,  # nose, right eye, left eye, right ear, left ear
    5770, 5780, 8846, 8463, 8474, 8635,  # big toe, small toe, heel: left, right
    5361, 4933, 5058, 5169, 5286,  # thumb, index, middle, ring, little finger: left
    8079, 7669, 7794, 7905, 8022,  # right
)  # fmt: skip
N_LANDMARKS = 51
SMPLX_SHAPES = {400: 300, 20: 10}  # all directions of a file: those of the shape; the face's follow
_ROOT = 2**32 - 1  # the root's parent, -1 as an unsigned number


@dataclass(frozen=True, eq=False)
class BodyModel:
    """A body model of one gender.

    Poses are [n, 3 J]: axis and angle (radians) of every joint relative to its parent, the root first. Shapes are
    [n, B] for any B up to the model's, or [1, B] for the same body in all poses; likewise the expression of SMPL-X,
    and the translation [n or 1, 3] in mm, which moves the posed body. (It is not where the root is: the body of zero
    translation has its root some 20 cm off the origin, depending on its shape.) ValueError for other shapes.

    Attributes:
        kind: "smpl" (24 joints), "smplh" (52) or "smplx" (55).
        parents: [J] int, -1 for the root.
        rest_joints: [J, 3] mm, of the mean shape.
        joint_shapes: [J, 3, B] mm, how a unit of each shape component moves them.
        vertices: [V, 3] mm, of the mean shape.
        vertex_shapes: [V, 3, B] mm.
        vertex_poses: [V, 3, 9 (J - 1)] mm, how the rotations of all but the root correct the surface.
        weights: [V, J], of the joints that carry a vertex.
        n_shapes: how many of the B components are of the shape; those of the face follow.
        hands: of "smplx": per side "l", "r" the mean pose [45] and the principal components [45, 45], in rows.
        landmarks: of "smplx": vertices [51, 3] of the face, and their weights [51, 3].
    """

    kind: str
    parents: np.ndarray
    rest_joints: np.ndarray
    joint_shapes: np.ndarray
    vertices: np.ndarray
    vertex_shapes: np.ndarray
    vertex_poses: np.ndarray
    weights: np.ndarray
    n_shapes: int
    hands: dict[str, tuple[np.ndarray, np.ndarray]]
    landmarks: tuple[np.ndarray, np.ndarray] | None

    def joints(self, pose, shape, translation=((0, 0, 0),), expression=None) -> np.ndarray:
        """[n, J, 3] mm: the joints of posed bodies."""
        _, positions, _ = self._posed(pose, shape, expression)
        return positions + np.asarray(translation, float)[:, np.newaxis]

    def surface(self, vertices, pose, shape, translation=((0, 0, 0),), expression=None) -> np.ndarray:
        """[n, m, 3] mm: the chosen vertices [m] (indices) of posed bodies."""
        rotations, positions, rest = self._posed(pose, shape, expression)
        local = _rotations(pose)[:, 1:] - np.eye(3)
        unposed = self.vertices[vertices] + self._shaped(self.vertex_shapes[vertices], shape, expression)
        unposed = unposed + np.einsum(
            "vcp,np->nvc", self.vertex_poses[vertices], local.reshape(len(local), -1)
        )
        offsets = positions - np.einsum("njab,njb->nja", rotations, rest)
        weights = self.weights[vertices]
        blended = np.einsum("vj,njab->nvab", weights, rotations)
        surface = np.einsum("nvab,nvb->nva", blended, unposed) + np.einsum("vj,nja->nva", weights, offsets)
        return surface + np.asarray(translation, float)[:, np.newaxis]

    def keypoints(self, pose, shape, translation=((0, 0, 0),), expression=None) -> np.ndarray:
        """[n, 127, 3] mm, of SMPL-X: 55 joints, SMPLX_VERTICES and 51 landmarks of the face (without its contour)."""
        if self.landmarks is None:
            raise ValueError(f"keypoints: the model is {self.kind}, expected smplx")
        triangles, weights = self.landmarks
        arguments = (pose, shape, translation, expression)
        points = self.surface([*SMPLX_VERTICES, *triangles.ravel()], *arguments)
        corners = points[:, len(SMPLX_VERTICES) :].reshape(len(points), N_LANDMARKS, 3, 3)
        landmarks = np.einsum("nlca,lc->nla", corners, weights)
        return np.concatenate([self.joints(*arguments), points[:, : len(SMPLX_VERTICES)], landmarks], axis=1)

    def hand_pose(self, side: str, coefficients) -> np.ndarray:
        """[n, 45]: the pose of the hand's 15 joints that [n, k] principal components stand for, mean included."""
        mean, components = self.hands[side]
        coefficients = np.asarray(coefficients, float)
        return mean + coefficients @ components[: coefficients.shape[1]]

    def _posed(self, pose, shape, expression):
        """Global rotations [n, J, 3, 3] and positions [n, J, 3] of the joints, and [n or 1, J, 3] at rest."""
        if np.ndim(pose) != 2 or np.shape(pose)[1] != 3 * len(self.parents):
            raise ValueError(f"pose has shape {np.shape(pose)}, expected [n, {3 * len(self.parents)}]")
        rotations = _rotations(pose)
        rest = self.rest_joints + self._shaped(self.joint_shapes, shape, expression)
        positions = np.broadcast_to(rest, (len(rotations), *rest.shape[1:])).copy()
        for joint, parent in enumerate(self.parents):
            if parent >= 0:  # parents come first
                bone = rest[:, joint] - rest[:, parent]
                positions[:, joint] = positions[:, parent] + np.einsum(
                    "nab,nb->na", rotations[:, parent], bone
                )
                rotations[:, joint] = rotations[:, parent] @ rotations[:, joint]
        return rotations, positions, rest

    def _shaped(self, directions: np.ndarray, shape, expression) -> np.ndarray:
        """[n, m, 3] mm: what shape and expression add, along `directions` [m, 3, B]."""
        shapes, faces = np.split(directions, [self.n_shapes], axis=-1)
        added = _added(shapes, shape, "shape")
        return added if expression is None else added + _added(faces, expression, "expression")


def find_body_model(folder: Path | None, kind: str, gender: str) -> BodyModel:
    """The model of a kind ("smpl", "smplh", "smplx") and gender ("male", "female", "neutral"), kept once loaded.

    It lies anywhere below `folder`/`kind`, under the name of its release: SMPL_MALE.pkl,
    basicmodel_m_lbs_10_207_0_v1.1.0.pkl, SMPLH_MALE.pkl, male/model.npz, SMPLX_MALE.npz; the newest is taken.
    Raises RawDataError, with the steps to get it, if there is none.
    """
    patterns = (
        f"{kind}_{gender}.*", f"basicmodel_{gender}_*.pkl", f"basicmodel_{gender[0]}_*.pkl", f"{gender}/model.npz"
    )  # fmt: skip
    found = []
    files = (folder / kind).rglob("*") if folder is not None else ()
    for file in sorted(files, key=lambda path: path.name.lower(), reverse=True):
        lower = Path(str(file).lower())
        if lower.suffix in (".pkl", ".npz") and any(lower.match(pattern) for pattern in patterns):
            found.append(file)
    if not found:
        where = (
            "no folder of body models was given" if folder is None else f"{folder}: no {kind} {gender} model"
        )
        error = RawDataError(f"{where}, expected {kind}/{kind.upper()}_{gender.upper()}.pkl (or .npz) in it")
        error.add_note(f"  - Register at {PAGES[kind]}, accept the licence and download the models.")
        error.add_note(f"  - Put the files into FOLDER/{kind} and give FOLDER as --body-models.")
        raise error
    return load_body_model(found[0])


@lru_cache(maxsize=6)  # genders and kinds of a data set: a model takes up to 100 MB, and seconds to read
def load_body_model(file: Path) -> BodyModel:
    """Reads a model file, .pkl or .npz. Raises RawDataError."""
    with reading(file):  # of an .npz only what is asked for is read; the rest has Python objects
        fields = np.load(file, allow_pickle=False) if file.suffix == ".npz" else load_pickle(file)
    tree = _array(file, fields, "kintree_table", (2, None), np.int64, limit=np.inf)
    parents, n_joints = _parents(file, tree[0]), tree.shape[1]
    kind = KINDS[n_joints]
    vertices = 1000 * _array(file, fields, "v_template", (None, 3))
    n = len(vertices)
    shapes = 1000 * _array(file, fields, "shapedirs", (n, 3, None))
    regressor = _array(file, fields, "J_regressor", (n_joints, n))
    return BodyModel(
        kind=kind,
        parents=parents,
        rest_joints=regressor @ vertices,
        joint_shapes=np.einsum("jv,vcs->jcs", regressor, shapes),
        vertices=vertices,
        vertex_shapes=shapes,
        vertex_poses=1000 * _array(file, fields, "posedirs", (n, 3, 9 * (n_joints - 1)), np.float32),
        weights=_array(file, fields, "weights", (n, n_joints)),
        n_shapes=_n_shapes(file, kind, shapes.shape[2]),
        hands=_hands(file, fields) if kind == "smplx" else {},
        landmarks=_landmarks(file, fields, n) if kind == "smplx" else None,
    )


def _rotations(pose) -> np.ndarray:
    """[n, 3 J] axis-angle to rotation matrices [n, J, 3, 3]."""
    pose = np.asarray(pose, float)
    return Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix().reshape(len(pose), -1, 3, 3)


def _added(directions: np.ndarray, coefficients, name: str) -> np.ndarray:
    """[n, m, 3]: directions [m, 3, S] times coefficients [n, up to S]."""
    coefficients = np.asarray(coefficients, float)
    if coefficients.ndim != 2 or coefficients.shape[1] > directions.shape[2]:
        raise ValueError(f"{name} has shape {coefficients.shape}, expected [n, up to {directions.shape[2]}]")
    return np.einsum("mcs,ns->nmc", directions[..., : coefficients.shape[1]], coefficients)


def _array(
    file: Path, fields: Mapping, name: str, shape, dtype: type = np.float64, limit: float = 10.0
) -> np.ndarray:
    """A field of a model file; all that are floats are metres, weights and the like, and small."""
    with reading(file):
        value = _plain(fields[name])
    return array(file, name, value, shape, dtype=dtype, limit=limit)


def _plain(value):
    """The array that an object of chumpy or SciPy stands for; any other value as it is."""
    if not isinstance(value, StoredObject):
        return value
    state = value.state
    match value.kind.rpartition(".")[2]:
        case "Ch":
            return np.asarray(state["x"])
        case "Select":  # a part of an array
            return np.ravel(_plain(state["a"]))[state["idxs"]].reshape(state["preferred_shape"])
        case "csc_matrix":
            matrix = csc_matrix((state["data"], state["indices"], state["indptr"]), shape=state["_shape"])
            matrix.check_format(full_check=True)  # before SciPy's unchecked code sees the indices
            return matrix.toarray()
    raise ValueError(f"an object of kind {value.kind}, expected an array")


def _parents(file: Path, parents: np.ndarray) -> np.ndarray:
    n_joints = len(parents)
    if n_joints not in KINDS:
        raise RawDataError(
            f"{file}: 'kintree_table' has {n_joints} joints, expected {', '.join(map(str, KINDS))}"
        )
    parents = np.where(parents == _ROOT, -1, parents)
    if parents[0] != -1 or (parents[1:] < 0).any() or (parents >= np.arange(n_joints)).any():
        raise RawDataError(
            f"{file}: 'kintree_table' has a joint before its parent, expected a tree from joint 0"
        )
    return parents


def _n_shapes(file: Path, kind: str, n_directions: int) -> int:
    """How many of the directions are of the body's shape; those of SMPL-X's face follow."""
    if kind != "smplx":
        return n_directions
    if n_directions not in SMPLX_SHAPES:
        expected = " or ".join(map(str, SMPLX_SHAPES))
        raise RawDataError(f"{file}: 'shapedirs' has {n_directions} components, expected {expected}")
    return SMPLX_SHAPES[n_directions]


def _hands(file: Path, fields: Mapping) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {
        side: (
            _array(file, fields, f"hands_mean{side}", (45,)),
            _array(file, fields, f"hands_components{side}", (45, 45)),
        )
        for side in "lr"
    }


def _landmarks(file: Path, fields: Mapping, n_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    triangles = _array(file, fields, "f", (None, 3), np.int64, limit=np.inf)
    chosen = _array(file, fields, "lmk_faces_idx", (N_LANDMARKS,), np.int64, limit=np.inf)
    weights = _array(file, fields, "lmk_bary_coords", (N_LANDMARKS, 3))
    with reading(file):
        corners = triangles[chosen]
    if min(chosen.min(), corners.min()) < 0 or max(corners.max(), *SMPLX_VERTICES) >= n_vertices:
        raise RawDataError(
            f"{file}: 'lmk_faces_idx' or 'f' names a vertex that is not among the {n_vertices}"
        )
    return corners, weights
