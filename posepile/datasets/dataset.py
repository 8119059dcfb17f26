"""What a data set is to us: facts about it, how to get it, and a reader of its raw files.

A reader is a frozen dataclass derived from Dataset: its fields are the choices that one has when preparing the
data set (they become options of `dozens prepare`), `facts` says what it is, `sequences` lists the units of work
and `read` yields one Frame for every labelled person that becomes an example.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile.datasets.raw import RawDataError
from posepile.frame import Frame, ImageSource
from posepile.prepare.crop import Crop, StandardCrop
from posepile.prepare.filters import BoneLimits
from posepile.skeletons import Skeleton, load_data_set

ROLES = ("3d", "2d", "test", "images")

Detect = Callable[[ImageSource], np.ndarray]
"""A person detector: an image to its people [n, 5], x, y, w, h in px and the score."""


@dataclass(frozen=True)
class Facts:
    """What a person needs to know about a data set before and while getting it."""

    id: str
    title: str
    role: str
    """"3d": trained on; "2d": labelled in the image only; "test": a benchmark; "images": no labels."""
    licence: str
    """In one line: who may use it for what."""
    citation: str
    """Authors, title, venue, year."""
    url: str
    how_to_get: tuple[str, ...]
    """Steps for a person, in order; the last ones say how the files lie below the root."""
    needs: tuple[str, ...]
    """Patterns below the root (as of Path.glob) that must each match for the data set to be present."""
    examples: int | None = None
    """About how many examples it gives when prepared; None where nobody has said."""
    uses_detector: bool = False
    """Whether its boxes come from a person detector."""

    def __post_init__(self):
        if self.role not in ROLES:
            raise ValueError(
                f"data set {self.id!r}: role is {self.role!r}, expected one of {', '.join(ROLES)}"
            )


@dataclass(frozen=True)
class Sequence:
    """A unit of work: a part of a data set that is read by one process, from start to end.

    Attributes:
        name: unique in the data set and path-free: "S1/Greeting/54138969". The keys of its frames start so.
        split: "train", "val" or "test".
        root: the data set's folder.
        files: what the reader needs to find its raw files again, in an order of its own.
    """

    name: str
    split: str
    root: Path
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A data set of any role. Its raw files are where its owner said they are."""

    facts: ClassVar[Facts]

    def missing(self, root: Path) -> list[str]:
        """The patterns of `facts.needs` that match nothing below `root`."""
        return [pattern for pattern in self.facts.needs if next(root.glob(pattern), None) is None]

    def check_present(self, root: Path) -> None:
        """Raises RawDataError for a root without the raw files, with the steps to get them."""
        if not root.is_dir():
            raise RawDataError(f"{root}: not a folder, expected the raw files of {self.facts.title}")
        if missing := self.missing(root):
            error = RawDataError(f"{root}: no {missing[0]}, expected the raw files of {self.facts.title}")
            for step in self.facts.how_to_get:
                error.add_note(f"  - {step}")
            raise error


@dataclass(frozen=True)
class Dataset(Source, ABC):
    """A data set with labelled people."""

    crop: ClassVar[Crop] = StandardCrop()
    """How its images are cut to one person."""
    is_filtered: ClassVar[bool] = True
    """Whether training examples with impossible bones or hardly a joint in the box are left out."""
    bone_limits: ClassVar[BoneLimits | None] = None
    """Stricter limits of bones in training examples, which only lose the ends of the bones that break them."""

    @property
    def skeleton(self) -> Skeleton:
        """The joints of its frames, in their order."""
        return load_data_set(self.facts.id)

    def crop_of(self, frame: Frame) -> Crop:
        """How this frame's image is cut; a data set some of whose parts have other colours overrides it."""
        return self.crop

    @abstractmethod
    def sequences(self, root: Path) -> list[Sequence]:
        """The units of work found below `root`, in a fixed order. Raises RawDataError if there are none."""

    @abstractmethod
    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        """The examples of a sequence, in a fixed order; frames of a video come in ascending order.

        Args:
            sequence: one of `sequences(root)`.
            detect: the person detector, for data sets whose boxes come from one (`facts.uses_detector`).
                Without one, the box around the labelled joints stands in for a perfect detection.

        Raises:
            RawDataError, which names file, field and expectation.
        """


@dataclass(frozen=True)
class ImageSet(Source, ABC):
    """Images without labelled people, which augmentation puts before and behind people."""

    @abstractmethod
    def sequences(self, root: Path) -> list[Sequence]:
        """The units of work found below `root`, in a fixed order. Raises RawDataError if there are none."""

    @abstractmethod
    def images(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[tuple[str, np.ndarray]]:
        """The images of a sequence as augmentation needs them, in a fixed order.

        Args:
            sequence: one of `sequences(root)`.
            detect: the person detector, for data sets that need one (`facts.uses_detector`).

        Yields:
            A name, unique in the data set, and the pixels [h, w, 3 or 4] uint8: RGB, and the alpha of cut-outs
            (colours are not multiplied by it).

        Raises:
            RawDataError, which names file, field and expectation; ValueError where the detector is lacking.
        """
