"""Rows of metrics: the order that published rows have, the same figures as the single functions, loops."""

import numpy as np
import pytest

from evaluation import metrics

NAMES = (
    "mpjpe p_mpjpe a_mpjpe pck@50 pck@100 pck@150 auc@50 auc@100 auc@150 cps@100 cps@150 cps@200 "
    "cps_auc@100 cps_auc@150 cps_auc@200 apck@150 apck@300 aauc@150 aauc@300"
).split()
WITHOUT_ROOT = ("p_mpjpe", "a_mpjpe", "apck", "aauc")


def test_the_19_figures_are_those_of_the_single_functions(slow):
    data = slow.random_case(2)
    found = metrics.paper_summary(*data, root=1)
    assert list(found) == NAMES
    for name, value in found.items():
        metric, _, limit = name.partition("@")
        arguments = ([] if metric in WITHOUT_ROOT else [1]) + ([float(limit)] if limit else [])
        assert getattr(metrics, metric)(*data, *arguments) == value


@pytest.mark.parametrize("case", range(10))
def test_validation_figures_equal_loops(case, slow):
    data = slow.random_case(case)
    found = metrics.validation_summary(*data)
    errors = [e for pose in slow.errors(*data, "mean") for e in pose]
    worst = [max(pose) for pose in slow.errors(*data, "procrustes")]
    expected = {
        "mean_error": np.mean([e for e in errors if np.isfinite(e)]),
        "mean_pck": np.mean([e <= 150 for e in errors]),
        "mean_auc": np.mean([max(0, 1 - e / 150) for e in errors]),
        "ncps": np.mean([w <= 150 for w in worst]),
        "ncps_auc": np.mean([max(0, 1 - max(w - 50, 0) / 100) for w in worst]),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    assert found["mean_error_abs"] == metrics.a_mpjpe(*data)
    assert found["mean_error_procrustes"] == metrics.p_mpjpe(*data)


def test_wrists_are_found_by_name():
    true, pred = np.zeros((1, 4, 3)), np.zeros((1, 4, 3))
    pred[0, 1], pred[0, 3] = [0, 0, 400], [0, 0, -400]
    found = metrics.validation_summary(pred, true, None, ["pelv", "lwri_h36m", "rwri", "neck"])
    assert found["mean_pck"] == 0.5 and found["wrist_pck"] == 0.5 and found["wrist_auc"] == 0.5
    assert "wrist_pck" not in metrics.validation_summary(pred, true)
