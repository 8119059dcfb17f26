"""The 14 LSP joints of SMPL meshes, through a regressor from vertices that the user gives.

Source: evaluation sheet, section 5.4: the 17-row regressor of Human3.6M, which is not ours to ship.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from evaluation import metrics
from posepile.datasets.raw import RawDataError, array, load_npy

ROWS = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)
"""Of the regressor: rank, rkne, rhip, lhip, lkne, lank, rwri, relb, rsho, lsho, lelb, lwri, neck, htop."""
ROOT_ROW = 0
N_ROWS = 17


@lru_cache(maxsize=1)
def load_regressor(file: Path) -> np.ndarray:
    """[17, V], an .npy file. Raises RawDataError."""
    found = load_npy(file)
    if isinstance(found, dict):
        raise RawDataError(f"{file}: several arrays, expected an .npy of [{N_ROWS}, vertices]")
    return array(file, "regressor", found, (N_ROWS, None), limit=10)


def regress(regressor: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """[n, V, 3] mm -> [n, 17, 3] mm. Raises ValueError for a mesh of another size."""
    if vertices.shape[1] != regressor.shape[1]:
        raise ValueError(
            f"meshes have {vertices.shape[1]} vertices, the regressor {regressor.shape[1]}, expected as many"
        )
    return np.einsum("jv,nvc->njc", regressor, vertices)


def lsp_values(pred: np.ndarray, true: np.ndarray) -> dict[str, np.ndarray]:
    """mpjpe_lsp and p_mpjpe_lsp [n, 14] of regressed joints [n, 17, 3]: the root is found before joints are chosen."""
    relative = metrics.root_relative_distances(pred, true, root=ROOT_ROW)[:, ROWS]
    aligned = metrics.procrustes_distances(pred[:, ROWS], true[:, ROWS])
    return {
        "mpjpe_lsp": metrics.counted_errors(relative),
        "p_mpjpe_lsp": metrics.counted_errors(aligned),
    }
