"""MuPoTS-3D on five people in three images of two recordings. See `small_mpi` for the person."""

import numpy as np
import pytest
import small_mpi
from benchmark_files import moved

from evaluation.benchmark_results import score_benchmark
from evaluation.bones import with_true_bone_lengths
from evaluation.prediction_writer import PredictionWriter
from evaluation.protocols import load
from evaluation.protocols.mupots import BONES, VARIANTS, match_people

pytestmark = pytest.mark.filterwarnings("ignore::evaluation.joint_columns.PredictionWarning")
PROTOCOL = load("mupots")()
PERFECT_AUC = 100 * 30 / 31


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return small_mpi.write_mupots(tmp_path_factory.mktemp("mupots"))


def test_images_are_named_from_zero_and_empty_ones_are_known(root):
    first, second = PROTOCOL.labelled(root)
    assert first.image_paths == [f"mupots/TS1/img_00000{i}.jpg" for i in (0, 0, 1, 1)]
    assert first.also_known[-1] == "mupots/TS1/img_000002.jpg" and second.people == [0]


def test_perfect(score, root):
    found = score(PROTOCOL, root)
    figures = found.figures
    # As in MPI-INF-3DHP: the universal person differs by 160 mm in 6 of the first 14 joints, by 102 mm in 8 of them
    # and in 2 others. Rescaled bones make him exact. Rotation is the same, so relative and absolute are.
    for variant in VARIANTS:
        is_exact = variant.truth == "metric" or variant.is_rescaled
        expected = {
            "pck@150_{}_all": 100 if is_exact else 100 * 8 / 14,
            "pck@150_{}_matched": 100 if is_exact else 100 * 8 / 14,
            "auc_{}_all": PERFECT_AUC if is_exact else 100 * 80 / 31 / 14,
            "mpjpe14_{}_matched": 0 if is_exact else (6 * 160 + 8 * 102) / 14,
            "mpjpe16_{}_matched": 0 if is_exact else (6 * 160 + 10 * 102) / 16,
            "mpjpe17_{}_matched": 0 if is_exact else (6 * 160 + 10 * 102) / 17,
        }
        names = {name.format(variant.name): value for name, value in expected.items()}
        assert {name: figures[name] for name in names} == pytest.approx(names, abs=1e-3)
    assert figures["recall"] == 100 and figures["mpjpe"] == pytest.approx(0, abs=1e-3)
    assert len(found.vector) == 19


# Each person's first joint is d mm off, in depth, so that the match stays. Strict: 150 is wrong. One joint of 14:
# PCK 13/14; AUC: 149.9 has one of 31 thresholds above it.
@pytest.mark.parametrize("d, pck, auc", [(149.9, 14, 13 * 30 + 1), (150, 13, 13 * 30), (150.1, 13, 13 * 30)])
def test_one_joint_near_the_threshold(score, root, d, pck, auc):
    def change(labelled, poses):
        poses[:, 0, 2] += d
        return poses

    figures = score(PROTOCOL, root, change).figures
    for people in ("all", "matched"):
        assert figures[f"pck@150_metric_rel_{people}"] == pytest.approx(100 * pck / 14)
        assert figures[f"auc_metric_abs_{people}"] == pytest.approx(100 * auc / 31 / 14)
    assert figures["mpjpe17_metric_rel_matched"] == pytest.approx(d / 17, abs=1e-3)


def test_pelvis_off(score, root):
    # Relative to the pelvis, all others are 160 mm off; absolute, only the pelvis is, which is not among the 14.
    figures = score(PROTOCOL, root, moved(14, 160)).figures
    assert figures["pck@150_metric_rel_all"] == 0 and figures["pck@150_metric_abs_all"] == 100
    assert figures["mpjpe17_metric_abs_matched"] == pytest.approx(160 / 17, abs=1e-3)


def test_missed_people_and_the_mean_of_sequences(root, tmp_path):
    """One of 4 people in TS1 is not predicted, the one of TS2 has a joint off by 170 mm."""
    first, second = PROTOCOL.labelled(root)
    poses = np.concatenate([first.joints[:3], second.joints])
    poses[3, 0, 2] += 170
    with PredictionWriter(tmp_path / "p.npz", PROTOCOL.skeleton.union_names) as writer:
        writer.append([*first.image_paths[:3], *second.image_paths], coords3d_pred_cam=poses)
    (model,) = score_benchmark(PROTOCOL, root, [tmp_path / "p.npz"])["models"].values()
    figures = {name: figure["value"] for name, figure in model["figures"].items()}
    # TS1: all 75 %, matched 100 %; TS2: 13/14. The mean of the two, not of the five people.
    assert figures["pck@150_metric_rel_all"] == pytest.approx((75 + 100 * 13 / 14) / 2)
    assert figures["pck@150_metric_rel_matched"] == pytest.approx((100 + 100 * 13 / 14) / 2)
    assert figures["mpjpe17_metric_rel_matched"] == pytest.approx((0 + 10) / 2, abs=1e-3)
    assert figures["recall"] == 80
    assert figures["mpjpe"] == pytest.approx(
        10 / 4, abs=1e-3
    )  # the summary line pools the four matched people
    assert model["coverage"]["predicted_people"] == 4 and model["coverage"]["people"] == 5
    assert model["groups"]["sequence"]["TS1"]["recall"] == 75


def test_nobody_found_in_a_sequence(root, tmp_path):
    first, second = PROTOCOL.labelled(root)
    far = second.joints + [5000, 0, 0]  # 1250 px beside the person
    with PredictionWriter(tmp_path / "p.npz", PROTOCOL.skeleton.union_names) as writer:
        writer.append([*first.image_paths, *second.image_paths], coords3d_pred_cam=[*first.joints, *far])
    (model,) = score_benchmark(PROTOCOL, root, [tmp_path / "p.npz"])["models"].values()
    assert model["figures"]["pck@150_metric_rel_all"]["value"] == 50
    assert model["figures"]["pck@150_metric_rel_matched"]["value"] == 100
    assert any("nobody is matched in TS2" in text for text in model["warnings"])


def test_order_and_additional_people_do_not_matter(root, tmp_path):
    first, second = PROTOCOL.labelled(root)
    ghosts = first.joints[:1] + [20000, 0, 0]
    paths = [*first.image_paths, *second.image_paths, first.image_paths[0], "mupots/TS1/img_000002.jpg"]
    poses = np.concatenate([first.joints, second.joints, ghosts, ghosts])
    order = [5, 6, 3, 1, 4, 0, 2]
    with PredictionWriter(tmp_path / "p.npz", PROTOCOL.skeleton.union_names) as writer:
        writer.append([paths[i] for i in order], coords3d_pred_cam=poses[order])
    (model,) = score_benchmark(PROTOCOL, root, [tmp_path / "p.npz"])["models"].values()
    assert model["figures"]["recall"]["value"] == 100
    assert model["figures"]["a_mpjpe"]["value"] == pytest.approx(0, abs=1e-3)


def test_matching_is_greedy_in_the_order_of_people():
    true = np.full((2, 17, 2), 500.0)
    true[1] += 30
    pred = true[[1, 0]].copy()
    pred[1, 1:8] += 100  # of prediction 1, six joints fit person 0; of prediction 0, all fit both people
    assert match_people(true, pred).tolist() == [
        0,
        1,
    ]  # person 0 takes the one with 13, though person 1 needs it
    assert match_people(true[::-1], pred).tolist() == [0, 1]
    assert match_people(true, true[[0, 0]]).tolist() == [0, 1]  # ties: the first


def test_what_is_near_in_the_image():
    true = np.full((1, 17, 2), 500.0)
    for offset, found in (((39.9, -39.9), 0), ((40, 0), -1), ((0, -40), -1)):
        assert match_people(true, true + offset).tolist() == [found]
    only = np.full((1, 17, 2), np.nan)
    only[0, 13] = 500
    assert match_people(true, only).tolist() == [0]  # one joint is enough
    only[0, [0, 14, 15, 16]] = 500
    only[0, 13] = np.nan
    assert match_people(true, only).tolist() == [-1]  # these do not count
    assert match_people(np.zeros((1, 17, 2)), np.zeros((1, 17, 2))).tolist() == [-1]  # (0, 0) is nothing
    assert match_people(true, true[:0]).tolist() == [-1] and not len(match_people(true[:0], true))


@pytest.mark.parametrize("case", range(20))
def test_matching_against_loops(case):
    rng = np.random.default_rng(case)
    true = rng.uniform(0, 300, (rng.integers(0, 6), 17, 2))
    pred = rng.uniform(0, 300, (rng.integers(0, 6), 17, 2))
    for i in range(min(len(true), len(pred))):
        pred[i] = true[i] + rng.normal(size=(17, 2)) * 40
    pred[rng.random(pred.shape[:2]) < 0.1] = rng.choice([0, np.nan])
    taken, expected = set(), []
    for person in true:
        counts = {}
        for k, other in enumerate(pred):
            near = [abs(person[j] - other[j]).max() < 40 and tuple(other[j]) != (0, 0) for j in range(1, 14)]
            counts[k] = sum(near) if k not in taken else 0
        best = max(counts, key=lambda k: (counts[k], -k)) if counts else None
        expected.append(best if best is not None and counts[best] else -1)
        taken.add(expected[-1])
    assert match_people(true, pred).tolist() == expected


def test_bone_lengths():
    # Pelvis at the origin, a spine of 3 along (3, 4, 0), a neck from there along z: wanted 10 and 2, by hand
    # (6, 8, 0) and (6, 8, 2).
    pred = np.array([[(0, 0, 0), (1.8, 2.4, 0), (1.8, 2.4, 5)]])
    true = np.array([[(0, 0, 0), (10, 0, 0), (10, 2, 0)]])
    np.testing.assert_allclose(
        with_true_bone_lengths(pred, true, [(1, 0), (2, 1)])[0], [(0, 0, 0), (6, 8, 0), (6, 8, 2)]
    )
    parents = dict(BONES)
    assert set(parents) == set(range(17)) - {14}
    assert all(
        parents[c] == 14 or c in [child for child, _ in BONES[BONES.index((c, p)) :]] for c, p in BONES
    )
