"""UMPM: the sheet's camera, what is skipped, and bones that lose their ends when the data set is prepared."""

import numpy as np
import pytest
from fakes import umpm as fake_umpm

from posepile.datasets import RawDataError, umpm
from posepile.datasets.raw import RawDataWarning
from posepile.datasets.umpm import Umpm
from posepile.prepare.join import join
from posepile.prepare.unit import Tools, prepare_unit


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return fake_umpm.write(tmp_path_factory.mktemp("umpm")).root


def test_the_camera_is_placed_by_hand_computed_numbers(tmp_path):
    path = tmp_path / "calib_x01_f.ini"
    path.write_text("700 0  322\n0 700 243\n0 0 1\n-0.2 0.1 0 0\n1.5707963 0 0\n0 1000 3000\n")
    camera = umpm._camera(path)
    np.testing.assert_allclose(camera.position, [0, -3000, 1000], atol=1e-3)
    np.testing.assert_allclose(camera.world_to_image([300, 0, 1500]), [391.481, 127.198], atol=1e-3)


def test_the_sequence_without_calibration_is_skipped_and_counted(root):
    with pytest.warns(RawDataWarning, match="1 sequence skipped, p2_free_2"):
        names = [s.name for s in Umpm().sequences(root)]
    assert names == [
        "p1_grab_3_r",
        "p2_fake_1_f",
        "p2_fake_1_s",
        "p2_fake_1_r",
        "p2_fake_1_l",
        "p3_circle_2_r",
    ]


def test_without_a_detector_everybody_in_the_image_is_found(root):
    with pytest.warns(RawDataWarning):
        sequence = Umpm().sequences(root)[0]
    assert [f.tags["frame"] for f in Umpm().read(sequence)] == ["0", "2", "4", "5"]


def test_another_sequences_description_is_one_error(tmp_path):
    path = tmp_path / "p1_a_1.json"
    path.write_text('{"id": "p1_b_1",\n"calib": "x",\n}')
    with pytest.raises(RawDataError, match="p1_a_1.json: 'id' is 'p1_b_1', expected 'p1_a_1'"):
        umpm._calibration_name(path, "p1_a_1")


def test_impossible_bones_lose_their_ends(root, tmp_path):
    """The right wrist moves by 500 mm, so that its lower arm is too long in one of four examples."""
    with pytest.warns(RawDataWarning):
        sequence = Umpm().sequences(root)[0]
    prepare_unit(Umpm(), sequence, tmp_path, Tools())
    store = join(Umpm(), [sequence], tmp_path, Tools(), [])
    names = np.array(Umpm().skeleton.joints)
    poses = np.array([f.joints3d for f in Umpm().read(sequence)])
    lengths = np.linalg.norm(poses[:, 5] - poses[:, 4], axis=1)
    is_bad = (np.abs(lengths - lengths.mean()) > 80) & (
        (lengths > 1.25 * lengths.mean()) | (lengths < 0.5 * lengths.mean())
    )
    assert is_bad.any() and not is_bad.all()
    for example, bad in zip(store.examples(range(len(store))), is_bad, strict=True):
        lost = names[np.isnan(example.joints3d[:, 0])].tolist()
        assert lost == (["relb", "rwri"] if bad else [])
