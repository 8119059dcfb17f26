"""What is drawn lies where it should, in its side's colour, and never where there is nothing to draw."""

import numpy as np

from serving.overlay import PAPER, SIDE_COLOURS, draw, side_view
from serving.predictor import JointChoice, People

CHOICE = JointChoice(("lhip", "rhip", "neck"), ((0, 2), (1, 2)), np.arange(3))
PIXELS = np.array([(140.0, 100), (60, 100), (100, 20)])
POSE = np.array([(400.0, 800, 3000), (-400, 800, 3000), (0, -800, 3500)])


def test_skeleton_and_box_lie_over_the_image_and_the_view_from_the_side_beside_it():
    image = np.full((120, 200, 3), 50, np.uint8)
    drawn = draw(image, people(POSE, PIXELS), CHOICE)
    assert drawn.shape == (120, 320, 3) and (image == 50).all()  # the caller's image is left alone
    assert colour_at(drawn, 120, 60) == SIDE_COLOURS["l"]  # half-way from lhip to neck
    assert colour_at(drawn, 80, 60) == SIDE_COLOURS["r"]
    assert colour_at(drawn, 100, 20) == SIDE_COLOURS[""]
    assert colour_at(drawn, 30, 10) == (240, 228, 66)  # the box
    assert colour_at(drawn, 10, 60) == (50, 50, 50)


def test_side_view_has_up_above_and_far_to_the_right():
    view = side_view(POSE[np.newaxis], CHOICE, 200)
    neck = np.argwhere((view == SIDE_COLOURS[""]).all(axis=-1)).mean(axis=0)
    hips = np.argwhere((view == SIDE_COLOURS["r"]).all(axis=-1)).max(axis=0)
    assert neck[0] < 30 and hips[0] > 170  # rows: 1600 mm fill 85 % of 200 px
    assert neck[1] > 120 and hips[1] > 60  # columns: the neck is 500 mm farther away


def test_joints_without_a_place_and_far_outside_are_left_out():
    image = np.zeros((120, 200, 3), np.uint8)
    pixels = PIXELS.copy()
    pixels[0], pixels[1] = np.nan, (1e12, -1e12)
    drawn = draw(image, people(POSE, pixels), CHOICE)[:, :200]
    assert colour_at(drawn, 100, 20) == SIDE_COLOURS[""]
    assert colour_at(drawn, 120, 60) == colour_at(drawn, 80, 60) == (0, 0, 0)


def test_nobody():
    nobody = People(np.zeros((0, 4)), np.zeros((0, 3, 3)), np.zeros((0, 3, 2)))
    drawn = draw(np.zeros((12, 20, 3), np.uint8), nobody, CHOICE)
    assert (drawn[:, 20:] == PAPER).all() and not drawn[:, :20].any()


def people(pose, pixels):
    return People(np.array([[30.0, 10, 140, 100]]), pose[np.newaxis], pixels[np.newaxis])


def colour_at(image, x, y):
    return tuple(image[y, x].tolist())
