"""BML-MoVi's phones: cameras and time offsets are found again from noisy keypoints of a known motion."""

import json

import numpy as np
import pytest
from fakes import bml_movi as fake_bml_movi
from fakes.scene import camera, project, write_video
from scipy.ndimage import gaussian_filter1d

from posepile.cameras import Camera
from posepile.commands import calibrate as command
from posepile.datasets import _bml_movi, _movi_phones
from posepile.datasets._movi_phones import CalibrationError, calibrate
from posepile.datasets.bml_movi import BmlMovi
from posepile.skeletons import load_data_set

K = np.array(_bml_movi.PHONE_INTRINSICS)
RATE, OFFSET, SECONDS = 15.0, 2.37, 14
N = round(RATE * SECONDS)
CENTRES = [f"{side}{name}" for name in ("sho", "elb", "wri", "hip", "kne", "ank") for side in "lr"]
COLUMNS = [load_data_set("bml_movi").joints.index(name) for name in CENTRES]
EMPTY = range(60, 75)  # frames in which nobody is found


@pytest.fixture(autouse=True)
def few_frames(monkeypatch):
    """The offset of a phone that is held is found from a few frames, for speed."""
    monkeypatch.setattr(_movi_phones, "N_HELD", 10)


def test_a_phone_that_stands():
    points, truth = motion(), phone((3200, 2800, 1300))
    found = calibrate(keypoints(points, [truth] * N), RATE, points, is_held=False)
    assert abs(found.offset - OFFSET) < 1 / 60
    # Each keypoint is off by 3 px, 10 mm at 4 m; there are 1500 of them
    assert np.linalg.norm(found.cameras.position - truth.position) < 20
    assert angle(found.cameras, truth) < np.deg2rad(0.3)
    assert found.inliers > 0.6 and 2 < found.error < 5


@pytest.mark.parametrize("offset", [-4.5, 7.1])
def test_half_of_the_motion_is_filmed(offset):
    points, truth = motion(), phone((3200, 2800, 1300))
    found = calibrate(keypoints(points, [truth] * N, offset), RATE, points, is_held=False)
    assert abs(found.offset - offset) < 1 / 60


def test_a_phone_that_is_held():
    points, truth = motion(), walk()
    found = calibrate(keypoints(points, truth), RATE, points, is_held=True)
    assert abs(found.offset - OFFSET) < 1 / 60
    cameras = [found.cameras[i] for i in range(N)]
    assert not any(cameras[i] for i in EMPTY)
    assert not any(cameras[: int(OFFSET * RATE)]), "there are no markers yet"
    pairs = [(one, other) for one, other in zip(cameras, truth, strict=True) if one]
    assert len(pairs) > 0.6 * N
    # A step aside and a turn back look alike in the twelve points of one frame
    assert np.median([np.linalg.norm(one.position - other.position) for one, other in pairs]) < 150
    assert np.median([angle(one, other) for one, other in pairs]) < np.deg2rad(2)
    shown = _bml_movi.at_places(points[:, COLUMNS], (np.arange(N) / RATE - OFFSET) * 120)
    errors = [
        project(one, pose) - project(other, pose)
        for one, other, pose in zip(cameras, truth, shown, strict=True)
        if one
    ]
    assert np.nanpercentile(np.linalg.norm(errors, axis=-1), 90) < 12  # px


def test_wrists_and_ankles_alone_are_enough_for_a_phone_that_stands():
    points, truth = motion(), phone((3200, 2800, 1300))
    seen = keypoints(points, [truth] * N)
    kept = [load_data_set("bml_movi").joints.index(name) for name in ("lwri", "rwri", "lank", "rank")]
    points[:, np.setdiff1d(np.arange(87), kept)] = np.nan
    found = calibrate(seen, RATE, points, is_held=False)
    assert abs(found.offset - OFFSET) < 1 / 60
    assert np.linalg.norm(found.cameras.position - truth.position) < 40


@pytest.mark.parametrize("is_held", [False, True])
def test_another_persons_motion_is_refused(is_held):
    seen = keypoints(motion(seed=8), [phone((3200, 2800, 1300))] * N)
    with pytest.raises(CalibrationError, match="fit almost alike|keypoints are within|frames have a camera"):
        calibrate(seen, RATE, motion(), is_held)


def test_an_empty_video_is_refused():
    with pytest.raises(CalibrationError, match="nobody is seen"):
        calibrate([np.zeros((0, 17, 3))] * N, RATE, motion(), is_held=False)


def test_a_phone_that_is_rolled_is_refused():
    points, truth = motion(), phone((3200, 2800, 1300)).rolled(np.deg2rad(20))
    with pytest.raises(CalibrationError, match="rolled by 20 degrees, expected at most 7"):
        calibrate(keypoints(points, [truth] * N), RATE, points, is_held=False)


@pytest.mark.filterwarnings("ignore::posepile.datasets.raw.RawDataWarning")
def test_the_command_makes_what_the_reader_reads(tmp_path, capsys):
    """CP1 is calibrated, CP2 shows nobody; the second run tries CP2 alone."""
    points, truth = motion(), phone((3200, 2800, 1300))
    root = fake_bml_movi.write(tmp_path / "raw").root
    fake_bml_movi.write_f(root / "F_Subjects_1_45/F_v3d_Subject_1.mat", np.nan_to_num(points))
    (root / "Calib/F_CP2.json").unlink()
    write_video(root / "F_CP1_Subject_1.mp4", (1920, 1080), [90] * N, fps=RATE)
    (tmp_path / "keypoints").mkdir()
    for number, people in {1: keypoints(points, [truth] * N), 2: [np.zeros((0, 17, 3))] * 9}.items():
        file = tmp_path / f"keypoints/F_CP{number}_Subject_1.mp4.npz"
        np.savez(file, people=np.concatenate(people), counts=[len(found) for found in people])
    args = ["bml_movi", "--root", str(root), "--keypoints", str(tmp_path / "keypoints"), "--json"]
    verdicts = []
    for _ in range(2):
        assert command.main(args) == 1
        videos = json.loads(capsys.readouterr().out)["videos"]
        verdicts.append({video["video"]: video["verdict"] for video in videos})
    assert verdicts == [
        {"F_CP1_Subject_1.mp4": one, "F_CP2_Subject_1.mp4": "failed"} for one in ("calibrated", "known")
    ]
    (sequence,) = [s for s in BmlMovi().sequences(root) if s.name == "F_CP1_Subject_1.mp4"]
    frames = list(BmlMovi().read(sequence))
    assert len(frames) > 20
    for frame in frames:
        i = int(frame.tags["frame"])
        pose = _bml_movi.at_places(points[:, COLUMNS], np.array([(i / RATE - OFFSET) * 120]))[0]
        found = frame.camera.world_to_image(frame.joints3d[COLUMNS])
        np.testing.assert_allclose(found, project(truth, pose), rtol=0, atol=6)  # px; at 2 m/s 10 ms are 6 px


def test_keypoints_are_found_where_no_file_has_them(tmp_path, monkeypatch, capsys):
    root = fake_bml_movi.write(tmp_path).root
    (root / "Calib/F_CP2.json").unlink()
    looked = []

    class Blind:
        def keypoints(self, image):
            looked.append(image.shape)
            return np.zeros((0, 17, 3), np.float32)

    monkeypatch.setattr(command, "_detector", lambda weights: Blind())
    for _ in range(2):  # the second time the files are there
        assert command.main(["bml_movi", "--root", str(root)]) == 1
        assert looked == [(48, 64, 3)] * 2 + [(1080, 1920, 3)] * 9
    printed = capsys.readouterr().out
    assert "2 of 2 videos failed" in printed and "nobody is seen" in printed
    assert not (root / "Calib/F_CP2.json").exists()
    np.savez(root / "Calib/keypoints/F_CP1_Subject_1.mp4.npz", people=np.zeros((0, 17, 3)), counts=[0])
    command.main(["bml_movi", "--root", str(root), "--json"])
    assert "keypoints of 1 frames, expected 2" in capsys.readouterr().out


def motion(seed: int = 0) -> np.ndarray:
    """[M, 87, 3] mm at 120 Hz: somebody who turns, wanders and swings arms and legs; NaN but for the twelve centres."""
    rng, n = np.random.default_rng(seed), (SECONDS - 4) * 120

    def smooth(sigma, spread, middle=0.0):
        wave = gaussian_filter1d(rng.normal(size=n + 8 * sigma), sigma)[4 * sigma : n + 4 * sigma]
        return wave / wave.std() * spread + middle

    def segment(start, length, angle, aside=0.0):
        return start + length * np.stack([np.full(n, aside), np.sin(angle), -np.cos(angle)], axis=-1)

    parts = []
    for side in (-1, 1):
        arm, elbow, leg, knee = (
            smooth(40, 0.6, 0.3),
            smooth(40, 0.6, 0.4),
            smooth(40, 0.35),
            smooth(40, 0.3, 0.3),
        )
        parts.append([np.tile([side * 190.0, 0, 1420], (n, 1))])
        parts[-1].append(segment(parts[-1][-1], 300, arm, 0.2 * side))
        parts[-1].append(segment(parts[-1][-1], 260, arm + elbow))
        parts[-1].append(np.tile([side * 100.0, 0, 930], (n, 1)))
        parts[-1].append(segment(parts[-1][-1], 420, leg))
        parts[-1].append(segment(parts[-1][-1], 430, leg - knee))
    local = np.stack(
        [part for pair in zip(*parts, strict=True) for part in pair], axis=1
    )  # left, right in turns
    heading = np.cumsum(smooth(90, 0.6)) / 120
    cos, sin = np.cos(heading)[:, np.newaxis], np.sin(heading)[:, np.newaxis]
    x, y, z = np.moveaxis(local, -1, 0)
    points = np.full((n, 87, 3), np.nan)
    points[:, COLUMNS] = np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=-1)
    points[..., 0] += smooth(150, 500, 250)[:, np.newaxis]
    points[..., 1] += smooth(150, 500, 150)[:, np.newaxis]
    return points


def phone(position, target=(250, 150, 900)) -> Camera:
    made = camera(position, target)
    return Camera(K, made.rotation, made.position)


def walk() -> list[Camera]:
    """A phone in a hand: it drifts by decimetres and points about the person."""
    rng = np.random.default_rng(5)
    drift = gaussian_filter1d(np.cumsum(rng.normal(size=(N, 3)) * (60, 60, 15), axis=0), 10, axis=0) / 2
    aim = gaussian_filter1d(rng.normal(size=(N, 3)), 8, axis=0) * 300
    return [
        phone(np.add((3200, 2800, 1500), move), np.add((250, 150, 900), look))
        for move, look in zip(drift, aim, strict=True)
    ]


def keypoints(points: np.ndarray, cameras: list[Camera], offset: float = OFFSET) -> list[np.ndarray]:
    """What a detector sees: 3 px of noise, 15 % of the keypoints anywhere, 10 % missing, a bystander, empty frames."""
    rng = np.random.default_rng(1)
    places = np.clip((np.arange(N) / RATE - offset) * 120, 0, len(points) - 1.001)
    poses = _bml_movi.at_places(points[:, COLUMNS], places)
    frames = []
    for i, (pose, seen_by) in enumerate(zip(poses, cameras, strict=True)):
        people = np.zeros((2, 17, 3))
        for person, shown in zip(people, (pose, poses[0] + (600, -900, 0)), strict=True):
            person[5:, :2] = project(seen_by, shown) + rng.normal(size=(12, 2)) * 3
            person[:, 2] = np.where(rng.random(17) < 0.1, 0.05, 0.7)
            is_wrong = rng.random(17) < 0.15
            person[is_wrong, :2] = rng.uniform((0, 0), (1920, 1080), size=(is_wrong.sum(), 2))
        frames.append(people[:0] if i in EMPTY else people[:: 1 if i % 3 else -1])
    return frames


def angle(one: Camera, other: Camera) -> float:
    """Radians between two cameras."""
    return float(np.arccos(np.clip((np.trace(one.rotation @ other.rotation.T) - 1) / 2, -1, 1)))
