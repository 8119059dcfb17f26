"""The result of training an autoencoder: two weight matrices with the names of their joints, as one file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

FORMAT_VERSION = 1
SUM_TOLERANCE = 1e-4  # a column of 555 float32 weights that was divided by its own float32 sum


class AcaeWeightsError(ValueError):
    """A weights file or matrix is not what it should be; the message names file, field and expectation."""


class JointMismatchError(AcaeWeightsError):
    """The weights were made for other joints than those at hand."""


@dataclass(frozen=True, eq=False)
class AcaeWeights:
    """Frozen weights of an affine-combining autoencoder; every column sums to one.

    Latents lie as [left | right | centre]. Use: `latents = einsum("...jc,jl->...lc", joints, w1)` and
    `joints = einsum("...lc,lj->...jc", latents, w2)`.

    Raises AcaeWeightsError for shapes that do not fit together, values that are not finite and columns whose
    sum is not one. Source: autoencoder sheet, sections 1, 3 and 9.
    """

    w1: np.ndarray
    """[J, L] float32, joints to latents."""
    w2: np.ndarray
    """[L, J] float32, latents to joints."""
    joint_names: tuple[str, ...]
    """[J] names, in the order of the rows of w1 and the columns of w2."""
    provenance: dict = field(default_factory=dict)
    """Plain JSON values: settings, figures on held-out poses, where the poses came from."""
    latents_sided: int = 0
    """How many latents at the front are left (first half) and right (second half). 0: they have no sides."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "w1", np.asarray(self.w1, np.float32))
        object.__setattr__(self, "w2", np.asarray(self.w2, np.float32))
        object.__setattr__(self, "joint_names", tuple(str(name) for name in self.joint_names))
        _check(self)

    @property
    def n_joints(self) -> int:
        return self.w1.shape[0]

    @property
    def n_latents(self) -> int:
        return self.w1.shape[1]

    @property
    def latent_mirror(self) -> np.ndarray:
        """[L] int64: each latent's partner on the other side; centre latents are their own."""
        half = self.latents_sided // 2
        return np.r_[half : 2 * half, 0:half, 2 * half : self.n_latents].astype(np.int64)

    def encode(self, joints: np.ndarray) -> np.ndarray:
        """[..., J, 3] joints -> [..., L, 3] latents, same unit and frame."""
        return np.einsum("...jc,jl->...lc", joints, self.w1)

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """[..., L, 3] latents -> [..., J, 3] joints, same unit and frame."""
        return np.einsum("...lc,lj->...jc", latents, self.w2)

    def check_joints(self, joint_names: Sequence[str]) -> None:
        """Raises JointMismatchError, which lists names, unless these are the weights' joints in order."""
        check_names(self.joint_names, joint_names)

    def reordered(self, joint_names: Sequence[str]) -> "AcaeWeights":
        """The same autoencoder for the same joints in another order. Raises JointMismatchError for others."""
        order = [self.joint_names.index(name) for name in joint_names if name in self.joint_names]
        if sorted(order) != list(range(self.n_joints)) or len(order) != len(joint_names):
            self.check_joints(joint_names)
        return AcaeWeights(
            self.w1[order], self.w2[:, order], tuple(joint_names), self.provenance, self.latents_sided
        )

    def save(self, path: str | Path) -> None:
        """Writes an .npz file: w1, w2, joint_names, latents_sided, format_version, provenance (JSON text)."""
        with open(path, "wb") as file:  # a file object: given a name, numpy would append ".npz" to it
            np.savez(
                file,
                w1=self.w1,
                w2=self.w2,
                joint_names=np.array(self.joint_names, dtype=np.str_),
                latents_sided=np.int64(self.latents_sided),
                format_version=np.int64(FORMAT_VERSION),
                provenance=np.array(json.dumps(self.provenance, allow_nan=False, sort_keys=True)),
            )

    @classmethod
    def load(cls, path: str | Path) -> "AcaeWeights":
        """Reads what `save` wrote. Raises AcaeWeightsError, which names file and field, or OSError."""
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except (ValueError, EOFError) as error:
            raise AcaeWeightsError(f"{path}: not an .npz file of plain arrays: {error}") from error
        for name in ("w1", "w2", "joint_names"):
            if name not in arrays:
                raise AcaeWeightsError(f"{path}: field {name!r} is missing, expected w1, w2 and joint_names")
        version = int(arrays.get("format_version", FORMAT_VERSION))
        if version != FORMAT_VERSION:
            raise AcaeWeightsError(f"{path}: format_version is {version}, expected {FORMAT_VERSION}")
        try:
            return cls(
                arrays["w1"],
                arrays["w2"],
                tuple(arrays["joint_names"].tolist()),
                json.loads(str(arrays.get("provenance", "{}"))),
                int(arrays.get("latents_sided", 0)),
            )
        except AcaeWeightsError as error:
            raise AcaeWeightsError(f"{path}: {error}") from error


def check_names(ours: Sequence[str], joint_names: Sequence[str]) -> None:
    """Raises JointMismatchError, which lists names, unless an autoencoder's joints are these, in order."""
    ours, names = tuple(ours), tuple(joint_names)
    if names == ours:
        return
    missing = [name for name in names if name not in ours]
    surplus = [name for name in ours if name not in names]
    if missing or surplus:
        raise JointMismatchError(
            f"the autoencoder was made for other joints ({len(ours)}, expected {len(names)}): "
            f"it lacks {_some(missing)}; it has in surplus {_some(surplus)}"
        )
    if len(names) != len(ours):
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise JointMismatchError(f"joint names are repeated: {_some(repeated)}")
    i = next(i for i, (a, b) in enumerate(zip(ours, names, strict=True)) if a != b)
    raise JointMismatchError(
        f"the autoencoder has the same joints in another order, first at joint {i}: "
        f"{ours[i]!r}, expected {names[i]!r}; reorder it with AcaeWeights.reordered"
    )


def _check(weights: AcaeWeights) -> None:
    w1, w2, names = weights.w1, weights.w2, weights.joint_names
    if w1.ndim != 2 or w2.shape != w1.shape[::-1]:
        raise AcaeWeightsError(f"w1 has shape {w1.shape} and w2 {w2.shape}, expected [J, L] and [L, J]")
    if len(names) != w1.shape[0]:
        raise AcaeWeightsError(f"joint_names has {len(names)} names, expected {w1.shape[0]}, the rows of w1")
    if not 0 <= weights.latents_sided <= w1.shape[1] or weights.latents_sided % 2:
        raise AcaeWeightsError(
            f"latents_sided is {weights.latents_sided}, expected an even number up to {w1.shape[1]}"
        )
    for field_name, matrix in (("w1", w1), ("w2", w2)):
        if not np.isfinite(matrix).all():
            raise AcaeWeightsError(f"{field_name} has values that are not finite")
        error = np.abs(matrix.sum(axis=0, dtype=np.float64) - 1).max(initial=0)
        if error > SUM_TOLERANCE:
            raise AcaeWeightsError(f"{field_name}: a column's sum is off by {error:.2g}, expected one")


def _some(names: list[str], limit: int = 6) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
