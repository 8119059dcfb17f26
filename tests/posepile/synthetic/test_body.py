"""The body agrees with anny, follows the conventions that its module states, and is the same in any batch."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from posepile.names import UnknownNameError
from posepile.synthetic import body as body_module
from posepile.synthetic.body import PHENOTYPES, load_body

GOLDEN = Path(__file__).parent / "golden"
AGREEMENT_MM = 1e-3  # float32 at 2 m has steps of 1.2e-4 mm; a few dozen roundings add up to about 3e-4
ANCHOR_AGES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "body.npz") as data:
        return dict(data)


def test_agrees_with_golden_arrays_of_anny(golden):
    shaped, vertices, heads = bodies(golden["phenotypes"], golden["rotations"], golden["root"])
    rows = golden["rows"]
    assert_close(shaped.vertices[:, rows], golden["rest_vertices"])
    assert_close(shaped.heads, golden["rest_heads"])
    assert_close(vertices[:, rows], golden["vertices"])
    assert_close(heads, golden["heads"])


@pytest.mark.slow
def test_agrees_with_anny_itself():
    pytest.importorskip("torch", reason="torch is not installed; the golden arrays stand in for it")
    pytest.importorskip("anny", reason="anny is not installed; the golden arrays stand in for it")
    maker = load_golden_maker()
    phenotypes, rotations, root = maker.random_cases(seed=1, n=20)
    with np.load(body_module.DATA) as data:
        expected = maker.anny_bodies(phenotypes, rotations, root, data["anny_vertices"])
    shaped, vertices, heads = bodies(phenotypes, rotations, root)
    assert_close(shaped.vertices, expected["rest_vertices"])
    assert_close(shaped.heads, expected["rest_heads"])
    assert_close(vertices, expected["vertices"])
    assert_close(heads, expected["heads"])


def test_file_is_small():
    assert body_module.DATA.stat().st_size < 8e6


def test_identity_is_the_rest_pose():
    body = load_body()
    shaped = body.shape({"age": [0.3, 0.7]})
    vertices, heads = body.pose(shaped, identities(2), shaped.heads[:, 0])
    assert_close(vertices, shaped.vertices)
    assert_close(heads, shaped.heads)


def test_rest_body_stands_upright_faces_minus_y_and_has_its_left_at_plus_x():
    body = load_body()
    shaped = body.shape({"age": 0.7})
    head = {name: shaped.heads[0, body.bone(name)] for name in body.bones}
    assert head["Head"][2] > head["Hips"][2] + 500 > head["LeftFoot"][2] + 500
    assert head["LeftToeBase"][1] < head["LeftFoot"][1] - 50
    assert head["LeftArm"][0] > 100 and head["RightArm"][0] < -100
    floor = shaped.vertices[0, :, 2].min()
    assert 20 < head["LeftFoot"][2] - floor < 150


def test_turning_the_knee_about_plus_x_swings_the_shin_backwards():
    body = load_body()
    shaped = body.shape()
    rotations = identities(1)
    rotations[0, body.bone("LeftLeg")] = Rotation.from_euler("x", 90, degrees=True).as_matrix()
    _, heads = body.pose(shaped, rotations, shaped.heads[:, 0])
    knee, ankle = heads[0, body.bone("LeftLeg")], heads[0, body.bone("LeftFoot")]
    assert_close(knee, shaped.heads[0, body.bone("LeftLeg")])
    assert ankle[1] - knee[1] > 300 and abs(ankle[2] - knee[2]) < 100
    assert_close(heads[0, body.bone("RightFoot")], shaped.heads[0, body.bone("RightFoot")])


def test_root_is_where_the_hips_go_and_its_rotation_turns_the_person():
    body = load_body()
    shaped = body.shape()
    turn = Rotation.from_euler("z", 30, degrees=True).as_matrix()
    rotations = identities(1)
    rotations[0, 0] = turn
    root = np.array([[1000.0, 2000.0, 900.0]])
    vertices, heads = body.pose(shaped, rotations, root)
    assert_close(heads[0, 0], root[0])
    expected = (shaped.vertices[0] - shaped.heads[0, 0]) @ turn.T + root[0]
    np.testing.assert_allclose(vertices[0], expected, rtol=0, atol=2e-3)  # float32 steps at 3 m: 2.4e-4 mm


def test_one_body_is_the_same_in_any_batch(golden):
    cases = golden["phenotypes"], golden["rotations"], golden["root"]
    _, vertices, heads = bodies(*cases)
    for i in (0, 5, 11):
        _, one_vertices, one_heads = bodies(*(array[i : i + 1] for array in cases))
        np.testing.assert_array_equal(one_vertices[0], vertices[i])
        np.testing.assert_array_equal(one_heads[0], heads[i])


def test_one_shape_serves_many_poses(golden):
    body = load_body()
    shaped = body.shape({"weight": 0.9})
    many = body.shape({"weight": [0.9, 0.9]})
    rotations, root = golden["rotations"][:2], golden["root"][:2]
    np.testing.assert_array_equal(body.pose(shaped, rotations, root)[0], body.pose(many, rotations, root)[0])


def test_mirrored_pose_gives_the_mirrored_body(golden):
    body = load_body()
    flip = np.array([-1.0, 1.0, 1.0])
    _, vertices, heads = bodies(golden["phenotypes"], golden["rotations"], golden["root"])
    mirrored = (flip[:, None] * golden["rotations"] * flip)[:, body.bone_mirror]
    _, other, other_heads = bodies(golden["phenotypes"], mirrored, golden["root"] * flip)
    in_head = np.isin(np.arange(31), [body.bone("Neck1"), body.bone("Head")])
    off = np.abs(other_heads[:, body.bone_mirror] * flip - heads)
    # 0.1 mm: blend shapes differ by their last stored digit between the sides, here and there.
    assert off[:, ~in_head].max() < 0.1
    # anny's Neck1 is up to 15 mm off the middle, and the painted weights of the ankles differ by up to 0.26.
    assert off.max() < 20
    assert np.abs(other[:, body.vertex_mirror] * flip - vertices).max() < 20


def test_statures_follow_age():
    vertices = load_body().shape({"age": ANCHOR_AGES}).vertices
    statures = np.ptp(vertices[:, :, 2], axis=1) / 1000
    # Metres, measured on anny 0.6.2 (other phenotypes 0.5).
    np.testing.assert_allclose(statures, [0.67, 1.23, 1.63, 1.83, 1.81], atol=0.01)


def test_faces_point_outwards_and_use_every_vertex():
    body = load_body()
    a, b, c = (body.template[body.faces[:, i]] for i in range(3))
    volume = np.einsum("fi,fi->", a, np.cross(b, c)) / 6 / 1e9
    assert 0.04 < volume < 0.12  # cubic metres; positive: counter-clockwise from outside
    assert set(body.faces.ravel()) == set(range(len(body.template)))
    assert body.uv[body.uv_faces].shape == (len(body.faces), 3, 2)
    np.testing.assert_allclose(body.weights.sum(axis=1), 1, atol=1e-6)  # seven float32 terms


def test_unknown_phenotype_lists_the_valid_ones():
    with pytest.raises(UnknownNameError, match="wieght.*weight"):
        load_body().shape({"wieght": 0.4})


@pytest.mark.parametrize("rotations, root", [((2, 30, 3, 3), (2, 3)), ((2, 31, 3, 3), (1, 3))])
def test_pose_of_the_wrong_shape_is_refused(rotations, root):
    body = load_body()
    with pytest.raises(ValueError, match="expected"):
        body.pose(body.shape(), np.zeros(rotations), np.zeros(root))


def test_bodies_and_poses_that_do_not_match_are_refused():
    body = load_body()
    with pytest.raises(ValueError, match="3 bodies for 2 poses"):
        body.pose(body.shape({"age": [0.3, 0.5, 0.7]}), identities(2), np.zeros((2, 3)))


def test_values_outside_the_range_are_clipped():
    body = load_body()
    inside = body.shape(np.array([[1.0, 0, 1, 0, 1, 0]]))
    outside = body.shape(np.array([[1.5, -0.2, 2, -1, 3, -3]]))
    np.testing.assert_array_equal(inside.vertices, outside.vertices)


def bodies(phenotypes, rotations, root):
    body = load_body()
    shaped = body.shape(dict(zip(PHENOTYPES, phenotypes.T, strict=True)))
    return shaped, *body.pose(shaped, rotations, root)


def identities(n):
    return np.tile(np.eye(3), (n, 31, 1, 1))


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=AGREEMENT_MM)


def load_golden_maker():
    spec = importlib.util.spec_from_file_location("make_body_golden", GOLDEN / "make_body_golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
