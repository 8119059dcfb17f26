"""Each format's joints: rows sum to one, lie where they should, move with the body, mirror with it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import cKDTree

from posepile import skeletons
from posepile.names import UnknownNameError
from posepile.synthetic import formats
from posepile.synthetic.body import PHENOTYPES, load_body

GOLDEN = Path(__file__).parent / "golden"
LABELS_2D = ("common2d", "mpii_2d", "coco_2d", "jrdb_2d", "posetrack_2d")
NAMES = (*skeletons.FORMATS, *LABELS_2D)
SMALL_PILE = skeletons.union(formats.SYNTHETIC_FORMATS)
MARKERS = skeletons.load("bmlmovi").joints[:67]
ADULT = {"age": 0.7}


@pytest.fixture(scope="module")
def adult():
    """Joints of an average adult at rest: format -> joint -> point."""
    shaped = load_body().shape(ADULT)
    tables = {name: formats.load_table(name) for name in NAMES}
    return {
        name: dict(zip(table.joints, table.points(shaped.vertices, shaped.heads)[0], strict=True))
        for name, table in tables.items()
    }


def test_every_format_and_every_slot_of_the_large_pile_has_a_table():
    assert set(NAMES) == set(formats.table_names())
    assert len(formats.table_of(SMALL_PILE).joints) == 249
    large = formats.table_of(skeletons.load("large"))
    assert large.joints == skeletons.load("large").joints and len(large.joints) == len(large.weights) == 555
    np.testing.assert_allclose(large.weights.sum(axis=1), 1, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_joints_are_those_of_the_skeleton(name):
    assert formats.load_table(name).joints == skeletons.load(name).joints


@pytest.mark.parametrize("name", NAMES)
def test_rows_sum_to_one_and_are_convex(name):
    weights = formats.load_table(name).weights
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert weights.min() >= 0


def test_union_is_its_formats_one_after_another():
    body = load_body()
    shaped = body.shape(ADULT)
    union = formats.table_of(SMALL_PILE)
    assert union.joints == SMALL_PILE.joints
    parts = [formats.points(name, shaped.vertices, shaped.heads) for name in formats.SYNTHETIC_FORMATS]
    together = union.points(shaped.vertices, shaped.heads)
    np.testing.assert_allclose(together, np.concatenate(parts, axis=1), rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_mirroring_the_rest_body_mirrors_the_joints(name):
    table, mirror = formats.load_table(name), skeletons.load(name).mirror
    shaped = load_body().shape(np.random.default_rng(0).uniform(0, 1, (8, len(PHENOTYPES))))
    joints = table.points(shaped.vertices, shaped.heads)
    # 0.1 mm: blend shapes differ by their last stored digit between the sides, here and there.
    np.testing.assert_allclose(joints[:, mirror] * [-1, 1, 1], joints, rtol=0, atol=0.1)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=5, deadline=None)
@given(linear=arrays(np.float64, (3, 3), elements=st.floats(-2, 2)), seed=st.integers(0, 1000))
def test_commutes_with_affine_maps(name, linear, seed):
    table = formats.load_table(name)
    shaped = load_body().shape(ADULT)
    offset = np.random.default_rng(seed).uniform(-5000, 5000, 3)
    before = table.points(
        (shaped.vertices @ linear + offset).astype(np.float32),
        (shaped.heads @ linear + offset).astype(np.float32),
    )
    after = table.points(shaped.vertices, shaped.heads) @ linear + offset
    np.testing.assert_allclose(before, after, rtol=0, atol=0.01)  # float32 steps at 10 m are 0.001 mm


@pytest.mark.parametrize("name", skeletons.FORMATS)
def test_joints_lie_in_the_body_or_on_its_skin(name):
    body = load_body()
    shaped = body.shape(
        np.array([[0.0, 0.7, 0.5, 0.5, 0.5, 0.5], [1, 0.7, 0.2, 0.9, 0.1, 0.5], [0.5, 0.25] + [0.5] * 4])
    )
    for vertices, joints in zip(
        shaped.vertices, formats.points(name, shaped.vertices, shaped.heads), strict=True
    ):
        depth, _ = cKDTree(vertices).query(joints)
        assert depth.max() < 160  # mm; the middle of a stout trunk is deepest
        inner = depth > 3  # nearer than that it is a point of the skin, and the winding number is undefined
        windings = winding_numbers(joints[inner], vertices[body.faces].astype(np.float64))
        # 1 inside, 0 outside, up to the holes of mouth and eyes
        assert windings.min(initial=1) > 0.6, np.array(skeletons.load(name).joints)[inner][windings.argmin()]


def test_markers_lie_on_the_skin(adult):
    skin = cKDTree(load_body().shape(ADULT).vertices[0])
    markers = [adult["bmlmovi"][marker] for marker in MARKERS] + list(adult["bmhad"].values())
    distance, _ = skin.query(markers)
    assert distance.max() < 1e-3


@pytest.mark.parametrize(
    "joint, format_a, format_b, least, most",  # mm
    [
        ("lhip", "h36m", "smpl", 15, 80),  # SMPL's is lower and closer to the middle
        ("lhip", "h36m", "coco", 15, 80),
        ("lhip", "3dhp", "h36m", 8, 40),
        ("pelv", "smpl", "h36m", 15, 90),
        ("pelv", "bmlmovi", "smpl", 15, 90),
        ("lkne", "coco", "smpl", 15, 50),
        ("lank", "coco", "h36m", 15, 60),
        ("lsho", "coco", "smpl", 10, 50),
        ("neck", "totcap", "coco", 15, 110),
        ("head", "smpl", "3dhp", 50, 150),
        ("htop", "jta", "h36m", 10, 40),
        ("spin", "3dhp", "h36m", 50, 200),
        ("lhip", "smplx", "h36m", 15, 80),
        ("lhip", "3doh", "smpl", 15, 80),
        ("lhip", "ghum", "gpa", 2, 15),
        ("lhip", "umpm", "bmlmovi", 5, 40),
        ("pelv", "3dpeople", "mads", 30, 90),
        ("lkne", "bmhad", "h36m", 30, 90),  # a marker on the skin, a joint centre inside
        ("lhee", "smplx", "coco", 15, 80),
        ("leye", "3dpeople", "smplx", 8, 25),
        ("head", "3doh", "gpa", 120, 250),  # the crown, the base of the skull
        ("lhan", "3dpeople", "sailvos", 15, 90),
        ("lsho", "ikea", "human4d", 5, 50),
        ("neck", "mads", "gpa", 50, 130),
        ("htop", "jrdb_2d", "posetrack_2d", 30, 100),
    ],
)
def test_formats_differ_where_the_real_ones_do(adult, joint, format_a, format_b, least, most):
    distance = np.linalg.norm(adult[format_a][joint] - adult[format_b][joint])
    assert least <= distance <= most


def test_joints_lie_in_anatomical_order(adult):
    """World axes: z up, the body faces -y, its left is at +x."""
    smpl, h36m, coco, movi = (adult[name] for name in ("smpl", "h36m", "coco", "bmlmovi"))
    assert smpl["lhip"][2] < h36m["lhip"][2] < coco["lhip"][2] and smpl["lhip"][0] < h36m["lhip"][0]
    assert_descending(
        [adult["jta"][j][2] for j in ("htop", "head", "neck", "spin0", "spin1", "spin2", "spin3", "pelv")]
    )
    assert_descending(
        [adult["totcap"][j][2] for j in ("head", "neck", "spin3", "spin2", "spin1", "spin", "pelv")]
    )
    assert_descending(
        [adult["3dhp"][j][2] for j in ("htop", "head", "neck", "spi4", "thor", "spi2", "spin", "pelv")]
    )
    assert_descending([smpl[j][2] for j in ("head", "neck", "thor", "spin", "bell", "pelv", "lhip")])
    assert_descending([adult["aspset"][j][2] for j in ("htop", "head", "neck", "spin", "pelv")])
    assert_descending(
        [movi[j][0] for j in ("lknem", "lkne", "linnerknee", "mhip", "rinnerknee", "rkne", "rknem")]
    )
    assert_descending([movi[j][1] for j in ("backneck", "thor", "clavicle")])
    assert_descending([movi[j][1] for j in ("lpsis", "pelv", "lasis")])
    assert_descending([movi[j][1] for j in ("lhee", "lank", "lfoo", "ltoe")])
    assert_descending([movi[j][1] for j in ("lbackhead", "head", "lfronthead")])
    assert_descending(
        [
            movi[j][2]
            for j in ("backneck", "clavicle", "sternum", "umbilicus", "lasis", "lfrontthigh", "lshin")
        ]
    )
    assert_descending([coco[j][0] for j in ("lear", "leye", "nose", "reye", "rear")])
    assert coco["nose"][1] < coco["leye"][1] < coco["lear"][1]
    assert all(
        point[0] > 0 for format_ in adult.values() for joint, point in format_.items() if joint[0] == "l"
    )


def test_joints_of_the_remaining_formats_lie_in_anatomical_order(adult):
    for name, joints in {
        "sailvos": "htop head neck spin pelv lkne lank ltoe",
        "gpa": "htop head neck spi3 spi2 spi1 spin pelv lhip lkne lank lfoo ltoe",
        "smplx": "leye jaw head neck thor spin bell pelv lhip lkne lank lhee",
        "3dpeople": "htop leye head neck lcla spi2 spi1 spin pelv lhip lkne lank lfoo ltoe",
        "mads": "head neck pelv lkne lank ltoe",
        "umpm": "head neck lsho pelv lhip lkne lank",
        "bmhad": "head lhead lsho1 lsho2 backt chest lside bell lhipf lleg lkne lank lhee lfoo",
        "human4d": "htop head neck2 neck neck3 spin3 spin2 spin1 spin0 pelv lhip lkne lank lfoo ltoe ltoe2",
        "ghum": "lbrow1 head neck spin3 spin2 spin1 pelv lhip lkne lank lhee lfoo ltoe",
    }.items():
        assert_descending([adult[name][joint][2] for joint in joints.split()])
    sides = {
        "gpa": "lfin lhan lwri lelb lsho lcla neck rcla rsho relb rwri rhan rfin",
        "bmhad": "lhan3 lhan2 lhan1 lwri lelb larm lsho2 lsho1 head rsho1 rsho2",
        "ghum": "lmiddle3 lmiddle1 lwri lelb lsho lcla spin3",
        "smplx": "lmiddle lmiddle1 lwri lelb lsho lcla neck",
    }
    for name, joints in sides.items():
        assert_descending([adult[name][joint][0] for joint in joints.split()])
    bmhad = adult["bmhad"]
    assert_descending([bmhad[joint][1] for joint in ("backt", "backl", "lhipl", "lside", "lhipf", "bell")])


@pytest.mark.parametrize(
    "names, count", [(formats.SYNTHETIC_FORMATS, 92), (skeletons.FORMATS, 726)], ids=["small", "large"]
)
def test_same_points_are_known_and_coincide_in_every_pose(names, count):
    pairs, skeleton = formats.same_points(names), skeletons.union(names)
    assert len(pairs) == count  # the demonstration's disagreement is measured over the 92
    assert {("lkne", "lkne_totcap"), ("lhip_h36m", "lhip_jta"), ("htop_3dhp", "htop_aspset")} <= set(pairs)
    assert ("lhip", "lhip_h36m") not in pairs
    joint_formats = dict(zip(skeleton.joints, skeleton.formats, strict=True))
    assert all(joint_formats[a] != joint_formats[b] for a, b in pairs)
    assert {joint_formats[joint] for pair in pairs for joint in pair} == set(names)
    table = formats.table_of(skeleton)
    joints = dict(zip(table.joints, golden_bodies(table).swapaxes(0, 1), strict=True))
    for a, b in pairs:
        np.testing.assert_array_equal(joints[a], joints[b])


def test_pairs_of_the_small_pile_are_among_those_of_the_large_one_in_the_same_order():
    joints = set(SMALL_PILE.joints)
    among = [pair for pair in formats.same_points(skeletons.FORMATS) if set(pair) <= joints]
    assert among == formats.same_points()


@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_golden_joints(name):
    with np.load(GOLDEN / "formats.npz") as expected:
        np.testing.assert_allclose(golden_bodies(formats.load_table(name)), expected[name], rtol=0, atol=0.01)


def test_common2d_is_a_part_of_coco(adult):
    for joint, point in adult["common2d"].items():
        np.testing.assert_array_equal(point, adult["coco"][joint])


def test_unknown_format_lists_the_nearest():
    with pytest.raises(UnknownNameError, match="h36m"):
        formats.load_table("h36n")


@pytest.mark.parametrize(
    "toml, message",
    [
        ('lank = "LeftFoot"', "'aspset' lacks the joint 'rkne'"),
        ("{all}\nlkne = {{ LeftLeg = 0.9 }}", "aspset.*kne sum to 0.9"),
        ('{all}\nneck = "LeftArm"', "aspset.neck is not symmetric"),
        ('{all}\nlkne = "LeftKnee"', "unknown source in format 'aspset' 'LeftKnee'"),
        ('{all}\nltail = "LeftLeg"', "has no joint 'ltail'"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path, monkeypatch, toml, message):
    changed = toml.splitlines()[-1].split(" = ")[0]
    left = {joint for joint in skeletons.load("aspset").joints if joint[0] != "r"} - {changed}
    complete = "\n".join(f'{joint} = "{"Neck" if joint[0] != "l" else "LeftArm"}"' for joint in sorted(left))
    path = tmp_path / "formats.toml"
    path.write_text("[landmarks]\n[formats.aspset]\n" + toml.format(all=complete))
    monkeypatch.setattr(formats, "DATA", path)
    clear_caches()
    try:
        with pytest.raises((formats.FormatTableError, UnknownNameError), match=message):
            formats.load_table("aspset")
    finally:
        clear_caches()


def golden_bodies(table):
    """Joints [4, J, 3] of the first four posed bodies of body.npz."""
    body = load_body()
    with np.load(GOLDEN / "body.npz") as cases:
        shaped = body.shape(cases["phenotypes"][:4])
        return table.points(*body.pose(shaped, cases["rotations"][:4], cases["root"][:4]))


def winding_numbers(points, triangles):
    """How often a surface [F, 3, 3] winds around points [n, 3] (Van Oosterom and Strackee's solid angles)."""
    a, b, c = np.moveaxis(triangles - points[:, None, None], 2, 0)
    la, lb, lc = (np.linalg.norm(v, axis=-1) for v in (a, b, c))
    numerator = (a * np.cross(b, c)).sum(-1)
    denominator = la * lb * lc + (a * b).sum(-1) * lc + (b * c).sum(-1) * la + (c * a).sum(-1) * lb
    return np.arctan2(numerator, denominator).sum(axis=1) / (2 * np.pi)


def assert_descending(values):
    assert np.all(np.diff(values) < 0), values


def clear_caches():
    for cached in (
        formats._read,
        formats._dense,
        formats.table_of,
    ):
        cached.cache_clear()
