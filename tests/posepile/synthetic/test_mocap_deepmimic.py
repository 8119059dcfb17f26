"""DeepMimic promises: columns go to the right joints, hinges fold the right way, clear errors."""

import json

import numpy as np
import pytest

from posepile.synthetic.mocap.deepmimic import COLUMNS, JOINTS, read_deepmimic

STILL = [1, 0, 0, 0]
NEUTRAL = [1 / 30, 0, 0.8, 0, *STILL * 4, 0, *STILL * 2, 0, *STILL, 0, *STILL * 2, 0]
RIGHT_KNEE, LEFT_ELBOW = 20, 43


def test_neutral_pose_stands_with_hanging_arms(tmp_path):
    assert len(NEUTRAL) == COLUMNS
    pose = named(read_deepmimic(write(tmp_path, [NEUTRAL])))
    np.testing.assert_allclose(pose["right_ankle"], (0, 0.8 - 0.421546 - 0.409870, 0.084887), atol=1e-9)
    np.testing.assert_allclose(pose["left_wrist"] - pose["left_shoulder"], (0, -0.533735, 0), atol=1e-9)


def test_hinges_by_hand(tmp_path):
    row = list(NEUTRAL)
    row[RIGHT_KNEE], row[LEFT_ELBOW] = -np.pi / 2, np.pi / 2
    pose = named(read_deepmimic(write(tmp_path, [row])))
    # The person faces +x: the shin goes backwards, the forearm forwards.
    np.testing.assert_allclose(pose["right_ankle"] - pose["right_knee"], (-0.409870, 0, 0), atol=1e-9)
    np.testing.assert_allclose(pose["left_wrist"] - pose["left_elbow"], (0.258947, 0, 0), atol=1e-9)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ('{"Frames": []}', "no 'Frames'"),
        (json.dumps({"Frames": [NEUTRAL, NEUTRAL[:-1]]}), "frame 1 of 'Frames' has 43 columns, expected 44"),
        (json.dumps({"Frames": [["x"] * 44]}), "expected numbers"),
        (json.dumps({"Frames": [[float("nan")] * 44]}), "expected finite numbers"),
    ],
)
def test_malformed_files_name_file_and_field(tmp_path, content, message):
    path = tmp_path / "humanoid3d_bad.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_deepmimic(path)
    assert "humanoid3d_bad.txt" in str(caught.value)


def test_sample_files_agree_with_a_slow_calculation(samples):
    paths = sorted(samples.glob("mocap_deepmimic/humanoid3d_*.txt"))
    assert paths
    for path in paths:
        recording = read_deepmimic(path)
        frame = len(recording.positions) // 2
        row = json.loads(path.read_text())["Frames"][frame]
        for name, position in slow_positions(row).items():
            found = recording.positions[frame, recording.joints.index(name)]
            np.testing.assert_allclose(found, position, atol=1e-9, err_msg=f"{path.name} {name}")


def slow_positions(row):
    """Joint -> position, by Hamilton products, one joint after the other in the order of the columns."""
    values = iter(row[4:])
    turns, positions = {}, {}
    for name, (parent, offset) in JOINTS.items():
        if name.endswith("wrist"):
            local = (1, 0, 0, 0)
        elif name.endswith(("knee", "elbow")):
            angle = next(values)
            local = (np.cos(angle / 2), 0, 0, np.sin(angle / 2))
        else:
            local = tuple(next(values) for _ in range(4))
            local = tuple(np.array(local) / np.linalg.norm(local))  # kick, punch: lengths up to 1.3
        turns[name] = product(turns[parent], local) if parent else local
        positions[name] = positions[parent] + turned(turns[parent], offset) if parent else np.array(row[1:4])
    return positions


def product(a, b):
    return (
        a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
        a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
        a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
        a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
    )


def turned(q, vector):
    return np.array(product(product(q, (0, *vector)), (q[0], -q[1], -q[2], -q[3]))[1:])


def named(recording, frame=0):
    return dict(zip(recording.joints, recording.positions[frame], strict=True))


def write(folder, rows):
    path = folder / "humanoid3d_test.txt"
    path.write_text(json.dumps({"Loop": "none", "Frames": rows}))
    return path
