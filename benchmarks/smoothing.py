"""What the smoother of `dozens pose` does to real motion with noise: acceleration, displacement, error.

    python benchmarks/smoothing.py --motion FOLDER_OF_BVH_OR_AMC --clips walk

Motion capture at 30 frames/s, its middle 7 m in front of the camera, is the truth. White noise of some mm a coordinate
is added to every joint; then also jumps of 150 mm in a share of the joints, or noise of the whole person's distance
from the camera, which is what networks see worst. Compared with the one-euro filter alone, forwards, as it would run
on a live picture. The goal: acceleration lowered by half, displacement below 5 mm. The last line is JSON.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from posepile.cameras import Camera
from posepile.synthetic import motion
from posepile.synthetic.mocap.recording import to_global, to_positions
from serving.frames import PosedFrame
from serving.predictor import People
from serving.video.one_euro import OneEuro
from serving.video.smoother import Smoother

FPS = 30.0
LEAST_FRAMES = 30
CAMERA_TO_MIDDLE = np.array([0.0, 0, 7000])  # mm
JUMP_MM = 150.0
IMAGE = np.zeros((1, 1, 3), np.uint8)


@dataclass(frozen=True)
class Settings:
    """What is filtered."""

    motion: Path | None = None
    """Folder of motion capture; without it the recordings of the package, which are dances, falls and jumps."""
    clips: str = ""
    """Only recordings whose name contains this."""
    seed: int = 0


@dataclass(frozen=True)
class Noise:
    """joint_mm: of each coordinate; distance: of the whole person's, as a share of it; jumping: share of the joints."""

    joint_mm: float
    distance: float = 0.0
    jumping: float = 0.0

    def __str__(self) -> str:
        more = [f"{100 * self.distance:g} % far"] * (self.distance > 0) + ["jumps"] * (self.jumping > 0)
        return " + ".join([f"{self.joint_mm:g}", *more])

    def added_to(self, truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        noisy = truth + rng.normal(0, self.joint_mm, truth.shape)
        jumps = rng.random(truth.shape[:2]) < self.jumping
        direction = rng.normal(size=(jumps.sum(), 3))
        noisy[jumps] += JUMP_MM * direction / np.linalg.norm(direction, axis=1, keepdims=True)
        return noisy * rng.normal(1, self.distance, (len(noisy), 1, 1))


NOISES = (
    *map(Noise, (2, 3, 5, 10, 20)),
    Noise(3, jumping=0.02),
    *(Noise(3, distance) for distance in (0.001, 0.003, 0.01, 0.03)),
)


def main(settings: Settings) -> dict:
    rng = np.random.default_rng(settings.seed)
    truths = recordings(settings)
    print(f"{len(truths)} recordings, {sum(map(len, truths))} frames: {mean(acceleration, truths):.2f} m/s²")
    print("noise          acceleration m/s²     less displacement  from the truth mm    (forwards alone:")
    print("mm                noisy  filtered       %        mm        noisy  filtered  less %, displacement)")
    results = {}
    for noise in NOISES:
        noisy = [noise.added_to(truth, rng) for truth in truths]
        filtered, forwards = [smoothed(x) for x in noisy], [causal(x) for x in noisy]
        before = mean(acceleration, noisy)
        row = dict(
            noisy=before,
            filtered=mean(acceleration, filtered),
            less_percent=100 - 100 * mean(acceleration, filtered) / before,
            displacement=mean(distance, filtered, noisy),
            error_noisy=mean(distance, noisy, truths),
            error_filtered=mean(distance, filtered, truths),
            forwards_less_percent=100 - 100 * mean(acceleration, forwards) / before,
            forwards_displacement=mean(distance, forwards, noisy),
        )
        results[str(noise)] = {name: round(value, 2) for name, value in row.items()}
        values = " ".join(f"{value:9.2f}" for value in row.values())
        print(f"{noise!s:13}{values}")
    return results


def recordings(settings: Settings) -> list[np.ndarray]:
    """Joints [T, J, 3] mm at 30 frames/s, the parts of each recording that belong together."""
    clips = motion.clips() if settings.motion is None else motion.load_folder(settings.motion)
    found = []
    for clip in clips:
        rig = motion.rig()
        joints = to_positions(rig.parents, rig.heads, to_global(rig.parents, clip.rotations), clip.root)
        times = np.arange(0, (len(joints) - 1) / clip.fps, 1 / FPS)
        if settings.clips in clip.name and len(times) >= LEAST_FRAMES:
            joints = resampled(joints.astype(np.float64), clip.fps, times)
            found.append(joints - joints.mean(axis=(0, 1)) + CAMERA_TO_MIDDLE)
    if not found:
        raise SystemExit(
            f"no recording of {LEAST_FRAMES} frames or more whose name contains {settings.clips!r}"
        )
    return found


def resampled(joints: np.ndarray, fps: float, times: np.ndarray) -> np.ndarray:
    from scipy.interpolate import CubicSpline

    return CubicSpline(np.arange(len(joints)) / fps, joints)(times)


def smoothed(joints: np.ndarray) -> np.ndarray:
    """As `dozens pose` does it, frame by frame."""
    smoother, done = Smoother(Camera(np.eye(3))), []
    for i, pose in enumerate(joints):
        people = People(np.array([[0.0, 0, 9, 9]]), pose[np.newaxis], pose[np.newaxis, :, :2])
        frame = PosedFrame(IMAGE, people, np.array([1]), np.array([False]), i, i / FPS)
        done += smoother.push(frame)
    return np.stack([frame.people.joints3d[0] for frame in [*done, *smoother.finish()]])


def causal(joints: np.ndarray) -> np.ndarray:
    run = OneEuro()
    return np.stack([run(i / FPS, pose) for i, pose in enumerate(joints)])


def acceleration(joints: np.ndarray) -> float:
    """Mean over joints and frames, m/s²."""
    return float(np.linalg.norm(np.diff(joints, 2, axis=0), axis=-1).mean() * FPS**2 / 1000)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over joints and frames, mm."""
    return float(np.linalg.norm(a - b, axis=-1).mean())


def mean(function, *motions) -> float:
    """Of a function of one recording, weighted by frames."""
    values = [function(*parts) for parts in zip(*motions, strict=True)]
    return float(np.average(values, weights=[len(parts) for parts in motions[0]]))


if __name__ == "__main__":
    print(json.dumps(main(tyro.cli(Settings)), allow_nan=False))
