"""A fake SPEC-SYN: two people in an image, of whom one is not detected, one who is small, and one to test on."""

from pathlib import Path

import cv2
import fake_body_models as bodies
import numpy as np

from fakes.scene import Fake, Known, write_image
from posepile.datasets.spec import Spec

SIZE = (640, 480)
LIMBS = [8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20]  # SMPL's indices of the first 12 rows of S
OPENPOSE = {1: 12, 2: 17, 3: 19, 4: 21, 5: 16, 6: 18, 7: 20, 8: 0, 9: 2, 10: 5, 11: 8, 12: 1, 13: 4, 14: 7}
# Image, place in the camera's frame (mm), size of the whole, grey level, whether detected, whether kept
PEOPLE = {
    "train": [
        ("images/a_b_c_00_0001.png", (-600, 100, 3500), 1.1, True),
        ("images/a_b_c_00_0001.png", (700, 100, 3500), 0.9, False),
        ("images/a_b_c_00_0002.png", (0, 0, 12000), 1.0, True),  # under 100 px wide
        ("images/a_b_c_00_0003.png", (0, 200, 3000), 0.5, True),
    ],
    "test": [("images/a_b_c_00_0009.png", (0, 0, 3000), 1.3, True)],
}
KEPT = {"train": (0, 3), "test": (0,)}


def write(root: Path) -> Fake:
    fields = bodies.fake_body_model("smpl", seed=5)
    bodies.write_pickle(root / "models/smpl/SMPL_NEUTRAL.pkl", fields)
    expected, detections = [], {}
    for split, people in PEOPLE.items():
        labels = [_labels(fields, i, *person[1:3]) for i, person in enumerate(people)]
        columns = {key: np.array([label[key] for label in labels]) for key in labels[0] if key != "joints"}
        file = root / f"spec-syn/annotations/{split}.npz"
        file.parent.mkdir(parents=True, exist_ok=True)
        partnames = np.array([{"not": "read"}] * len(people), object)
        np.savez(file, imgname=[person[0] for person in people], partname=partnames, **columns)
        images = sorted({person[0] for person in people})
        for i, (image, _, _, is_detected) in enumerate(people):
            grey = 50 + 20 * images.index(image)
            write_image(root / "spec-syn" / image, SIZE, grey)
            world = labels[i]["joints"] @ labels[i]["cam_rotmat"]  # the camera's frame, turned back
            pixels = _project(labels[i]["joints"], labels[i]["cam_int"])
            low, high = pixels.min(axis=0), pixels.max(axis=0)
            box = np.concatenate([low - 6, high - low + 9])
            detections.setdefault(Path(image).name, []).extend([[*box, 0.7]] if is_detected else [])
            if i in KEPT[split]:
                order = [*range(1, 24), 0]
                expected.append(
                    Known(
                        key=f"{split}/{images.index(image):02d}/{Path(image).stem}_{i:06d}",
                        split=split,
                        joints3d=world[order],
                        pixels=pixels[order],
                        box=box,
                        grey=grey,
                    )
                )

    def detect(source):
        return np.array(detections[source.path.name], float).reshape(-1, 5)

    return Fake(Spec(root / "models"), root, expected, ("**/*.npz",), detect)


def _labels(fields: dict, i: int, place, size: float) -> dict[str, np.ndarray]:
    """One person's row, and "joints": where they are, [24, 3] mm in the camera's frame."""
    rng = np.random.default_rng(i)
    pose, shape = rng.normal(scale=0.3, size=72), rng.normal(size=10)
    body, _ = bodies.slow_body(fields, pose, shape)
    turn = cv2.Rodrigues(rng.normal(scale=0.4, size=3))[0]
    in_camera = body @ turn.T + place
    intrinsics = np.array([[700.0, 0, 320], [0, 700, 240], [0, 0, 1]])
    openpose = rng.uniform(0, 400, size=(25, 3))
    pixels = _project(in_camera, intrinsics)
    for theirs, ours in OPENPOSE.items():
        openpose[theirs, :2] = pixels[ours]
    joints = np.ones((24, 4))
    joints[:12, :3] = size * body[LIMBS] / 1000 + [3, 2, 1]  # elsewhere, but of the right size
    joints[12:, :3] = rng.normal(scale=5, size=(12, 3))  # says nothing of the size
    tilt = cv2.Rodrigues(np.array([0.3 + 0.1 * i, 0, 0]))[0] @ cv2.Rodrigues(np.array([0, 0, 0.1]))[0]
    return {
        "pose": pose, "shape": shape, "openpose_gt": openpose, "S": joints, "cam_rotmat": tilt, "cam_int": intrinsics,
        "joints": in_camera * size,
    }  # fmt: skip


def _project(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    image = points @ intrinsics.T
    return image[:, :2] / image[:, 2:]
