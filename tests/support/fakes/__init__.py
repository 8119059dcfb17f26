"""Fakes of the data sets, in the layout that their owners publish, written from scenes that we know.

A module `fakes/<id>.py` has one function, `write(root) -> Fake`, or FakeImages for the IMAGE_SETS. The shared tests
read every fake and compare with what is known; a data set's own tests cover its traps. Fakes are small: a few
people, a few frames.
"""

from fakes.scene import Fake, FakeImages, Known, camera, person, projected_box, write_image, write_video

__all__ = [
    "Fake",
    "FakeImages",
    "IMAGE_SETS",
    "Known",
    "camera",
    "person",
    "projected_box",
    "write_image",
    "write_video",
]

IMAGE_SETS = ("inria_holidays", "pascal_voc")
