"""What is drawn lies where it should, in its side's colour, and never where there is nothing to draw."""

from dataclasses import replace

import numpy as np

from serving.frames import PosedFrame
from serving.overlay import BOX_INKS, FLOOR_INK, PAPER, SIDE_COLOURS, Painter
from serving.predictor import JointChoice, People

CHOICE = JointChoice(("lhip", "rhip", "neck"), ((0, 2), (1, 2)), np.arange(3))
PIXELS = np.array([(140.0, 100), (60, 100), (100, 20)])
POSE = np.array([(400.0, 800, 3000), (-400, 800, 3000), (0, -800, 3500)])


def test_skeleton_and_box_lie_over_the_image_and_the_view_from_the_side_beside_it():
    image = np.full((120, 200, 3), 50, np.uint8)
    drawn = Painter(CHOICE).draw(frame_of(image, POSE, PIXELS))
    assert drawn.shape == (120, 320, 3) and (image == 50).all()  # the caller's image is left alone
    assert colour_at(drawn, 120, 60) == SIDE_COLOURS["l"]  # half-way from lhip to neck
    assert colour_at(drawn, 80, 60) == SIDE_COLOURS["r"]
    assert colour_at(drawn, 100, 20) == SIDE_COLOURS[""]
    assert colour_at(drawn, 30, 10) == BOX_INKS[0]  # the box
    assert colour_at(drawn, 10, 60) == (50, 50, 50)


def test_side_view_has_up_above_and_far_to_the_right():
    view = Painter(CHOICE).side_view(frame_of(np.zeros((9, 9, 3), np.uint8), POSE, PIXELS), 200)
    neck = np.argwhere((view == SIDE_COLOURS[""]).all(axis=-1)).mean(axis=0)
    hips = np.argwhere((view == SIDE_COLOURS["r"]).all(axis=-1)).max(axis=0)
    assert neck[0] < 30 and hips[0] > 170  # rows: 1600 mm fill 85 % of 200 px
    assert neck[1] > 120 and hips[1] > 60  # columns: the neck is 500 mm farther away


def test_joints_without_a_place_and_far_outside_are_left_out():
    image = np.zeros((120, 200, 3), np.uint8)
    pixels = PIXELS.copy()
    pixels[0], pixels[1] = np.nan, (1e12, -1e12)
    drawn = Painter(CHOICE).draw(frame_of(image, POSE, pixels))[:, :200]
    assert colour_at(drawn, 100, 20) == SIDE_COLOURS[""]
    assert colour_at(drawn, 120, 60) == colour_at(drawn, 80, 60) == (0, 0, 0)


def test_boxes_far_outside():
    image = np.zeros((120, 200, 3), np.uint8)
    people = People(np.array([[-1e12, -1e12, 2e12, 2e12]]), POSE[np.newaxis], PIXELS[np.newaxis])
    Painter(CHOICE).draw(PosedFrame.untracked(image, people))


def test_people_of_a_video_have_their_number_and_colour_in_both_pictures():
    image = np.full((240, 400, 3), 50, np.uint8)
    pictures = []
    for i in (1, 2):
        frame = replace(frame_of(image, POSE, PIXELS), ids=np.array([i]))
        drawn = Painter(CHOICE).draw(frame)
        assert colour_at(drawn, 32, 12) == BOX_INKS[i - 1]  # the corner of the label
        assert (drawn[:, 400:] == BOX_INKS[i - 1]).all(axis=-1).sum() > 50  # px of the label
        pictures.append(drawn[10:40, 30:60] != BOX_INKS[i - 1])
    assert (pictures[0] != pictures[1]).any()  # another digit


def test_a_filled_pose_has_a_thin_box():
    image = np.full((240, 400, 3), 50, np.uint8)
    inks = []
    for filled in (False, True):
        frame = replace(frame_of(image, POSE, PIXELS), filled=np.array([filled]))
        inks.append((Painter(CHOICE).draw(frame)[:, :400] == BOX_INKS[0]).all(axis=-1).sum())
    assert inks[0] > 1.5 * inks[1]


def test_the_view_from_the_side_keeps_its_scale_when_somebody_leaves():
    painter, image = Painter(CHOICE), np.zeros((90, 90, 3), np.uint8)
    both = People(np.zeros((2, 4)), np.stack([POSE, POSE + [0, 0, 6000]]), np.stack([PIXELS, PIXELS]))
    both = PosedFrame.untracked(image, both)
    alone = PosedFrame.untracked(image, both.people.only(np.array([0])))
    heights = [height_of(painter.side_view(frame, 400)) for frame in (alone, both, alone, *[alone] * 150)]
    assert heights[1] < 0.5 * heights[0]  # widens at once
    assert heights[2] < 1.1 * heights[1]  # and narrows slowly,
    assert heights[-1] > 0.85 * heights[0]  # but does


def height_of(view):
    """Rows from the highest to the lowest pixel that is neither paper nor floor."""
    drawn = (view != PAPER).any(axis=-1) & (view != FLOOR_INK).any(axis=-1)
    rows = np.flatnonzero(drawn.any(axis=1))
    return rows.max() - rows.min()


def test_nobody():
    nobody = People(np.zeros((0, 4)), np.zeros((0, 3, 3)), np.zeros((0, 3, 2)))
    drawn = Painter(CHOICE).draw(PosedFrame.untracked(np.zeros((12, 20, 3), np.uint8), nobody))
    assert (drawn[:, 20:] == PAPER).all() and not drawn[:, :20].any()


def frame_of(image, pose, pixels):
    people = People(np.array([[30.0, 10, 140, 100]]), pose[np.newaxis], pixels[np.newaxis])
    return PosedFrame.untracked(image, people)


def colour_at(image, x, y):
    return tuple(image[y, x].tolist())
