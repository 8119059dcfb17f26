"""PASCAL VOC: the values of the soft rim, and faulty files."""

import numpy as np
import pytest
from fakes import pascal_voc as fake_voc
from PIL import Image

from posepile.datasets import RawDataError
from posepile.datasets.pascal_voc import PascalVoc


def read(root):
    return dict(image for s in PascalVoc().sequences(root) for image in PascalVoc().images(s))


def test_alpha_is_one_inside_and_three_quarters_at_the_rim(tmp_path):
    fake_voc.write(tmp_path)
    alpha = read(tmp_path)["2007_000001_05"][..., 3]
    assert alpha.shape == (round(39 / 2), round(49 / 2))
    # The window ends with the object, and beyond the window nothing is eroded
    assert (alpha == 255).all()
    alpha = read(tmp_path)["2007_000001_01"][..., 3]
    assert alpha.max() == 255 and alpha[-1, 0] == 0
    assert (np.abs(alpha - 0.75 * 255) <= 1).any()


@pytest.mark.parametrize(
    "file, damage, message",
    [
        ("Annotations/2007_000001.xml", lambda f: f.write_text("<annotation>"), "damaged"),
        ("Annotations/2007_000001.xml", lambda f: f.write_text("<annotation/>"), "damaged"),
        (
            "Annotations/2007_000001.xml",
            lambda f: f.write_text(f.read_text().replace("<xmin>61.3", "<xmin>nan")),
            "'bndbox' has 1 values that are not finite",
        ),
        ("SegmentationObject/2007_000001.png", lambda f: f.write_bytes(b"\x89PNG"), "damaged"),
        ("SegmentationObject/2007_000001.png", lambda f: f.unlink(), "missing"),
        (
            "SegmentationObject/2007_000001.png",
            lambda f: Image.open(f).convert("RGB").save(f),
            "mode RGB, 200 x 200 px, expected mode P",
        ),
        (
            "SegmentationObject/2007_000001.png",
            lambda f: Image.open(f).resize((100, 200)).save(f),
            "100 x 200 px, expected mode P, 200 x 200 px like the photo",
        ),
    ],
)
def test_faults_name_the_file(tmp_path, file, damage, message):
    fake_voc.write(tmp_path)
    damage(tmp_path / file)
    with pytest.raises(RawDataError, match=f"{tmp_path / file}.*{message}"):
        read(tmp_path)
