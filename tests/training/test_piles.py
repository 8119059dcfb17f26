"""A published mixture is trained on with what is here of it, and says what is missing."""

from types import SimpleNamespace

import pytest

from posepile import mixtures
from training.commands.piles import print_mixture, with_what_is_here
from training.presets import preset

PUBLISHED = preset("paper_s_256").data


def test_a_complete_mixture_stays_as_published():
    assert with_what_is_here(PUBLISHED, {id for id, _ in PUBLISHED.shares}) == PUBLISHED


def test_missing_data_sets_leave_the_batch_as_large_in_both_parts():
    data = with_what_is_here(PUBLISHED, {"h36m", "surreal", "coco"})
    assert dict(data.shares) == {"surreal": 53, "h36m": 43, "coco": 32}
    assert data.with_validation_split == ("surreal", "h36m", "coco")


def test_without_2d_sets_the_2d_part_is_left_out():
    assert dict(with_what_is_here(PUBLISHED, {"h36m"}).shares) == {"h36m": 96}


def test_twins_stand_in_where_no_real_set_is_here():
    twins = {f"{mixtures.PREFIX_OF_TWINS}{id}" for id, _ in PUBLISHED.shares}
    data = with_what_is_here(PUBLISHED, twins)
    assert [count for _, count in data.shares] == [count for _, count in PUBLISHED.shares]
    assert {id for id, _ in data.shares} == twins


def test_nothing_here_is_an_error():
    with pytest.raises(ValueError, match="none of its data sets"):
        with_what_is_here(PUBLISHED, {"mine"})


def test_the_table_shows_what_is_missing(capsys):
    class FakeStore(SimpleNamespace):
        def __len__(self):
            return 1234

    print_mixture(PUBLISHED, with_what_is_here(PUBLISHED, {"h36m"}), [FakeStore(id="h36m")])
    text = capsys.readouterr().out
    assert "1,234" in text and text.count("missing") == 31
