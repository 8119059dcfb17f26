"""Who is in a picture: boxes that the user gave, else the model's own detector or another, else the whole image."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from posepile import boxes as geometry
from posepile.cameras import Camera
from posepile.people import load_detector
from serving import given_boxes
from serving.predictor import People, Predictor


class PeopleFinder:
    """Finds people and their poses in images.

    Args:
        predictor: the model.
        num_aug: as in `Predictor.predict_frames`.
        detector: one of posepile.people.DETECTORS, instead of the model's own; "" for that.
        weights: of that detector, as in `load_detector`.

    Attributes:
        detector: its name, "of the model", or None where the whole image is taken as the box of one person.
    """

    def __init__(
        self, predictor: Predictor, num_aug: int = 1, detector: str = "", weights: Path | None = None
    ):
        self._predictor, self._num_aug = predictor, num_aug
        self._other = load_detector(detector, weights) if detector else None
        self.detector = detector or ("of the model" if predictor.has_detector else None)

    def __call__(
        self, images: Sequence[np.ndarray], camera: Camera, given: np.ndarray | None, source: str
    ) -> list[People]:
        """The people of each of some images of one size, without those whose box shows nothing.

        Args:
            images: [H, W, 3] uint8 RGB.
            camera: of all of them.
            given: [M, 4] px, the user's boxes, for all of them.
            source: name of the input, for errors.

        Raises:
            BoxError: a given box lies outside the images.
        """
        size = images[0].shape[1::-1]
        if given is not None:
            given_boxes.check_inside(given, size, source)
        elif self.detector is None:
            given = geometry.full(size)[np.newaxis]
        if given is not None:
            found = self._in_boxes(images, camera, [np.insert(given, 4, 1, axis=1)] * len(images))
        elif self._other is not None:
            found = self._in_boxes(images, camera, self._other.detect_batch(images))
        else:
            found = self._predictor.predict_frames(images, camera, num_aug=self._num_aug)
        return [people.only(np.isfinite(people.joints3d).all(axis=(1, 2))) for people in found]

    def _in_boxes(self, images, camera: Camera, boxes: Sequence[np.ndarray]) -> list[People]:
        """boxes: [M, 5] px and score, of each image."""
        found = self._predictor.predict_frames(images, camera, [rows[:, :4] for rows in boxes], self._num_aug)
        return [replace(people, scores=rows[:, 4]) for people, rows in zip(found, boxes, strict=True)]
