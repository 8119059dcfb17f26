"""`dozens pose` from end to end, with a model that sees a standing person in every crop."""

import json
import re

import numpy as np
import pytest
from fake_models import H36M

from dozens.cli import main
from posepile.cameras import Camera
from serving import media

JOINTS = len(H36M)


@pytest.fixture
def folder(tmp_path, photo, monkeypatch):
    """A folder, the current one, with photo.png and clip.mp4 of five frames."""
    monkeypatch.chdir(tmp_path)
    media.write_photo(tmp_path / "photo.png", photo)
    with media.video_writer(tmp_path / "clip.mp4", fps=10) as write:
        for shift in range(5):
            write(np.roll(photo, 8 * shift, axis=1))
    return tmp_path


@pytest.fixture
def pose(standing_model, folder, capsys):
    """Runs `dozens pose ARGUMENTS --model … --out out`; returns exit code, standard output and error."""

    def run(*arguments, model=standing_model):
        try:
            code = main(["pose", *map(str, arguments), "--model", str(model), "--out", "out"])
        except SystemExit as stop:  # a usage error found by the argument parser
            code = stop.code
        return code, *capsys.readouterr()

    return run


def test_photo_whole_image(pose, folder):
    code, out, _ = pose("photo.png")
    assert code == 0 and "photo.png: 1 poses in 1 frames -> out/photo_pose.jpg" in out
    document = poses_json()
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
    check_geometry(person, item)
    assert media.read_photo(folder / "out" / "photo_pose.jpg").shape == (120, 280, 3)


def test_video_with_one_box_and_a_skeleton(pose):
    code, out, _ = pose("clip.mp4", "--box", 40, 10, 50, 90, "--skeleton", "h36m_17", "--json")
    assert code == 0
    assert json.loads(out) == {
        "poses": "out/poses.json",
        "inputs": [{"path": "clip.mp4", "overlay": "clip_pose.mp4", "frames": 5, "poses": 5}],
        "failed": [],
    }
    document = poses_json()
    assert document["skeleton"] == "h36m_17" and document["joint_names"] == list(H36M.joints)
    [item] = document["inputs"]
    assert item["fps"] == 10 and len(item["frames"]) == 5
    for frame in item["frames"]:
        [person] = frame["people"]
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
    code, out, error = pose("cut.png", "text.mp4", "photo.png")
    assert code == 1 and "photo.png: 1 poses" in out
    assert "error: cut.png: not a readable image" in error
    assert "error: text.mp4: not a readable video" in error
    document = poses_json()
    assert [item["path"] for item in document["inputs"]] == ["photo.png"]
    assert [item["path"] for item in document["failed"]] == ["cut.png", "text.mp4"]


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


BAD_BOXES = {
    "outside": ('{"photo.png": [[170, 0, 20, 20]]}', r"photo.png: box \[170.* outside .* 160 x 120 px"),
    "nan": ('{"photo.png": [[NaN, 0, 20, 20]]}', r"boxes.json: photo.png: box \[nan.*expected finite"),
    "no size": ('{"photo.png": [[1, 2, 0, 20]]}', r"box \[1.0, 2.0, 0.0, 20.0\], expected finite .* 1 px"),
    "no rows": ('{"photo.png": [1, 2, 3, 4]}', "expected rows of x, y, width, height"),
    "three": ('{"photo.png": [[1, 2, 3]]}', "expected rows of x, y, width, height"),
    "words": ('{"photo.png": [["a", 2, 3, 4]]}', "expected rows of x, y, width, height"),
    "list": ("[[1, 2, 3, 4]]", "boxes.json: expected an object"),
    "other photo": ('{"phto.png": [[1, 2, 3, 4]]}', "no boxes for photo.png; it names phto.png"),
    "not JSON": ("{", "boxes.json: not JSON"),
}


@pytest.mark.parametrize("case", BAD_BOXES)
def test_bad_boxes(pose, folder, case):
    text, message = BAD_BOXES[case]
    (folder / "boxes.json").write_text(text)
    code, _, error = pose("photo.png", "--boxes", "boxes.json")
    assert code == 1
    assert one_error(error, message)


BAD_INPUTS = {
    "no file": (["absent.jpg"], 1, "absent.jpg: no such file"),
    "one of two": (["photo.png", "absent.jpg"], 1, "absent.jpg: no such file"),
    "wrong ending": (["text.txt"], 1, r"text.txt: ending '.txt', expected one of"),
    "unknown skeleton": (["photo.png", "--skeleton", "h36m_71"], 2, "skeleton 'h36m_71'.*h36m_17"),
    "unknown to draw": (["photo.png", "--draw", "coco_91"], 2, "unknown skeleton 'coco_91'.*coco_19"),
    "not in the model": (
        ["photo.png", "--skeleton", "coco"],
        1,
        "'coco': the model lacks 25 of its 25 joints",
    ),
    "no boxes file": (["photo.png", "--boxes", "absent.json"], 1, "absent.json"),
    "both boxes": (["photo.png", "--boxes", "b.json", "--box", *"1234"], 2, "both given"),
    "empty box": (["photo.png", "--box", *"1204"], 2, r"--box: box \[1.0, 2.0, 0.0, 4.0\]"),
    "NaN box": (["photo.png", "--box", "nan", *"123"], 2, "expected finite numbers"),
    "three numbers": (["photo.png", "--box", *"123"], 2, "box"),
    "wide": (["photo.png", "--fov-deg", "180"], 2, "--fov-deg is 180.0, expected"),
    "no focal length": (["photo.png", "--intrinsics", *"0123"], 2, "--intrinsics .* FX and FY > 0"),
    "nothing": ([], 2, ""),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_input(pose, folder, case):
    arguments, expected, message = BAD_INPUTS[case]
    (folder / "text.txt").touch()
    code, _, error = pose(*arguments)
    assert code == expected
    assert one_error(error, message)
    assert not (folder / "out").exists()


def test_a_folder_that_is_no_model(pose, folder):
    code, _, error = pose("photo.png", model=folder)
    assert code == 1 and one_error(error, "no saved_model.pb in it, expected a folder that")


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


def first_frames(path, count):
    with media.open_video(path) as video, media.video_writer("first.mp4", video.fps) as write:
        for _ in range(count):
            write(next(video.frames))
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


def one_error(text, message):
    """Whether the text has the message (a pattern) and no traceback. The parser's boxes wrap lines."""
    flat = re.sub(r"[│\s]+", " ", text)
    return re.search(message, flat) is not None and "Traceback" not in text
