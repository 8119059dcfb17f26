"""poses.json is written as the frames come, is valid JSON at its end, and has its name only then."""

import json
from dataclasses import replace

import numpy as np
import pytest

from serving.frames import PosedFrame
from serving.poses_file import PosesFile
from serving.predictor import JointChoice, People

CHOICE = JointChoice(("lhip", "neck"), ((0, 1),), np.arange(2))
FACTS = {"path": "a.mp4", "overlay": "a_pose.mp4"}


def test_what_has_no_value_is_null(tmp_path):
    with PosesFile(tmp_path / "poses.json", CHOICE, {"skeleton": ""}) as file:
        with file.input(FACTS) as add:
            add(person([[1.234, np.nan], [np.inf, -0.5]]))
    [item] = json.loads((tmp_path / "poses.json").read_text())["inputs"]
    [frame] = item["frames"]
    assert (frame["index"], frame["time_s"]) == (0, None)
    assert frame["people"][0]["joints2d"] == [[1.23, None], [None, -0.5]]
    assert (frame["people"][0]["id"], frame["people"][0]["filled"]) == (None, False)


def test_people_of_a_video_have_ids_and_are_counted_once(tmp_path):
    with PosesFile(tmp_path / "poses.json", CHOICE, {"skeleton": ""}) as file, file.input(FACTS) as add:
        for i in range(3):
            untracked = person([[1, 2], [3, 4]])
            add(
                replace(
                    untracked, ids=np.array([7 + i // 2]), filled=np.array([i == 1]), index=i, time_s=i / 3
                )
            )
    document = json.loads((tmp_path / "poses.json").read_text())
    frames = document["inputs"][0]["frames"]
    assert document["skeleton"] == "" and file.inputs[0]["people"] == 2
    assert [(f["index"], f["time_s"]) for f in frames] == [(0, 0), (1, 0.3333), (2, 0.6667)]
    assert [(f["people"][0]["id"], f["people"][0]["filled"]) for f in frames] == [
        (7, False),
        (7, True),
        (8, False),
    ]


def test_a_long_video_is_not_kept_in_memory(tmp_path):
    with PosesFile(tmp_path / "poses.json", CHOICE, {"skeleton": ""}) as file:
        with file.input(FACTS) as add:
            for _ in range(3000):
                add(person([[1, 2], [3, 4]]))
            assert file.partial.stat().st_size > 200_000 and not file.path.exists()
    assert file.inputs == [FACTS | {"frames": 3000, "poses": 3000, "people": 3000}]
    assert len(json.loads(file.path.read_text())["inputs"][0]["frames"]) == 3000


def test_inputs_without_frames_and_failures(tmp_path):
    with PosesFile(tmp_path / "poses.json", CHOICE, {"skeleton": ""}) as file:
        for _ in range(2):
            with pytest.raises(ValueError), file.input(FACTS):
                raise ValueError
        file.fail(tmp_path, "why")
    document = json.loads(file.path.read_text())
    assert [item["frames"] for item in document["inputs"]] == [[], []]
    assert document["failed"] == [{"path": str(tmp_path), "error": "why"}]


def test_an_interruption_leaves_an_older_file_alone_and_what_was_done_beside_it(tmp_path):
    (tmp_path / "poses.json").write_text("older")
    with pytest.raises(KeyboardInterrupt):
        with PosesFile(tmp_path / "poses.json", CHOICE, {"skeleton": ""}) as file, file.input(FACTS) as add:
            add(person([[1, 2], [3, 4]]))
            raise KeyboardInterrupt
    assert file.path.read_text() == "older"
    assert len(json.loads(file.partial.read_text())["inputs"][0]["frames"]) == 1


def person(pixels):
    people = People(np.array([[0.0, 0, 5, 5]]), np.zeros((1, 2, 3)), np.array([pixels], float), np.ones(1))
    return PosedFrame.untracked(np.zeros((2, 2, 3), np.uint8), people)
