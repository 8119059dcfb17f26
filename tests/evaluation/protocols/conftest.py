"""Scores prediction files that are made of the truth."""

from types import SimpleNamespace

import pytest
from benchmark_files import write_predictions

from evaluation.benchmark_results import score_benchmark


@pytest.fixture
def score(tmp_path):
    """score(protocol, root, change, **options of the file) -> figures (name -> value), vector, groups, document."""

    def score(protocol, root, change=lambda labelled, poses: poses, **options):
        path = write_predictions(tmp_path / "p.npz", protocol, root, change, **options)
        return scored(score_benchmark(protocol, root, [path]))

    return score


def scored(document):
    (model,) = document["models"].values()
    figures = {name: figure["value"] for name, figure in model["figures"].items()}
    return SimpleNamespace(
        figures=figures, document=document, **{k: v for k, v in model.items() if k != "figures"}
    )
