"""A fake COCO: two photos a split, with people who are large, small, hardly labelled, or a crowd."""

import json
from pathlib import Path

import numpy as np

from fakes.scene import Fake, Known, write_image
from posepile.datasets.coco import Coco

SIZE = (640, 480)
LARGE = (300, 80, 150, 300)  # x, y, w, h of the joints' extent
OVERLAPPING = (320, 100, 120, 161)  # 161 * 1.25 > 200
SMALL = (40, 50, 90, 159)  # 159 * 1.25 < 200


def write(root: Path) -> Fake:
    expected = []
    for split, offset in (("train", 0), ("val", 100)):
        names = [f"COCO_{split}2014_{offset + i:012d}" for i in (1, 2)]
        images = [
            {"id": offset + i, "file_name": f"{name}.jpg", "width": SIZE[0], "height": SIZE[1]}
            for i, name in enumerate(names, start=1)
        ]
        for i, name in enumerate(names):
            write_image(root / f"{split}2014/{name}.jpg", SIZE, 20 + offset + 30 * i)
        people = _people(offset)
        folder = root / "annotations"
        folder.mkdir(exist_ok=True)
        document = {"images": images, "annotations": [annotation for annotation, _ in people]}
        (folder / f"person_keypoints_{split}2014.json").write_text(json.dumps(document))
        counts = {}
        for annotation, mask in people:
            if mask is None:
                continue
            image = annotation["image_id"] - offset - 1
            n = counts[image] = counts.get(image, -1) + 1
            x, y, v = np.reshape(annotation["keypoints"], (17, 3)).T
            expected.append(
                Known(
                    key=f"{split}2014/{image:02d}/{names[image]}_{n:02d}",
                    split=split,
                    pixels=np.where(v[:, None] > 0, np.stack([x, y], axis=1), np.nan),
                    box=np.array(annotation["bbox"]),
                    mask=mask,
                    grey=20 + offset + 30 * image,
                )
            )
    return Fake(Coco(), root, expected, ("annotations/*.json",))


def _people(offset: int) -> list[tuple[dict, np.ndarray | None]]:
    """Annotations, and the masks of those that are to be chosen."""
    rng = np.random.default_rng(offset)
    two_parts = [_corners(300, 80, 60, 100), _corners(330, 150, 50, 80)]
    runs = [300 * 480 + 100, 50, 430, 50, 340 * 480 - 630]
    crowd = {"counts": runs, "size": [480, 640]}
    entries = [
        (1, LARGE, 17, 5, [_corners(*LARGE)], None),  # 5 visible
        (1, LARGE, 17, 17, two_parts, _filled((300, 80, 60, 100), (330, 150, 50, 80))),
        (1, LARGE, 8, 8, [_corners(*LARGE)], None),  # 8 labelled
        (1, SMALL, 17, 17, [_corners(*SMALL)], None),
        (2, LARGE, 9, 6, [_corners(*LARGE)], _filled(LARGE)),  # just enough: 9 labelled, 6 of them visible
        (1, OVERLAPPING, 17, 10, crowd, _filled((300, 100, 2, 50))),
        (2, LARGE, 0, 0, [_corners(*LARGE)], None),
    ]
    people = []
    for i, (image, extent, n_labelled, n_visible, segmentation, mask) in enumerate(entries):
        x, y, w, h = extent
        points = rng.uniform((x, y), (x + w, y + h), size=(17, 2)).round(1)
        points[0], points[1] = (x, y), (x + w, y + h)  # so that the extent is known
        v = np.zeros(17, int)
        v[:n_labelled] = 1
        v[:n_visible] = 2
        points[v == 0] = 0
        annotation = {
            "id": offset + i,
            "image_id": offset + image,
            "category_id": 1,
            "keypoints": np.column_stack([points, v]).ravel().tolist(),
            "num_keypoints": n_labelled,
            "bbox": [x - 10.5, y - 5, w + 20, h + 11.5],
            "segmentation": segmentation,
            "iscrowd": int(isinstance(segmentation, dict)),
        }
        people.append((annotation, mask))
    return people


def _corners(x, y, w, h) -> list[float]:
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def _filled(*boxes) -> np.ndarray:
    mask = np.zeros(SIZE[::-1], bool)
    for x, y, w, h in boxes:
        mask[y : y + h, x : x + w] = True
    return mask
