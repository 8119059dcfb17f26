"""Scoring matches predictions and labels by key and by joint name, format by format."""

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from evaluation import metrics
from evaluation.joint_columns import PredictionWarning
from evaluation.prediction_file import PredictionError
from evaluation.score import mean_pose_mpjpe, read_truth, score_predictions
from posepile import skeletons
from posepile.cameras import Camera
from posepile.example import PoseExample
from posepile.store import Store, StoreWriter

UNION = skeletons.union(["smpl", "h36m"])
PAIRS = [("lwri", "lwri_h36m"), ("rank", "rank_h36m")]
N = 6


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("stores") / "test", UNION, seed=0)


def test_perfect_predictions(store, tmp_path):
    truth = read_truth(store)
    scores = score_predictions(write_predictions(tmp_path, truth.world), store)
    assert scores.average == pytest.approx({"mpjpe": 0, "p_mpjpe": 0, "pck100": 100, "cps200": 100}, abs=1e-2)
    assert scores.disagreement is None and set(scores.formats) == {"smpl", "h36m"}
    assert scores.n_examples == N


def test_each_format_is_scored_at_its_own_root_and_then_averaged(store, tmp_path):
    world = read_truth(store).world
    pred = world + np.random.default_rng(1).normal(size=world.shape) * 60
    scores = score_predictions(write_predictions(tmp_path, pred), store, PAIRS)
    expected = []
    for name, first, count in (("smpl", 0, 24), ("h36m", 24, 25)):
        root = skeletons.load(name).index("pelv")
        arguments = pred[:, first : first + count], world[:, first : first + count]
        assert scores.formats[name]["mpjpe"] == pytest.approx(metrics.mpjpe(*arguments, root=root), rel=1e-5)
        assert scores.formats[name]["cps200"] == metrics.cps(*arguments, root=root)
        expected.append(scores.formats[name]["mpjpe"])
    assert scores.average["mpjpe"] == pytest.approx(np.mean(expected))
    between = pred - pred[:, [UNION.index("pelv")]]
    a, b = (between[:, [UNION.index(pair[i]) for pair in PAIRS]] for i in (0, 1))
    assert scores.disagreement.total == pytest.approx(np.linalg.norm(a - b, axis=-1).mean(), rel=1e-4)
    assert scores.own_root.total > 0
    assert set(scores.summary()) == {
        "mpjpe", "p_mpjpe", "pck100", "cps200", "disagreement", "disagreement_depth", "disagreement_plane",
        "disagreement_own_root",
    }  # fmt: skip


def test_order_of_examples_and_joints_does_not_matter(store, tmp_path):
    rng = np.random.default_rng(2)
    pred = read_truth(store).world + rng.normal(size=(N, len(UNION), 3)) * 60
    straight = score_predictions(write_predictions(tmp_path, pred), store, PAIRS)
    rows, columns = rng.permutation(N), rng.permutation(len(UNION))
    names = [UNION.joints[i] for i in columns]
    path = write_predictions(tmp_path, pred[rows][:, columns], [keys()[i] for i in rows], names)
    shuffled = score_predictions(path, store, PAIRS).summary()
    assert shuffled == pytest.approx(straight.summary())  # only sums are re-ordered


def test_merged_joints_serve_all_formats(store, tmp_path):
    merged = skeletons.merged(UNION)
    world = read_truth(store).world
    columns = [UNION.base_names.index(name) for name in merged.joints]  # SMPL's, where it has the joint
    scores = score_predictions(
        write_predictions(tmp_path, world[:, columns], names=merged.joints), store, PAIRS
    )
    assert scores.formats["smpl"]["mpjpe"] == pytest.approx(0, abs=1e-2)
    assert scores.formats["h36m"]["mpjpe"] > 10  # the test's formats are unrelated points
    assert scores.disagreement.total == 0


def test_formats_may_be_chosen(store, tmp_path):
    world = read_truth(store).world
    path = write_predictions(tmp_path, world[:, :24], names=UNION.joints[:24])
    assert set(score_predictions(path, store, PAIRS, formats=["smpl"]).formats) == {"smpl"}
    with pytest.raises(PredictionError, match="25 joints are not predicted: rhip_h36m"):
        score_predictions(path, store)
    with pytest.raises(PredictionError, match="'coco' is not labelled; smpl, h36m are"):
        score_predictions(path, store, formats=["coco"])


def test_keys_that_do_not_match_are_listed(store, tmp_path):
    world = read_truth(store).world
    bad = [*keys()[:3], keys()[0], "test:other", keys()[5]]
    with pytest.raises(
        PredictionError, match=f"1 repeated: {keys()[0]}; 2 missing: {keys()[3]}.*1 unknown: test:other"
    ):
        score_predictions(write_predictions(tmp_path, world, bad), store)


def test_missing_values_are_an_error_unless_allowed(store, tmp_path):
    world = read_truth(store).world
    world[2, 5] = np.nan
    path = write_predictions(tmp_path, world)
    with pytest.raises(PredictionError, match=rf"not finite \(NaN or infinite\) for 1 examples: {keys()[2]}"):
        score_predictions(path, store)
    with pytest.warns(PredictionWarning, match="not finite"):
        scores = score_predictions(path, store, allow_missing=True)
    assert scores.formats["smpl"]["coverage"] == pytest.approx(1 - 1 / (24 * N))
    assert scores.formats["smpl"]["pck100"] < 100


def test_bad_files_are_named(store, tmp_path):
    np.savez(tmp_path / "a.npz", key=np.array(keys()), coords3d_pred_world=np.zeros((N, len(UNION), 3)))
    with pytest.raises(
        PredictionError, match=r"a\.npz: field 'poses' is missing; it has coords3d_pred_world"
    ):
        score_predictions(tmp_path / "a.npz", store)
    path = write_predictions(tmp_path, np.zeros((N, 3, 3)))
    with pytest.raises(PredictionError, match=r"has shape \[6, 3, 3\], expected \[6, 49, 3\]"):
        score_predictions(path, store)


def test_mean_pose_is_each_formats_own(store, tmp_path):
    train = [
        write_store(tmp_path / "a", skeletons.load("smpl"), seed=1),
        write_store(tmp_path / "b", skeletons.load("h36m"), seed=2),
    ]
    scores = mean_pose_mpjpe(train, store)
    assert scores["average"] == pytest.approx((scores["smpl"] + scores["h36m"]) / 2)
    # By hand for SMPL, each pose turned to its own crop camera
    test, other = read_truth(store), read_truth(train[0])
    root = UNION.index("pelv")
    mean = np.mean([r @ (w - w[root]).T for r, w in zip(other.rotations, other.world, strict=True)], axis=0)
    errors = [
        np.linalg.norm(r @ (w - w[root])[:24].T - mean, axis=0).mean()
        for r, w in zip(test.rotations, test.world, strict=True)
    ]
    assert scores["smpl"] == pytest.approx(np.mean(errors))
    with pytest.raises(ValueError, match="no training store labels all joints of 'h36m'"):
        mean_pose_mpjpe(train[:1], store)


def keys():
    return [f"test:p/{i}" for i in range(N)]


def write_predictions(folder, world, key=None, names=UNION.joints):
    """The frame of `poses` is world here: no test is about depth."""
    path = folder / f"predictions{len(list(folder.iterdir()))}.npz"
    np.savez(
        path,
        key=np.array(key or keys()),
        poses=world.astype(np.float32),
        coords3d_pred_world=world.astype(np.float32),
        joint_names=np.array(names),
    )
    return path


def write_store(path, skeleton, seed):
    rng = np.random.default_rng(seed)
    jpeg = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    with StoreWriter(path, id="test", role="test", skeleton=skeleton, licence="CC0-1.0") as writer:
        for i in range(N):
            yaw = Rotation.from_euler("z", rng.uniform(0, 6)).as_matrix()
            forward = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]) @ yaw  # looks along a horizontal line
            camera = Camera(np.array([[60, 0, 31.5], [0, 60, 31.5], [0, 0, 1]]), forward, -forward[2] * 4000)
            joints = rng.normal(size=(len(skeleton), 3)) * [200, 200, 400]
            box = np.array([rng.uniform(0, 20), 5, 30, 50])
            writer.append(PoseExample(f"p/{i}", jpeg, camera, box, joints.astype(np.float32)))
    return Store.open(path)
