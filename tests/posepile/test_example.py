"""PoseExample promises: bytes and back without loss, readable by TensorFlow; what is wrong has a name."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from posepile import masks, tf_example
from posepile.cameras import Camera
from posepile.example import CAMERA_PARTS, ExampleError, PoseExample, is_intact

JOINTS = ("lhip", "rhip", "head")


def make_example(key="set/s1/000001/cam0", seed=0, **changes) -> PoseExample:
    rng = np.random.default_rng(seed)
    image = cv2.imencode(".jpg", rng.integers(0, 255, (48, 64, 3), np.uint8))[1].tobytes()
    mask = np.zeros((48, 64), bool)
    mask[10:30, 20:40] = True
    joints = rng.normal(size=(3, 3)) * 1000
    joints[1] = np.nan
    example = PoseExample(
        key=key,
        image=image,
        camera=Camera(
            [[100, 0, 32], [0, 100, 24], [0, 0, 1]], position=[1e6 + 1 / 3, 0, 0], distortion=[0.1, 0.2]
        ),
        box=[10, 5, 30, 40],
        joints3d=joints,
        mask=masks.encode(mask),
        tags={"subject": "s1", "camera": "cam0"},
    )
    return replace(example, **changes)


@pytest.mark.parametrize("missing", ["", "camera", "joints3d", "joints2d", "mask"])
def test_bytes_and_back(missing):
    example = make_example(joints2d=np.ones((3, 2)))
    example = replace(example, **{missing: None}) if missing else example
    again = PoseExample.from_bytes(example.to_bytes())
    assert (again.key, again.image, again.mask, again.tags) == (
        example.key,
        example.image,
        example.mask,
        example.tags,
    )
    for name in ("box", "joints3d", "joints2d"):
        np.testing.assert_array_equal(getattr(again, name), getattr(example, name))
    for name in CAMERA_PARTS if example.camera else ():
        np.testing.assert_array_equal(getattr(again.camera, name), getattr(example.camera, name))
    assert again.to_bytes() == example.to_bytes()


def test_tensorflow_reads_the_record():
    tf = pytest.importorskip("tensorflow")
    example = make_example()
    names = {name: tf.io.FixedLenFeature([], tf.string) for name in ("key", "image", "joints3d", "camera")}
    names["layout_version"] = tf.io.FixedLenFeature([1], tf.int64)
    parsed = tf.io.parse_single_example(example.to_bytes(), names)
    assert parsed["key"].numpy().decode() == example.key
    joints = tf.reshape(tf.io.decode_raw(parsed["joints3d"], tf.float32), [-1, 3])
    np.testing.assert_array_equal(joints, example.joints3d)
    assert tf.io.decode_raw(parsed["camera"], tf.float64)[18] == example.camera.position[0]


def test_a_good_example_has_no_problems():
    assert make_example().problems(JOINTS) == []
    assert make_example().n_valid() == 2


def with_joint(values):
    joints = make_example().joints3d.copy()
    joints[0] = values
    return joints


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"joints3d": with_joint((np.nan, 0, 0))}, "'lhip' is [nan, 0.0, 0.0]"),
        ({"joints3d": with_joint((np.inf, np.inf, np.inf))}, "'lhip' is [inf"),
        ({"joints3d": np.full((3, 3), np.nan)}, "no joint is labelled"),
        ({"joints3d": None}, "no joint is labelled"),
        ({"joints3d": np.zeros((4, 3))}, "4 joints, expected 3"),
        ({"camera": None}, "camera: missing"),
        ({"camera": Camera(np.eye(3), rotation=np.ones((3, 3)))}, "not orthonormal"),
        ({"camera": Camera(np.eye(3), position=np.full(3, np.nan))}, "position is not finite"),
        ({"box": [100, 0, 10, 10]}, "outside the image"),
        ({"box": [0, 0, 0, 10]}, "positive size"),
        ({"box": [np.nan, 0, 10, 10]}, "positive size"),
        ({"mask": masks.encode(np.zeros((48, 64)))}, "mask: empty"),
        ({"mask": masks.encode(np.ones((4, 4)))}, "mask: size [4, 4]"),
        ({"mask": {"size": [48, 64], "counts": b"\x00"}}, "mask:"),
        ({"image": b""}, "image: 0 bytes"),
        ({"image": make_example().image[:-200]}, "cut off"),
        ({"image": b"PNG"}, "ffd8"),
    ],
)
def test_problems_are_named(changes, expected):
    found = make_example(**changes).problems(JOINTS)
    assert len(found) == 1 and expected in found[0], found


def test_zero_size_image_is_a_problem():
    image = bytearray(make_example().image)
    frame = image.index(b"\xff\xc0")
    image[frame + 5 : frame + 7] = b"\0\0"  # height
    assert make_example(image=bytes(image)).problems(JOINTS) == [
        "image: 64 x 0 px, expected at least one pixel"
    ]


def test_another_version_is_refused_with_its_source():
    features = tf_example.decode(make_example().to_bytes())
    data = tf_example.encode({**features, "layout_version": [99]})
    with pytest.raises(ExampleError, match=r"00000.array_record record 7: layout_version is 99, expected 1"):
        PoseExample.from_bytes(data, "00000.array_record record 7")


@pytest.mark.parametrize("name", ["key", "image", "box", "tags", "mask_size"])
def test_a_missing_feature_is_named(name):
    features = tf_example.decode(make_example().to_bytes())
    del features[name]
    with pytest.raises(ExampleError, match=name):
        PoseExample.from_bytes(tf_example.encode(features))


@pytest.mark.parametrize("data", [b"", b"\x07\xff\xff", b"garbage" * 10])
def test_other_bytes_are_refused(data):
    with pytest.raises(ExampleError):
        PoseExample.from_bytes(data)


def test_the_checksum_finds_every_kind_of_damage():
    record = make_example().to_bytes()
    assert is_intact(record)
    flipped = bytearray(record)
    flipped[len(record) // 2] ^= 1
    for damaged in (bytes(flipped), record[:-1], record[1:], b"", record[:-4] + bytes(4)):
        assert not is_intact(damaged)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"joints3d has shape \[3, 2\]"):
        make_example(joints3d=np.zeros((3, 2)))
    with pytest.raises(ValueError, match="key is empty"):
        make_example(key="")
