"""3DPW on ten poses of three people in two small sequences (see `small_tdpw`), and on the reader's own fake."""

import pickle

import numpy as np
import pytest
import small_tdpw
from benchmark_files import moved
from fake_body_models import fake_body_model, write_pickle
from fakes import tdpw as fake
from small_tdpw import HEAD, WRIST

from evaluation.benchmark_results import score_benchmark
from evaluation.evaluate import evaluate
from evaluation.prediction_writer import PredictionWriter
from evaluation.predictions import PredictionError
from evaluation.protocols import load

pytestmark = pytest.mark.filterwarnings("ignore::evaluation.joint_columns.PredictionWarning")
PROTOCOL = load("tdpw")()
GIVEN = load("tdpw")(association="given")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return small_tdpw.write(tmp_path_factory.mktemp("tdpw"))


def test_who_is_scored(root):
    train, test = PROTOCOL.labelled(root)
    assert test.image_paths == [f"3dpw/imageFiles/walk_00/image_0000{i}.jpg" for i in (0, 0, 1, 2, 3, 3)]
    assert test.people == [0, 1, 1, 0, 0, 1] and len(train.people) == 4
    np.testing.assert_array_equal(test.joints[1], small_tdpw.pose(1000))


def test_perfect(score, root):
    found = score(PROTOCOL, root)
    figures = found.figures
    lengths = {name: 0 for name in ("mpjpe", "p_mpjpe", "a_mpjpe")}
    unknown = {name: None for name in ("mpjae", "mpjae_pa")}
    # The 50 bins give a perfect joint 1 - 0.5/50
    percents = {name: 100 for name in figures if name not in {**lengths, **unknown}}
    expected = lengths | unknown | percents | {"auc_major_binned": 99}
    assert figures == pytest.approx(expected, abs=1e-6)
    assert [label for label, _ in found.vector[:3]] == ["MPJPE", "P-MPJPE", "PCK@50 (≤), 12 major joints"]
    assert len(found.vector) == 9 + 5 + 19
    assert found.coverage["people"] == 10


# One major joint of 12 (24) is d mm off. Inclusive: 50 is right, 50.1 wrong, 11 of 12. AUC: the 11 others score 1, it
# scores (199.5 - ceil d) / 199; with bins the others .99, it 1 - (floor(50 d / 199) + .5) / 50.
@pytest.mark.parametrize(
    "d, pck, auc, binned",
    [
        (49.9, 12, 149.5 / 199, 1 - 12.5 / 50),
        (50, 12, 149.5 / 199, 1 - 12.5 / 50),
        (50.1, 11, 148.5 / 199, 1 - 12.5 / 50),
    ],
)
def test_one_major_joint_near_50(score, root, d, pck, auc, binned):
    found = score(PROTOCOL, root, moved(WRIST, d))
    expected = {
        "pck@50_major": 100 * pck / 12,
        "pck@50_24": 100 * (pck + 12) / 24,
        "pck@50": 100 if d < 50 else 100 * 23 / 24,  # of the 19 numbers: exclusive
        "pck@50_minor": 100,
        "auc_major": 100 * (11 + auc) / 12,
        "auc_major_binned": 100 * (11 * 0.99 + binned) / 12,
        "mpjpe": d / 24,
    }
    assert {name: found.figures[name] for name in expected} == pytest.approx(expected, abs=1e-4)
    assert found.groups["joint"]["lwri"]["pck@50_24"] == (100 if d <= 50 else 0)
    assert found.groups["joint"]["lwri"]["mpjpe"] == pytest.approx(d, abs=1e-3)
    assert found.groups["joint"]["rwri"]["mpjpe"] == 0


def test_a_minor_joint_near_50(score, root):
    for d, right in ((50, 12), (50.1, 11)):
        figures = score(PROTOCOL, root, moved(HEAD, d)).figures
        assert figures["pck@50_minor"] == pytest.approx(100 * right / 12) and figures["pck@50_major"] == 100


@pytest.mark.parametrize("d, right", [(149.9, 12), (150, 12), (150.1, 11)])
def test_one_joint_near_150(score, root, d, right):
    figures = score(PROTOCOL, root, moved(WRIST, d)).figures
    assert figures["apck@150_major"] == pytest.approx(100 * right / 12)
    assert figures["apck@150"] == pytest.approx(100 if d < 150 else 100 * 23 / 24)
    assert figures["cps@150"] == (100 if d < 150 else 0)


def test_normalised_correct_poses(score, root):
    """Twice as large about the origin: aligned, nothing is wrong; a wrist 4 m off stays wrong however it is aligned."""
    figures = score(PROTOCOL, root, lambda labelled, poses: 2 * poses).figures
    assert figures["ncps@50"] == 100 and figures["mpjpe"] > 100
    # Twice as far is the same place in the image, so that people are still told apart
    figures = score(PROTOCOL, root, moved(WRIST, 4000)).figures
    assert figures["ncps@150"] == 0 and figures["ncps_auc"] < 5
    assert score(PROTOCOL, root, moved(HEAD, 1)).figures["ncps@50"] == 100


def test_mean_pose(score, root):
    # The left wrist is at z in the 6 poses of test and at z + 250 in the 4 of train; the mean is at z + 100. So 6 are
    # 100 off and 4 are 150: MPJPE (600 + 600) / 240; 100 <= 100 and 150 <= 150 are right, 100 < 100 is not.
    def change(labelled, poses):
        poses[:, WRIST, 2] = 4000 + 125 * (WRIST % 3) + 100
        return poses

    found = score(PROTOCOL, root, change)
    expected = {
        "mpjpe": 5,
        "pck@50_major": 100 * 11 / 12,
        "pck@100_24": 100 * 236 / 240,
        "pck@100": 100 * 230 / 240,
        "pck@150_24": 100,
        "pck@150": 100 * 236 / 240,
        "apck@150_major": 100,
        "cps@150": 60,
        "cps@200": 100,
    }
    assert {name: found.figures[name] for name in expected} == pytest.approx(expected)
    by_split = {split: row["mpjpe"] for split, row in found.groups["split"].items()}
    assert by_split == pytest.approx({"train": 150 / 24, "test": 100 / 24})
    assert found.groups["joint"]["lwri"]["mpjpe"] == pytest.approx(120)


def test_testset_only(score, root):
    only = load("tdpw")(testset_only=True)
    found = score(PROTOCOL, root)  # the file has all splits
    path = found.document["models"]["p"]["predictions"]
    part = score_benchmark(only, root, [path])
    assert part["models"]["p"]["coverage"]["people"] == 6 and part["truth"]["sequences"] == 1


def test_people_are_told_apart_by_the_labels(root, tmp_path):
    """Rows in any order, a bystander beside them, and one of the two missing in image 3."""
    ids, names, poses = [], [], []
    for i in range(4):
        for x in (6000, 1000, -1000)[: 2 if i == 3 else 3]:
            names.append(f"3dpw/imageFiles/walk_00/image_0000{i}.jpg")
            poses.append(small_tdpw.pose(x))
            ids.append({6000: 7, 1000: 1, -1000: 0}[x])
    for i in range(4):
        names.append(f"3dpw/imageFiles/run_00/image_0000{i}.jpg")
        poses.append(small_tdpw.pose())
        ids.append(0)
    with PredictionWriter(tmp_path / "p.npz", PROTOCOL.skeleton.union_names) as writer:
        writer.append(names, coords3d_pred_world=np.array(poses), person_id=np.array(ids))
    # Image 3 has the bystander and person 1. Person 0 keeps his last pose, which is where he is. By the labels he
    # could take the bystander; both assignments are tried below.
    (given,) = evaluate(GIVEN, root, [tmp_path / "p.npz"])
    assert given.tally.mean("a_mpjpe") == pytest.approx(4 * 250 / 240)  # the wave is not predicted
    assert given.tally.mean("found") == pytest.approx(9 / 10)
    # "No smallest score": the bystander becomes person 0 in image 3, 7 m beside him
    (followed,) = evaluate(PROTOCOL, root, [tmp_path / "p.npz"])
    assert followed.tally.mean("a_mpjpe") == pytest.approx((4 * 250 + 24 * 7000) / 240)
    assert followed.tally.mean("found") == 1


def test_given_people_need_numbers_and_no_repetition(root, tmp_path):
    names = ["3dpw/imageFiles/run_00/image_00000.jpg"] * 2
    poses = np.repeat(small_tdpw.pose()[None], 2, axis=0)
    for fields, message in (
        ({}, "'person_id' is missing"),
        ({"person_id": [0, 0]}, "has person 0 more than once"),
    ):
        with PredictionWriter(tmp_path / "p.npz", PROTOCOL.skeleton.union_names) as writer:
            writer.append(names, coords3d_pred_world=poses, **fields)
        with pytest.raises(PredictionError, match=message):
            evaluate(GIVEN, root, [tmp_path / "p.npz"])


def test_somebody_who_is_never_found(root, tmp_path):
    with PredictionWriter(tmp_path / "p.npz", PROTOCOL.skeleton.union_names) as writer:
        names = [f"3dpw/imageFiles/{name}/image_00000.jpg" for name in ("run_00", "walk_00")]
        poses = np.stack([small_tdpw.pose(), small_tdpw.pose(-1000)])
        writer.append(names, coords3d_pred_world=poses)
    with pytest.raises(
        PredictionError, match="3 people have no row: 3dpw/imageFiles/walk_00/image_00000.jpg"
    ):
        evaluate(PROTOCOL, root, [tmp_path / "p.npz"])


# The challenge's pickles


def write_challenge(folder, change=lambda sequence, found: found):
    """Perfect ones of the reader's fake, whose camera turns and whose people have their joints turned by nothing."""
    for split, name, n_people in (("test", "demo_00", 2), ("validation", "walk_01", 1)):
        world, cam_poses = fake.make_world(n_people)
        camera = np.einsum("tij,ptkj->ptki", cam_poses[:, :3, :3], world) + cam_poses[:, None, :3, 3]
        turns = np.broadcast_to(cam_poses[:, None, :3, :3], (n_people, fake.N, 9, 3, 3))
        found = change(name, {"jointPositions": camera, "orientations": turns.copy()})
        (folder / split).mkdir(parents=True, exist_ok=True)
        (folder / split / f"{name}.pkl").write_bytes(pickle.dumps(found))
    return folder


@pytest.fixture(scope="module")
def fake_root(tmp_path_factory):
    return fake.write(tmp_path_factory.mktemp("fake")).root


def test_challenge(fake_root, tmp_path):
    (found,) = evaluate(PROTOCOL, fake_root, [write_challenge(tmp_path / "p")])
    expected = {"mpjpe": 0, "a_mpjpe": 0, "mpjae": 0, "mpjae_pa": 0, "pck@50_major": 1}
    assert {name: found.tally.mean(name) for name in expected} == pytest.approx(expected, abs=1e-5)
    assert found.coverage.people == 6 + 4


def test_challenge_with_gaps_and_turned_people(fake_root, tmp_path):
    angle = np.radians(10)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])

    def change(name, found):
        found["orientations"] = found["orientations"] @ turn
        if name == "walk_01":
            found["jointPositions"][0, 0] = np.nan  # he gets his first pose, one image later
            found["orientations"][0, 0] = np.nan
        return found

    (found,) = evaluate(PROTOCOL, fake_root, [write_challenge(tmp_path / "p", change)])
    assert found.tally.mean("found") == pytest.approx(9 / 10)
    # The camera turns by 4 degrees about one axis from image to image, so that one of ten is off by something between
    assert 10 - 0.4 <= found.tally.mean("mpjae") <= 10 + 0.4
    assert found.tally.mean("a_mpjpe") > 1


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda name, found: {"jointPositions": 1000 * found["jointPositions"]}, "expected metres"),
        (lambda name, found: {"jointPositions": found["jointPositions"][:, :3]}, "1 people and 3 images"),
        (lambda name, found: {"jointPositions": found["jointPositions"][:, :, :14]}, r"expected \['any', 'any', 24"),
        (lambda name, found: found if name == "demo_00" else {"jointPositions": found["jointPositions"]},
         "walk_01.pkl: 'orientations' is missing"),
        (lambda name, found: {"joints": 0}, "'jointPositions' is missing"),
    ],
)  # fmt: skip
def test_challenge_that_does_not_fit(fake_root, tmp_path, change, message):
    with pytest.raises(PredictionError, match=message):
        evaluate(PROTOCOL, fake_root, [write_challenge(tmp_path / "p", change)])


def test_challenge_that_is_incomplete(fake_root, tmp_path):
    folder = write_challenge(tmp_path / "p")
    (folder / "validation/walk_01.pkl").unlink()
    with pytest.raises(PredictionError, match="4 people have no row"):
        evaluate(PROTOCOL, fake_root, [folder])
    with pytest.raises(PredictionError, match="expected one a sequence"):
        evaluate(PROTOCOL, fake_root, [folder / "test"])


def test_lsp_joints_of_meshes(root, tmp_path):
    """Bodies at rest with zero translation: their vertices are the model's own, in metres."""
    rng = np.random.default_rng(0)
    models = {gender: fake_body_model("smpl", seed) for seed, gender in enumerate(("MALE", "FEMALE"))}
    for gender, fields in models.items():
        write_pickle(tmp_path / f"models/smpl/SMPL_{gender}.pkl", fields)
    np.save(tmp_path / "r.npy", rng.dirichlet(np.ones(60), size=17))
    protocol = load("tdpw")(
        association="given", body_models=str(tmp_path / "models"), regressor=str(tmp_path / "r.npy")
    )
    with PredictionWriter(tmp_path / "p.npz", PROTOCOL.skeleton.union_names) as writer:
        for labelled in protocol.labelled(root):
            bodies = [1000 * models[("MALE", "FEMALE")[p]]["v_template"] for p in labelled.people]
            meshes = np.array(bodies) + [100, 0, 3000]
            writer.append(
                labelled.image_paths,
                coords3d_pred_world=labelled.joints,
                person_id=labelled.people,
                vertices_pred_cam=meshes,
            )
    (found,) = score_benchmark(protocol, root, [tmp_path / "p.npz"])["models"].values()
    assert found["figures"]["mpjpe_lsp"]["value"] == pytest.approx(
        0, abs=1e-2
    )  # another place does not matter
    assert found["figures"]["p_mpjpe_lsp"]["value"] == pytest.approx(0, abs=1e-2)
    assert "they need meshes" in PROTOCOL.describe()["LSP joints"]
    with PredictionWriter(tmp_path / "q.npz", PROTOCOL.skeleton.union_names) as writer:
        for labelled in protocol.labelled(root):
            writer.append(
                labelled.image_paths, coords3d_pred_world=labelled.joints, person_id=labelled.people
            )
    (found,) = score_benchmark(protocol, root, [tmp_path / "q.npz"])["models"].values()
    assert found["figures"]["mpjpe_lsp"]["value"] is None
    assert any("the file has no 'vertices_pred_cam'" in text for text in found["warnings"])
