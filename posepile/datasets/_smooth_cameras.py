"""A camera that is held: one pose a frame, from noisy pixels and because hands move little from frame to frame."""

import numpy as np
from scipy.linalg import solveh_banded
from scipy.spatial.transform import Rotation

N_ROUNDS = 15
PIXEL_ERROR = 10.0  # px, beyond which a pixel begins to count less
STEP_OF_ROTATION, STEP_OF_POSITION = 0.005, 10.0  # rad and mm a frame, standard deviations
WIDTH = 6  # unknowns a frame: turn, position


def smooth_cameras(
    rotations: np.ndarray,
    positions: np.ndarray,
    points: np.ndarray,
    pixels: np.ndarray,
    intrinsics: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest poses of a camera, by Gauss-Newton steps from a rough guess.

    Pixels have errors with heavy tails (Cauchy), the camera's turn and position walk at random.

    Args:
        rotations: [T, 3, 3], world to camera, a guess.
        positions: [T, 3] mm, a guess.
        points: [T, J, 3] mm, world; NaN where not known.
        pixels: [T, J, 2]; NaN where not seen.
        intrinsics: [3, 3].

    Returns:
        rotations and positions.
    """
    for _ in range(N_ROUNDS):
        blocks, rests = _of_pixels(rotations, positions, points, pixels, intrinsics)
        steps = _solve(blocks, rests, rotations, positions)
        rotations = Rotation.from_rotvec(steps[:, :3]).as_matrix() @ rotations
        positions = positions + steps[:, 3:]
    return rotations, positions


def _of_pixels(rotations, positions, points, pixels, intrinsics) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations of the reprojection errors: [T, 6, 6] and [T, 6]."""
    known = np.isfinite(points).all(axis=-1) & np.isfinite(pixels).all(axis=-1)
    from_camera = np.where(known[..., np.newaxis], points, 0) - positions[:, np.newaxis]
    in_camera = from_camera @ np.swapaxes(rotations, 1, 2)
    known &= in_camera[..., 2] > 1
    x, y, z = np.moveaxis(np.where(known[..., np.newaxis], in_camera, 1.0), -1, 0)
    focal = np.diag(intrinsics)[:2]
    errors = np.nan_to_num(pixels) - (np.stack([x / z, y / z], axis=-1) * focal + intrinsics[:2, 2])
    zero = np.zeros_like(x)
    by_point = np.stack(  # [T, J, 2, 3]: how the pixel moves with the point in the camera frame
        [np.stack([focal[0] / z, zero, -focal[0] * x / z**2], axis=-1),
         np.stack([zero, focal[1] / z, -focal[1] * y / z**2], axis=-1)], axis=-2,
    )  # fmt: skip
    # A turn w moves the point by w x point
    by_turn = np.cross(np.stack([x, y, z], axis=-1)[..., np.newaxis, :], by_point)
    by_position = -by_point @ rotations[:, np.newaxis]
    jacobian = np.concatenate([by_turn, by_position], axis=-1)
    weights = known / (PIXEL_ERROR**2 + np.square(errors).sum(axis=-1))
    blocks = np.einsum("tj,tjab,tjac->tbc", weights, jacobian, jacobian)
    return blocks, np.einsum("tj,tjab,tja->tb", weights, jacobian, errors)


def _solve(blocks, rests, rotations, positions) -> np.ndarray:
    """[T, 6]: the step that solves the normal equations with those of the walk added."""
    n = len(blocks)
    stiffness = np.repeat([1 / STEP_OF_ROTATION**2, 1 / STEP_OF_POSITION**2], 3)
    turns = Rotation.from_matrix(rotations[1:] @ np.swapaxes(rotations[:-1], 1, 2)).as_rotvec()
    moves = np.concatenate([turns, np.diff(positions, axis=0)], axis=1) * stiffness  # [T - 1, 6]
    rests = rests.copy()
    rests[:-1] += moves
    rests[1:] -= moves
    n_neighbours = np.full(n, 2)
    n_neighbours[0] -= 1
    n_neighbours[-1] -= 1
    blocks = blocks + np.eye(WIDTH) * (stiffness * n_neighbours[:, np.newaxis])[:, np.newaxis]
    banded = np.zeros((WIDTH + 1, n * WIDTH))  # upper form: the diagonal is the last row
    for i in range(WIDTH):
        for j in range(i, WIDTH):
            banded[WIDTH + i - j, j::WIDTH] = blocks[:, i, j]
    banded[0, WIDTH:] = np.tile(-stiffness, n - 1)
    return solveh_banded(banded, rests.ravel()).reshape(n, WIDTH)
