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


def drawn(pixels, shape=(120, 100)):
    picture = np.zeros(shape, bool)
    mask, at = draw(pixels, SMPL, shape)
    picture[at] = mask
    return picture


def test_drawn_people():
    pixels = np.full((24, 2), np.nan)
    for name, place in {"lsho": (60, 20), "rsho": (20, 20), "rhip": (20, 80), "lhip": (60, 80)}.items():
        pixels[SMPL.joints.index(name)] = place
    trunk = drawn(pixels)  # shoulders and hips are no bones of SMPL
    assert trunk.sum() == 41 * 61 and trunk[20:81, 20:61].all()
    pixels[SMPL.joints.index("lkne")] = 60, 110
    assert 7 <= drawn(pixels)[100].sum() <= 9  # the thigh, 8 px wide
    assert not drawn(np.full((24, 2), np.nan)).any() and not drawn(pixels + 1e9).any()
    # A part of the person beyond the picture's edge
    np.testing.assert_array_equal(drawn(pixels - [40, 0])[:, :60], drawn(pixels)[:, 40:])


def test_overlaps():
    # A trunk of 11 x 11 px over a mask of 11 x 22 px, half of which it covers; nobody has number 2
    pixels = np.full((2, 24, 2), np.nan)
    for name, place in {"lsho": (20, 10), "rsho": (10, 10), "rhip": (10, 20), "lhip": (20, 20)}.items():
        pixels[0, SMPL.joints.index(name)] = place
    numbers = np.zeros((40, 50), np.uint8)
    numbers[10:21, 10:32] = 1
    np.testing.assert_allclose(overlap(numbers, pixels, SMPL, 2), [[0.5, 0], [0, 0]])
