"""HUMAN4D: options, and that people come out of the crop upright."""

import numpy as np
from fakes import human4d as fake_human4d

from posepile.cameras import Camera
from posepile.datasets.human4d import Human4D
from posepile.prepare.crop import StandardCrop


def frames(dataset, root, detect=None):
    return list(dataset.read(dataset.sequences(root)[0], detect))


def test_options(tmp_path):
    fake = fake_human4d.write(tmp_path)
    ours, other = frames(Human4D(), tmp_path, fake.detect), frames(Human4D(colour_cameras=False), tmp_path)
    depth = fake_human4d.EXTRINSICS["M72e"]
    np.testing.assert_allclose(other[0].camera.position, depth[3])
    np.testing.assert_allclose(other[0].camera.rotation, depth[:3].T)
    distance = np.linalg.norm(ours[0].camera.position - depth[3])
    np.testing.assert_allclose(distance, np.linalg.norm(1000 * fake_human4d.SHIFT))
    # As the official viewer has it, the pose comes an image later
    first = frames(Human4D(first_pose=0), tmp_path)[0]
    assert ours[0].key.endswith("/19_M72e_color_19") and first.key.endswith("/20_M72e_color_20")
    np.testing.assert_array_equal(first.joints3d, ours[0].joints3d)


def test_a_known_projection():
    """With the colour camera at the depth camera's place (sheet of the data set)."""
    numbers = fake_human4d.EXTRINSICS["M72e"]
    camera = Camera([[920, 0, 640], [0, 920, 360], [0, 0, 1]], numbers[:3].T, numbers[3])
    pixels = camera.world_to_image([(0, 0, 700), (100, 0, 700)])
    np.testing.assert_allclose(pixels, [(456, 360), (456, 323.2)])


def test_cropping_makes_people_upright(tmp_path):
    fake_human4d.write(tmp_path)
    frame = frames(Human4D(), tmp_path)[0]
    image = np.zeros((720, 1280, 3), np.uint8)
    cropped = StandardCrop()(image, frame.camera, frame.box)
    above, below = cropped.camera.world_to_image([(0, 0, 700), (0, 0, -500)])
    assert below[1] - above[1] > 100 and abs(below[0] - above[0]) < 20
