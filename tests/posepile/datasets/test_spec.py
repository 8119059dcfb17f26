"""SPEC-SYN: what the shared test of readers does not show."""

import numpy as np
import pytest
from fakes import spec as fake

from posepile.datasets import RawDataError
from posepile.datasets.spec import Spec


def test_everybody_large_without_a_detector(tmp_path):
    made = fake.write(tmp_path)
    frames = [f for s in made.dataset.sequences(made.root) for f in made.dataset.read(s)]
    assert sorted(frame.key[-6:] for frame in frames if frame.split == "train") == [
        "000000",
        "000001",
        "000003",
    ]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("cam_rotmat", np.zeros((1, 3, 3)), "no rotation"),
        ("cam_int", np.ones((1, 3, 3)), "last row"),
        ("S", np.ones((1, 11, 4)), "12 limb joints"),
        ("pose", np.ones((1, 66)), r"'pose' has shape \[1, 66\], expected \[1, 72\]"),
        ("imgname", np.array(["../../../etc/passwd"]), "leads out"),
    ],
)
def test_a_faulty_field_is_named(tmp_path, field, value, message):
    root = fake.write(tmp_path).root
    file = root / "spec-syn/annotations/test.npz"
    fields = dict(np.load(file, allow_pickle=True)) | {field: value}
    np.savez(file, **fields)
    sequence = next(s for s in Spec().sequences(root) if s.split == "test")
    with pytest.raises(RawDataError, match=message):
        list(Spec(root / "models").read(sequence))
