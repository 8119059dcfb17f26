"""`dozens pose` from end to end, with a model that sees a standing person in every crop."""

import csv
import json
import re

import cv2
import numpy as np
import pytest
from fake_models import H36M, save_standing
from PIL import Image

from posepile.cameras import Camera
from posepile.people import fetch
from serving import media

JOINTS = len(H36M)
DETECTED = [(90, 10, 36, 100, 0.8), (5, 5, 36, 105, 0.6), (50, 5, 30, 50, 0.1)]  # x, y, w, h, score


@pytest.fixture(scope="module")
def detecting_model(tmp_path_factory):
    """A model that finds the same two people everywhere, and a third one who is too uncertain."""
    return save_standing(tmp_path_factory.mktemp("detecting") / "model", detected=DETECTED)


@pytest.fixture(scope="module")
def blind_model(tmp_path_factory):
    """A model that never finds anybody."""
    return save_standing(tmp_path_factory.mktemp("blind") / "model", detected=[])


def test_photo_whole_image(pose, folder):
    code, out, _ = pose("photo.png")
    assert code == 0 and re.search(
        "photo.png: 1 people, 1 poses in 1 frames, .*/s -> out/photo_pose.jpg", out
    )
    document = poses_json()
    assert (document["detector"], document["raw"]) == (None, False)  # this model has none
    assert document["format_version"] == 1 and document["skeleton"] == "" and document["failed"] == []
    assert document["joint_names"] == [f"{joint}_h36m" for joint in H36M.joints]
    assert document["joint_edges"] == [list(edge) for edge in H36M.edges]
    [item] = document["inputs"]
    assert (item["path"], item["overlay"]) == ("photo.png", "photo_pose.jpg")
    assert (item["width"], item["height"], item["fps"]) == (160, 120, None)
    focal = 80 / np.tan(np.deg2rad(55) / 2)
    np.testing.assert_allclose(item["intrinsics"], [[focal, 0, 79.5], [0, focal, 59.5], [0, 0, 1]])
    [[person]] = [frame["people"] for frame in item["frames"]]
    assert person["box"] == [-0.5, -0.5, 160, 120]
    assert (person["id"], person["score"], item["exif_orientation"]) == (None, 1, 1)
    check_geometry(person, item)
    assert media.read_photo(folder / "out" / "photo_pose.jpg").shape == (120, 280, 3)


def test_video_with_one_box_and_a_skeleton(pose):
    code, out, _ = pose("clip.mp4", "--box", 40, 10, 50, 90, "--skeleton", "h36m_17", "--json")
    assert code == 0
    summary = json.loads(out)
    assert summary["inputs"][0].pop("frames_per_s") > 0
    counts = {"frames": 5, "poses": 5, "people": 1}
    assert summary == {
        "poses": "out/poses.json",
        "inputs": [{"path": "clip.mp4", "overlay": "clip_pose.mp4"} | counts],
        "files": [],
        "failed": [],
    }
    document = poses_json()
    assert document["skeleton"] == "h36m_17" and document["joint_names"] == list(H36M.joints)
    [item] = document["inputs"]
    assert item["fps"] == 10 and len(item["frames"]) == 5
    for i, frame in enumerate(item["frames"]):
        [person] = frame["people"]
        assert (frame["index"], frame["time_s"], person["id"]) == (i, i / 10, 1)
        assert person["box"] == [40, 10, 50, 90]
        check_geometry(person, item)
        pelvis = person["joints2d"][H36M.index("pelv")]
        assert 60 < pelvis[0] < 70 and 50 < pelvis[1] < 70  # the middle of the box
    with media.open_video("out/clip_pose.mp4") as video:
        assert video.size == (280, 120) and len(list(video.frames)) == 5


def test_boxes_from_a_file_for_photo_and_video_together(pose, folder):
    boxes = {"photo.png": [[5, 5, 60, 100], [80, 5, 60.5, 100]], "clip.mp4": [], "unused.jpg": [[1, 2, 3, 4]]}
    (folder / "boxes.json").write_text(json.dumps(boxes))
    assert pose("photo.png", "clip.mp4", "--boxes", "boxes.json")[0] == 0
    photo, clip = poses_json()["inputs"]
    assert [person["box"] for person in photo["frames"][0]["people"]] == boxes["photo.png"]
    assert [frame["people"] for frame in clip["frames"]] == [[]] * 5


def test_intrinsics_and_field_of_view(pose):
    pose("photo.png", "--intrinsics", 200, 210, 70.5, 60)
    assert poses_json()["inputs"][0]["intrinsics"] == [[200, 0, 70.5], [0, 210, 60], [0, 0, 1]]
    pose("photo.png", "--fov-deg", 90)
    assert poses_json()["inputs"][0]["intrinsics"][0][0] == pytest.approx(80)


def test_pictures_never_overwrite_an_input_or_each_other(pose, folder, photo):
    media.write_photo(folder / "photo.bmp", photo)
    (folder / "out").mkdir()
    media.write_photo(folder / "out" / "photo_pose.jpg", photo)
    before = (folder / "out" / "photo_pose.jpg").read_bytes()
    assert pose("photo.png", "photo.bmp", "out/photo_pose.jpg")[0] == 0
    pictures = [item["overlay"] for item in poses_json()["inputs"]]
    assert pictures == ["photo_pose_2.jpg", "photo_pose_3.jpg", "photo_pose_pose.jpg"]
    assert (folder / "out" / "photo_pose.jpg").read_bytes() == before


def test_an_input_that_fails_does_not_stop_the_others(pose, folder):
    (folder / "cut.png").write_bytes((folder / "photo.png").read_bytes()[:300])
    (folder / "text.mp4").write_text("no video")
    (folder / "empty.mp4").touch()
    names = ["cut.png", "text.mp4", "empty.mp4", "absent.jpg"]
    code, out, error = pose(*names, "photo.png")
    assert code == 1 and "photo.png: 1 people" in out
    assert "error: cut.png: not a readable image" in error
    assert "error: text.mp4: not a readable video" in error
    document = poses_json()
    assert [item["path"] for item in document["inputs"]] == ["photo.png"]
    assert [item["path"] for item in document["failed"]] == names
    assert error.count("error: ") == 4 and "error: absent.jpg: no such file" in error


def test_a_video_that_ends_too_early_keeps_its_frames_and_fails(pose, monkeypatch):
    real = media.open_video.__wrapped__

    def breaking(path):
        for video in real(path):
            yield media.Video(video.size, video.fps, breaking_frames(video.frames))

    def breaking_frames(frames):
        yield from (next(frames) for _ in range(3))
        raise media.MediaError("clip.mp4: ended after 3 frames, expected about 5")

    monkeypatch.setattr(media, "open_video", media.contextlib.contextmanager(breaking))
    code, out, _ = pose("clip.mp4", "photo.png", "--json")
    assert code == 1
    assert [item["frames"] for item in json.loads(out)["inputs"]] == [3, 1]
    document = poses_json()
    assert [len(item["frames"]) for item in document["inputs"]] == [3, 1]
    assert document["failed"] == [
        {"path": "clip.mp4", "error": "clip.mp4: ended after 3 frames, expected about 5"}
    ]


def test_a_folder_of_photos(pose, folder, photo):
    (folder / "many").mkdir()
    for name in ("b.png", "a.jpg"):
        media.write_photo(folder / "many" / name, photo)
    (folder / "many" / "notes.txt").touch()
    assert pose("many")[0] == 0
    document = poses_json()
    assert [item["path"] for item in document["inputs"]] == ["many/a.jpg", "many/b.png"]
    assert document["failed"] == []


def test_detected_people_and_their_ids(pose, folder, detecting_model):
    formats = ["csv", "npz", "bvh", "c3d"]
    assert pose("photo.png", "clip.mp4", "--also", *formats, model=detecting_model)[0] == 0
    document = poses_json()
    assert document["detector"] == "of the model"
    for frame in [f for item in document["inputs"] for f in item["frames"]]:
        assert [(p["box"], p["score"]) for p in frame["people"]] == [([*b[:4]], b[4]) for b in DETECTED[:2]]
    assert {tuple(p["id"] for p in f["people"]) for f in document["inputs"][1]["frames"]} == {(1, 2)}
    names = {path.name for path in (folder / "out").iterdir()}
    motions = {f"clip_pose_person{i}.{ending}" for i in (1, 2) for ending in ("bvh", "c3d")}
    assert names == {"poses.json", "poses.csv", "poses.npz", "photo_pose.jpg", "clip_pose.mp4"} | motions
    check_tables(document, folder / "out")


def check_tables(document, out):
    """The same people are in poses.csv and poses.npz, in the same order."""
    people = [p for item in document["inputs"] for frame in item["frames"] for p in frame["people"]]
    with np.load(out / "poses.npz") as arrays, open(out / "poses.csv", newline="") as file:
        lines = list(csv.DictReader(file))
        assert arrays["inputs"].tolist() == ["photo.png", "clip.mp4"]
        assert arrays["input"].tolist() == [0] * 2 + [1] * 10 and len(lines) == len(people) == 12
        np.testing.assert_allclose(arrays["joints3d"], [p["joints3d"] for p in people], atol=0.006)  # rounded
        for line, person in zip(lines, people, strict=True):
            point = [float(line[f"lwri_h36m_{axis}"]) for axis in "xyzuv"]
            joint = H36M.index("lwri")
            np.testing.assert_allclose(
                point, person["joints3d"][joint] + person["joints2d"][joint], atol=0.011
            )


def test_nobody_is_a_result(pose, blind_model):
    code, out, error = pose("photo.png", "clip.mp4", "--also", "csv", "npz", "bvh", model=blind_model)
    assert code == 0 and "error" not in error and "0 people, 0 poses in 5 frames" in out
    assert [frame["people"] for item in poses_json()["inputs"] for frame in item["frames"]] == [[]] * 6


def test_only_the_first_seconds_and_raw(pose, detecting_model):
    for raw in (False, True):
        assert pose("clip.mp4", *["--raw"] * raw, "--seconds", "0.2", model=detecting_model)[0] == 0
        [item] = poses_json()["inputs"]
        assert poses_json()["raw"] is raw and [len(frame["people"]) for frame in item["frames"]] == [2, 2]


def test_a_photo_is_turned_by_its_exif_tag_and_that_is_said(pose, folder, photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo).save(folder / "turned.jpg", exif=exif)
    code, out, _ = pose("turned.jpg")
    assert code == 0 and "turned.jpg: turned upright, as its EXIF tag 6 says" in out
    [item] = poses_json()["inputs"]
    assert (item["width"], item["height"], item["exif_orientation"]) == (120, 160, 6)


def test_pictures_of_every_kind_and_size(pose, folder, photo):
    pictures = {
        "grey.png": photo[..., 0],
        "rgba.png": np.dstack([photo, photo[..., 0]]),
        "deep.png": photo.astype(np.uint16) * 257,
        "dot.png": photo[:1, :1],
        "line.png": np.tile(photo[:2], (1, 20, 1)),
    }
    for name, image in pictures.items():
        cv2.imwrite(name, image)
    assert pose(*pictures)[0] == 0
    assert [(i["width"], i["height"]) for i in poses_json()["inputs"]] == [
        image.shape[1::-1] for image in pictures.values()
    ]


def test_a_webcam(pose, photo, monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: FakeCamera(photo, frames=4))
    code, out, error = pose("--webcam", 3)
    assert code == 1 and "webcam 3: gave no more frames" in error  # it was unplugged
    [item] = poses_json()["inputs"]
    assert (item["path"], item["overlay"], item["fps"]) == ("webcam3", "webcam3_pose.mp4", 20)
    indices = [frame["index"] for frame in item["frames"]]
    assert len(indices) == 4 and indices == sorted(set(indices))
    with media.open_video("out/webcam3_pose.mp4") as video:
        assert len(list(video.frames)) == indices[-1] + 1  # what was missed is shown longer


class FakeCamera:
    """A capture device of OpenCV that shows one picture a few times."""

    def __init__(self, photo, frames):
        self.photo, self.left = photo[..., ::-1], frames

    def isOpened(self):
        return True

    def get(self, what):
        facts = {cv2.CAP_PROP_FPS: 20.0, cv2.CAP_PROP_FRAME_WIDTH: 160.0, cv2.CAP_PROP_FRAME_HEIGHT: 120.0}
        return facts[what]

    def set(self, what, value):
        return True

    def read(self):
        self.left -= 1
        return (True, self.photo) if self.left >= 0 else (False, None)

    def release(self):
        pass


@pytest.mark.parametrize("name", ["astronaut", "coco", "walk"])
def test_real_pictures(pose, samples, name):
    if name == "astronaut":
        path, options, count = samples / "photo_astronaut/astronaut.png", [], 1
    elif name == "coco":
        path = samples / "coco_keypoints_4img/000000000785.jpg"
        labels = json.loads(path.with_name("example_coco_val.json").read_text())["annotations"]
        boxes = [label["bbox"] for label in labels if label["image_id"] == 785]
        with open("boxes.json", "w") as file:
            json.dump({path.name: boxes}, file)
        options, count = ["--boxes", "boxes.json"], len(boxes)
    else:
        path, options, count = first_frames(samples / "video_walk_sports2d/walk_f000-089.mp4", 6), [], 6
    code, out, error = pose(path, *options, "--json")
    assert code == 0, error
    assert json.loads(out)["inputs"][0]["poses"] == count
    [item] = poses_json()["inputs"]
    for frame in item["frames"]:
        for person in frame["people"]:
            check_geometry(person, item)


def test_ids_stay_constant_on_the_walking_video(pose, samples):
    """Somebody stands there from the start, with gaps; somebody else comes in after 1.2 s and walks left."""
    try:
        fetch.installed("detector")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    path = samples / "video_walk_sports2d/walk_f000-089.mp4"
    code, out, _ = pose(path, "--detector", "movenet", "--json")
    assert code == 0 and json.loads(out)["inputs"][0]["people"] == 2
    frames = poses_json()["inputs"][0]["frames"]
    lefts = {1: [], 2: []}
    for frame in frames:
        for person in frame["people"]:
            lefts[person["id"]].append(person["box"][0])
    assert len(lefts[1]) == 90 and len(lefts[2]) > 45  # in every frame since they are there
    assert max(lefts[1]) < 300 and min(lefts[2]) > 450
    assert any(person["filled"] for frame in frames for person in frame["people"])


def first_frames(path, count):
    with media.open_video(path) as video, media.video_writer("first.mp4", video.fps) as write:
        for _ in range(count):
            write(next(video.frames)[1])
    return "first.mp4"


def check_geometry(person, item):
    """The pixels are the projected points, and the head is above the ankles."""
    points, pixels = np.array(person["joints3d"]), np.array(person["joints2d"])
    assert points.shape == (JOINTS, 3) and pixels.shape == (JOINTS, 2)
    projected = Camera(np.array(item["intrinsics"])).camera_to_image(points)
    np.testing.assert_allclose(projected, pixels, rtol=0, atol=0.02)  # px; both are rounded to 0.01
    head, ankle = H36M.index("htop"), H36M.index("lank")
    assert points[head, 1] < points[ankle, 1] and pixels[head, 1] < pixels[ankle, 1]


def poses_json():
    with open("out/poses.json") as file:
        return json.load(file, parse_constant=lambda name: pytest.fail(f"{name} in poses.json"))
