"""ASF/AMC promises: bones by hand and against a slow calculation; units, order of axes, clear errors."""

import math

import numpy as np
import pytest

from posepile.synthetic.mocap.asf import read_amc, read_asf

ASF = """# comment
:version 1.10
:units
  mass 1.0
  length 0.5
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name thigh
    direction 0 -1 0
    length 4
    axis 0 0 0 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
    id 2
    name shin
    direction 0 -1 0
    length 3
    axis 0 90 0 XYZ
    dof rx
  end
:hierarchy
  begin
    root thigh
    thigh shin
  end
"""
AMC = """#!comment
:FULLY-SPECIFIED
:DEGREES
1
root 0 0 0 0 0 0
thigh 0 0 0
shin 0
2
root 1 2 3 0 0 0
thigh 90 0 90
shin 90
"""
MM = 25.4 / 0.5  # of one unit of length


def test_positions_by_hand(tmp_path):
    recording = read(tmp_path)
    assert recording.joints == ("root", "thigh", "shin") and recording.fps == 120
    # A bone's position is its head; the shin's is the knee. First frame: the rest pose.
    np.testing.assert_allclose(recording.positions[0], [(0, 0, 0), (0, 0, 0), (0, -4 * MM, 0)], atol=1e-9)
    # x first: (0, -1, 0) to (0, 0, -1), which the turn about z leaves alone.
    knee = np.array([1, 2, 3 - 4]) * MM
    np.testing.assert_allclose(recording.positions[1, 2], knee, atol=1e-9)
    # The shin's x axis is the world's -z (a quarter turn about y); about it, (0, -1, 0) goes to (-1, 0, 0).
    # Then the thigh: x leaves (-1, 0, 0) alone, z turns it to (0, -1, 0).
    np.testing.assert_allclose(recording.rotations[1, 2] @ (0, -1, 0), (0, -1, 0), atol=1e-12)
    np.testing.assert_allclose(recording.tips["shin"], (0, -7 * MM, 0), atol=1e-9)
    np.testing.assert_allclose(recording.bends["thigh"], (-1, 0, 0), atol=1e-12)


def test_line_ends_do_not_matter(tmp_path):
    np.testing.assert_array_equal(
        read(tmp_path).positions,
        read(tmp_path, ASF.replace("\n", "\r\n"), AMC.replace("\n", "\r\n")).positions,
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":hierarchy", ":tree", "no section ':hierarchy'"),
        ("length 0.5", "length -1", "length is -1.0, expected a positive number"),
        ("direction 0 -1 0", "direction 0 -1", "line 16 .*expected direction of 'thigh' with 3 numbers"),
        ("length 4", "length inf", "line 17 .*expected length of 'thigh'"),
        ("axis 0 0 0 XYZ", "axis 0 0 0", "line 18: axis of 'thigh' .*expected 3 angles and XYZ"),
        ("dof rx ry", "dof rx ru", "line 19: dof of 'thigh'"),
        ("name thigh", "nam thigh", "line 23: 'end' of a bone without name"),
        ("root thigh", "root thight", "line 34: bone 'thight' has no data"),
        ("thigh shin", "shin thigh", "line 35: 'shin' is no bone's child"),
        ("order TX TY TZ", "order TX TY", "line 8: root order"),
    ],
)
def test_malformed_skeletons_name_file_line_and_expectation(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, asf=ASF.replace(old, new, 1))
    assert "person.asf" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("shin 90", "shin", "line 11 is '', expected 1 values of 'shin'"),
        ("shin 90", "shin nan", "line 11 .*expected 1 values of 'shin'"),
        ("thigh 90", "tigh 90", "line 10 .*expected a frame number or a moving bone of person.asf"),
        ("shin 0\n", "", "line 7: frame 1 lacks shin"),
        ("shin 90\n", "", "frame 2 lacks shin"),
        (AMC, "", "no frames"),
    ],
)
def test_malformed_motions_name_file_line_and_expectation(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, amc=AMC.replace(old, new, 1))
    assert "person_01.amc" in str(caught.value)


def test_sample_files_agree_with_a_slow_calculation(samples):
    paths = sorted(samples.glob("mocap_cmu_asf/*.amc"))
    assert paths
    for path in paths:
        skeleton = read_asf(path.with_name(f"{path.stem.split('_')[0]}.asf"))
        recording = read_amc(path, skeleton)
        frame = len(recording.positions) // 2
        expected = slow_heads(skeleton.path, path, frame)
        for name, position in zip(recording.joints, recording.positions[frame], strict=True):
            # mm; the files give directions with six decimals, and only one side makes them unit vectors.
            np.testing.assert_allclose(position, expected[name], atol=0.01, err_msg=f"{path.name} {name}")


def slow_heads(asf, amc, frame):
    """Bone -> head, mm: own parsing by key words and products of plane rotations, one bone at a time."""
    words = asf.read_text().split()
    scale = 25.4 / float(words[words.index("length") + 1])
    bones = {}
    for i, word in enumerate(words):
        if word == "name" and words[i + 2] == "direction":
            end = words.index("end", i)
            dof = words[words.index("dof", i, end) + 1 : end] if "dof" in words[i:end] else []
            axis = words.index("axis", i, end)
            bones[words[i + 1]] = {
                "direction": np.array([float(w) for w in words[i + 3 : i + 6]]),
                "length": float(words[words.index("length", i, end) + 1]) * scale,
                "axis": plane_turns([float(w) for w in words[axis + 1 : axis + 4]]),
                "dof": [w for w in dof if w in ("rx", "ry", "rz")],
            }
    values = frame_values(amc, frame)
    root = values["root"]
    turns = {"root": plane_turns(root[3:])}
    tails = {"root": np.array(root[:3]) * scale}
    heads = {"root": tails["root"]}
    hierarchy = asf.read_text().split(":hierarchy")[1].split("begin")[1].split("end")[0]
    for parent, *children in (line.split() for line in hierarchy.splitlines() if line.split()):
        for name in children:
            bone = bones[name]
            angles = dict(zip(bone["dof"], values.get(name, []), strict=True))
            local = plane_turns([angles.get(key, 0.0) for key in ("rx", "ry", "rz")])
            turns[name] = turns[parent] @ bone["axis"] @ local @ np.linalg.inv(bone["axis"])
            heads[name] = tails[parent]
            tails[name] = heads[name] + turns[name] @ bone["direction"] * bone["length"]
    return heads


def frame_values(amc, frame):
    lines = [line.split() for line in amc.read_text().splitlines() if line[0] not in "#:"]
    start = lines.index([str(frame + 1)]) + 1
    end = next((i for i in range(start, len(lines)) if len(lines[i]) == 1), len(lines))
    return {line[0]: [float(word) for word in line[1:]] for line in lines[start:end]}


def plane_turns(degrees):
    """About x, then y, then z, as a product of matrices written out."""
    (cx, sx), (cy, sy), (cz, sz) = ((math.cos(a), math.sin(a)) for a in map(math.radians, degrees))
    about_x = np.array([(1, 0, 0), (0, cx, -sx), (0, sx, cx)])
    about_y = np.array([(cy, 0, sy), (0, 1, 0), (-sy, 0, cy)])
    about_z = np.array([(cz, -sz, 0), (sz, cz, 0), (0, 0, 1)])
    return about_z @ about_y @ about_x


def read(folder, asf=ASF, amc=AMC):
    (folder / "person.asf").write_bytes(asf.encode())
    (folder / "person_01.amc").write_bytes(amc.encode())
    return read_amc(folder / "person_01.amc", read_asf(folder / "person.asf"))
