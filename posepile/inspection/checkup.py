"""A store's health from end to end: are its bytes whole, and do its labels look like people's?

Each check looks for a fault that has happened to somebody: metres for millimetres, left and right exchanged,
a camera's rotation transposed, boxes of another image size.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from posepile import boxes
from posepile.example import PoseExample
from posepile.store import Store, verify

HEIGHT_MM = (600.0, 2600.0)  # of the middle person's joints, head to foot when standing, less when sitting
ENOUGH = 0.95


@dataclass(frozen=True)
class Check:
    """The outcome of one check."""

    name: str
    is_good: bool
    detail: str


def check_store(store: Store, rows: np.ndarray, read_all: bool = True) -> list[Check]:
    """Checks a store: every record's checksum, and the labels of the examples at `rows`.

    Args:
        rows: which examples are looked at closely.
        read_all: whether every record is read and compared with the index.
    """
    checks = []
    if read_all:
        problems = verify(store.path)
        checks.append(Check("records", not problems, problems[0] if problems else f"{len(store)} are whole"))
        if problems:
            return checks
    examples = store.examples(rows)
    labels = "2d" if store.role == "2d" else "3d"
    return checks + [check(store, examples) for check in _CHECKS[labels]]


def _images(store: Store, examples: list[PoseExample]) -> Check:
    bad = [
        e.key for e in examples if cv2.imdecode(np.frombuffer(e.image, np.uint8), cv2.IMREAD_COLOR) is None
    ]
    return Check("images", not bad, f"{bad[0]} cannot be decoded" if bad else "all can be decoded")


def _joints(store: Store, examples: list[PoseExample]) -> Check:
    labelled = np.stack([_labels(e) for e in examples])
    never = [name for name, n in zip(store.joints, labelled.any(axis=0), strict=True) if not n]
    detail = (
        f"never labelled: {', '.join(never)}" if never else f"all {len(store.joints)} are labelled somewhere"
    )
    # A part of the joints may be unlabelled by design (3DHP's test set); none labelled is a fault
    return Check("joints", bool(labelled.any()), detail)


def _cameras(store: Store, examples: list[PoseExample]) -> Check:
    bad = [e.key for e in examples if not _is_rotation(e.camera.rotation)]
    return Check(
        "cameras", not bad, f"{bad[0]}: not a rotation of determinant 1" if bad else "all are right-handed"
    )


def _depth(store: Store, examples: list[PoseExample]) -> Check:
    depths = np.concatenate([e.camera.world_to_camera(e.joints3d[_labels(e)])[:, 2] for e in examples])
    share = float((depths > 0).mean())
    return Check(
        "depth", share > ENOUGH, f"{share:.0%} of the joints are before their camera, expected nearly all"
    )


def _size(store: Store, examples: list[PoseExample]) -> Check:
    extents = [np.ptp(e.joints3d[_labels(e)], axis=0).max() for e in examples if _labels(e).sum() > 3]
    middle = float(np.median(extents)) if extents else 0.0
    low, high = HEIGHT_MM
    detail = f"the middle person spans {middle:.4g} mm, expected {low:.0f} to {high:.0f}"
    return Check("size", low < middle < high, detail)


def _reprojection(store: Store, examples: list[PoseExample]) -> Check:
    shares = [
        boxes.contains(boxes.expand(e.box, 1.3), e.camera.world_to_image(e.joints3d[_labels(e)])).mean()
        for e in examples
    ]
    middle = float(np.median(shares))
    detail = (
        f"half of the people have at least {middle:.0%} of their joints in or near their box, expected 60 %"
    )
    return Check("reprojection", middle >= 0.6, detail)


def _sides(store: Store, examples: list[PoseExample]) -> Check:
    """Whether left is left: of somebody who looks along f with the head up, left is along up x f."""
    votes = np.array([vote for e in examples if (vote := _left_is_left(store, e)) is not None])
    if len(votes) < 10:
        return Check("sides", True, "not checked: no joints that tell where a person looks")
    share = float(votes.mean())
    return Check("sides", share > 0.7, f"left is left for {share:.0%} of the people, expected nearly all")


def _left_is_left(store: Store, example: PoseExample) -> bool | None:
    place = {name: i for i, name in enumerate(store.info.base_joints)}

    def at(*names: str) -> np.ndarray | None:
        for name in names:
            if name in place and np.isfinite(point := example.joints3d[place[name]].astype(float)).all():
                return point
        return None

    left, right = at("lhip", "lsho"), at("rhip", "rsho")
    low, high = at("pelv", "mhip"), at("neck", "thor")
    start, end = (at("lank"), at("ltoe", "lfoo")) if "lank" in place else (at("neck"), at("nose"))
    if any(point is None for point in (left, right, low, high, start, end)):
        return None
    return bool(np.dot(np.cross(high - low, end - start), left - right) > 0)


def _labels(example: PoseExample) -> np.ndarray:
    """[J] bool."""
    joints = example.joints2d if example.joints3d is None else example.joints3d
    return np.isfinite(joints).all(axis=1)


def _is_rotation(matrix: np.ndarray) -> bool:
    return bool(np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-3) and np.linalg.det(matrix) > 0)


_CHECKS: dict[str, tuple[Callable[[Store, list[PoseExample]], Check], ...]] = {
    "2d": (_images, _joints),
    "3d": (_images, _joints, _cameras, _depth, _size, _reprojection, _sides),
}
