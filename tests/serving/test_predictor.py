"""Predictor promises: poses come back into the frame of the whole image's camera, for any box and lens."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from fake_models import SIDE, save_dot_finder, save_fake, save_fixed_pixels, save_standing
from scipy.spatial.transform import Rotation

from posepile import boxes as geometry
from posepile import skeletons
from posepile.cameras import Camera
from posepile.names import UnknownNameError
from serving.predictor import Detection, MissingJointsError, ModelFileError, Predictor

SIZE = (640, 480)
PIXELS = np.array([(31.5, 31.5), (0, 0), (63, 10), (20.25, 50), (40, 70)])
DEPTHS = np.array([4000.0, 3500, 5000, 4200, 2500])
LENS = {"ideal": (), "real": (-0.12, 0.05, 0.002, -0.003, -0.01)}


@pytest.fixture(scope="module")
def fixed_pixels(tmp_path_factory):
    return Predictor(save_fixed_pixels(tmp_path_factory.mktemp("fixed") / "model", PIXELS, DEPTHS))


@pytest.fixture(scope="module")
def dot_finder(tmp_path_factory):
    return Predictor(save_dot_finder(tmp_path_factory.mktemp("dots") / "model", depth=3000.0))


@pytest.mark.parametrize("lens", LENS)
@pytest.mark.parametrize("seed", range(10))
def test_points_at_known_crop_pixels_come_back_to_where_they_are_in_the_world(fixed_pixels, lens, seed):
    rng = np.random.default_rng(seed)
    camera, boxes = random_camera(rng, LENS[lens]), random_boxes(rng, 3)
    people = fixed_pixels(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), boxes, camera)
    expected = np.stack([crop_camera(camera, box).image_to_world(PIXELS, DEPTHS) for box in boxes])
    # float32 in the model: 4 m are known to 0.0003 mm, and the inverse of the intrinsics to ten such steps
    np.testing.assert_allclose(people.joints3d, expected, rtol=0, atol=0.05)
    np.testing.assert_allclose(people.joints2d, camera.world_to_image(people.joints3d), rtol=0, atol=2e-3)
    np.testing.assert_allclose(people.boxes, boxes, rtol=1e-6)
    np.testing.assert_array_equal(people.scores, 1)


@pytest.mark.parametrize("lens", LENS)
@pytest.mark.parametrize("side", [40, 100, 300, 700])  # below the crop's side, and halved 0, 2 and 3 times
def test_what_the_network_sees_is_where_it_is_in_the_image(dot_finder, lens, side):
    rng = np.random.default_rng(side)
    camera = random_camera(rng, LENS[lens])
    box = np.array([320.3 - side / 2, 240.8 - 0.4 * side, side, 0.8 * side])
    for _ in range(3):
        dot = np.array([320.3, 240.8]) + rng.uniform(-0.25, 0.25, 2) * min(side, 400)
        people = dot_finder(image_with_dot(dot, 1.5 * side / SIDE), box, camera)
        # a tenth of a crop's pixel: the image has 256 grey values, and a tilted view shows a lopsided dot
        np.testing.assert_allclose(people.joints2d[0, 0], dot, rtol=0, atol=0.1 * side / SIDE)
        assert np.isclose(camera.world_to_camera(people.joints3d[0, 0])[2], 3000, rtol=0.15)


def test_the_network_gets_rgb_from_0_to_1(dot_finder):
    image = np.full((SIZE[1], SIZE[0], 3), (51, 102, 255), np.uint8)
    people = dot_finder(image, [[220, 140, 200, 200]], level_camera())  # at the centre: no rotation
    # encoded with gamma 0.8; float16 steps
    np.testing.assert_allclose(people.joints3d[0, 1], np.power((0.2, 0.4, 1.0), 0.8), rtol=0, atol=1e-3)


def test_halving_averages_pixels_instead_of_skipping_them(dot_finder):
    stripes = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    stripes[:, ::4] = 200  # a crop of every 8th column would see 200 or 0
    people = dot_finder(stripes, geometry.full(SIZE), level_camera())
    # A quarter of the light, encoded with gamma 0.8; above and below the image, and beside it, the crop is black
    grey = ((200 / 255) ** 2.2 / 4) ** (0.8 / 2.2)
    assert people.joints3d[0, 1, 0] == pytest.approx(480 / 640 * 1.05 * grey, abs=0.01)


def test_nobody(fixed_pixels):
    people = fixed_pixels(np.zeros((48, 64, 3), np.uint8), np.zeros((0, 4)), level_camera())
    assert people.joints3d.shape == (0, 5, 3) and people.joints2d.shape == (0, 5, 2)


def test_frames_together_are_as_one_by_one(fixed_pixels):
    rng = np.random.default_rng(0)
    boxes = [random_boxes(rng, count) for count in (2, 0, 1)]
    frames = np.zeros((3, SIZE[1], SIZE[0], 3), np.uint8)
    together = fixed_pixels.predict_frames(frames, level_camera(), boxes, num_aug=2)
    for image, given, people in zip(frames, boxes, together, strict=True):
        alone = fixed_pixels(image, given, level_camera(), num_aug=2)
        np.testing.assert_allclose(people.joints3d, alone.joints3d, rtol=0, atol=1e-3)
    with pytest.raises(ValueError, match="boxes of 2 images, expected those of 3"):
        fixed_pixels.predict_frames(frames, level_camera(), boxes[:2])


def test_people_are_detected(tmp_path):
    found = [(100, 50, 80, 200, 0.9), (300, 60, 90, 210, 0.5), (200, 90, 90, 210, 0.2)]
    folder = save_standing(tmp_path / "m", detected=found)
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    predictor = Predictor(folder)
    people = predictor.detect(image, level_camera())
    assert predictor.has_detector
    np.testing.assert_allclose(people.boxes, np.array(found)[:2, :4])
    np.testing.assert_allclose(people.scores, (0.9, 0.5))
    given = predictor(image, people.boxes, level_camera())
    np.testing.assert_allclose(people.joints3d, given.joints3d, rtol=0, atol=1e-3)
    best = Predictor(folder, Detection(threshold=0.1, max_people=1)).detect(image, level_camera())
    np.testing.assert_allclose(best.scores, [0.9])


def test_without_a_detector_there_is_nobody(fixed_pixels):
    assert not fixed_pixels.has_detector
    assert len(fixed_pixels.detect(np.zeros((48, 64, 3), np.uint8), level_camera()).boxes) == 0


def test_images_that_are_none(fixed_pixels):
    for wrong in (np.zeros((48, 64), np.uint8), np.zeros((48, 64, 3)), np.zeros((48, 64, 4), np.uint8)):
        with pytest.raises(ValueError, match=r"expected uint8 \[N, height, width, 3\]"):
            fixed_pixels(wrong, np.zeros((0, 4)), level_camera())


def test_tiny_images_with_large_boxes(fixed_pixels):
    image = np.zeros((1, 3, 3), np.uint8)
    people = fixed_pixels(image, [[-500, -500, 1000, 1000]], level_camera())
    assert np.isfinite(people.joints3d).all()


def test_a_box_that_shows_nothing_has_no_pose(fixed_pixels):
    boxes = [[3, 4, 0, 0], [3, 4, 20, 30], [np.nan, 4, 20, 30]]
    people = fixed_pixels(np.zeros((48, 64, 3), np.uint8), boxes, level_camera())
    assert np.isfinite(people.joints3d).all(axis=(1, 2)).tolist() == [False, True, False]
    assert np.isnan(people.joints2d[0]).all()


def test_joint_behind_the_camera_has_no_pixel(tmp_path):
    predictor = Predictor(save_fixed_pixels(tmp_path / "m", [(31.5, 31.5)], [-100.0]))
    people = predictor(np.zeros((48, 64, 3), np.uint8), [[0, 0, 64, 48]], level_camera())
    assert np.isnan(people.joints2d).all() and np.isfinite(people.joints3d).all()


def test_a_skeleton_is_chosen_by_format_and_called_by_its_own_names(union_predictor):
    choice = union_predictor.choose("h36m_17")
    assert choice.joints == skeletons.load("h36m_17").joints
    in_model = [union_predictor.joints[k] for k in choice.columns]
    assert in_model == [f"{joint}_h36m" for joint in choice.joints]
    assert union_predictor.formats() == ["smpl", "h36m"]
    everything = union_predictor.choose("")
    assert everything.joints == union_predictor.joints and everything.edges == union_predictor.edges


def test_a_model_with_merged_joints_answers_every_format_with_the_shared_ones(tmp_path):
    merged = skeletons.merged(skeletons.union(["smpl", "h36m"]))
    predictor = model_of(merged, tmp_path / "m")
    for name in ("smpl", "h36m_17"):
        choice = predictor.choose(name)
        assert [predictor.joints[k] for k in choice.columns] == list(skeletons.load(name).base_names)


def test_a_skeleton_that_the_model_lacks(union_predictor):
    with pytest.raises(
        MissingJointsError, match=r"'aspset': the model lacks joints of it; it answers in 'smpl', 'h36m'"
    ):
        union_predictor.choose("aspset")
    with pytest.raises(UnknownNameError, match="h36m_17"):
        union_predictor.choose("h36m_71")


def test_a_folder_that_is_no_model(tmp_path, standing_model):
    with pytest.raises(ModelFileError, match="no saved_model.pb"):
        Predictor(tmp_path / "absent")
    (tmp_path / "savedmodel").mkdir()
    shutil.copytree(standing_model, tmp_path / "savedmodel/1")
    with pytest.raises(ModelFileError, match="did you mean .*savedmodel/1?"):
        Predictor(tmp_path)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "saved_model.pb").write_bytes(b"no protocol buffer")
    with pytest.raises(ModelFileError, match="damaged"):
        Predictor(damaged)
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(ModelFileError, match="no detect_poses_batched, estimate_poses_batched"):
        Predictor(tmp_path / "other")


@pytest.fixture(scope="module")
def union_predictor(tmp_path_factory):
    return model_of(skeletons.union(["smpl", "h36m"]), tmp_path_factory.mktemp("union") / "model")


def model_of(skeleton, folder):
    def predict(images, intrinsics):
        return tf.zeros([tf.shape(images)[0], len(skeleton), 3])

    return Predictor(save_fake(folder, predict, skeleton.joints, skeleton.edges, skeleton.formats))


def crop_camera(camera, box):
    """The camera that looks at the box, made step by step from the image's: a crop's, 5 % closer."""
    turned = camera.turned_to(geometry.centre(box))
    left, right, upper, lower = turned.world_to_camera(camera.image_to_world(geometry.side_midpoints(box)))
    a, b = (left, right) if box[2] >= box[3] else (upper, lower)
    focal = 1.05 * SIDE / np.linalg.norm(a[:2] / a[2] - b[:2] / b[2])
    middle = (SIDE - 1) / 2
    return Camera([[focal, 0, middle], [0, focal, middle], [0, 0, 1]], turned.rotation, turned.position)


def random_camera(rng, distortion):
    focal = rng.uniform(500, 1500)
    intrinsics = [[focal, 0, rng.uniform(300, 340)], [0, focal * rng.uniform(0.9, 1.1), 245], [0, 0, 1]]
    rotation = Rotation.random(random_state=int(rng.integers(1 << 30))).as_matrix()
    return Camera(intrinsics, rotation, rng.normal(0, 5000, 3), np.array(distortion), rng.normal(size=3))


def level_camera():
    return Camera([[700, 0, 319.5], [0, 700, 239.5], [0, 0, 1]], world_up=(0, -1, 0))


def random_boxes(rng, count):
    return geometry.around(rng.uniform((100, 100), (540, 380), (count, 2)), rng.uniform(20, 400, (count, 2)))


def image_with_dot(place, sigma):
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    dot = 255 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * sigma**2))
    return np.repeat(dot.round().astype(np.uint8)[..., np.newaxis], 3, axis=-1)
