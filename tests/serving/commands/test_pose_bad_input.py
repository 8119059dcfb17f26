"""`dozens pose` promises one clear error for what it cannot use, the documented exit code, and no half-made output."""

import re

import pytest

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
    "no photo in it": (["empty"], 1, "empty: a folder without photos or videos"),
    "nothing wanted": (["photo.png", "--num-aug", "0"], 2, "--num-aug is 0, expected at least 1"),
    "no detector": (
        ["photo.png", "--detector", "yolov9"],
        2,
        "--detector is 'yolov9', expected one of movenet",
    ),
    "box and detector": (["photo.png", "--detector", "movenet", "--box", *"1234"], 2, "both given"),
    "no time": (["photo.png", "--seconds", "0"], 2, "--seconds is 0.0, expected"),
    "no format": (["photo.png", "--also", "xls"], 2, "xls"),
    "wrong ending": (["text.txt"], 1, r"text.txt: ending '.txt', expected one of"),
    "unknown skeleton": (["photo.png", "--skeleton", "h36m_71"], 2, "skeleton 'h36m_71'.*h36m_17"),
    "unknown to draw": (["photo.png", "--draw", "coco_91"], 2, "unknown skeleton 'coco_91'.*coco_19"),
    "not in the model": (
        ["photo.png", "--skeleton", "coco"],
        1,
        "'coco': the model lacks joints of it",
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
    (folder / "empty").mkdir()
    code, _, error = pose(*arguments)
    assert code == expected
    assert one_error(error, message)
    assert not (folder / "out").exists()


def test_a_folder_that_is_no_model(pose, folder):
    code, _, error = pose("photo.png", model=folder)
    assert code == 1 and one_error(error, "no saved_model.pb in it, expected a folder that")


def one_error(text, message):
    """Whether the text has the message (a pattern) and no traceback. The parser's boxes wrap lines."""
    flat = re.sub(r"[│\s]+", " ", text)
    return re.search(message, flat) is not None and "Traceback" not in text
