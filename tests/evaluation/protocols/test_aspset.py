"""ASPset-510 on one test clip of 11 frames, of which 0, 5 and 10 are scored; coordinates that float32 keeps."""

import ezc3d
import numpy as np
import pytest
from benchmark_files import moved
from fakes import aspset as fake
from small_aspset import ANKLE, WRIST, T, poses, write

from evaluation.benchmark_results import score_benchmark
from evaluation.predictions import PredictionError
from evaluation.protocols import load
from posepile.datasets.raw import RawDataError

pytestmark = pytest.mark.filterwarnings("ignore::evaluation.joint_columns.PredictionWarning")
PROTOCOL = load("aspset")()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write(tmp_path_factory.mktemp("aspset"))


def test_every_fifth_frame(root):
    (labelled,) = PROTOCOL.labelled(root)
    assert labelled.image_paths == [
        f"aspset/data/test/videos/aaaa/aaaa-0003-mid.mkv/{i:06d}.jpg" for i in (0, 5, 10)
    ]
    np.testing.assert_allclose(labelled.joints, poses()[[0, 5, 10]])
    assert len(labelled.also_known) == T and [source.frame for source in labelled.images] == [0, 5, 10]


def test_perfect(score, root):
    found = score(PROTOCOL, root)
    lengths = {name: 0 for name in found.figures if "mpjpe" in name}
    expected = lengths | {name: 100 for name in found.figures if name not in lengths}
    assert found.figures == pytest.approx(expected, abs=1e-4)
    assert len(lengths) == 6 and found.coverage["people"] == 3


# One of 17 joints is d mm off. Inclusive: 150 is right. The summary line is exclusive.
@pytest.mark.parametrize("d, right", [(149.9, 17), (150, 17), (150.1, 16)])
def test_one_joint_near_150(score, root, d, right):
    figures = score(PROTOCOL, root, moved(ANKLE, d)).figures
    for kind in ("abs", "rel"):
        assert figures[f"pck@150_{kind}_poses"] == pytest.approx(100 * right / 17)
        assert figures[f"mpjpe_{kind}_poses"] == pytest.approx(d / 17, abs=1e-3)
    assert figures["pck@150"] == pytest.approx(100 if d < 150 else 100 * 16 / 17)


def test_mean_pose(score, root):
    # The wrist is at z, z + 240, z; the mean at z + 80: 80, 160, 80 off. MPJPE 320 / 51; 160 > 150: one pose has 16 of
    # 17 joints right
    def change(labelled, found):
        found[:, WRIST, 2] = 8000 + 80
        return found

    figures = score(PROTOCOL, root, change).figures
    expected = {
        "mpjpe": 320 / 51,
        "mpjpe_rel_poses": 320 / 51,
        "pck@150_abs_poses": 100 * 50 / 51,
        "cps@100": 200 / 3,
    }
    assert {name: figures[name] for name in expected} == pytest.approx(expected, abs=1e-3)


def test_joints_that_are_not_labelled(score, tmp_path):
    """The mean of poses is not that of joints: one pose has 1 of its 16 joints wrong, by 160 mm."""
    lost = poses()
    lost[5, ANKLE] = 0
    write(tmp_path, "test", lost)

    def change(labelled, found):
        found = np.nan_to_num(found)
        found[1, WRIST, 2] += 160
        return found

    figures = score(PROTOCOL, tmp_path, change).figures
    assert figures["mpjpe_abs_poses"] == pytest.approx(160 / 16 / 3, abs=1e-3)
    assert figures["a_mpjpe"] == pytest.approx(160 / 50, abs=1e-3)


def test_universal(score, root):
    """True people become twice as large about the origin, so predictions of them as they are must be doubled."""
    file = score(PROTOCOL, root, lambda labelled, found: 2 * found).document["models"]["p"]["predictions"]
    universal = load("aspset")(universal=True)
    found = score_benchmark(universal, root, [file])["models"]["p"]["figures"]
    assert found["mpjpe_abs_poses"]["value"] == pytest.approx(0, abs=1e-3)


def test_other_splits_are_scored_at_50(score, tmp_path):
    write(tmp_path, "val")
    found = score(load("aspset")(split="val"), tmp_path)
    assert found.coverage["people"] == T
    with pytest.raises(RawDataError, match="no clip of 'test'"):
        list(PROTOCOL.labelled(tmp_path))


def test_c3d_predictions(root, tmp_path):
    """A file a view, at 50 frames a second, joints by name; the frames between do no harm."""
    moved_pose = poses()
    moved_pose[:, ANKLE, 0] += 17
    fake.write_c3d(tmp_path / "p/aaaa-0003-mid.c3d", moved_pose)
    found = score_benchmark(PROTOCOL, root, [tmp_path / "p"])["models"]["p"]["figures"]
    assert found["mpjpe_abs_poses"]["value"] == pytest.approx(1, abs=1e-3)
    fake.write_c3d(tmp_path / "p/aaaa-0003-left.c3d", moved_pose)
    with pytest.raises(PredictionError, match="11 rows are for images that the benchmark lacks"):
        score_benchmark(PROTOCOL, root, [tmp_path / "p"])
    with pytest.raises(PredictionError, match="no <subject>-<clip>-<view>.c3d"):
        score_benchmark(PROTOCOL, root, [tmp_path])


def test_c3d_predictions_at_another_rate(root, tmp_path):
    fake.write_c3d(tmp_path / "p/aaaa-0003-mid.c3d", poses()[::5])
    file = ezc3d.c3d(str(tmp_path / "p/aaaa-0003-mid.c3d"))
    file["parameters"]["POINT"]["RATE"]["value"] = [10.0]
    file.write(str(tmp_path / "p/aaaa-0003-mid.c3d"))
    with pytest.raises(PredictionError, match="2 people have no row"):
        score_benchmark(PROTOCOL, root, [tmp_path / "p"])
