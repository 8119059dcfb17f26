"""HSPACE: the order of its colours, and records that end too early."""

import numpy as np
import pytest
from fakes import hspace as fake_hspace

from posepile.datasets import RawDataError
from posepile.datasets.hspace import Hspace
from posepile.images import ImageError, read_image

FILE = "2021_01/train/seq_a.tfrecord"


def read(root, dataset):
    first, *_ = dataset.sequences(root)
    return list(dataset.read(first))


@pytest.mark.parametrize("stored_as_bgr", [True, False])
def test_colours_may_be_stored_the_other_way_round(tmp_path, stored_as_bgr):
    fake_hspace.write(tmp_path)
    (frame,) = read(tmp_path, Hspace(stored_as_bgr=stored_as_bgr))
    expected = fake_hspace.STORED_COLOUR[:: -1 if stored_as_bgr else 1]
    np.testing.assert_array_equal(read_image(frame.image)[2, 5], expected)
    assert frame.camera.world_up.tolist() == [0, -1, 0]


def test_an_image_inside_a_file_is_named_by_its_place(tmp_path):
    fake_hspace.write(tmp_path)
    (frame,) = read(tmp_path, Hspace())
    start, length = frame.image.part
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:start])
    with pytest.raises(ImageError, match=f"{FILE}, {length} bytes at {start}"):
        read_image(frame.image)


def test_a_file_that_ends_within_a_record_is_named(tmp_path):
    fake_hspace.write(tmp_path)
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:-1])
    with pytest.raises(RawDataError, match=f"{FILE}.*the file ends"):
        read(tmp_path, Hspace())


@pytest.mark.parametrize(
    "name, message",
    [("camera_intrinsics", "missing"), ("character_masks", "missing"), ("image/rgb", "missing")],
)
def test_a_missing_feature_is_named(tmp_path, name, message):
    fake_hspace.write(tmp_path)
    data = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(data.replace(name.encode(), name.upper().encode()))
    with pytest.raises(RawDataError, match=f"{FILE}.*{name}.*{message}"):
        read(tmp_path, Hspace())
