"""What is a photo or a video is found, in order; what is not is named with the reason."""

from pathlib import Path

from serving import inputs


def test_files_and_folders(tmp_path):
    for name in ("b/2.PNG", "b/1.mp4", "b/deep/3.jpg", "b/notes.txt", "a.mov", "empty/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    wanted = ["b", "gone.jpg", "a.mov", "b/notes.txt", "empty"]
    found, unusable = inputs.find([tmp_path / name for name in wanted])
    kinds = [(item.path.relative_to(tmp_path).as_posix(), item.kind) for item in found]
    assert kinds == [("b/1.mp4", "video"), ("b/2.PNG", "photo"), ("a.mov", "video")]
    assert [path.path.relative_to(tmp_path).as_posix() for path in unusable] == [
        "gone.jpg",
        "b/notes.txt",
        "empty",
    ]
    assert "no such file" in unusable[0].error and "expected one of .avi" in unusable[1].error
    assert unusable[2].error == f"{tmp_path / 'empty'}: a folder without photos or videos"


def test_a_webcam_has_a_name():
    item = inputs.webcam(2)
    assert (item.path, item.kind, item.webcam) == (Path("webcam2"), "webcam", 2)
