"""Metrics of joints in the image."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evaluation.metrics.distances import absolute_distances
from evaluation.metrics.reductions import correct_joints, mean_distance

OKS_NAMES = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")


def error_2d(pred, true, valid=None) -> float:
    """Mean distance in the image, in the pixels of the arrays [N, J, 2]."""
    return mean_distance(absolute_distances(pred, true, valid, dimensions=2))


def pckh(pred, true, valid=None, *, head_size, threshold: float = 0.5) -> float:
    """Percent of joints at most `threshold` head sizes off (inclusive), pooled.

    Args:
        pred, true: [N, J, 2] px.
        head_size: [N] px; for MPII 0.6 times the diagonal of the head box. A pose whose size is not a positive
            number counts as not labelled.

    Source: the MPII benchmark.
    """
    distances = absolute_distances(pred, true, valid, dimensions=2)
    size = np.asarray(head_size, np.float64)
    if size.shape != distances.shape[:1]:
        raise ValueError(f"head_size has shape {size.shape}, expected {distances.shape[:1]}")
    size = np.where((size > 0) & np.isfinite(size), size, np.nan)
    return correct_joints(distances / size[:, None], threshold, inclusive=True)


def oks_ap(true: Mapping[str, Any], pred: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """COCO's average precision of keypoints, by object keypoint similarity, through pycocotools.

    Args:
        true: what a COCO person_keypoints file holds: images, annotations, categories.
        pred: one entry a person, as in a COCO results file: image_id, category_id, keypoints (x, y, and a number
            that is not read, for each of 17), score.

    Returns:
        AP, AP50, AP75, APm, APl, AR, AR50, AR75, ARm, ARl as fractions; NaN where nothing is labelled.

    Raises ValueError for images that the truth does not have.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval  # loads matplotlib

    unknown = {entry["image_id"] for entry in pred} - {image["id"] for image in true["images"]}
    if unknown:
        raise ValueError(f"pred has images that true lacks: {', '.join(map(str, sorted(unknown)[:5]))}")
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        truth, found = COCO(), COCO()
        truth.dataset = {**true, "annotations": [dict(entry) for entry in true["annotations"]]}
        truth.createIndex()
        if pred:
            found = truth.loadRes([dict(entry) for entry in pred])
        else:  # which loadRes refuses
            found.dataset = {**true, "annotations": []}
            found.createIndex()
        scoring = COCOeval(truth, found, "keypoints")
        scoring.evaluate()
        scoring.accumulate()
        scoring.summarize()
    return {n: float("nan") if x == -1 else float(x) for n, x in zip(OKS_NAMES, scoring.stats, strict=True)}
