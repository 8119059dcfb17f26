"""Retargeting promises: limbs point where the recorded ones do; sides, floor and hinges stay right."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from posepile.synthetic import motion, random_pose
from posepile.synthetic.hands import lay_on_floor
from posepile.synthetic.joint_angles import Angles, Arm, Leg, to_recording
from posepile.synthetic.mocap import rigs
from posepile.synthetic.mocap.asf import read_amc, read_asf
from posepile.synthetic.mocap.bvh import read_bvh
from posepile.synthetic.mocap.deepmimic import read_deepmimic
from posepile.synthetic.mocap.recording import Recording
from posepile.synthetic.retarget import body_axes, floor_height, retarget
from posepile.synthetic.rig import HINGES, MIRROR, mirrored

LIMB_BONES = [
    (side + bone, side + end)
    for side in ("Left", "Right")
    for bone, end in (("UpLeg", "Leg"), ("Leg", "Foot"), ("Arm", "ForeArm"), ("ForeArm", "Hand"))
]
SEEDS = st.integers(0, 10_000)
# Backward folds (noise of a recording) are straightened: only then may a direction differ.
SMALLEST_COSINE = np.cos(np.radians(0.1))


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_limbs_point_where_the_recorded_ones_do(seed):
    assert least_cosine(to_recording(draw(seed, 4))) > SMALLEST_COSINE


def test_limbs_of_real_recordings_point_where_the_recorded_ones_do(samples):
    for path in sorted(samples.glob("mocap_deepmimic/humanoid3d_*.txt")):
        recording = read_deepmimic(path)
        # Knees of these files bend backwards by up to 13 degrees, which the body does not follow.
        assert least_cosine(recording) > np.cos(np.radians(14)), path
    for path in sorted(samples.glob("poses_makehuman_cc0/*.bvh")):
        assert least_cosine(read_bvh(path)) > np.cos(np.radians(1)), path  # an elbow bends backwards by 0.4
    for path in sorted(samples.glob("mocap_cmu_asf/*.amc")):
        recording = read_amc(path, read_asf(path.with_name(f"{path.stem[:2]}.asf")))
        assert least_cosine(recording) > SMALLEST_COSINE, path


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_knees_and_elbows_never_fold_backwards(seed):
    rotations, _ = retarget(to_recording(draw(seed, 4)), motion.rig())
    for upper in HINGES:
        # rad; straight limbs are 0 up to float32 and the arc tangent near it
        assert motion.rig().fold(rotations, upper).min() > -1e-3


@pytest.mark.parametrize(("knee", "elbow"), [(0, 0), (60, 30), (120, 130)])
def test_folds_are_the_recorded_angles(knee, elbow):
    pose = Angles((Leg(knee=knee),) * 2, (Arm(elbow=elbow),) * 2)
    rotations, _ = retarget(to_recording([pose]), motion.rig())
    folds = [float(np.degrees(motion.rig().fold(rotations, upper)[0])) for upper in HINGES]
    np.testing.assert_allclose(folds, [knee, elbow, knee, elbow], atol=0.05)


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_mirroring_the_recording_mirrors_the_body(seed):
    body, recording = motion.rig(), to_recording(draw(seed, 3))
    rotations, root = retarget(mirror_recording(recording), body)
    expected, expected_root = mirrored(body, *retarget(recording, body))
    # The average body is symmetric to 0.01 mm but for the neck, 0.9 mm off its middle; rotations are float32.
    np.testing.assert_allclose(rotations, expected, atol=2e-3)
    np.testing.assert_allclose(root, expected_root, atol=2)


def test_a_straight_person_faces_forward_with_flat_feet_and_inward_palms():
    body = motion.rig()
    still = Angles((Leg(0, 0, 0, 0, 0),) * 2, (Arm(0, 0, 0, 0, 0, 0),) * 2)
    rotations, root = retarget(to_recording([still]), body)
    heads = body.posed_heads(rotations, root)[0]
    assert heads[body.index("LeftArm"), 0] > 0 > heads[body.index("RightArm"), 0]
    assert heads[body.index("LeftToeBase"), 1] < heads[body.index("LeftFoot"), 1]
    np.testing.assert_allclose(body.globals(rotations)[0, body.index("LeftFoot")][:, 2], (0, 0, 1), atol=1e-6)
    thumb = heads[body.index("LThumb")] - heads[body.index("LeftHand")]
    # mm; the thumb is in front of the hand, so the palm faces the thigh.
    assert thumb[1] < -12 and abs(thumb[0]) < 5
    assert 950 < root[0, 2] < 1010


def test_hands_without_a_recording_are_laid_on_the_floor():
    body = motion.rig()
    rotations, root = retarget(to_recording([Angles()]), body)
    wrist, tip = body.index("LeftHand"), body.index("LeftHandFinger1")
    root[:, 2] -= body.posed_heads(rotations, root)[:, wrist, 2] - 60  # a hanging hand goes through the floor
    before = body.posed_heads(rotations, root)
    lay_on_floor(rotations, root, body, "Left")
    after = body.posed_heads(rotations, root)
    assert before[0, tip, 2] < 0 < after[0, tip, 2]
    np.testing.assert_array_equal(after[:, wrist], before[:, wrist])
    assert after[0, tip, 0] > before[0, tip, 0]  # towards the back of the hand, which faces outwards


@pytest.mark.parametrize("axes", [np.eye(3), Rotation.from_euler("x", 90, degrees=True).as_matrix()])
@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_axes_and_units_of_the_file_do_not_matter(axes, scale):
    body, recording = motion.rig(), to_recording(draw(3, 3))
    moved = replace(
        recording,
        rest=recording.rest @ axes.T * scale,
        rotations=axes @ recording.rotations @ axes.T,
        positions=recording.positions @ axes.T * scale,
        tips={name: axes @ tip * scale for name, tip in recording.tips.items()},
    )
    for found, expected in zip(retarget(moved, body), retarget(recording, body), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_floor_follows_the_ground_but_not_the_jumps():
    time = np.arange(300) / 60
    ground = 0.05 * time
    jump = np.where(np.abs(time - 2.5) < 0.3, 300.0, 0.0)
    floor = floor_height(ground * 1000 + jump, fps=60)
    # mm; the smallest of half a second lags by half a second of 50 mm/s
    assert np.abs(floor - ground * 1000)[60:-60].max() < 30


def test_rigs_are_recognised_by_names_of_every_family():
    recording = to_recording([Angles()])
    for family in rigs.FAMILIES.values():
        names = dict.fromkeys(recording.joints)
        for name in names:
            side = "Left" if name.startswith("Left") else "Right"
            bone = name.removeprefix(side).replace("HandThumb1", "Thumb")
            pattern = family.get(bone, (name,))[0]
            names[name] = f"rig:{pattern.format(left=side.lower(), l=side[0].lower())}"
        found = rigs.map_rig(replace(recording, joints=tuple(names.values())))
        assert found.limbs == rigs.map_rig(recording).limbs
        assert found.spine == (0, 1) and found.neck == (1, 2)


def test_an_unknown_rig_names_file_bones_and_nearest_joints():
    recording = to_recording([Angles()])
    joints = tuple(name.replace("LeftForeArm", "LeftForearmBone") for name in recording.joints)
    with pytest.raises(ValueError, match="dance.bvh: no joint .* LeftForeArm .nearest: 'LeftForearmBone'"):
        retarget(replace(recording, name="dance.bvh", joints=joints), motion.rig())


def test_a_bone_of_length_zero_is_refused():
    recording = to_recording([Angles()])
    rest = recording.rest.copy()
    rest[recording.joints.index("LeftLeg")] = rest[recording.joints.index("LeftUpLeg")]
    with pytest.raises(ValueError, match="dance.bvh: a bone of length 0"):
        retarget(replace(recording, name="dance.bvh", rest=rest), motion.rig())


def draw(seed, n):
    rng = np.random.default_rng(seed)
    return [random_pose.draw(rng) for _ in range(n)]


def least_cosine(recording: Recording) -> float:
    """Of the angles between recorded and retargeted bones."""
    body, rig_map = motion.rig(), rigs.map_rig(recording)
    heads = body.posed_heads(*retarget(recording, body))
    to_body = body_axes(recording, rig_map)
    result = []
    for bone, end in LIMB_BONES:
        if end not in rig_map.limbs:
            continue
        ours = heads[:, body.index(end)] - heads[:, body.index(bone)]
        joints = [rig_map.limbs[bone], rig_map.limbs[end]]
        theirs = np.diff(recording.positions[:, joints], axis=1)[:, 0] @ to_body.T
        lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
        result.append(((ours * theirs).sum(axis=1) / lengths).min())
    return float(min(result))


def mirror_recording(recording: Recording) -> Recording:
    swap = {"Left": "Right", "Right": "Left"}
    names = {n: next((swap[s] + n[len(s) :] for s in swap if n.startswith(s)), n) for n in recording.joints}
    return replace(
        recording,
        joints=tuple(names.values()),
        rest=recording.rest @ MIRROR,
        rotations=MIRROR @ recording.rotations @ MIRROR,
        positions=recording.positions @ MIRROR,
        tips={names[name]: MIRROR @ tip for name, tip in recording.tips.items()},
    )
