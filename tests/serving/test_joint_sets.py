"""Skeletons of a model promise every registered one that it can answer in, and the user's own."""

import numpy as np
import pytest
import tensorflow as tf

from posepile import skeletons
from serving.joint_sets import JointSetError, OwnSkeleton, joint_sets
from serving.joint_tables import JointTables

UNION = skeletons.union(["smpl", "h36m"])


def test_formats_and_documented_names():
    sets = joint_sets(UNION).by_name
    assert set(sets) == {"", "smpl", "h36m", "smpl_24", "h36m_17", "h36m_25"}
    chosen = sets["h36m_17"]
    assert chosen.names == skeletons.load("h36m_17").joints
    assert [UNION.joints[i] for i in chosen.indices] == [f"{name}_h36m" for name in chosen.names]
    assert sets["smpl_24"].names[3] == "spi1" and UNION.joints[sets["smpl_24"].indices[3]] == "bell"
    assert sets[""].names == UNION.joints and sets[""].edges == UNION.edges


def test_the_large_pile_answers_in_all_documented_names():
    sets = joint_sets(skeletons.load("large")).by_name
    documented = """smpl_24 h36m_17 h36m_25 mpi_inf_3dhp_17 mpi_inf_3dhp_28 coco_19 smplx_42 ghum_35 lsp_14 sailvos_26
        gpa_34 aspset_17 bml_movi_87 mads_19 berkeley_mhad_43 total_capture_21 jta_22 ikea_asm_17 human4d_32
        3dpeople_29 umpm_15 smpl+head_30""".split()
    assert set(documented) <= set(sets)
    assert sets["smpl+head_30"].names[0] == "pelv_smpl"


def test_merged_joints_answer_for_every_format():
    merged = skeletons.merged(UNION)
    sets = joint_sets(merged).by_name
    for name in ("smpl", "h36m_17"):
        found = [merged.joints[i] for i in sets[name].indices]
        assert found == list(skeletons.load(name).base_names)


def test_own_skeletons_add_only_the_joints_that_are_not_there():
    n = len(UNION)
    weights = np.zeros((n, 3))
    weights[4, 0] = 1
    weights[[2, 6], 1] = 0.5
    weights[[0, 1, 2], 2] = 2, -1.5, 0.5
    sets = joint_sets(UNION, [OwnSkeleton("mine", ("a", "b", "c"), ((0, 1), (1, 2)), weights)])
    assert sets.by_name["mine"].indices == (4, n, n + 1)
    assert sets.joints[n:] == ("b_mine", "c_mine") and sets.by_name[""].names == sets.joints
    np.testing.assert_array_equal(sets.weights[:, :n], np.eye(n))
    np.testing.assert_array_equal(sets.weights[:, n:], weights[:, 1:])


def test_own_skeletons_that_do_not_fit():
    n = len(UNION)
    for name, weights, problem in (
        ("h36m_17", np.eye(n)[:, :2], "there is one of this name"),
        ("mine", np.eye(n)[:, :2] * 0.9, "weights of 'a' sum to 0.9, expected 1"),
        ("mine", np.eye(n - 1)[:, :2], r"weights \(\d+, 2\), expected"),
    ):
        with pytest.raises(JointSetError, match=problem):
            joint_sets(UNION, [OwnSkeleton(name, ("a", "b"), (), weights)])
    with pytest.raises(JointSetError, match="distinct names"):
        joint_sets(UNION, [OwnSkeleton("mine", ("a", "a"), (), np.eye(n)[:, :2])])
    with pytest.raises(JointSetError, match=r"edge \(0, 2\)"):
        joint_sets(UNION, [OwnSkeleton("mine", ("a", "b"), ((0, 2),), np.eye(n)[:, :2])])


def test_tables_find_every_skeleton_in_a_graph():
    sets = joint_sets(UNION)
    tables = JointTables(sets)
    for name, one in sets.by_name.items():
        skeleton = tf.constant(name)
        assert tuple(tables.indices(skeleton).numpy().tolist()) == one.indices
        assert tuple(n.decode() for n in tables.joint_names(skeleton).numpy()) == one.names
        assert tuple(map(tuple, tables.edges(skeleton).numpy().tolist())) == one.edges
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="skeleton: expected one of the empty text, .*nobody"
    ):
        tables.indices(tf.constant("nobody"))
