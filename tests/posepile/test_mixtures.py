"""The published mixtures promise the paper's batches, and batches of the same size where data sets are missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posepile import datasets, mixtures, skeletons
from posepile.names import UnknownNameError


@pytest.mark.parametrize(
    "name, n_data_sets, batch",
    [("small", 3, 96), ("medium", 14, 96), ("large", 28, 96), ("weak2d", 4, 32)],
)
def test_published_batches(name, n_data_sets, batch):
    recipe = mixtures.load(name)
    assert (len(recipe.shares), recipe.batch_size) == (n_data_sets, batch)
    assert set(recipe.with_validation_split) <= {id for id, _ in recipe.shares}


@pytest.mark.parametrize("name", ["small", "medium", "large"])
def test_the_order_of_the_merge_gives_the_published_slots(name):
    parts = [skeletons.load_data_set(id) for id, _ in mixtures.load(name).shares]
    from posepile.skeletons.combine import side_by_side

    assert side_by_side(parts, name).joints == skeletons.load(name).joints


@given(st.sets(st.sampled_from([id for id, _ in mixtures.load("large").shares]), min_size=1))
def test_missing_data_sets_leave_a_batch_of_the_same_size(ids):
    recipe = mixtures.load("large")
    found = mixtures.available(recipe, ids)
    assert found.batch_size == 96
    assert [id for id, _ in found.shares] == [id for id, _ in recipe.shares if id in ids]
    assert {*found.missing, *ids} == dict(recipe.shares).keys()
    total = sum(dict(recipe.shares)[id] for id in ids)
    for id, count in found.shares:
        assert abs(count - 96 * dict(recipe.shares)[id] / total) < 1


def test_nothing_is_left_out_where_all_is_there():
    recipe = mixtures.load("medium")
    assert mixtures.available(recipe, [id for id, _ in recipe.shares]) == recipe


def test_none_there_is_an_error_that_names_them():
    with pytest.raises(ValueError, match="surreal, h36m, muco"):
        mixtures.available(mixtures.load("small"), ["coco"])


def test_unknown_name():
    with pytest.raises(UnknownNameError, match="medium"):
        mixtures.load("medum")


def test_every_data_set_has_a_reader():
    needed = {id for name in mixtures.names() for id, _ in mixtures.load(name).shares}
    assert needed <= set(datasets.ids())
