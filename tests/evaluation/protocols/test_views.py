"""Videos of calibrated cameras: predicted by a SavedModel, compared with each other; a true model's views agree."""

import json

import numpy as np
import pytest
from fakes.scene import camera, write_video
from small_benchmarks import SIZE, grey

from evaluation.calibration_file import load_qca
from evaluation.commands import consistency, predict
from evaluation.protocols import IDS, load
from evaluation.protocols.views import Views, _video
from posepile.datasets.raw import RawDataError
from posepile.names import UnknownNameError

tf = pytest.importorskip("tensorflow")
from oracle_model import BatchOracle  # noqa: E402

N = 4  # frames, of which every other one is predicted
CAMERAS = {
    "cam1": camera((4000, 0, 1000)),
    "cam2": camera((0, 4000, 1200)),
    "cam3": camera((-3000, 3000, 900)),
}
WORLD = np.random.default_rng(0).uniform(-500, 500, (N, 17, 3)) + [0, 0, 900]


def write(root):
    """The calibration as Qualisys writes it, and a video of each camera, all frames of a grey of their own."""
    parts = []
    for i, (name, each) in enumerate(CAMERAS.items()):
        rows = np.array([1.0, -1, -1])[:, None] * each.rotation
        place = dict(zip("xyz", each.position, strict=True))
        place |= {f"r{a + 1}{b + 1}": rows[a, b] for a in range(3) for b in range(3)}
        lens = {
            "focalLengthU": 64 * each.intrinsics[0, 0], "focalLengthV": 64 * each.intrinsics[1, 1],
            "centerPointU": 64 * each.intrinsics[0, 2], "centerPointV": 64 * each.intrinsics[1, 2],
            "radialDistortion1": 0, "radialDistortion2": 0, "tangentalDistortion1": 0, "tangentalDistortion2": 0,
        }  # fmt: skip
        text = [
            " ".join(f'{key}="{float(value)!r}"' for key, value in part.items()) for part in (place, lens)
        ]
        parts.append(f'<camera serial="{name}"><transform {text[0]}/><intrinsic {text[1]}/></camera>')
        greys = [grey(N * i + t) for t in range(N)]
        write_video(root / f"{name}_take1.mp4", SIZE, greys)
    (root / "c.qca.txt").write_text(f"<calibration><cameras>{''.join(parts)}</cameras></calibration>")
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write(tmp_path_factory.mktemp("views"))


def measured(root, folder, change=lambda poses: poses):
    """Through both commands, with a model that answers with what `change` makes of the truth in each camera's frame."""
    poses = change(np.stack([each.world_to_camera(WORLD) for each in CAMERAS.values()]))
    tf.saved_model.save(
        BatchOracle("h36m_17", [pose[None] for pose in poses.reshape(-1, 17, 3)]), str(folder / "m")
    )
    files = ["--calibration", str(root / "c.qca.txt")]
    out, command = str(folder / "p.h5"), ["--benchmark", "views", "--root", str(root), *files]
    command += ["--joints", "h36m_17", "--step", "2", "--model", str(folder / "m"), "--out", out]
    assert predict.main(command) == 0
    assert consistency.main([out, *files, "--json", str(folder / "r.json")]) == 0
    return json.loads((folder / "r.json").read_text())["views"]


def test_true_poses_agree(root, tmp_path):
    found = measured(root, tmp_path)
    assert (found.pop("cameras"), found.pop("views"), found.pop("times")) == (list(CAMERAS), 3, 2)
    assert found == pytest.approx(
        dict.fromkeys(found, 0), abs=0.02
    )  # float32 of metres; rays meet to 0.01 mm


def test_one_view_sees_a_giant(root, tmp_path):
    """All of a camera's poses a tenth farther and larger: its pixels are right, its depths are not."""

    def change(poses):
        poses[0] *= 1.1
        return poses

    found = measured(root, tmp_path, change)
    # The other two views, two of three compared with the rays, are right; of the pairs, one of three is
    assert found["to_rays"] == pytest.approx(0, abs=0.02) and found["reprojection"] < 0.01
    assert 300 < found["between"] < 500 and found["between_aligned"] < 1


def test_what_does_not_fit(root, tmp_path):
    for name in CAMERAS:
        (tmp_path / f"{name}.mp4").touch()
    (tmp_path / "cam1.avi").touch()
    with pytest.raises(RawDataError, match=r"begins with 'cam1': cam1.avi, cam1.mp4; expected one"):
        list(Views(str(root / "c.qca.txt")).labelled(tmp_path))
    (tmp_path / "cam1.avi").unlink()
    with pytest.raises(RawDataError, match=r"cam1.mp4: damaged"):
        list(Views(str(root / "c.qca.txt")).labelled(tmp_path))
    assert "views" not in IDS
    with pytest.raises(UnknownNameError):
        load("views")  # there is nothing to score
    assert list(load_qca(root / "c.qca.txt")) == list(CAMERAS)


def test_cam1_is_not_cam10(tmp_path):
    for name in ("cam1.mp4", "cam10.mp4", "cam1.txt"):
        (tmp_path / name).touch()
    assert _video(tmp_path, "cam1").name == "cam1.mp4"
    with pytest.raises(RawDataError, match="'cam2': none; expected one"):
        _video(tmp_path, "cam2")
