"""Pickled tables are read without pandas, whatever version of pandas wrote them."""

import pickle
from pathlib import Path

import numpy as np
import pandas
import pytest
from old_pickles import write_data_frame

from posepile.datasets._data_frame import load_data_frame
from posepile.datasets.raw import RawDataError

GOLDEN = Path(__file__).parent / "golden/pandas_1_5.pkl"  # written by pandas 1.5.3
COLUMNS = ("imgPath", "camX", "camYaw", "isValid", "gt_joints_3d")


def test_a_table_of_pandas_1_5():
    check(load_data_frame(GOLDEN, *COLUMNS))


def test_a_table_of_pandas_1_2(tmp_path):
    """Today's pandas confirms that the fake is in the old format."""
    file = tmp_path / "old.pkl"
    table = {name: pandas.read_pickle(GOLDEN)[name].tolist() for name in COLUMNS}
    write_data_frame(file, table)
    assert pandas.read_pickle(file)["camX"].tolist() == table["camX"]
    assert pandas.read_pickle(file)["isValid"].tolist() == table["isValid"]
    check(load_data_frame(file, *COLUMNS))


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(RawDataError, match=r"'yaw' is missing, found imgPath, camX"):
        load_data_frame(GOLDEN, "imgPath", "yaw")
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(RawDataError, match="holds a list, expected a DataFrame"):
        load_data_frame(tmp_path / "list.pkl", "imgPath")


def check(columns):
    assert columns["imgPath"].tolist() == ["a.png", "b.png"]
    assert columns["camX"].tolist() == [1.0, 2.0]
    assert columns["camYaw"].tolist() == [30, 40]
    assert columns["isValid"].tolist() == [[True], [False, True]]
    np.testing.assert_array_equal(columns["gt_joints_3d"][1], [np.zeros((2, 3)), np.ones((2, 3))])
