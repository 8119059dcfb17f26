"""AffineCombination: points in, points out; every output is an average of the inputs, weights sum to one."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

INITIAL_RANGE = (-0.1, 1.0)


class AffineCombination(keras.layers.Layer):
    """Maps points [..., n_in, D] to [..., n_out, D]: each output is an affine combination of all inputs.

    The same weights act on every coordinate, and the weights of an output sum to one. So any affine map of
    space, such as a rotation or a translation, commutes with the layer. If `chiral`, so does mirroring the
    person: points lie as [left | right | centre] and the raw matrix, [n_in, n_out], has the block pattern

        | S  Q  X |     S same side -> same side     Q opposite side     X sided -> centre
        | Q  S  X |     C centre -> sided            Z centre -> centre
        | C  C  Z |

    of five free blocks. Each column of it is divided by its sum whenever it is used. There is no epsilon: the
    initial values, uniform in [-0.1, 1), keep the sums far from zero.

    With several seeds the layer holds that many independent sets of weights, which are used at once: weights
    and matrix have a leading axis [K], and so has the output. An input may have it too.

    Args:
        pairs: how many left (and right) points come in and go out.
        centres: how many centre points come in and go out.
        chiral: whether mirroring commutes; otherwise all entries of the matrix are free.
        seed: one seed (no leading axis) or a sequence of K seeds.

    Source: Sárándi et al., WACV 2023; autoencoder sheet, sections 1 to 5.
    """

    def __init__(
        self,
        pairs: tuple[int, int],
        centres: tuple[int, int],
        chiral: bool = True,
        seed: int | Sequence[int] = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.pairs = tuple(pairs)
        self.centres = tuple(centres)
        self.chiral = chiral
        self.seed = seed if isinstance(seed, int) else tuple(seed)
        self.n_in, self.n_out = (2 * p + c for p, c in zip(self.pairs, self.centres, strict=True))
        if self.n_in < 1 or self.n_out < 1:
            raise ValueError(f"pairs={pairs} and centres={centres} leave no points, expected at least one")

    def build(self, input_shape):
        if input_shape[-2] != self.n_in:
            raise ValueError(
                f"input has {input_shape[-2]} points (shape {input_shape}), expected {self.n_in}"
            )
        (p_in, p_out), (c_in, c_out) = self.pairs, self.centres
        if self.chiral:
            shapes = {
                "same_side": (p_in, p_out),
                "opposite_side": (p_in, p_out),
                "to_centre": (p_in, c_out),
                "from_centre": (c_in, p_out),
                "centre": (c_in, c_out),
            }
        else:
            shapes = {"free": (self.n_in, self.n_out)}
        leading = () if isinstance(self.seed, int) else (len(self.seed),)
        self.blocks = [
            self.add_weight(
                shape=(*leading, *shape),
                # One object a weight: a shared one would draw the same values for equal shapes.
                initializer=UniformBySeed(self.seed, stream=i),
                dtype="float32",
                name=name,
            )
            for i, (name, shape) in enumerate(shapes.items())
        ]
        self.built = True

    def matrix(self):
        """[n_in, n_out] float32 normalised weights, or [K, n_in, n_out]; every column sums to one."""
        raw = self._raw_matrix()
        return raw / ops.sum(raw, axis=-2, keepdims=True)

    def call(self, points):
        return combine(points, self.matrix())

    def compute_output_shape(self, input_shape):
        leading = () if isinstance(self.seed, int) or len(input_shape) == 4 else (len(self.seed),)
        return (*leading, *input_shape[:-2], self.n_out, input_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "pairs": self.pairs,
            "centres": self.centres,
            "chiral": self.chiral,
            "seed": self.seed,
        }

    def _raw_matrix(self):
        if not self.chiral:
            return self.blocks[0]
        same, opposite, to_centre, from_centre, centre = self.blocks
        rows = [[same, opposite, to_centre], [opposite, same, to_centre], [from_centre, from_centre, centre]]
        return ops.concatenate([ops.concatenate(row, axis=-1) for row in rows], axis=-2)


def combine(points, matrix):
    """Affine combination of points [B, n_in, D] by a matrix [n_in, n_out] -> [B, n_out, D].

    A matrix [K, n_in, n_out] gives [K, B, n_out, D], from points [B, n_in, D] or [K, B, n_in, D].
    """
    matrix = ops.convert_to_tensor(matrix)
    if len(matrix.shape) == 2:
        return ops.einsum("...jd,jl->...ld", points, matrix)
    subscripts = "bjd,kjl->kbld" if len(points.shape) == 3 else "kbjd,kjl->kbld"
    return ops.einsum(subscripts, points, matrix)


@keras.saving.register_keras_serializable("affine_combining")
class UniformBySeed(keras.initializers.Initializer):
    """Uniform values in [-0.1, 1) that depend on (seed, stream) alone: a seed starts alike in any company."""

    def __init__(self, seed: int | Sequence[int], stream: int = 0):
        self.seed = seed
        self.stream = stream

    def __call__(self, shape, dtype=None):
        if isinstance(self.seed, int):
            values = self._draw(self.seed, shape)
        else:
            values = np.stack([self._draw(seed, shape[1:]) for seed in self.seed])
        return ops.convert_to_tensor(values, dtype=dtype or "float32")

    def get_config(self):
        return {"seed": self.seed, "stream": self.stream}

    def _draw(self, seed: int, shape) -> np.ndarray:
        return np.random.default_rng([seed, self.stream]).uniform(*INITIAL_RANGE, shape).astype(np.float32)
