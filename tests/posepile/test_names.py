"""unknown_name promises: an error that shows what was given, what was meant to be, and the nearest names."""

import pytest

from posepile.names import UnknownNameError, unknown_name

MANY = ["surreal", "h36m", "panoptic", "muco", "mupots", "humbi", "aspset", "sailvos"]


def test_it_is_a_value_error_that_the_caller_raises():
    assert isinstance(unknown_name("data set", "x", MANY), UnknownNameError)
    assert issubclass(UnknownNameError, ValueError)


def test_the_nearest_come_first_and_far_ones_are_left_out():
    message = str(unknown_name("data set", "mucco", MANY))
    assert message.startswith("unknown data set 'mucco'; nearest: muco")
    assert "panoptic" not in message


def test_case_does_not_matter_and_the_valid_spelling_is_shown():
    assert "nearest: MuCo" in str(unknown_name("data set", "muco", ["MuCo", *MANY[4:], "a", "b"]))


def test_few_valid_names_are_all_shown():
    message = str(unknown_name("pile", "huge", ["small", "medium", "large"]))
    assert message == "unknown pile 'huge'; valid: small, medium, large"


@pytest.mark.parametrize("name", ["", "§§§", "zzzzzzzz"])
def test_a_name_like_no_other_still_gets_examples(name):
    assert "nearest: surreal, h36m, panoptic (of 8)" in str(unknown_name("data set", name, MANY))


def test_an_empty_valid_name_is_visible():
    assert "valid: '', smpl" in str(unknown_name("skeleton", "x", ["", "smpl"]))


def test_nothing_valid_is_said():
    assert str(unknown_name("store", "x", [])) == "unknown store 'x'; valid: none"
