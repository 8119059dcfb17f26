"""The pile's promises: exact joints, masks and cameras, and equal bytes for equal seeds."""

import dataclasses
import json

import cv2
import numpy as np
import pytest

from posepile import masks, skeletons
from posepile.commands import synthesize as command
from posepile.names import UnknownNameError
from posepile.store import Store, verify
from posepile.synthetic import catalogue, pile, scene, unit
from posepile.synthetic.presets import FORMATS, PRESETS

SIDE = 80


@pytest.mark.parametrize("name", FORMATS)
def test_examples_of_every_data_set_are_fit_for_training(name):
    preset = catalogue.preset(name)
    for example in unit.make_unit(preset, seed=1, unit=0, count=3, side=SIDE):
        assert example.problems(skeletons.load(name).joints) == []
        assert cv2.imdecode(np.frombuffer(example.image, np.uint8), cv2.IMREAD_COLOR).shape == (SIDE, SIDE, 3)
        assert set(example.tags) == {"subject", "camera", "action"}


def test_joints_project_onto_the_person():
    torso = ("pelv_h36m", "lhip_h36m", "rhip_h36m", "spin_h36m", "neck")
    columns = [skeletons.union(FORMATS).index(joint) for joint in torso]
    inside = []
    for example in whole_people(16):
        mask = masks.decode(example.mask)
        column, row = np.round(example.camera.world_to_image(example.joints3d[columns])).astype(int).T
        inside.append(mask[row, column])
    # A limb before the trunk is the person too; a hip may come out at the waist of somebody who folds up
    assert np.mean(inside) > 0.93


def test_all_joints_lie_in_the_box_and_the_box_fits_the_mask():
    for example in whole_people(16):
        low, size = example.box[:2], example.box[2:]
        pixels = example.camera.world_to_image(example.joints3d)
        assert (pixels > low - 0.03 * SIDE).all() and (
            pixels < low + size + 0.03 * SIDE
        ).all()  # markers, finger tips
        of_mask = masks.box(example.mask)
        # Clothes and hair lift the outline by some 16 mm; a sample may miss finger tips
        np.testing.assert_allclose(of_mask[:2], low, atol=3.5)
        np.testing.assert_allclose(of_mask[2:], size, atol=5)


def test_the_image_is_the_crop_that_the_preparation_gives():
    preset = PRESETS["synthetic_h36m"]
    plain = with_camera(preset, truncated=0.0, zoom=(1.0, 1.0), distortion=(0.0, 0.0))
    for example in unit.make_unit(plain, 1, 0, 4, SIDE):
        # The window is chosen for the body, the box holds clothes and hair too: 16 mm of
        # the 800 mm of somebody who crouches
        assert 0 <= example.box[2:].max() - SIDE / scene.WINDOW < 2
        # The camera turns to the box's middle once; turning moves the box's edges a little
        np.testing.assert_allclose(example.box[:2] + example.box[2:] / 2, (SIDE - 1) / 2, atol=0.04 * SIDE)
        up = example.camera.rotation @ example.camera.world_up
        assert abs(up[0]) < 1e-9  # no roll


def test_what_the_frame_cuts_off_is_black_and_outside_box_and_mask():
    preset = with_camera(PRESETS["synthetic_smpl"], truncated=1.0)
    for example in unit.make_unit(preset, 1, 0, 6, SIDE):
        image = cv2.imdecode(np.frombuffer(example.image, np.uint8), cv2.IMREAD_GRAYSCALE)
        x, y, width, height = example.box
        edges = (image[:, : max(int(x) - 2, 0)], image[: max(int(y) - 2, 0)],
                 image[:, int(x + width) + 3 :], image[int(y + height) + 3 :])  # fmt: skip
        assert any(part.size and part.max() < 30 for part in edges)  # JPEG rings near the cut
        of_mask = masks.box(example.mask)
        assert (of_mask[:2] >= example.box[:2] - 3.5).all()
        assert (of_mask[:2] + of_mask[2:] <= example.box[:2] + example.box[2:] + 3.5).all()


def test_the_2d_set_has_no_camera_and_labels_only_what_is_in_the_image():
    examples = list(unit.make_unit(PRESETS["synthetic_common2d"], 1, 0, 12, SIDE))
    joints = np.stack([example.joints2d for example in examples])
    assert all(example.camera is None and example.joints3d is None for example in examples)
    assert joints.shape == (12, 17, 2)
    labelled = np.isfinite(joints)
    assert 0.5 < labelled.mean() < 1
    assert (joints[labelled] >= -0.5).all() and (joints[labelled] <= SIDE - 0.5).all()


def test_markers_are_missing_as_in_real_marker_data():
    examples = list(unit.make_unit(PRESETS["synthetic_bmlmovi"], 1, 0, 12, SIDE))
    missing = np.mean([np.isnan(e.joints3d).all(1).mean() for e in examples])
    assert 0.01 < missing < 0.08


def test_a_longer_unit_begins_with_the_shorter_one():
    preset = PRESETS["synthetic_coco"]
    short = [e.to_bytes() for e in unit.make_unit(preset, 3, 1, 3, SIDE)]
    longer = [e.to_bytes() for e in unit.make_unit(preset, 3, 1, 5, SIDE)]
    assert longer[:3] == short
    assert len(set(longer)) == 5


@pytest.mark.parametrize("change", [{"seed": 4}, {"unit": 2}])
def test_other_seeds_and_units_give_other_examples(change):
    arguments = {"seed": 3, "unit": 1, "count": 1, "side": SIDE}
    (first,) = unit.make_unit(PRESETS["synthetic_coco"], **arguments)
    (second,) = unit.make_unit(PRESETS["synthetic_coco"], **(arguments | change))
    assert first.image != second.image


@pytest.mark.slow
def test_the_number_of_workers_changes_no_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(pile, "PER_UNIT", 2)  # several units from few examples
    counts = {"synthetic_h36m": 3, "synthetic_common2d": 4, "synthetic_test": 2}
    for workers in (1, 2):
        paths = pile.synthesize(tmp_path / str(workers), counts, image_side=48, seed=5, workers=workers)
        assert [path.name for path in paths] == list(counts)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    stores = {path.name: Store.open(path) for path in paths}
    assert {name: len(store) for name, store in stores.items()} == counts
    assert stores["synthetic_test"].joints == skeletons.union(FORMATS).joints
    assert stores["synthetic_common2d"].role == "2d"
    assert [verify(path) for path in paths] == [[], [], []]


@pytest.mark.slow
def test_command_keeps_finished_stores_and_refuses_other_parameters(tmp_path, capsys):
    args = ["--out", str(tmp_path), "--datasets", "aspset", "--image-side", "48", "--json"]
    assert command.main([*args, "--examples-per-dataset", "2"]) == 0
    report = json.loads(capsys.readouterr().out)
    (store,) = report["stores"]
    assert (store["id"], store["role"], store["joints"], store["examples"]) == (
        "synthetic_aspset",
        "3d",
        17,
        2,
    )
    before = contents(tmp_path)
    assert command.main([*args, "--examples-per-dataset", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["images_per_second"] is None
    assert contents(tmp_path) == before
    with pytest.raises(pile.SynthesisError, match="examples = 2, expected examples = 3"):
        command.main([*args, "--examples-per-dataset", "3"])


def test_unknown_data_sets_and_senseless_sizes_are_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="synthetic_h36m"):
        pile.synthesize(tmp_path, 2, datasets=["synthetic_h3m6"])
    with pytest.raises(pile.SynthesisError, match="at least 1"):
        pile.synthesize(tmp_path, {"synthetic_h36m": 0})
    with pytest.raises(pile.SynthesisError, match="image_side is 8"):
        pile.synthesize(tmp_path, 2, image_side=8)
    with pytest.raises(pile.SynthesisError, match="no photographs"):
        pile.synthesize(tmp_path, 2, backgrounds=tmp_path)


def test_photographs_stand_behind_the_people(tmp_path):
    cv2.imwrite(str(tmp_path / "red.png"), np.full((90, 120, 3), (0, 0, 255), np.uint8))
    photos = pile.photos_of(tmp_path)
    red = []
    for example in unit.make_unit(PRESETS["synthetic_aspset"], 1, 0, 8, SIDE, photos=photos):
        image = cv2.imdecode(np.frombuffer(example.image, np.uint8), cv2.IMREAD_COLOR).astype(int)
        red.append(np.median(image[..., 2] - image[..., :2].max(-1)) > 80)
    assert 4 <= sum(red) <= 8  # 80 % of the pictures


def whole_people(count: int):
    """Examples of the test set without furniture, frame edges and bystanders."""
    preset = PRESETS["synthetic_test"]
    styles = tuple(
        dataclasses.replace(
            style,
            second_person=0.0,
            place=dataclasses.replace(style.place, occluder=0.0, furniture=(0, 0)),
            camera=dataclasses.replace(style.camera, truncated=0.0),
        )
        for style in preset.styles
    )
    return unit.make_unit(dataclasses.replace(preset, styles=styles), 1, 0, count, SIDE)


def with_camera(preset, **changes):
    styles = tuple(
        dataclasses.replace(s, camera=dataclasses.replace(s.camera, **changes)) for s in preset.styles
    )
    return dataclasses.replace(preset, styles=styles)


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
