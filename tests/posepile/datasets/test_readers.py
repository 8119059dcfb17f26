"""Every reader gives back the known scene from which its fake was written."""

import importlib
import pickle
import pkgutil
from dataclasses import replace
from pathlib import Path

import fakes
import numpy as np
import pytest

from posepile import boxes, masks
from posepile.datasets import Dataset, RawDataError, load
from posepile.example import PoseExample
from posepile.images import read_image
from posepile.prepare.unit import Tools, example_of

# Fakes have the known faults of their data sets too; that these are counted is for their own tests
pytestmark = pytest.mark.filterwarnings("ignore::posepile.datasets.raw.RawDataWarning")

WRITERS = sorted(
    name
    for _, name, _ in pkgutil.iter_modules(fakes.__path__)
    if name not in {"scene", *fakes.IMAGE_SETS} and not name.startswith("_")
)


@pytest.fixture(scope="module", params=WRITERS)
def fake(request, tmp_path_factory):
    """A fake on disk."""
    return importlib.import_module(f"fakes.{request.param}").write(tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def frames(fake):
    """All frames of the fake by key; keys that come twice fail here."""
    found = [f for s in fake.dataset.sequences(fake.root) for f in fake.dataset.read(s, fake.detect)]
    assert len({frame.key for frame in found}) == len(found)
    return {frame.key: frame for frame in found}


def test_facts(fake):
    facts = fake.dataset.facts
    assert load(facts.id) is type(fake.dataset)
    assert facts.licence and facts.citation and facts.url.startswith("http") and facts.how_to_get
    assert len(fake.dataset.skeleton) == len(set(fake.dataset.skeleton.joints))


def test_its_absence_is_one_clear_error(fake, tmp_path):
    assert not fake.dataset.missing(fake.root)
    with pytest.raises(RawDataError, match=str(tmp_path)) as caught:
        fake.dataset.sequences(tmp_path)
    assert caught.value.__notes__


def test_chooses_the_known_frames(fake, frames):
    assert sorted(frames) == sorted(known.key for known in fake.expected)
    for known in fake.expected:
        assert frames[known.key].split == known.split
        assert known.tags.items() <= frames[known.key].tags.items()


def test_keys_begin_with_their_sequence(fake):
    for sequence in fake.dataset.sequences(fake.root):
        for frame in fake.dataset.read(sequence, fake.detect):
            assert frame.key.startswith(f"{sequence.name}/")
            assert frame.split == sequence.split


def test_world_joints(fake, frames):
    for known in fake.expected:
        joints = frames[known.key].joints3d
        if known.joints3d is None:
            assert joints is None
        else:
            assert len(joints) == len(fake.dataset.skeleton)
            np.testing.assert_allclose(joints, known.joints3d, atol=0.1, err_msg=known.key)


def test_pixels_of_the_joints(fake, frames):
    for known in fake.expected:
        frame = frames[known.key]
        pixels = frame.joints2d if known.joints3d is None else frame.camera.world_to_image(frame.joints3d)
        np.testing.assert_allclose(pixels, known.pixels, atol=0.5, err_msg=known.key)


def test_cameras_are_right_handed(frames):
    for frame in frames.values():
        if frame.camera is not None:
            np.testing.assert_allclose(frame.camera.rotation @ frame.camera.rotation.T, np.eye(3), atol=1e-4)
            assert np.linalg.det(frame.camera.rotation) > 0


def test_boxes(fake, frames):
    for known in fake.expected:
        np.testing.assert_allclose(
            frames[known.key].box, known.box, atol=known.box_tolerance, err_msg=known.key
        )


def test_masks(fake, frames):
    for known in fake.expected:
        mask = frames[known.key].mask
        mask = mask() if callable(mask) else mask
        if known.mask is None:
            assert mask is None
        else:
            np.testing.assert_array_equal(masks.decode(mask), known.mask, err_msg=known.key)


def test_pictures(fake, frames):
    for known in fake.expected:
        image = read_image(frames[known.key].image)
        left, right = np.split(image[:, : image.shape[1] // 2 * 2], 2, axis=1)
        assert abs(np.median(left) - known.grey) <= 3, known.key
        # Mirrored and unmirrored pictures differ
        assert abs(abs(np.median(right) - np.median(left)) - fakes.scene.STEP) <= 6, known.key


def test_becomes_examples_that_a_store_takes(fake, frames, monkeypatch):
    skeleton = fake.dataset.skeleton
    for frame in list(frames.values())[:: max(1, len(frames) // 3)]:
        width, height = np.ceil(frame.box[:2] + frame.box[2:]).astype(int)
        if not (read_image(frame.image).shape[:2] >= np.array((height, width))).all():
            # Some fakes have small pictures in the place of large ones, to be quick
            stand_in = np.full((height + 9, width + 9, 3), 90, np.uint8)
            monkeypatch.setattr("posepile.prepare.unit.read_image", lambda source, image=stand_in: image)
            frame = replace(frame, mask=None)
        example = example_of(fake.dataset, frame, Tools())
        assert PoseExample.from_bytes(example.to_bytes()).problems(skeleton.joints) == [], frame.key
        assert example.tags["split"] == frame.split
        if frame.joints3d is None:
            continue
        # The crop's camera sees the person's middle in the crop, where the whole image's sees it in the box
        middle = np.nanmedian(frame.joints3d, axis=0)
        if boxes.contains(frame.box, frame.camera.world_to_image(middle)[np.newaxis])[0]:
            assert boxes.contains(example.box, example.camera.world_to_image(middle)[np.newaxis])[0], (
                frame.key
            )


def test_goes_to_other_processes(fake):
    assert isinstance(fake.dataset, Dataset)
    assert pickle.loads(pickle.dumps(fake.dataset)) == fake.dataset
    sequences = fake.dataset.sequences(fake.root)
    assert pickle.loads(pickle.dumps(sequences)) == sequences
    assert len({s.name for s in sequences}) == len(sequences)
    assert all(isinstance(s.root, Path) for s in sequences)
