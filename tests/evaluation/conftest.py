"""Real sample files, small benchmarks to score on, and metrics written a second time, slowly."""

import math
import os
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from small_benchmarks import SMALL, perfect

from evaluation.joint_columns import PredictionWarning


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of real sample files; the environment variable DOZENS_SAMPLES says where."""
    folder = os.environ.get("DOZENS_SAMPLES")
    if not folder:
        pytest.skip("DOZENS_SAMPLES is not set: no sample files of real data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def slow() -> SimpleNamespace:
    """`errors`: one list of errors a pose, inf where the prediction is missing. `random_case`: its arguments."""
    return SimpleNamespace(errors=slow_errors, random_case=random_case)


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """id -> root, written when it is asked for."""
    written = {}

    def root(id):
        if id not in written:
            written[id] = SMALL[id].write(tmp_path_factory.mktemp(id) / "raw")
        return written[id]

    return root


@pytest.fixture
def check(roots, tmp_path):
    """check(id, change(predictions) -> changed fields, allow_missing) -> the document's model and the warnings."""

    def check(id, change=lambda predictions: {}, allow_missing=False):
        small, root = SMALL[id], roots(id)
        predictions = perfect(small, root)
        path = predictions.write(tmp_path / "p.npz", **change(predictions))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = small.protocol(root).score(root, [path], allow_missing)
        texts = [str(w.message) for w in caught if isinstance(w.message, PredictionWarning)]
        assert all("the complete benchmark has" in t or t in found["models"]["p"]["warnings"] for t in texts)
        return found["models"]["p"], [text for text in texts if "complete benchmark" not in text]

    return check


def random_case(case):
    """Poses with unlabelled, masked and missing joints, all-zero poses, exact hits, one-joint poses."""
    rng = np.random.default_rng(case)
    n, j = rng.integers(1, 7), rng.integers(4, 9)
    true = rng.normal(size=(n, j, 3)) * 300
    pred = true + rng.normal(size=(n, j, 3)) * rng.choice([0, 30, 150])
    valid = rng.random((n, j)) < 0.8
    true[rng.random((n, j)) < 0.1] = np.nan
    pred[rng.random((n, j)) < 0.1] = rng.choice([np.nan, np.inf])
    pred[rng.random(n) < 0.2] = 0
    valid[rng.random(n) < 0.1] = np.arange(j) == 1
    valid[0, 1:3], true[0, 1:3], pred[0, 1:3] = True, 1.0, 2.0  # one pose has everything that is needed
    return pred, true, valid


def slow_errors(pred, true, valid, kind, root=(1,)):
    """kind: absolute, relative, scaled, mean or procrustes. Poses without a labelled joint are left out."""
    for p, g, m in zip(pred, true, valid, strict=True):
        labelled = [j for j in range(len(g)) if m[j] and all(map(math.isfinite, g[j]))]
        found = [j for j in labelled if all(map(math.isfinite, p[j]))]
        if kind in ("relative", "scaled"):
            if not set(root) <= set(labelled):
                continue
            if not set(root) <= set(found):
                found = []
        moved = MOVES[kind](p, g, found, root) if found else {}
        if labelled:
            errors = [math.dist(moved[j], g[j]) if j in found else math.inf for j in labelled]
            yield [0.0 if e < 1e-9 else e for e in errors]  # rounding; one curve jumps at 0


def mean_of(points, joints):
    return sum(points[j] for j in joints) / len(joints)


def relative(p, g, found, root):
    return {j: p[j] - mean_of(p, root) + mean_of(g, root) for j in found}


def scaled(p, g, found, root):
    a, b = ({j: x[j] - mean_of(x, root) for j in found} for x in (p, g))
    size = sum(a[j] @ a[j] for j in found)
    scale = sum(a[j] @ b[j] for j in found) / size if size else 1
    return {j: scale * a[j] + mean_of(g, root) for j in found}


def procrustes(p, g, found, root):
    """By unit quaternions (Horn 1987), which cannot reflect."""
    mean_p, mean_g = mean_of(p, found), mean_of(g, found)
    size = sum((p[j] - mean_p) @ (p[j] - mean_p) for j in found)
    if len(found) < 3 or size < 1e-12:
        return {j: p[j] for j in found}
    s = sum(np.outer(p[j] - mean_p, g[j] - mean_g) for j in found)
    n = np.zeros((4, 4))
    n[0, 0] = np.trace(s)
    n[0, 1:] = n[1:, 0] = s[1, 2] - s[2, 1], s[2, 0] - s[0, 2], s[0, 1] - s[1, 0]
    n[1:, 1:] = s + s.T - np.trace(s) * np.eye(3)
    values, vectors = np.linalg.eigh(n)
    w, v = vectors[0, -1], vectors[1:, -1]
    turned = {j: (lambda x: x + 2 * np.cross(v, np.cross(v, x) + w * x))(p[j] - mean_p) for j in found}
    return {j: values[-1] / size * turned[j] + mean_g for j in found}


MOVES = {
    "absolute": lambda p, g, found, root: {j: p[j] for j in found},
    "relative": relative,
    "scaled": scaled,
    "mean": lambda p, g, found, root: {j: p[j] - mean_of(p, found) + mean_of(g, found) for j in found},
    "procrustes": procrustes,
}
