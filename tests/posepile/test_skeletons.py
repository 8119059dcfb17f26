"""Skeletons promise: the published joints, orders and edges; a mirror map; every joint is defined."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from posepile import skeletons
from posepile.names import UnknownNameError
from posepile.skeletons import formats
from posepile.skeletons.skeleton import Skeleton

NAMES = skeletons.names()
LARGE_JOINTS = [
    joint
    for line in (Path(__file__).parent / "large_joints.txt").read_text().splitlines()
    if not line.startswith("#")
    for joint in line.split()
]
# format: (joints, edges, first slot in the large pile), as published
PUBLISHED = {
    "smpl": (24, 23, 0), "h36m": (25, 24, 24), "sailvos": (26, 24, 49), "coco": (25, 25, 75),
    "3dhp": (28, 27, 94), "gpa": (34, 33, 122), "aspset": (17, 16, 162), "smplx": (42, 33, 179),
    "3doh": (14, 9, 221), "3dpeople": (29, 27, 235), "bmlmovi": (87, 19, 264), "mads": (19, 18, 351),
    "umpm": (15, 14, 370), "bmhad": (43, 39, 385), "totcap": (21, 20, 428), "jta": (22, 21, 449),
    "ikea": (17, 16, 471), "human4d": (32, 31, 488), "ghum": (35, 27, 520),
}  # fmt: skip
# skeleton for users: (joints, order where it is not the format's own)
FOR_USERS = {
    "smpl_24": (24, "pelv lhip rhip spi1 lkne rkne spi2 lank rank spi3 ltoe rtoe neck lcla rcla head"
                    " lsho rsho lelb relb lwri rwri lhan rhan"),
    "h36m_17": (17, "pelv rhip rkne rank lhip lkne lank spin neck head htop lsho lelb lwri rsho relb rwri"),
    "h36m_25": (25, None),
    "mpi_inf_3dhp_17": (17, "htop neck rsho relb rwri lsho lelb lwri rhip rkne rank lhip lkne lank"
                            " pelv spin head"),
    "mpi_inf_3dhp_28": (28, "thor spi4 spi2 spin pelv neck head htop lcla lsho lelb lwri lhan rcla rsho relb"
                            " rwri rhan lhip lkne lank lfoo ltoe rhip rkne rank rfoo rtoe"),
    "coco_19": (19, "neck nose pelv lsho lelb lwri lhip lkne lank rsho relb rwri rhip rkne rank"
                    " leye lear reye rear"),
    "sailvos_26": (26, None), "gpa_34": (34, None), "aspset_17": (17, None), "bml_movi_87": (87, None),
    "mads_19": (19, None), "berkeley_mhad_43": (43, None), "total_capture_21": (21, None),
    "jta_22": (22, None), "ikea_asm_17": (17, None), "human4d_32": (32, None), "smplx_42": (42, None),
    "ghum_35": (35, None), "lsp_14": (14, None), "3dpeople_29": (29, None), "umpm_15": (15, None),
    "smpl+head_30": (30, None), "": (555, None),
}  # fmt: skip

# 2D labels of a data set: (joints, edges), as published
LABELS_2D = {"mpii_2d": (16, 10), "coco_2d": (17, 12), "jrdb_2d": (17, 16), "posetrack_2d": (17, 9)}


def test_registry_lists_formats_user_skeletons_labels_and_piles():
    assert NAMES == (*PUBLISHED, *FOR_USERS, "common2d", *LABELS_2D, "small", "medium", "large")


@pytest.mark.parametrize("name", PUBLISHED)
def test_format_has_the_published_size(name):
    skeleton = skeletons.load(name)
    assert (len(skeleton), len(skeleton.edges)) == PUBLISHED[name][:2]
    assert skeleton.suffix == ("" if name == "smpl" else name)
    assert set(skeleton.formats) == {name}
    assert skeleton.base_names == skeleton.joints


@pytest.mark.parametrize("name", LABELS_2D)
def test_2d_labels_belong_to_their_data_set(name):
    skeleton = skeletons.load(name)
    assert (len(skeleton), len(skeleton.edges)) == LABELS_2D[name]
    assert skeletons.load_data_set(name.removesuffix("_2d")) is skeleton
    in_common = set(skeleton.joints) & set(skeletons.load("common2d").joints)
    assert len(in_common) == {"mpii_2d": 12, "coco_2d": 17, "jrdb_2d": 14, "posetrack_2d": 15}[name]


@pytest.mark.parametrize("name", NAMES)
def test_mirror_is_an_involution_that_swaps_sides_and_keeps_edges(name):
    skeleton = skeletons.load(name)
    mirror = skeleton.mirror
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(skeleton)))
    sides = {"l": "r", "r": "l"}
    for joint, partner in zip(skeleton.joints, mirror, strict=True):
        assert skeleton.joints[partner] == sides.get(joint[0], joint[0]) + joint[1:]
    assert {tuple(sorted(map(int, mirror[list(edge)]))) for edge in skeleton.edges} == set(skeleton.edges)


@pytest.mark.parametrize("name", NAMES)
def test_every_joint_is_defined_and_left_and_right_say_so(name):
    skeleton = skeletons.load(name)
    for joint, definition in zip(skeleton.joints, skeleton.definitions, strict=True):
        assert definition and "{" not in definition and "\n" not in definition
        assert {"l": "left", "r": "right"}.get(joint[0], "") in definition.lower(), joint


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_two_joints_of_a_format_share_a_definition(name):
    definitions = skeletons.load(name).definitions
    assert len(set(definitions)) == len(definitions)


def test_formats_that_share_a_name_define_it_differently():
    definitions = {f: skeletons.load(f) for f in PUBLISHED}
    hips = {s.definitions[s.index("lhip")] for s in definitions.values() if "lhip" in s.joints}
    assert len(hips) == len(PUBLISHED) - 1  # all but bmhad, whose hip points are markers with other names


class TestPiles:
    def test_large_slot_by_slot(self):
        assert list(skeletons.load("large").joints) == LARGE_JOINTS
        assert len(LARGE_JOINTS) == 555

    def test_large_slots_of_a_format_start_where_published(self):
        large = skeletons.load("large")
        for name, (count, _, first) in PUBLISHED.items():
            slots = [i for i, f in enumerate(large.formats) if f == name]
            if name == "coco":
                assert slots == [*range(75, 94), *range(156, 162)]
            else:
                assert slots == list(range(first, first + count))
        assert large.index("pelv") == 23

    def test_large_counts(self):
        large = skeletons.load("large")
        letters = [joint[0] for joint in large.joints]
        assert (letters.count("l"), letters.count("r")) == (222, 222)
        assert int((large.mirror == np.arange(555)).sum()) == 111
        assert len(large.edges) == 446 == sum(edges for _, edges, _ in PUBLISHED.values())

    def test_running_totals_of_the_merge(self):
        data_sets = (
            "surreal h36m sailvos panoptic muco gpa humbi aspset agora tdoh tdpeople bml_movi mads".split()
        )
        data_sets += "umpm bmhad totalcapture jta ikea human4d hspace".split()
        totals = [24, 49, 75, 94, 122, 156, 162, 179, 221, 235, 264, 351, 370]
        totals += [385, 428, 449, 471, 488, 520, 555]
        labels, large = formats.read_toml("labels3d.toml")["data_sets"], skeletons.load("large")
        for total, data_set in zip(totals, data_sets, strict=True):
            assert large.formats[total - 1] == labels[data_set][-1].split()[0], data_set

    @pytest.mark.parametrize(
        "name, count, first_appearances",
        [
            ("small", 77, "smpl h36m 3dhp"),
            ("medium", 277, "smpl h36m sailvos coco 3dhp coco smplx jta 3dpeople totcap ghum"),
        ],
    )
    def test_small_and_medium(self, name, count, first_appearances):
        pile = skeletons.load(name)
        changes = [f for i, f in enumerate(pile.formats) if i == 0 or f != pile.formats[i - 1]]
        assert (len(pile), " ".join(changes)) == (count, first_appearances)
        assert set(pile.joints) < set(LARGE_JOINTS)

    def test_every_data_set_of_the_piles_labels_known_formats(self):
        labels = formats.read_toml("labels3d.toml")
        piles = formats.read_toml("piles.toml").values()
        trained_on = {name for pile in piles for name in pile["data_sets"].split()}
        assert len(trained_on) == 28
        assert set(labels["data_sets"]) == trained_on | {"mupots", "tdpw"}

    @pytest.mark.parametrize(
        "prefixes, count",
        [("ank kne", 20), ("hip wri elb sho", 21), ("eye", 6), ("ear", 4)],
    )
    def test_2d_labels_match_as_many_3d_joints_as_published(self, prefixes, count):
        large = skeletons.load("large")
        for prefix in prefixes.split():
            assert [len(large.starting_with(side + prefix)) for side in "lr"] == [count, count]

    def test_2d_labels_match_the_nose_and_markers_too(self):
        large, labels = skeletons.load("large"), skeletons.load("common2d").joints
        matches = {n: {large.joints[i] for i in large.starting_with(n)} for n in labels}
        assert matches["nose"] == {"nose_sailvos", "nose_coco", "nose_smplx", "nose_ikea"}
        assert {"lhipb_bmhad", "lhipf_bmhad", "lhipl_bmhad", "lhip"} < matches["lhip"]
        assert {"leyehf_smplx", "leye_3dpeople"} < matches["leye"]


class TestForUsers:
    @pytest.mark.parametrize("name", FOR_USERS)
    def test_size_order_and_origin(self, name):
        skeleton, (count, order) = skeletons.load(name), FOR_USERS[name]
        assert len(skeleton) == count
        if order:
            assert " ".join(skeleton.joints) == order
        elif name not in ("", "smpl+head_30"):
            assert skeleton.joints == skeletons.load(skeleton.formats[0]).joints
        assert set(skeleton.union_names) <= set(LARGE_JOINTS)

    def test_smpl_24_renames_its_spine_but_knows_where_it_comes_from(self):
        smpl = skeletons.load("smpl_24")
        assert [smpl.union_names[smpl.index(j)] for j in ("spi1", "spi2", "spi3")] == ["bell", "spin", "thor"]
        assert link(smpl, "pelv", "spi1") and link(smpl, "spi3", "neck")

    def test_edges_of_the_3dhp_benchmark_are_mended(self):
        skeleton = skeletons.load("mpi_inf_3dhp_17")
        assert all(link(skeleton, "neck", joint) for joint in ("lsho", "rsho", "spin", "head"))
        assert len(skeleton.edges) == 16  # a tree

    def test_smpl_with_head(self):
        skeleton = skeletons.load("smpl+head_30")
        assert skeleton.joints[:3] == ("pelv_smpl", "lhip_smpl", "rhip_smpl")
        faces = ("nose_coco", "leye_coco", "lear_coco", "reye_coco", "rear_coco")
        assert skeleton.joints[24:] == (*faces, "htop_mpi_inf_3dhp")
        assert link(skeleton, "htop_mpi_inf_3dhp", "head_smpl") and link(skeleton, "head_smpl", "nose_coco")
        assert len(skeleton.edges) == 23 + 5 + 2

    def test_all_joints_have_a_suffix(self):
        everything = skeletons.load("")
        assert everything.joints[:24] == tuple(f"{j}_smpl" for j in LARGE_JOINTS[:24])
        assert list(everything.joints[24:]) == LARGE_JOINTS[24:]
        assert list(everything.union_names) == LARGE_JOINTS
        assert everything.edges == skeletons.load("large").edges


class TestCombine:
    def test_union_keeps_the_order_of_first_appearance(self):
        both = skeletons.union(["h36m", "smpl", "h36m"])
        assert both.joints[:2] == ("rhip_h36m", "rkne_h36m")
        assert both.joints[25:] == skeletons.load("smpl").joints
        assert both.union_names == both.joints
        assert len(both.edges) == 24 + 23

    def test_union_of_the_synthetic_pile(self):
        names = ("smpl", "h36m", "coco", "3dhp", "aspset", "bmlmovi", "totcap", "jta")
        assert len(skeletons.union(names)) == 249

    def test_merged_has_one_joint_a_base_name(self):
        merged = skeletons.merged(skeletons.load("large"))
        assert len(merged) == 159  # the paper says 163 and does not say which it kept apart
        assert merged.joints[:24] == skeletons.load("smpl").joints
        assert not any("_" in joint for joint in merged.joints)
        assert link(merged, "lhip", "lkne") and not link(merged, "lwri", "rwri")

    def test_merged_has_a_mirror_and_no_loops(self):
        merged = skeletons.merged(skeletons.union(["smpl", "coco", "bmhad"]))
        np.testing.assert_array_equal(merged.mirror[merged.mirror], np.arange(len(merged)))
        assert all(a < b for a, b in merged.edges)
        assert merged.definitions[merged.index("lelb")] == "Shared by lelb of smpl, coco, bmhad"

    def test_select_reorders_joints_and_edges(self):
        arm = skeletons.load("h36m").select(["lwri", "lsho", "lelb"], "arm")
        assert arm.joints == ("lwri", "lsho", "lelb")
        assert arm.edges == ((0, 2), (1, 2))
        with pytest.raises(ValueError, match="'arm': 'lwri' has no partner 'rwri'"):
            _ = arm.mirror


class TestErrors:
    def test_unknown_data_set(self):
        with pytest.raises(UnknownNameError, match="unknown data set with labels 'mpi'; nearest: mpii"):
            skeletons.load_data_set("mpi")

    def test_unknown_skeleton(self):
        with pytest.raises(UnknownNameError, match="unknown skeleton 'smpl_25'; nearest: smpl_24"):
            skeletons.load("smpl_25")

    def test_unknown_joint(self):
        with pytest.raises(UnknownNameError, match="joint of 'large' 'lhip_h36'; nearest: lhip_h36m"):
            skeletons.load("large").index("lhip_h36")

    @pytest.mark.parametrize("name", ["common2d", "large", "h36m_17", "h37m"])
    def test_a_union_is_made_of_formats_only(self, name):
        with pytest.raises(UnknownNameError, match=f"unknown skeleton format '{name}'"):
            skeletons.union(["smpl", name])

    def test_a_joint_selected_twice(self):
        with pytest.raises(ValueError, match="'twice': joints named twice: pelv"):
            skeletons.load("smpl").select(["pelv", "pelv"], "twice")

    @pytest.mark.parametrize("edges", [((1, 0),), ((0, 2),), ((0, 0),), ((0, 1), (0, 1))])
    def test_edges_that_do_not_fit(self, edges):
        with pytest.raises(ValueError, match="skeleton 'bad': edge"):
            Skeleton("bad", ("a", "b"), edges, ("", ""), "", ("x", "x"), ("a", "b"))

    @pytest.mark.parametrize(
        "changes, message",
        [
            ({"edges": ["lhip-pelvis"]}, "joint in the edges of 'bad' 'pelvis'"),
            ({"points": {}}, r"not defined: \['pelv'\]"),
            ({"points": {"pelv": "p", "head": "h"}}, r"defined but no joint: \['head'\]"),
            ({"points": {"pelv": "p", "lhip": "h"}}, r"lhip is defined in \[points\] and in \[sides\]"),
        ],
    )
    def test_a_file_that_does_not_fit_together(self, changes, message):
        facts = {
            "joints": "pelv lhip rhip", "edges": ["pelv-lhip"], "suffix": "bad", "description": "",
            "points": {"pelv": "p"}, "sides": {"hip": "{side} h"},
        }  # fmt: skip
        assert formats.from_facts("bad", facts, "format").edges == ((0, 1), (0, 2))
        with pytest.raises(ValueError, match=message):
            formats.from_facts("bad", facts | changes, "format")


def test_skeletons_are_shared_and_cannot_be_changed():
    assert skeletons.load("h36m") is skeletons.load("h36m")
    with pytest.raises(ValueError, match="read-only"):
        skeletons.load("h36m").mirror[0] = 0


def test_importing_needs_no_network_library():
    code = "import sys, posepile.skeletons; assert not {'tensorflow', 'keras', 'cv2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def link(skeleton: Skeleton, a: str, b: str) -> bool:
    return tuple(sorted((skeleton.index(a), skeleton.index(b)))) in skeleton.edges
