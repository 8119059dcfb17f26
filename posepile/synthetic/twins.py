"""Twins of the paper's data sets: 28 that label 3D, four that label 2D, two test sets that know all 555 joints.

`twin_h36m` labels the joints that Human3.6M labels, and imitates what the network notices of it: how many fixed
cameras there are and where they stand, or that the camera moves, clothes, places, crowds, what is hidden or cut.
Motion and bodies are the same for all. Crops have no lens distortion, because preparation takes it out of
the real ones.

The sizes have the ratio of the real sets after preparation, against the average of the 28; a twin of less than a
tenth of the average gets a tenth, so that a small pile has examples of each. The four 2D sets state no size, and
their shares of a batch are equal; a quarter of the average each.
"""

from dataclasses import replace

from posepile import skeletons
from posepile.skeletons import Skeleton
from posepile.synthetic.look import LookStyle
from posepile.synthetic.presets import ANYTHING, LABORATORY, STYLES, Preset, Style
from posepile.synthetic.scene import CameraStyle
from posepile.synthetic.surroundings import PlaceStyle

LEAST_SHARE = 0.1
SHARE_2D = 0.25

THOUSANDS = {
    **{
        "h36m": 165,
        "fit3d": 147,
        "chi3d": 46,
        "humansc3d": 72,
        "panoptic": 2783,
        "aist": 3518,
        "humbi": 1271,
    },
    **{
        "aspset": 124,
        "tdoh": 50,
        "bml_movi": 563,
        "mads": 33,
        "umpm": 167,
        "bmhad": 527,
        "ikea": 27,
        "rich": 96,
    },
    # Not published; what is left of the pile's 13.4 million, by raw size and share of the batch
    **{"surreal": 450, "sailvos": 450, "muco": 550, "gpa": 200, "agora": 100, "tdpeople": 400, "tdhp": 300},
    **{"totalcapture": 300, "jta": 300, "human4d": 35, "behave": 60, "spec": 100, "hspace": 300},
}
"""Examples of the real data sets after preparation, in thousands."""

STUDIO = replace(LABORATORY, plain=0.8, furniture=(0, 1))
HOME = PlaceStyle(outdoor=0, half_side=(2500, 4500), plain=0.4, furniture=(3, 8), occluder=0.3)
STREET = PlaceStyle(outdoor=0.8, furniture=(3, 10), occluder=0.25, sunlight=(0.3, 1.5))
SUIT = LookStyle(suit=0.85, pattern=0.05, saturation=(0, 0.4), brightness=(0.04, 0.4))
SPORTS = LookStyle(sleeves=(0.95, 1.6), legs=(1.3, 2.9), pattern=0.25, barefoot=0.2)
DAILY = LookStyle(pattern=0.4)
WHOLE_FRAME = (0.7, 0.95)
"""Zoom where the raw frame is stored whole, so that the person fills less of it."""


def _undistorted(
    name: str, place: PlaceStyle | None = None, second_person: float | None = None, **camera
) -> Style:
    """A style of the small pile without lens distortion, its camera changed."""
    style = STYLES[name]
    return replace(
        style,
        place=place or style.place,
        camera=replace(style.camera, **{"distortion": (0.0, 0.0), **camera}),
        second_person=style.second_person if second_person is None else second_person,
    )


FOUR_VIEWS = CameraStyle((3500, 5200), (1000, 1800), views=4, wander=700, truncated=0.03)
STYLES_3D = {
    "surreal": _undistorted("smpl", zoom=WHOLE_FRAME),
    "h36m": _undistorted("h36m"),
    "fit3d": Style(SPORTS, STUDIO, FOUR_VIEWS),
    "chi3d": Style(DAILY, STUDIO, FOUR_VIEWS, second_person=1.0),  # pairs in contact
    "humansc3d": Style(DAILY, STUDIO, FOUR_VIEWS),
    "sailvos": Style(  # scenes of a game, filmed by a moving camera, much of it hidden
        LookStyle(pattern=0.4, legs=(2.0, 2.95), unreal_skin=0.05),
        replace(STREET, outdoor=0.65, occluder=0.4),
        CameraStyle((1500, 12000), (500, 3000), wander=800, truncated=0.25),
        second_person=0.5,
    ),
    "panoptic": _undistorted("coco", views=31),
    "muco": _undistorted(  # four people of 3dhp pasted into one picture
        "3dhp",
        PlaceStyle(outdoor=0.5, furniture=(0, 4), occluder=0.25),
        second_person=0.9,
        views=11,
        zoom=(0.86, 0.94),
    ),
    "aist": Style(  # dancers on an empty stage, cropped closely
        LookStyle(pattern=0.5, legs=(1.6, 2.95)),
        replace(STUDIO, furniture=(0, 0), occluder=0.0),
        CameraStyle((4500, 5500), (1650, 1850), views=9, wander=1000, truncated=0.01, zoom=(1.17, 1.27)),
    ),
    "gpa": Style(  # people on boxes and stairs
        LookStyle(suit=0.4, pattern=0.2),
        replace(LABORATORY, furniture=(3, 7), occluder=0.15),
        CameraStyle((3500, 6000), (1200, 2600), views=5, wander=1200),
    ),
    "humbi": Style(  # a ring of 107 cameras
        LookStyle(pattern=0.5),
        STUDIO,
        CameraStyle((2000, 2800), (500, 2300), views=107, wander=250, truncated=0.08),
        children=0.1,
    ),
    "aspset": _undistorted("aspset"),
    "agora": Style(  # rendered scans, five to fifteen to a scene, far away
        LookStyle(pattern=0.5, saturation=(0.1, 0.9)),
        STREET,
        CameraStyle((3000, 15000), (1000, 7000), wander=2000, truncated=0.05),
        children=0.1,
        second_person=0.85,
    ),
    "tdoh": Style(
        DAILY, replace(HOME, occluder=0.9), CameraStyle((2000, 4000), (900, 1900), views=6, truncated=0.1)
    ),
    "tdpeople": Style(  # rendered dressed people
        LookStyle(pattern=0.7, unreal_skin=0.02),
        PlaceStyle(outdoor=0.5, furniture=(1, 6), occluder=0.0),
        CameraStyle((2500, 5000), (600, 1800), views=4, truncated=0.02, zoom=WHOLE_FRAME),
    ),
    "bml_movi": _undistorted("bmlmovi"),
    "mads": Style(  # martial arts and dance in a dim studio
        LookStyle(pattern=0.1, sleeves=(1.6, 2.9), legs=(2.2, 2.95), barefoot=0.5),
        replace(STUDIO, sunlight=(0.2, 0.7)),
        CameraStyle((4000, 6000), (1000, 1700), views=3, wander=900),
    ),
    "umpm": Style(  # groups among tables and chairs, 640 px wide
        LookStyle(suit=0.5, pattern=0.1),
        replace(LABORATORY, furniture=(1, 4), occluder=0.15),
        CameraStyle((4000, 6500), (1500, 2800), views=4, wander=1400),
        second_person=0.4,
    ),
    "bmhad": Style(
        SUIT, STUDIO, CameraStyle((2500, 4500), (1000, 2200), views=14, wander=300, truncated=0.03)
    ),
    "tdhp": _undistorted("3dhp"),
    "totalcapture": _undistorted("totcap"),
    "jta": _undistorted("jta"),
    "ikea": Style(DAILY, HOME, CameraStyle((2000, 3500), (1000, 2200), views=3, wander=500, truncated=0.2)),
    "human4d": Style(
        SUIT, STUDIO, CameraStyle((2000, 3500), (800, 1500), views=4, wander=300, truncated=0.1)
    ),
    "behave": Style(  # one person handling large objects
        DAILY,
        replace(HOME, outdoor=0.2, occluder=0.5),
        CameraStyle((1800, 3500), (1200, 2200), views=4, wander=500, truncated=0.08),
    ),
    "rich": Style(
        DAILY,
        PlaceStyle(outdoor=0.6, furniture=(2, 8), occluder=0.2),
        CameraStyle((3000, 7000), (1200, 2600), views=7, wander=1000, truncated=0.05),
        second_person=0.3,
    ),
    "spec": Style(  # near and steep views
        LookStyle(pattern=0.5),
        PlaceStyle(outdoor=0.6, furniture=(1, 7), occluder=0.2),
        CameraStyle((1200, 6000), (200, 4500), truncated=0.15),
        second_person=0.5,
    ),
    "hspace": Style(  # a camera that moves through crowded rendered places
        LookStyle(pattern=0.5),
        PlaceStyle(outdoor=0.5, furniture=(3, 10), occluder=0.2),
        CameraStyle((2500, 9000), (800, 2500), wander=1500, truncated=0.05),
        children=0.05,
        second_person=0.7,
    ),
}
"""In the order of the merge list."""

STYLES_2D = {
    "mpii": ANYTHING,
    "coco": replace(ANYTHING, camera=replace(ANYTHING.camera, truncated=0.35)),
    "jrdb": Style(  # a robot in a crowd
        DAILY,
        replace(STREET, outdoor=0.5),
        CameraStyle((2000, 12000), (900, 1300), truncated=0.1),
        second_person=0.7,
    ),
    "posetrack": Style(  # sports, groups
        SPORTS,
        PlaceStyle(outdoor=0.6, furniture=(0, 6), occluder=0.15),
        CameraStyle((2500, 10000), (700, 2500), truncated=0.15),
        second_person=0.6,
    ),
}
UNLABELLED = {"bml_movi": 0.04, "umpm": 0.02, "bmhad": 0.02, "ikea": 0.06}
"""Markers that fell off or were not seen; in ikea, joints that too few views found."""


def _twins() -> tuple[Preset, ...]:
    average = sum(THOUSANDS.values()) / len(THOUSANDS)
    with_3d = (
        Preset(
            f"twin_{name}",
            skeletons.load_data_set(name),
            (style,),
            unlabelled=UNLABELLED.get(name, 0.0),
            share=max(THOUSANDS[name] / average, LEAST_SHARE),
        )
        for name, style in STYLES_3D.items()
    )
    with_2d = (
        Preset(f"twin_{name}", _labels_2d(name), (style,), role="2d", share=SHARE_2D)
        for name, style in STYLES_2D.items()
    )
    every_style = (*STYLES_3D.values(), *STYLES_2D.values(), ANYTHING)
    tests = (
        Preset(f"twin_{split}", skeletons.load("large"), every_style, role="test", split=split)
        for split in ("val", "test")
    )
    return (*with_3d, *with_2d, *tests)


def _labels_2d(name: str) -> Skeleton:
    """What a 2D data set labels: its list without PoseTrack's ears, which are never labelled."""
    skeleton = skeletons.load_data_set(name)
    if name != "posetrack":
        return skeleton
    return skeleton.select([joint for joint in skeleton.joints if not joint.endswith("ear")], name)


TWINS = {item.id: item for item in _twins()}
"""By id: the 28 in the order of the merge list, the four, twin_val and twin_test."""
