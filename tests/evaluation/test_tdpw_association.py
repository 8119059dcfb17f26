"""Predictions of 3DPW find their people by a tracker's masks; drawn skeletons and overlaps, by hand."""

import numpy as np
import pytest
import small_tdpw
from fakes.tdpw import INTRINSICS
from PIL import Image

from evaluation.evaluate import evaluate
from evaluation.prediction_writer import PredictionWriter
from evaluation.protocols import load
from evaluation.tdpw_association import draw, overlap
from posepile import skeletons
from posepile.datasets.raw import RawDataError

pytestmark = pytest.mark.filterwarnings("ignore::evaluation.joint_columns.PredictionWarning")
SMPL = skeletons.load("smpl_24")
WIDTH, HEIGHT = 320, 240
N = 4


def masks_of(people, scale):
    """[h, w] values 1, 2, ... of people who stand at some x, as rectangles about their joints in the image."""
    found = np.zeros((int(HEIGHT * scale), int(WIDTH * scale)), np.uint8)
    for number, x in enumerate(people, start=1):
        pixels = small_tdpw.pose(x) @ INTRINSICS.T
        pixels = scale * pixels[:, :2] / pixels[:, 2:]
        low, high = np.maximum(pixels.min(axis=0), 0).astype(int), pixels.max(axis=0).astype(int)
        found[low[1] : high[1] + 1, low[0] : high[0] + 1] = number
    return found


def write_masks(folder, scale=1.0, with_palette=False):
    for name, people in (("walk_00", (-1000.0, 1000.0)), ("run_00", (0.0,))):
        (folder / name).mkdir(parents=True)
        for t in range(N):
            image = Image.fromarray(masks_of(people, scale))
            if with_palette:
                image.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
            image.save(folder / name / f"image_{t:05d}.png")
    return folder


def write_predictions(path):
    """The people in another order, a bystander whom no mask shows, and one of the two not found in the last image."""
    names, poses = [], []
    for t in range(N):
        for x in (1000.0, 2600.0, -1000.0)[: 2 if t == N - 1 else 3]:
            names.append(f"3dpw/imageFiles/walk_00/image_{t:05d}.jpg")
            poses.append(small_tdpw.pose(x))
        names.append(f"3dpw/imageFiles/run_00/image_{t:05d}.jpg")
        poses.append(small_tdpw.pose())
    with PredictionWriter(path, SMPL.union_names) as writer:
        writer.append(names, coords3d_pred_cam=np.array(poses))
    return path


@pytest.mark.parametrize("scale, with_palette", [(1.0, False), (0.5, True)])
def test_masks_tell_people_apart(tmp_path, scale, with_palette):
    root = small_tdpw.write(tmp_path / "raw")
    masks = write_masks(tmp_path / "masks", scale, with_palette)
    protocol = load("tdpw")(association="masks", masks=str(masks), mask_scale=scale)
    (found,) = evaluate(protocol, root, [write_predictions(tmp_path / "p.npz")])
    # Person 0 is not found in the last image: the bystander touches no mask, so that he keeps his last pose, which is
    # right. The wave of the four poses of run_00 is not predicted: 250 mm of one joint
    assert found.tally.mean("found") == pytest.approx(9 / 10)
    assert found.tally.mean("a_mpjpe") == pytest.approx(4 * 250 / 240)
    assert "a tracker's masks" in protocol.describe()["association"]


def test_masks_that_do_not_fit(tmp_path):
    root, path = small_tdpw.write(tmp_path / "raw"), write_predictions(tmp_path / "p.npz")
    with pytest.raises(ValueError, match="needs the option --masks"):
        evaluate(load("tdpw")(association="masks"), root, [path])
    masks = write_masks(tmp_path / "masks")
    protocol = load("tdpw")(association="masks", masks=str(masks))
    (masks / "walk_00/image_00002.png").unlink()
    with pytest.raises(RawDataError, match="walk_00/image_00002.png: missing"):
        evaluate(protocol, root, [path])
    Image.fromarray(np.full((4, 4), 9, np.uint8)).save(masks / "walk_00/image_00002.png")
    with pytest.raises(RawDataError, match=r"largest value 9; expected .* with 0 to 2"):
        evaluate(protocol, root, [path])


def test_drawn_people():
    pixels = np.full((24, 2), np.nan)
    for name, place in {"lsho": (60, 20), "rsho": (20, 20), "rhip": (20, 80), "lhip": (60, 80)}.items():
        pixels[SMPL.joints.index(name)] = place
    drawn = draw(pixels, SMPL, (120, 100))
    assert (
        drawn.sum() == 41 * 61 and drawn[20:81, 20:61].all()
    )  # the trunk; shoulders and hips are no bones of SMPL
    pixels[SMPL.joints.index("lkne")] = 60, 110
    longer = draw(pixels, SMPL, (120, 100))
    assert 7 <= longer[100].sum() <= 9  # the thigh, 8 px wide
    assert not draw(np.full((24, 2), np.nan), SMPL, (120, 100)).any()
    assert draw(pixels + 1e9, SMPL, (120, 100)).sum() == 0


def test_overlaps():
    numbers = np.zeros((4, 5), np.uint8)
    numbers[:2] = 1  # 10 px; nobody has number 2
    drawn = np.zeros((3, 4, 5), bool)
    drawn[0, 1:3] = True  # 10 px, 5 shared: 5 / 15
    drawn[1, :2] = True
    np.testing.assert_allclose(overlap(numbers, drawn, 2), [[1 / 3, 1, 0], [0, 0, 0]])
