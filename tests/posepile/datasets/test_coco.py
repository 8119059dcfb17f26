"""COCO: a file that COCO itself published, and segmentations that cannot be."""

import json
import shutil

import numpy as np
import pytest
from fakes import coco as fake_coco
from pycocotools.coco import COCO

from posepile import masks
from posepile.datasets import RawDataError
from posepile.datasets.coco import Coco
from posepile.images import read_image

LONG_SIDE = 200 / 1.25


@pytest.fixture
def published(samples, tmp_path):
    """Four real images' annotations (one image is there) as ROOT, and pycocotools' view of them."""
    folder = samples / "coco_keypoints_4img"
    for split in ("train", "val"):
        (tmp_path / f"{split}2014").mkdir()
        shutil.copy(folder / "000000000785.jpg", tmp_path / f"{split}2014")
    (tmp_path / "annotations").mkdir()
    for split in ("train", "val"):
        shutil.copy(
            folder / "example_coco_val.json", tmp_path / f"annotations/person_keypoints_{split}2014.json"
        )
    return tmp_path, COCO(folder / "example_coco_val.json")


def test_a_published_file(published):
    root, api = published
    frames = [f for s in Coco().sequences(root) if s.split == "val" for f in Coco().read(s)]
    chosen = []
    for annotation in api.anns.values():
        x, y, v = np.reshape(annotation["keypoints"], (17, 3)).T
        if (v > 0).sum() >= 8.5 and (v == 2).sum() >= 17 / 3:
            if max(np.ptp(x[v > 0]), np.ptp(y[v > 0])) >= LONG_SIDE:
                chosen.append(annotation)
    assert len(frames) == len(chosen) > 1
    by_box = {tuple(annotation["bbox"]): annotation for annotation in chosen}
    for frame in frames:
        annotation = by_box[tuple(frame.box)]
        assert str(annotation["image_id"]) in frame.key
        np.testing.assert_array_equal(masks.decode(frame.mask), api.annToMask(annotation) > 0)
        assert np.nansum(frame.joints2d) == np.reshape(annotation["keypoints"], (17, 3))[:, :2].sum()


def test_names_stand_at_their_places(published):
    root, _ = published
    (frame,) = [
        f for s in Coco().sequences(root) if s.split == "val" for f in Coco().read(s) if "785" in f.key
    ]
    at = dict(zip(Coco().skeleton.joints, frame.joints2d, strict=True))
    # A skier who faces the camera: her left is on the right of the image
    assert at["leye"][0] > at["reye"][0] and at["lsho"][0] > at["rsho"][0] and at["lhip"][0] > at["rhip"][0]
    assert at["nose"][1] < at["lsho"][1] < at["lhip"][1] < at["lkne"][1] < at["lank"][1]
    assert read_image(frame.image).shape[:2] == tuple(frame.mask["size"])


@pytest.mark.parametrize(
    "segmentation, message",
    [
        ([], "no list of polygons"),
        (None, "no list of polygons"),
        ([[1, 2, 3, 4]], "three corners"),
        ([[1, 2, 3, 4, 5, 6, 7]], "three corners"),
        ([[1, 2, 3, 4, 5, 1e7]], "at most"),
        ({"counts": [480 * 640 - 1], "size": [480, 640]}, "do not fill"),
        ({"counts": [480 * 640 + 5, -5], "size": [480, 640]}, "do not fill"),
        ({"counts": [480 * 640], "size": [640, 480]}, "do not fill"),
        ({"counts": "abc", "size": [480, 640]}, "damaged"),
    ],
)
def test_impossible_segmentations_are_refused(tmp_path, segmentation, message):
    fake_coco.write(tmp_path)
    file = tmp_path / "annotations/person_keypoints_train2014.json"
    document = json.loads(file.read_text())
    document["annotations"][1]["segmentation"] = segmentation
    file.write_text(json.dumps(document))
    with pytest.raises(RawDataError, match=f"{file}.*{message}"):
        list(Coco().read(Coco().sequences(tmp_path)[0]))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"image_id": 77}, "'image_id' is 77"),
        ({"keypoints": [0] * 50}, "'keypoints' has shape"),
        ({"keypoints": None}, "'keypoints' has shape"),
        ({"bbox": [1, 2, 3]}, "'bbox' has shape"),
    ],
)
def test_faults_name_file_and_field(tmp_path, change, message):
    fake_coco.write(tmp_path)
    file = tmp_path / "annotations/person_keypoints_train2014.json"
    document = json.loads(file.read_text())
    document["annotations"][1] |= change
    file.write_text(json.dumps(document))
    with pytest.raises(RawDataError, match=f"{file}.*{message}"):
        list(Coco().read(Coco().sequences(tmp_path)[0]))


def test_file_names_stay_inside(tmp_path):
    fake_coco.write(tmp_path)
    file = tmp_path / "annotations/person_keypoints_train2014.json"
    document = json.loads(file.read_text())
    document["images"][0]["file_name"] = "../../secret.jpg"
    file.write_text(json.dumps(document))
    with pytest.raises(RawDataError, match="leads out"):
        list(Coco().read(Coco().sequences(tmp_path)[0]))
