"""Agreement of views: zero for the same world points, known for known shifts; rays meet where the point is."""

import numpy as np
import pytest
from fakes.scene import camera

from evaluation.calibration_file import load_qca
from evaluation.multiview import triangulate, view_agreement
from posepile.datasets.raw import RawDataError
from posepile.frame import ImageSource
from posepile.images import read_image

CAMERAS = [
    camera((4000, 0, 1000), distortion=(0.05, -0.02, 0.001, 0, 0)),
    camera((0, 4000, 1200)),
    camera((-3000, 3000, 900)),
]
WORLD = np.random.default_rng(0).uniform(-500, 500, (5, 6, 3))


def views(world=WORLD):
    return np.stack([each.world_to_camera(world) for each in CAMERAS])


def test_rays_meet_at_the_point():
    pixels = np.stack([each.world_to_image(WORLD) for each in CAMERAS])
    np.testing.assert_allclose(triangulate(pixels, CAMERAS), WORLD, atol=1e-3)  # undistorted iteratively
    pixels[0, 0, 0] = pixels[:2, 0, 1] = np.nan
    found = triangulate(pixels, CAMERAS)
    np.testing.assert_allclose(found[0, 0], WORLD[0, 0], atol=1e-3)  # two views are enough, one is not
    assert np.isnan(found[0, 1]).all() and np.isfinite(found[0, 2:]).all()


def test_parallel_rays_meet_nowhere():
    near = camera((4000, 10, 1000))
    pixels = np.stack([each.world_to_image(WORLD) for each in (CAMERAS[0], near)])
    assert np.isnan(triangulate(pixels, [CAMERAS[0], near])).all()


def test_views_that_agree():
    found = view_agreement(views(), CAMERAS)
    assert (found.pop("views"), found.pop("times")) == (3, 5)
    assert found == pytest.approx(dict.fromkeys(found, 0), abs=1e-2)


def test_one_view_too_deep():
    """Each joint of view 0 goes 5 % farther along its ray: its pixels stay, so that only the depth is wrong."""
    poses = views()
    depth = 0.05 * np.linalg.norm(poses[0], axis=-1)
    poses[0] *= 1.05
    found = view_agreement(poses[:2], CAMERAS[:2])
    assert found["between"] == pytest.approx(np.median(depth))
    # Half of the compared distances are those of view 1, which are 0
    assert found["to_rays_plane"] == pytest.approx(0, abs=1e-2) and found["reprojection"] < 1e-2
    assert found["between_aligned"] < 30 < found["between"]


def test_one_view_beside():
    poses = views()
    poses[0] += [100, 0, 0]
    found = view_agreement(poses[:2], CAMERAS[:2])
    assert found["between"] == pytest.approx(100) and found["between_centred"] == pytest.approx(0, abs=1e-6)
    assert found["to_rays_centred"] < found["to_rays"]


def test_missing_joints_and_bad_shapes():
    poses = views()
    poses[0, 0] = np.nan
    assert view_agreement(poses, CAMERAS)["between"] == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="2 cameras or more"):
        view_agreement(poses[:1], CAMERAS[:1])


def test_real_calibration(samples):
    """A person in the middle of the four views is in all images, and is where the rays meet in spite of the lenses."""
    cameras = load_qca(samples / "multiview_pose2sim_single/Calib.qca.txt")
    assert list(cameras) == ["cam01", "cam02", "cam03", "cam04"]
    axes = np.stack([each.image_to_world(each.intrinsics[:2, 2], 3000) for each in cameras.values()])
    pose = axes.mean(axis=0) + np.random.default_rng(1).uniform(-300, 300, (1, 8, 3))
    pixels = np.stack([each.world_to_image(pose) for each in cameras.values()])
    assert ((pixels > 0) & (pixels < [1088, 1920])).all()
    np.testing.assert_allclose(triangulate(pixels, list(cameras.values())), pose, atol=0.1)
    for each in cameras.values():  # upright: higher in the world is higher in the image
        assert (
            each.world_to_image(pose + [0, 0, 100])[..., 1].mean() < each.world_to_image(pose)[..., 1].mean()
        )


KNOWN_LIMBS = {"lsho-lelb": 300, "rsho-relb": 270, "lelb-lwri": 250, "relb-rwri": 270,
               "lhip-lkne": 420, "rhip-rkne": 430, "lkne-lank": 400, "rkne-rank": 370}  # fmt: skip
"""mm; measured with another 2D detector and other code, by who provided the sample."""
COCO = "nose leye reye lear rear lsho rsho lelb relb lwri rwri lhip rhip lkne rkne lank rank".split()


def test_rays_of_real_keypoints_give_limbs_of_human_length(samples):
    """A man in four real videos: 2D keypoints of a detector, triangulated, are as long as is known of him."""
    from posepile.people import movenet

    try:
        detector = movenet.load()
    except FileNotFoundError as error:
        pytest.skip(f"the detector is not here: {error}")
    folder = samples / "multiview_pose2sim_single"
    cameras, pixels = load_qca(folder / "Calib.qca.txt"), []
    for name in cameras:
        (video,) = folder.glob(f"{name}*.mp4")
        images = [read_image(ImageSource(video, i)) for i in range(0, 60, 12)]
        found = [detector.keypoints(image)[0] for image in images]
        pixels.append([np.where(person[:, 2:] > 0.3, person[:, :2], np.nan) for person in found])
    points = triangulate(np.array(pixels), list(cameras.values()))
    for limb, known in KNOWN_LIMBS.items():
        a, b = (points[:, COCO.index(joint)] for joint in limb.split("-"))
        # 40 mm: another detector puts a joint a few cm elsewhere (the sample's own two sides differ by 30)
        assert np.nanmedian(np.linalg.norm(a - b, axis=-1)) == pytest.approx(known, abs=40)
    shown = [each.world_to_image(points) for each in cameras.values()]
    assert np.nanmedian(np.linalg.norm(np.array(shown) - np.array(pixels), axis=-1)) < 20  # px; 13.6 is known


@pytest.mark.parametrize(
    "text, message",
    [
        ("<a/>", "no <camera>"),
        ("<!DOCTYPE a><a/>", "declarations"),
        ("<a", "damaged"),
        ('<a><camera serial="1"/></a>', "no <transform>"),
    ],
)
def test_other_files(tmp_path, text, message):
    (tmp_path / "c.txt").write_text(text)
    with pytest.raises(RawDataError, match=message):
        load_qca(tmp_path / "c.txt")
