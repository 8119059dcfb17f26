"""The published figures are complete, and name figures that our results have."""

import math

import pytest

from evaluation.figures import by_name
from evaluation.paper_tables import paper_markdown, published, published_rows
from evaluation.protocols import load


def test_every_row_has_every_column():
    handling, earlier = published()
    assert len(handling.rows) == 8 and len(earlier.rows) == 11
    for table in (handling, earlier):
        assert len(table.titles) == len(table.columns)
        assert all(len(values) == len(table.columns) for values in table.rows.values())
    assert not any(math.isnan(value) for values in handling.rows.values() for value in values)


@pytest.mark.parametrize("benchmark", ["h36m", "tdhp", "mupots"])
def test_columns_are_figures_of_the_benchmark(benchmark):
    known = by_name(load(benchmark)().figures)
    columns = {column for table in published() for column in table.columns if column[0] == benchmark}
    assert columns and all(figure in known for _, figure in columns)


def test_rows_of_one_benchmark():
    handling, earlier = published_rows("mupots")
    assert handling.titles == ("MuPoTS MPJPE", "MuPoTS PMPJPE", "MuPoTS PCK100", "MuPoTS CPS200")
    assert handling.rows["L consistency regul."] == (81.0, 57.4, 72.8, 74.8)
    assert "Sun et al. 2021 (ROMP)" not in earlier.rows and earlier.rows["Cheng et al. 2022"] == (89.6,)
    assert published_rows("synthetic") == []


def test_models_are_gathered_over_results():
    def result(benchmark, value):
        return {"benchmark": benchmark, "models": {"mine": {"figures": {"mpjpe": {"value": value}}}}}

    page = paper_markdown([result("h36m", 44.44), result("tdhp", None)])
    row = next(line for line in page.splitlines() if line.startswith("| **mine**"))
    assert row.count("not given") == 15 and "| 44.4 |" in row
