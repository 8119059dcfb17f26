"""Files with skeletons promise what they say, and errors that name file, skeleton and expectation."""

import numpy as np
import pytest

from posepile import skeletons
from serving import skeleton_file
from serving.joint_sets import JointSetError

MODEL = skeletons.union(["h36m"])
TOML = """
[arms]
joints = ["neck_h36m", "lsho_h36m", "rsho_h36m"]
names = ["neck", "lsho", "rsho"]
edges = ["lsho-neck-rsho"]

[hips]
joints = ["middle", "lhip_h36m"]
weights.middle = {lhip_h36m = 0.25, rhip_h36m = 0.75}
"""


def test_toml(tmp_path):
    (tmp_path / "own.toml").write_text(TOML)
    arms, hips = skeleton_file.read(tmp_path / "own.toml", MODEL)
    assert (arms.name, arms.joints, arms.edges) == ("arms", ("neck", "lsho", "rsho"), ((1, 0), (0, 2)))
    assert np.argmax(arms.weights, axis=0).tolist() == [MODEL.index(f"{n}_h36m") for n in arms.joints]
    assert hips.joints == ("middle", "lhip_h36m") and hips.edges == ()
    assert hips.weights[MODEL.index("rhip_h36m"), 0] == 0.75 and hips.weights[:, 0].sum() == 1


def test_npz(tmp_path):
    weights = np.array([[0.5, 0], [0.5, 1]])
    arrays = dict(
        names=["middle", "left"], joints=["rhip_h36m", "lhip_h36m"], weights=weights, edges=[(0, 1)]
    )
    np.savez(tmp_path / "mine.npz", **arrays)
    [mine] = skeleton_file.read(tmp_path / "mine.npz", MODEL)
    assert (mine.name, mine.joints, mine.edges) == ("mine", ("middle", "left"), ((0, 1),))
    assert mine.weights[MODEL.index("lhip_h36m")].tolist() == [0.5, 1]


@pytest.mark.parametrize(
    "text, problem",
    [
        ("[a", "own.toml: not TOML"),
        ("a = 3", r"\[a\]: found 3, expected 'joints'"),
        ("[a]\njoint = []", r"\[a\]: found \['joint'\]"),
        ("[a]\njoints = 'neck'\nnames = ['x']", "two lists of as many names"),
        ("[a]\njoints = ['neck_h63m']", "neck_h36m"),
        ("[a]\njoints = ['neck_h36m']\nedges = ['neck-lsho']", "edges name 'neck'"),
        ("[a]\njoints = ['neck_h36m']\nedges = 3", "'edges', expected chains"),
    ],
)
def test_toml_that_is_wrong(tmp_path, text, problem):
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(JointSetError, match=problem):
        skeleton_file.read(tmp_path / "own.toml", MODEL)


def test_other_files(tmp_path):
    np.savez(tmp_path / "a.npz", names=["x"])
    with pytest.raises(JointSetError, match="names, joints and weights"):
        skeleton_file.read(tmp_path / "a.npz", MODEL)
    np.savez(tmp_path / "b.npz", names=["x"], joints=["neck_h36m"], weights=np.ones((2, 1)))
    with pytest.raises(JointSetError, match="1 rows, of joints"):
        skeleton_file.read(tmp_path / "b.npz", MODEL)
    with pytest.raises(JointSetError, match="expected a .toml or .npz"):
        skeleton_file.read(tmp_path / "c.json", MODEL)
