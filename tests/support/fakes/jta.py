"""A fake JTA: a street with up to four people, and a sequence of each other split."""

import json
from pathlib import Path

import numpy as np

from fakes.scene import Fake, Known, person, write_video
from posepile.datasets.jta import Jta

SIZE = (192, 108)  # of the videos, whose pixels say nothing here
T = 4
MOVED = (0, 50, 200, 280)  # mm, of the first person; 80 mm at the last frame
NECK, RIGHT_ANKLE, LEFT_ANKLE = 2, 18, 21
UP = np.array([0.1, -0.99, 0.05]) / np.linalg.norm([0.1, -0.99, 0.05])
GREYS = [20 + 40 * i for i in range(T)]


def write(root: Path) -> Fake:
    expected, detections = [], {}
    for split, number, is_upper in (
        ("train", 0, True),
        ("train", 10, False),
        ("val", 1, False),
        ("test", 2, True),
    ):
        name, rows = f"seq_{number}", []
        write_video(root / f"videos/{split}/{name}.{'MP4' if is_upper else 'mp4'}", SIZE, GREYS, fps=30)
        for i in range(T):
            found = []
            for id, pose, hidden, detection in _people(i):
                pixels = _project(pose)
                rows += [
                    [i + 1, id, j, *(pixels[j] + 5), *(pose[j] / 1000), int(j in hidden), 1]
                    for j in range(22)
                ]
                shown = np.delete(pixels, hidden, axis=0)
                box = _around(shown)
                if detection is not None:
                    found.append((*(box + detection), 0.7))
                if (id, i) in {(3, 0), (3, 2), (7, 1), (7, 2), (7, 3)}:
                    key, tags = f"{split}/{name}/{i:06d}_{id:03d}", {"subject": f"{split}/{name}/{id}"}
                    expected.append(Known(key, split, box + detection, GREYS[i], pose, pixels, tags=tags))
            detections[name, i] = np.reshape(found[::-1], (-1, 5))
        # Somebody beyond the video's end
        rows += [[T + 1, 3, j, 0, 0, 0, 0, 5, 0, 0] for j in range(22)]
        np.random.default_rng(number).shuffle(rows)
        file = root / f"annotations/{split}/{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(rows))
    return Fake(Jta(), root, expected, ("annotations/*/*.json",), lambda s: detections[s.path.stem, s.frame])


def _people(i: int) -> list[tuple[int, np.ndarray, list[int], np.ndarray | None]]:
    """Ids, poses [22, 3] mm, hidden joints and how the detection differs from the box, at a frame."""
    found = [
        (3, _standing(MOVED[i], seed=1), [3, 5], np.array([-4, 2, 6, 1])),
        (5, _standing(2000 + 300 * i, seed=2), list(range(18)), np.zeros(4)),  # four visible joints
        (6, _standing(-2000 + 300 * i, seed=3), [], np.array([0, 0, 0, 900])),  # too large a detection
        (9, _standing(-1000 + 300 * i, 12000, scale=0.5, seed=4), [], np.zeros(4)),  # less than 100 px
    ]
    if i > 0:  # at first not detected: the sampler must not know of it
        found.append((7, _standing(3500 + 110 * i, seed=5), [], np.array([3, 3, -2, 0])))
    else:
        found.append((7, _standing(3500 + 110 * i, seed=5), [], None))
    return found


def _standing(x: float, z: float = 8000, scale: float = 1.0, seed: int = 0) -> np.ndarray:
    """Somebody whose neck is straight above his ankles."""
    pose = person(22, seed=seed, up=1)
    pose[NECK] = 600 * UP
    pose[RIGHT_ANKLE], pose[LEFT_ANKLE] = (-100, 0, 0) - 700 * UP, (100, 0, 0) - 700 * UP
    return scale * pose + (x, 0, z)


def _project(pose: np.ndarray) -> np.ndarray:
    x, y, z = pose.T
    return np.stack([1167 * x / z + 960, 1167 * y / z + 540], axis=1)


def _around(pixels: np.ndarray) -> np.ndarray:
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    return np.concatenate([low, high - low])
