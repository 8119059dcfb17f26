"""The pipeline promises: a batch depends on seed and step alone; augmentations do not disturb each other."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from stand_ins import encode, make_example, make_stores

from posepile import masks, skeletons
from posepile.mixture import Mixture, Share
from posepile.store import Store, StoreWriter
from training.augment.appearance import Appearance
from training.augment.geometry import draw_changes
from training.augment.randomness import Draws
from training.config import AugmentConfig, DataConfig, ModelConfig, RuntimeConfig, TrainConfig
from training.fit import build_mixture
from training.input_pipeline import BatchLoader, ExampleError, dataset

SHARES = (("tiny_h36m", 3), ("tiny_smpl", 2), ("tiny_2d", 3))
CONFIG = TrainConfig(
    model=ModelConfig(crop_side=64, ghost_group_size=0),
    data=DataConfig(shares=SHARES),
    steps=6,
    inference_mode_steps=0,
    seed=5,
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    return make_stores(tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module")
def loader(stores):
    return BatchLoader(CONFIG, build_mixture(CONFIG, stores))


def batches(config, stores, start=0):
    loader = BatchLoader(config, build_mixture(config, stores))
    return [flatten(x, y) for x, y in dataset(loader, start).as_numpy_iterator()]


def flatten(x, y):
    return {**x, **y}


def assert_equal(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_shapes_units_and_order(loader):
    batch = loader.batch(0)
    shapes = {name: (array.shape, array.dtype.name) for name, array in batch.items()}
    assert shapes == {
        "image": ((8, 64, 64, 3), "uint8"),
        "intrinsics": ((8, 3, 3), "float32"),
        "joints3d": ((5, 49, 3), "float32"),
        "valid3d": ((5, 49), "bool"),
        "joints2d": ((3, 17, 2), "float32"),
        "valid2d": ((3, 17), "bool"),
    }
    assert batch["valid3d"][:3, :25].all() and not batch["valid3d"][:3, 25:].any()  # h36m comes first
    assert batch["valid3d"][3:, 25:].all() and not batch["valid3d"][3:, :25].any()
    assert (batch["joints3d"][~batch["valid3d"]] == 0).all()
    depth = batch["joints3d"][..., 2][batch["valid3d"]]
    assert 2000 < depth.min() and depth.max() < 6000  # mm


def test_any_step_can_come_first_and_threads_do_not_matter(stores):
    all_steps = batches(CONFIG, stores)
    assert len(all_steps) == 6
    threads = replace(CONFIG, runtime=RuntimeConfig(loader_threads=4, prefetch=1))
    for a, b in zip(all_steps[2:], batches(threads, stores, start=2), strict=True):
        assert_equal(a, b)
    assert (all_steps[0]["image"] != all_steps[1]["image"]).any()


def test_another_seed_gives_other_batches(stores, loader):
    other = BatchLoader(replace(CONFIG, seed=6), build_mixture(replace(CONFIG, seed=6), stores))
    assert (other.batch(0)["image"] != loader.batch(0)["image"]).any()


@pytest.mark.parametrize("off", [{"roll_deg": 0.0}, {"flip": 0.0}, {"shift": 0.0}])
def test_one_augmentation_off_leaves_the_others_alone(stores, loader, off):
    draws = Draws(1, 2, 50)
    on, without = draw_changes(AugmentConfig(), draws), draw_changes(AugmentConfig(**off), draws)
    name = next(iter(off)).removesuffix("_deg")
    assert (getattr(on, name) != getattr(without, name)).any()
    for other in {"part", "shift", "zoom", "roll", "flip"} - {name}:
        np.testing.assert_array_equal(getattr(on, other), getattr(without, other))


LOOKS = {
    "backgrounds": {"background": 0.0},
    "objects": {"objects": 0.0},
    "erased": {"erase": 0.0},
    "colours": {"brightness": 0.0, "contrast": 0.0, "hue_deg": 0.0, "saturation": 0.0},
}


@pytest.mark.parametrize("name", LOOKS)
def test_one_change_of_looks_off_leaves_the_others_alone(name):
    def drawn(**off):
        looks = Appearance(AugmentConfig(**off), DataConfig(), 64, ["a"] * 50).draw(
            Draws(1, 2, 50), np.ones(50, bool)
        )
        return {
            "backgrounds": [
                np.where(looks.backgrounds.chosen, looks.backgrounds.photo, -1),
                looks.backgrounds.shift,
            ],
            "objects": [looks.occlusions.objects, looks.draws.generator("pasted objects", 3).random(4)],
            "erased": [looks.occlusions.erased, looks.draws.generator("erased rectangle", 3).random(4)],
            "colours": [looks.colours.amount],
        }

    on, without = drawn(), drawn(**LOOKS[name])
    for each in LOOKS:
        same = all(np.array_equal(a, b) for a, b in zip(on[each], without[each], strict=True))
        assert same == (each != name), each


def masked_store(folder, id="tiny_h36m"):
    """Examples whose mask is their box, in uniform grey pictures: what replaces the background is not grey."""
    skeleton, random = skeletons.load("h36m"), np.random.default_rng(0)
    with StoreWriter(folder / id, id=id, role="3d", skeleton=skeleton, licence="") as writer:
        for i in range(4):
            example = make_example(random, f"{id}/{i}", len(skeleton.joints), image=encode(GREY))
            mask = np.zeros(GREY.shape[:2], bool)
            x, y, w, h = np.maximum(example.box, 0).astype(int)
            mask[y : y + h, x : x + w] = True
            assert writer.append(replace(example, mask=masks.encode(mask))), writer.rejected
    return Store.open(folder / id)


GREY = np.full((120, 160, 3), 128, np.uint8)
GEOMETRY = AugmentConfig(brightness=0, contrast=0, hue_deg=0, saturation=0, objects=0, erase=0, background=0)


def test_backgrounds_and_occluders_come_from_folders(tmp_path):
    store = masked_store(tmp_path)
    for folder, pixels in (("photos", [0, 0, 255]), ("cut_outs", [255, 0, 0, 255])):
        (tmp_path / folder).mkdir()
        bgr = np.full((96, 96, len(pixels)), pixels, np.uint8)
        cv2.imwrite(str(tmp_path / folder / "a.png"), bgr)
    data = DataConfig((("tiny_h36m", 8),), backgrounds=f"{tmp_path}/photos", occluders=f"{tmp_path}/cut_outs")

    def crops(**augment):
        config = replace(CONFIG, data=data, augment=replace(GEOMETRY, **augment))
        return BatchLoader(config, build_mixture(config, [store])).batch(0)["image"].astype(int)

    plain, replaced, covered = crops(), crops(background=1.0), crops(objects=1.0)
    middle = np.s_[:, 28:36, 28:36]
    assert np.abs(replaced - plain)[middle].max() <= 1  # the person stays
    red, blue = (255, 0, 0), (0, 0, 255)
    assert all((replaced[i] == red).all(axis=-1).any() for i in range(8))
    is_blue = (covered == blue).all(axis=-1)
    assert 0 < is_blue.any(axis=(1, 2)).sum() < 8  # the coin chooses some
    np.testing.assert_array_equal(covered[~is_blue.any(axis=(1, 2))], plain[~is_blue.any(axis=(1, 2))])


def test_a_store_may_have_probabilities_of_its_own_and_a_twin_has_its_original_s(tmp_path):
    store = masked_store(tmp_path, "twin_h36m")
    augment = replace(
        GEOMETRY, background=1.0, background_of=(("h36m", 0.0),), partial_visibility_of=(("h36m", 1.0),)
    )
    config = replace(CONFIG, data=DataConfig((("twin_h36m", 8),)), augment=augment)
    loader = BatchLoader(config, build_mixture(config, [store]))
    assert not loader.appearance.draw(Draws(1, 0, 8), np.ones(8, bool)).backgrounds.chosen.any()
    whole = replace(config, augment=replace(augment, partial_visibility_of=()))
    of_whole = BatchLoader(whole, build_mixture(whole, [store])).batch(0)
    assert (loader.batch(0)["intrinsics"][:, 0, 0] > 1.01 * of_whole["intrinsics"][:, 0, 0]).mean() > 0.8


def test_random_changes_have_the_ranges_of_the_configuration():
    changes = draw_changes(AugmentConfig(partial_visibility=1.0), Draws(1, 0, 4000))
    assert np.linalg.norm(changes.shift, axis=1).max() <= 0.1
    assert 0.75 <= changes.zoom.min() < 0.76 and 1.24 < changes.zoom.max() <= 1.25
    assert 19.8 < np.rad2deg(np.abs(changes.roll)).max() <= 20
    assert 0.47 < changes.flip.mean() < 0.53  # 4 standard deviations
    x, y, side = changes.part.T
    assert 0.5 <= side.min() and (x + side <= 1).all() and (y >= 0).all() and (y + side <= 1 + 1e-12).all()
    assert (side < 1).mean() > 0.99


def test_flipped_examples_have_left_and_right_exchanged(stores):
    def joints(flip):
        config = replace(
            CONFIG, augment=AugmentConfig(flip=flip, zoom_min=1, zoom_max=1, roll_deg=0, shift=0)
        )
        return BatchLoader(config, build_mixture(config, stores)).batch(1)

    plain, flipped = joints(0.0), joints(1.0)
    mirror = skeletons.union(["h36m", "smpl"]).mirror
    expected = plain["joints3d"][:, mirror] * np.float32([-1, 1, 1])
    np.testing.assert_allclose(flipped["joints3d"], expected, rtol=0, atol=0.01)  # float32 of metres
    mirror_2d = skeletons.load("common2d").mirror
    expected = plain["joints2d"][:, mirror_2d]
    expected = np.where(flipped["valid2d"][..., np.newaxis], [63, 0] + expected * [-1, 1], 0)
    np.testing.assert_allclose(flipped["joints2d"], expected, rtol=0, atol=1e-3)


def test_without_2d_stores_there_are_no_2d_labels(stores):
    config = replace(CONFIG, data=DataConfig(shares=SHARES[:2]))
    assert batches(config, stores)[0].keys() == {"image", "intrinsics", "joints3d", "valid3d"}


SETS_2D = ("mpii", "coco", "jrdb", "posetrack")


def write_store_2d(folder, id):
    """A store of one example whose joints stand in the upper part of the image, but for the left knee."""
    skeleton, random = skeletons.load_data_set(id), np.random.default_rng(len(id))
    example = make_example(random, f"{id}/0", len(skeleton.joints), role="2d")
    pixels = random.uniform((40, 20), (120, 100), (len(skeleton.joints), 2))
    pixels[skeleton.index("lkne")] = (80, 0.96 * 120)
    pixels[skeleton.index("relb")] = np.nan
    with StoreWriter(folder / id, id=id, role="2d", skeleton=skeleton, licence="") as writer:
        assert writer.append(replace(example, joints2d=pixels, box=np.array([30, 10, 80, 100])))
    return Store.open(folder / id)


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_2d_stores_of_different_joints_meet_in_the_17_common_ones(stores, tmp_path, flip):
    of_2d = [write_store_2d(tmp_path, id) for id in SETS_2D]
    plain = AugmentConfig(flip=flip, zoom_min=1, zoom_max=1, roll_deg=0, shift=0)
    data = DataConfig(shares=(("tiny_h36m", 2), *((id, 2) for id in SETS_2D)))
    config = replace(CONFIG, data=data, augment=plain)
    batch = BatchLoader(config, build_mixture(config, [*stores, *of_2d])).batch(3)
    labels, other_side = skeletons.load("common2d").joints, {"l": "r", "r": "l"}
    for row in range(8):
        store = of_2d[row // 2]
        (example,) = store.examples([0])
        labelled = dict(zip(store.joints, example.joints2d.astype(float), strict=True))
        for k, joint in enumerate(labels):
            source = other_side.get(joint[0], joint[0]) + joint[1:] if flip else joint
            point = labelled.get(source, np.full(2, np.nan))
            is_valid = np.isfinite(point).all() and source != "lkne"  # which is in the lowest 5 %
            assert batch["valid2d"][row, k] == is_valid, (store.id, joint)
            # The box's centre (70, 60) becomes the crop's, and its 100 px become 64
            expected = (point - (70, 60)) * 0.64 * ([-1, 1] if flip else 1) + 31.5 if is_valid else (0, 0)
            np.testing.assert_allclose(batch["joints2d"][row, k], expected, rtol=0, atol=1e-3)


def test_a_2d_store_without_any_common_joint_is_refused(stores, tmp_path):
    skeleton = skeletons.load("mpii_2d").select(["pelv", "thor"], "trunk")
    with StoreWriter(tmp_path / "trunk", id="trunk", role="2d", skeleton=skeleton, licence="") as writer:
        assert writer.append(make_example(np.random.default_rng(0), "trunk/0", 2, role="2d"))
    config = replace(CONFIG, data=DataConfig(shares=(("tiny_h36m", 2), ("trunk", 2))))
    with pytest.raises(ValueError, match="store trunk: none of its joints is among rank, "):
        BatchLoader(config, build_mixture(config, [*stores, Store.open(tmp_path / "trunk")]))


def test_merged_joints_share_columns(stores):
    config = replace(CONFIG, data=DataConfig(shares=SHARES, joints="merged"))
    loader = BatchLoader(config, build_mixture(config, stores))
    hips = loader.mixture.skeleton.index("lhip")
    assert loader.batch(0)["valid3d"][:, hips].all()


def test_2d_stores_must_come_last(stores):
    mixture = Mixture([Share(stores[2], 1), Share(stores[0], 1)], skeletons.union(["h36m"]), 0)
    with pytest.raises(ValueError, match="3D first"):
        BatchLoader(CONFIG, mixture)


def test_a_bad_example_stops_with_store_and_key(stores, monkeypatch):
    loader = BatchLoader(CONFIG, build_mixture(CONFIG, stores))
    read = Store.examples

    def damaged(self, rows):
        examples = read(self, rows)
        return [replace(e, image=e.image[:100]) if e.key == "tiny_smpl/0003" else e for e in examples]

    monkeypatch.setattr(Store, "examples", damaged)
    with pytest.raises(Exception, match="store tiny_smpl: tiny_smpl/0003"):
        list(dataset(loader))
    assert isinstance(loader.error, ExampleError)


@pytest.mark.parametrize("value, problem", [(np.inf, "infinite")])
def test_infinite_joints_are_refused(stores, monkeypatch, value, problem):
    loader = BatchLoader(CONFIG, build_mixture(CONFIG, stores))
    read = Store.examples

    def damaged(self, rows):
        return [replace(e, joints3d=np.full_like(e.joints3d, value)) if e.joints3d is not None else e
                for e in read(self, rows)]  # fmt: skip

    monkeypatch.setattr(Store, "examples", damaged)
    with pytest.raises(ExampleError, match=f"tiny_h36m.*{problem}"):
        loader.batch(0)


def test_unlabelled_joints_are_invalid_and_zero(tmp_path):
    random = np.random.default_rng(0)
    skeleton = skeletons.load("h36m")
    with StoreWriter(tmp_path / "s", id="tiny_h36m", role="3d", skeleton=skeleton, licence="") as writer:
        for i in range(4):
            example = make_example(random, f"tiny_h36m/{i}", len(skeleton.joints))
            joints = example.joints3d.copy()
            joints[4] = np.nan
            assert writer.append(replace(example, joints3d=joints))
    config = replace(CONFIG, data=DataConfig(shares=(("tiny_h36m", 4),)))
    batch = BatchLoader(config, build_mixture(config, [tmp_path / "s"])).batch(0)
    mirrored = skeleton.mirror[4]
    assert ((~batch["valid3d"]).sum(axis=1) == 1).all()
    assert (~batch["valid3d"][:, [4, mirrored]]).any(axis=1).all()
    assert (batch["joints3d"][~batch["valid3d"]] == 0).all()
