"""One photo, or one moment of a video, with the people in it: what is drawn and written."""

from dataclasses import dataclass, replace

import numpy as np

from serving.predictor import People

NOBODY = -1  # id where people are not tracked, as in photos


@dataclass(frozen=True, eq=False)
class PosedFrame:
    """People in one image.

    Attributes:
        image: [H, W, 3] uint8 RGB.
        people: M of them.
        ids: [M] int, the same for a person in every frame of a video; NOBODY in photos.
        filled: [M] bool, True where nobody was found and the pose is interpolated.
        index: of the frame, counted at the video's rate; 0 for a photo.
        time_s: since the start of the video; None for a photo.
    """

    image: np.ndarray
    people: People
    ids: np.ndarray
    filled: np.ndarray
    index: int = 0
    time_s: float | None = None

    @classmethod
    def untracked(
        cls, image: np.ndarray, people: People, index: int = 0, time_s: float | None = None
    ) -> "PosedFrame":
        """People as they were found."""
        count = len(people.boxes)
        return cls(image, people, np.full(count, NOBODY), np.zeros(count, bool), index, time_s)

    def take(self, columns: np.ndarray) -> "PosedFrame":
        """The same people with a part of the joints."""
        return replace(self, people=self.people.take(columns))
