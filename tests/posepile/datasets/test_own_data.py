"""The template for a user's own data set works as the guide says."""

import json
from pathlib import Path

import numpy as np
import pytest
from fakes import camera, person, projected_box, write_image

from dozens.cli import main
from posepile.datasets import RawDataError, load
from posepile.store import Store

TEMPLATE = Path(__file__).parents[3] / "docs/own_data/my_people.py"


def write_raw(root: Path) -> list[np.ndarray]:
    labels, people = {}, []
    for i in range(6):
        view = camera((300 * i, -4000, 900), (0, 0, 900), size=(640, 480), focal=600)
        joints = person(12, (0, 0, 900), seed=1)
        write_image(root / f"photos/p{i}.jpg", (640, 480), 50 + i)
        labels[f"p{i}"] = {
            "intrinsics": view.intrinsics.tolist(),
            "rotation": view.rotation.tolist(),
            "position": (view.position / 1000).tolist(),
            "joints": (joints / 1000).tolist(),
            "box": projected_box(view, joints).tolist(),
        }
        people.append(joints)
    labels["p2"]["joints"][3] = [None] * 3
    people[2][3] = np.nan
    (root / "labels.json").write_text(json.dumps(labels))
    return people


def test_from_raw_files_to_a_network_that_knows_its_joints(tmp_path, capsys):
    people = write_raw(tmp_path / "raw")
    out = str(tmp_path / "store")
    assert (
        main(["prepare", str(TEMPLATE), "--root", str(tmp_path / "raw"), "--out", out, "--workers", "1"]) == 0
    )
    store = Store.open(out)
    assert len(store) == 6 and store.id == "my_people"
    for example, joints in zip(store.examples(range(6)), people, strict=True):
        np.testing.assert_allclose(example.joints3d, joints, atol=0.01)
        pixels = example.camera.world_to_image(example.joints3d)
        assert np.nanmin(pixels) > 0 and np.nanmax(pixels) < 384
    assert store.info.as_skeleton().union_names[0] == "lsho_mine"
    assert store.info.as_skeleton().mirror[0] == 1
    assert main(["doctor", out]) == 0


def test_wrong_numbers_are_one_error_that_names_them(tmp_path):
    write_raw(tmp_path)
    labels = json.loads((tmp_path / "labels.json").read_text())
    labels["p1"]["joints"].pop()
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    reader = load(str(TEMPLATE))()
    with pytest.raises(
        RawDataError, match=r"labels.json: 'p1.joints' has shape \[11, 3\], expected \[12, 3\]"
    ):
        list(reader.read(reader.sequences(tmp_path)[0]))


def test_a_file_without_a_reader(tmp_path):
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(RawDataError, match="DATASET"):
        load(str(tmp_path / "empty.py"))
    with pytest.raises(RawDataError, match="missing"):
        load(str(tmp_path / "nothing.py"))
