"""Every image set gives back the known images from which its fake was written, as files that OpenCV reads."""

import importlib
import pickle

import cv2
import fakes
import numpy as np
import pytest

from posepile.datasets import ImageSet, RawDataError, load
from posepile.prepare.image_set import write_images


@pytest.fixture(scope="module", params=fakes.IMAGE_SETS)
def fake(request, tmp_path_factory):
    """A fake on disk."""
    return importlib.import_module(f"fakes.{request.param}").write(tmp_path_factory.mktemp(request.param))


def test_facts(fake):
    facts = fake.dataset.facts
    assert load(facts.id) is type(fake.dataset) and isinstance(fake.dataset, ImageSet)
    assert facts.role == "images"
    assert facts.licence and facts.citation and facts.url.startswith("http") and facts.how_to_get


def test_its_absence_is_one_clear_error(fake, tmp_path):
    assert not fake.dataset.missing(fake.root)
    with pytest.raises(RawDataError, match=str(tmp_path)) as caught:
        fake.dataset.sequences(tmp_path)
    assert caught.value.__notes__


def test_gives_the_known_images(fake):
    sequences = fake.dataset.sequences(fake.root)
    found = [image for s in sequences for image in fake.dataset.images(s, fake.detect)]
    assert sorted(name for name, _ in found) == sorted(fake.expected)
    for name, pixels in found:
        _assert_alike(pixels, fake.expected[name], fake.tolerance)


def test_prepared_files_hold_them(fake, tmp_path):
    sequences = fake.dataset.sequences(fake.root)
    counts = [write_images(fake.dataset, s, tmp_path, fake.detect) for s in sequences]
    files = sorted(tmp_path.rglob("*.*"))
    assert [file.stem for file in files] == sorted(fake.expected)  # and no temporary ones
    assert sum(counts) == len(files)
    for file in files:
        pixels = cv2.imread(file, cv2.IMREAD_UNCHANGED)
        has_alpha = pixels.shape[2] == 4
        assert file.suffix == (".png" if has_alpha else ".jpg")
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if has_alpha else cv2.COLOR_BGR2RGB)
        _assert_alike(pixels, fake.expected[file.stem], fake.tolerance)


def test_finished_folders_are_left_alone(fake, tmp_path):
    sequence = fake.dataset.sequences(fake.root)[0]
    n = write_images(fake.dataset, sequence, tmp_path, fake.detect)
    assert n > 0

    def refuse(source):
        raise AssertionError("looked again")

    assert write_images(fake.dataset, sequence, tmp_path, refuse) == n


def test_a_failed_sequence_leaves_nothing(fake, tmp_path, monkeypatch):
    def fail(self, sequence, detect=None):
        yield "first", np.zeros((4, 4, 3), np.uint8)
        raise RawDataError("second: damaged")

    monkeypatch.setattr(type(fake.dataset), "images", fail)
    with pytest.raises(RawDataError, match="second"):
        write_images(fake.dataset, fake.dataset.sequences(fake.root)[0], tmp_path, fake.detect)
    assert list(tmp_path.iterdir()) == []


def test_goes_to_other_processes(fake):
    assert pickle.loads(pickle.dumps(fake.dataset)) == fake.dataset
    sequences = fake.dataset.sequences(fake.root)
    assert pickle.loads(pickle.dumps(sequences)) == sequences
    assert len({s.name for s in sequences}) == len(sequences)


def _assert_alike(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    assert found.dtype == np.uint8 and found.shape == expected.shape
    difference = np.abs(found.astype(float) - expected)
    assert difference[..., :3].mean() < tolerance
    assert difference[..., 3:].max(initial=0) <= 1  # rounding
