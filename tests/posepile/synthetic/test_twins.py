"""The twins' promises: the large pile's joints and sizes without a download, the same for any number of workers."""

import numpy as np
import pytest

from posepile import skeletons
from posepile.mixture import Mixture, Share
from posepile.names import UnknownNameError
from posepile.skeletons.combine import side_by_side
from posepile.store import Store
from posepile.synthetic import catalogue, pile, twins, unit
from posepile.synthetic.presets import PRESETS
from posepile.synthetic.twins import TWINS

SIDE = 48
TRAIN_3D = [twin for twin in TWINS.values() if twin.role == "3d"]
TRAIN_2D = [twin for twin in TWINS.values() if twin.role == "2d"]
TESTS = [twin for twin in TWINS.values() if twin.role == "test"]


def test_there_is_a_twin_for_each_data_set():
    assert [len(group) for group in (TRAIN_3D, TRAIN_2D, TESTS)] == [28, 4, 2]
    assert {twin.id for twin in TRAIN_2D} == {"twin_mpii", "twin_coco", "twin_jrdb", "twin_posetrack"}
    assert set(twins.THOUSANDS) == {twin.id.removeprefix("twin_") for twin in TRAIN_3D}
    assert not set(TWINS) & set(PRESETS)
    for twin in TRAIN_3D:
        assert twin.skeleton.joints == skeletons.load_data_set(twin.id.removeprefix("twin_")).joints


def test_union_of_the_28_is_the_large_skeleton_slot_by_slot():
    union, large = side_by_side([twin.skeleton for twin in TRAIN_3D], "union"), skeletons.load("large")
    assert union.joints == large.joints and len(union.joints) == 555
    assert union.edges == large.edges
    assert all(twin.skeleton.joints == large.joints for twin in TESTS)


def test_joints_of_single_twins_are_those_of_the_merging():
    """Counts from the published pile's table."""
    joints = {twin.id: len(twin.skeleton.joints) for twin in TWINS.values()}
    expected = {"panoptic": 19, "aist": 19, "humbi": 25, "agora": 66, "behave": 49, "tdhp": 28, "muco": 28}
    expected |= {
        "rich": 42,
        "hspace": 35,
        "surreal": 24,
        "bml_movi": 87,
        "mpii": 16,
        "coco": 17,
        "posetrack": 15,
    }
    assert {name: joints[f"twin_{name}"] for name in expected} == expected


def test_sizes_have_the_ratio_of_the_real_data_sets():
    sizes = {twin.id: twin.examples(10_000) for twin in TRAIN_3D}
    assert sizes["twin_aist"] / sizes["twin_h36m"] == pytest.approx(3518 / 165, rel=1e-3)
    assert min(sizes.values()) == sizes["twin_ikea"] == 1000  # a tenth of the average
    assert 10_000 <= np.mean(list(sizes.values())) < 10_500  # what the least share adds
    assert {twin.examples(1000) for twin in TRAIN_2D} == {250}
    assert all(twin.examples(1) >= 1 for twin in TWINS.values())
    assert {preset.examples(7) for preset in PRESETS.values()} == {7}  # the small pile's sets are equal


@pytest.mark.parametrize("twin", TWINS.values(), ids=TWINS)
def test_examples_are_fit_for_training(twin):
    (example,) = unit.make_unit(twin, seed=1, unit=0, count=1, side=SIDE)
    assert example.problems(twin.skeleton.joints) == []
    assert (example.camera is None) == (twin.role == "2d")
    if twin.role != "2d":
        assert not example.camera.distortion.any()


def test_an_example_of_the_test_set_has_all_555_joints_where_the_formats_have_them():
    (example,) = unit.make_unit(TWINS["twin_test"], seed=2, unit=0, count=1, side=SIDE)
    joints = dict(zip(skeletons.load("large").joints, example.joints3d, strict=True))
    assert len(joints) == 555 and np.isfinite(example.joints3d).all()
    np.testing.assert_array_equal(joints["lkne"], joints["lkne_smplx"])
    assert np.linalg.norm(joints["lhip"] - joints["lhip_h36m"]) > 10  # mm, different points


def test_cameras_are_as_in_the_data_sheets():
    views = {twin.id: twin.styles[0].camera.views for twin in TRAIN_3D}
    wanted = {
        "h36m": 4,
        "panoptic": 31,
        "muco": 11,
        "aist": 9,
        "gpa": 5,
        "humbi": 107,
        "bmhad": 14,
        "tdhp": 14,
    }
    wanted |= {
        "mads": 3,
        "umpm": 4,
        "totalcapture": 8,
        "ikea": 3,
        "human4d": 4,
        "behave": 4,
        "sailvos": 0,
        "jta": 0,
    }
    assert {name: views[f"twin_{name}"] for name in wanted} == wanted


def test_names_of_twins_are_found_and_others_refused():
    assert [item.id for item in catalogue.select(["twin_aist", "h36m"])] == ["synthetic_h36m", "twin_aist"]
    assert [item.id for item in catalogue.select(None)] == list(PRESETS)
    with pytest.raises(UnknownNameError, match="twin_panoptic"):
        catalogue.preset("twin_panoptik")


@pytest.mark.slow
def test_the_number_of_workers_changes_no_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(pile, "PER_UNIT", 2)  # several units from few examples
    for workers in (1, 2):
        paths = pile.synthesize(tmp_path / str(workers), 1, SIDE, seed=5, workers=workers, datasets=TWINS)
        assert [path.name for path in paths] == list(TWINS)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    stores = [Store.open(path) for path in paths]
    assert {store.id: len(store) for store in stores} == {i: twin.examples(1) for i, twin in TWINS.items()}
    mixture = Mixture([Share(s, 1) for s in stores if s.role == "3d"], skeletons.load("large"), seed=1)
    assert set(np.concatenate([mixture.columns(k) for k in range(28)])) == set(range(555))


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
