"""The look of training crops, all changes together: background, then objects before colour or noise after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

import cv2
import numpy as np

from training.augment import background, colour, occlusion, pictures
from training.augment.randomness import Draws
from training.config import AugmentConfig, DataConfig


@dataclass(frozen=True, eq=False)
class Looks:
    """How the looks of a batch are changed; nothing is drawn but what the settings ask for."""

    backgrounds: background.Backgrounds
    occlusions: occlusion.Occlusions
    colours: colour.ColourChanges
    draws: Draws


class Appearance:
    """Changes the looks of crops at random. Pictures are loaded when the first example needs one, and then held.

    Args:
        augment: probabilities and ranges.
        data: where the pictures are; drawn ones stand in for folders that are not given.
        side: px, of the crops.
        stores: [B], which data set the example at each place of a batch comes from.
    """

    def __init__(self, augment: AugmentConfig, data: DataConfig, side: int, stores: Sequence[str]):
        self._augment, self._data, self._side = augment, data, side
        self._background = np.array([augment.probability("background", store) for store in stores])
        self._loading = Lock()  # threads need the pictures at the same moment, which one of them loads

    def draw(self, draws: Draws, has_mask: np.ndarray) -> Looks:
        """Random changes for a batch; has_mask [B] bool, whether the example says which pixels are the person."""
        return Looks(
            background.draw_backgrounds(self._background, has_mask, draws),
            occlusion.draw_occlusions(self._augment, draws),
            colour.draw_colours(self._augment, draws),
            draws,
        )

    def change(self, crop: np.ndarray, looks: Looks, i: int, changed: np.ndarray) -> None:
        """Changes the i-th crop [R, R, 4] uint8 RGBA (`crop.warp_cut_out`) and writes it to `changed` [R, R, 3]."""
        planes = np.empty((4, *crop.shape[:2]), np.uint8)
        cv2.split(crop, list(planes))
        if looks.backgrounds.chosen[i]:
            background.replace_background(planes, self.photos, looks.backgrounds, i)
        if looks.occlusions.objects[i]:
            occlusion.paste_objects(planes, self.cut_outs, looks.draws.generator("pasted objects", i))
        colour.change_colour(planes, looks.colours.order[i], looks.colours.amount[i])
        cv2.merge(list(planes[:3]), changed)
        if looks.occlusions.erased[i]:
            occlusion.erase(changed, looks.draws.generator("erased rectangle", i))

    @property
    def photos(self) -> np.ndarray:
        """[n, 3, S, S] uint8, the backgrounds."""
        with self._loading:
            return self._photos

    @property
    def cut_outs(self) -> pictures.CutOuts:
        with self._loading:
            return self._cut_outs

    @cached_property
    def _photos(self) -> np.ndarray:
        if self._data.backgrounds:
            return pictures.load_photos(Path(self._data.backgrounds), self._side)
        return pictures.drawn_photos(self._side)

    @cached_property
    def _cut_outs(self) -> pictures.CutOuts:
        if self._data.occluders:
            return pictures.load_cut_outs(Path(self._data.occluders))
        return pictures.drawn_cut_outs()
