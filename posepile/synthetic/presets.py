"""The data sets of the synthetic pile: what each one labels, and what its people, places and cameras are
like.

Each imitates the real data set whose skeleton it carries, as far as the network can notice: a few fixed
cameras in a plain laboratory, a dome seen from above, sports out of doors, a street seen from afar.
"""

from dataclasses import dataclass, replace

from posepile import skeletons
from posepile.skeletons import Skeleton
from posepile.synthetic.look import LookStyle
from posepile.synthetic.scene import CameraStyle
from posepile.synthetic.surroundings import PlaceStyle

FORMATS = ("smpl", "h36m", "coco", "3dhp", "aspset", "bmlmovi", "totcap", "jta")
"""The skeletons of the 3D-labelled data sets, in the order of the test set's joints."""

LABELS_2D = "common2d"


@dataclass(frozen=True)
class Style:
    """How a data set's pictures come about."""

    look: LookStyle = LookStyle()
    place: PlaceStyle = PlaceStyle()
    camera: CameraStyle = CameraStyle()
    children: float = 0.0
    second_person: float = 0.0


@dataclass(frozen=True)
class Preset:
    """A data set: its store's id, the joints that it labels, and its styles (one is drawn per subject)."""

    id: str
    skeleton: Skeleton
    styles: tuple[Style, ...]
    role: str = "3d"
    split: str = "train"
    """Which motion clips are used."""
    unlabelled: float = 0.0
    """Probability that a joint is not labelled (a marker that fell off or was not seen)."""
    share: float = 1.0
    """Size against the average data set of its pile."""

    def examples(self, average: int) -> int:
        """How many examples it has in a pile of so many a data set; one at least, unless none are wanted."""
        return max(round(average * self.share), min(average, 1))


LABORATORY = PlaceStyle(outdoor=0, half_side=(3500, 5000), plain=0.7, furniture=(0, 3), occluder=0.05)
STYLES = {
    "smpl": Style(  # rendered people before unrelated pictures, in any pose
        LookStyle(pattern=0.6, unreal_skin=0.1),
        PlaceStyle(outdoor=0.5, furniture=(2, 9), occluder=0.15),
        CameraStyle((2000, 8000), (600, 1800)),
    ),
    "h36m": Style(  # four calibrated cameras in a laboratory, lens distortion
        LookStyle(pattern=0.25, barefoot=0.2),
        LABORATORY,
        CameraStyle(
            (4200, 5600), (1300, 1700), views=4, wander=1200, distortion=(-0.22, -0.1), truncated=0.02
        ),
    ),
    "coco": Style(  # a dome of cameras that look down; groups of people
        LookStyle(pattern=0.5),
        PlaceStyle(outdoor=0, half_side=(3000, 4000), plain=0.6, furniture=(1, 5), occluder=0.15),
        CameraStyle((1800, 4000), (1200, 4200), views=24, wander=900, truncated=0.1),
        children=0.1,
        second_person=0.3,
    ),
    "3dhp": Style(  # 14 wide-angle views, some from low and some from the ceiling, green screen
        LookStyle(pattern=0.5, sleeves=(1.2, 2.2)),
        PlaceStyle(outdoor=0.2, plain=0.6, green_screen=0.6, furniture=(0, 3), occluder=0.1),
        CameraStyle((2200, 4200), (250, 3000), views=14, wander=900, distortion=(-0.1, 0.05), truncated=0.08),
    ),
    "aspset": Style(  # sports out of doors, seen from the side
        LookStyle(sleeves=(1.0, 1.9), legs=(1.3, 2.4), saturation=(0.4, 1.0), brightness=(0.3, 1.0)),
        PlaceStyle(outdoor=1, furniture=(0, 3), occluder=0, sunlight=(0.9, 1.6)),
        CameraStyle((6000, 14000), (900, 1700), truncated=0.02),
    ),
    "bmlmovi": Style(  # little clothing, markers, two cameras in front
        LookStyle(pattern=0.1, sleeves=(0.9, 1.3), legs=(1.3, 1.7), bare_chest=0.35, barefoot=0.8),
        LABORATORY,
        CameraStyle((3300, 4800), (900, 1400), views=2, wander=500, truncated=0.02),
    ),
    "totcap": Style(  # suits, eight cameras high on the walls
        LookStyle(suit=0.85, pattern=0.1, saturation=(0, 0.4), brightness=(0.04, 0.35)),
        LABORATORY,
        CameraStyle((4000, 6500), (2000, 3200), views=8, wander=1200, truncated=0.02),
    ),
    "jta": Style(  # a game's streets: far, high, crowded
        LookStyle(pattern=0.35, legs=(2.2, 2.95), unreal_skin=0.05),
        PlaceStyle(outdoor=0.9, furniture=(4, 12), occluder=0.2, sunlight=(0.2, 1.5)),
        CameraStyle((4000, 22000), (1200, 8000), truncated=0.05),
        second_person=0.5,
    ),
}
ANYTHING = Style(
    LookStyle(pattern=0.5, sleeves=(0.9, 2.9), legs=(1.3, 2.95), saturation=(0, 1), brightness=(0.05, 1)),
    PlaceStyle(outdoor=0.5, furniture=(0, 9), occluder=0.3),
    CameraStyle((1800, 9000), (300, 3500), truncated=0.2, zoom=(0.9, 1.05)),
    children=0.15,
    second_person=0.25,
)
UNLABELLED = {"bmlmovi": 0.04, "totcap": 0.0}
EVERY_STYLE = (*STYLES.values(), ANYTHING, ANYTHING)
PRESETS = {
    preset.id: preset
    for preset in (
        *(
            Preset(f"synthetic_{f}", skeletons.load(f), (STYLES[f],), unlabelled=UNLABELLED.get(f, 0))
            for f in FORMATS
        ),
        Preset("synthetic_common2d", skeletons.load(LABELS_2D), (ANYTHING,), role="2d"),
        Preset("synthetic_val", skeletons.union(FORMATS), EVERY_STYLE, role="test", split="val"),
        Preset("synthetic_test", skeletons.union(FORMATS), EVERY_STYLE, role="test", split="test"),
    )
}


def simplified(item: Preset) -> Preset:
    """The data set with people in colour-coded suits whom nothing hides or cuts, one a picture, in plain places.

    Bodies, motion, cameras, light and labels stay. A small network learns it in minutes from random weights, which
    natural clothes, patterns and clutter do not allow.
    """
    return replace(item, styles=tuple(_simplified(style) for style in item.styles))


def _simplified(style: Style) -> Style:
    return replace(
        style,
        look=replace(style.look, coded_suit=1.0),
        place=replace(style.place, plain=1.0, furniture=(0, 1), occluder=0.0),
        camera=replace(style.camera, truncated=0.0),
        second_person=0.0,
    )
