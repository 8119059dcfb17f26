"""BVH promises: positions by hand and against a slow calculation; clear errors."""

import math

import numpy as np
import pytest

from posepile.synthetic.mocap.bvh import read_bvh

ROOT = "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
TEXT = f"""HIERARCHY
ROOT Hips
{{
  OFFSET 0 0 0
  {ROOT}
  JOINT Knee
  {{
    OFFSET 0 -4 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {{
      OFFSET 0 -3 0
    }}
  }}
}}
MOTION
Frames: 2
Frame Time: 0.05
0 0 0 0 0 0 0 0 0
1 2 3 90 0 0 0 90 0
"""


def test_positions_and_rotations_by_hand(tmp_path):
    recording = read_bvh(write(tmp_path, TEXT))
    assert recording.joints == ("Hips", "Knee") and recording.parents == (-1, 0)
    assert recording.fps == pytest.approx(20)
    # Second frame: a quarter turn about z sends the offset (0, -4, 0) to (4, 0, 0).
    np.testing.assert_allclose(recording.positions[1], [(1, 2, 3), (5, 2, 3)], atol=1e-12)
    # The knee turns by a quarter about its own x first: (0, -1, 0) to (0, 0, -1), which z leaves alone.
    np.testing.assert_allclose(recording.rotations[1, 1] @ (0, -1, 0), (0, 0, -1), atol=1e-12)
    np.testing.assert_allclose(recording.tips["Knee"], (0, -7, 0))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_do_not_matter(tmp_path, newline):
    recording = read_bvh(write(tmp_path, TEXT.replace("\n", newline)))
    assert recording.positions.shape == (2, 2, 3)


@pytest.mark.parametrize("values", ["0 0.5 0", "0 -3.5 0"], ids=["added to the offset", "absolute"])
def test_position_channels_of_inner_joints_move_them_as_little_as_possible(tmp_path, values):
    inner = "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation\n    End Site"
    text = TEXT.replace("CHANNELS 3 Zrotation Xrotation Yrotation\n    End Site", inner)
    text = text.replace("0 0 0 0 0 0 0 0 0\n1 2 3 90 0 0 0 90 0", f"0 0 0 0 0 0 {values} 0 0 0").replace(
        "Frames: 2", "Frames: 1"
    )
    np.testing.assert_allclose(read_bvh(write(tmp_path, text)).positions[0, 1], (0, -3.5, 0))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HIERARCHY", "HIERARCHIE", "line 1 is 'HIERARCHIE', expected HIERARCHY"),
        ("OFFSET 0 -4 0", "OFFSET 0 -4", "line 8 has 2 values, expected OFFSET with 3 numbers"),
        ("OFFSET 0 -4 0", "OFFSET 0 -4 x", "line 8 is '0 -4 x', expected OFFSET with 3 numbers"),
        ("CHANNELS 3 Z", "CHANNELS 4 Z", "line 9 .*expected CHANNELS <count>"),
        ("Frames: 2", "Frames: two", "line 17 .*expected Frames:"),
        ("Frames: 2", "Frames: 3", "ends after line 20, expected 3 frames"),
        ("0.05", "0", "line 18 .*expected a positive Frame Time"),
        ("1 2 3 90", "1 2 3", "line 20 has 8 values, expected 9 channel values"),
        ("1 2 3 90", "1 2 nan 90", "line 20 has a NaN or infinite value"),
    ],
)
def test_malformed_files_name_file_line_and_expectation(tmp_path, old, new, message):
    path = write(tmp_path, TEXT.replace(old, new, 1))
    with pytest.raises(ValueError, match=message) as caught:
        read_bvh(path)
    assert str(path) in str(caught.value)


def test_sample_files_agree_with_a_slow_calculation(samples):
    paths = sorted(samples.glob("*bvh*/*.bvh")) + sorted(samples.glob("poses*/*.bvh"))
    assert len(paths) >= 10
    for path in paths:
        recording = read_bvh(path)
        frame = len(recording.positions) // 2
        expected = slow_positions(path, frame)
        for name, position in zip(recording.joints, recording.positions[frame], strict=True):
            # Both are float64 sums of a few dozen terms below 1000.
            np.testing.assert_allclose(position, expected[name], atol=1e-8, err_msg=f"{path.name} {name}")


def slow_positions(path, frame):
    """Joint -> position, by 4x4 matrices while the file is read word by word; channels add to offsets."""
    words = path.read_text().split()
    start = words.index("MOTION")
    count = int(words[start + 2])
    numbers = [float(word) for word in words[start + 6 :]]
    row = iter(numbers[len(numbers) // count * frame :])
    stack, result, name, i = [np.eye(4)], {}, None, 1
    while i < start:
        if words[i] in ("ROOT", "JOINT"):
            name = words[i + 1]
        elif words[i] == "End":
            name = None
        elif words[i] == "OFFSET":
            matrix = np.eye(4)
            matrix[:3, 3] = [float(word) for word in words[i + 1 : i + 4]]
            stack.append(stack[-1] @ matrix)
        elif words[i] == "CHANNELS":
            for channel in words[i + 2 : i + 2 + int(words[i + 1])]:
                stack[-1] = stack[-1] @ one_channel(channel, next(row))
            result[name] = stack[-1][:3, 3]
        elif words[i] == "}":
            stack.pop()
        i += 1
    return result


def one_channel(channel, value):
    matrix, axis = np.eye(4), "XYZ".index(channel[0])
    if channel.endswith("position"):
        matrix[axis, 3] = value
        return matrix
    b, c = (axis + 1) % 3, (axis + 2) % 3
    cosine, sine = math.cos(math.radians(value)), math.sin(math.radians(value))
    matrix[b, b] = matrix[c, c] = cosine
    matrix[c, b], matrix[b, c] = sine, -sine
    return matrix


def write(folder, text):
    path = folder / "motion.bvh"
    path.write_bytes(text.encode())
    return path
