"""Metrics in the image: loops, and the average precision of real predictions of COCO."""

import json
import math

import numpy as np
import pytest

from evaluation import metrics


@pytest.mark.parametrize("case", range(10))
def test_2d_metrics_equal_loops(case, slow):
    pred, true, valid = slow.random_case(case)
    head_size = np.random.default_rng(case).choice([40.0, 300.0, 0.0, np.nan], size=len(pred))
    errors, scores = [], []
    for p, g, m, size in zip(pred[..., :2], true[..., :2], valid, head_size, strict=True):
        for a, b, is_valid in zip(p, g, m, strict=True):
            if is_valid and np.isfinite(b).all():
                found = np.isfinite(a).all()
                errors += [math.dist(a, b)] if found else []
                scores += [found and math.dist(a, b) <= 0.5 * size] if size > 0 else []
    assert metrics.error_2d(pred[..., :2], true[..., :2], valid) == pytest.approx(np.mean(errors))
    found = metrics.pckh(pred[..., :2], true[..., :2], valid, head_size=head_size)
    assert found == pytest.approx(100 * np.mean(scores) if scores else np.nan, nan_ok=True)


def test_pckh_is_inclusive_and_checks_shapes():
    true, pred = np.zeros((1, 2, 2)), np.array([[[0, 10.0], [0, 10.001]]])
    assert metrics.pckh(pred, true, head_size=[20.0]) == 50
    with pytest.raises(ValueError, match=r"head_size has shape \(2,\), expected \(1,\)"):
        metrics.pckh(pred, true, head_size=[20.0, 20.0])
    with pytest.raises(ValueError, match=r"expected both \[N, J, 2\]"):
        metrics.error_2d(np.zeros((1, 2, 3)), np.zeros((1, 2, 3)))


def test_oks_ap_of_real_predictions(samples):
    folder = samples / "coco_keypoints_4img"
    true, pred = (json.loads((folder / f"example_coco_{n}.json").read_text()) for n in ("val", "preds"))
    found = metrics.oks_ap(true, pred)
    expected = {"AP": 0.8609, "AP50": 0.9931, "AP75": 0.9109, "APm": 0.7756, "APl": 0.9373}
    expected |= {"AR": 0.875, "AR50": 1.0, "AR75": 0.9167, "ARm": 0.78, "ARl": 0.9429}
    assert found == pytest.approx(expected, abs=6e-5)
    assert metrics.oks_ap(true, pred) == found  # the inputs are as they were


def test_oks_ap_of_one_person():
    keypoints = [float(x) for j in range(17) for x in (100 + 5 * j, 100 + 7 * j, 2)]
    person = {"id": 1, "image_id": 7, "category_id": 1, "keypoints": keypoints, "num_keypoints": 17}
    person |= {"area": 10_000.0, "bbox": [100, 100, 100, 100], "iscrowd": 0}
    true = {"images": [{"id": 7}], "annotations": [person], "categories": [{"id": 1, "name": "person"}]}
    hit = {"image_id": 7, "category_id": 1, "keypoints": keypoints, "score": 0.9}
    found = metrics.oks_ap(true, [hit])
    assert [found["AP"], found["AR"], found["APl"]] == pytest.approx([1, 1, 1]) and math.isnan(found["APm"])
    assert metrics.oks_ap(true, [])["AP"] == 0
    with pytest.raises(ValueError, match="images that true lacks: 8"):
        metrics.oks_ap(true, [hit | {"image_id": 8}])
