"""The ONNX runner promises the SavedModel's poses from one file that knows NumPy, OpenCV and ONNX Runtime alone."""

import ast
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import onnx
import pytest
import tensorflow as tf
from fake_models import SIDE, as_skeleton, fake_estimator
from scipy.spatial.transform import Rotation

from serving import onnx_runner
from serving.export.description import describe_crops, describe_joints
from serving.export.onnx_model import convert
from serving.joint_sets import OwnSkeleton, joint_sets
from serving.onnx_runner import OnnxPoseEstimator
from serving.packing import Packing

NAMES = ["lpoint", "rpoint", "middle", "below"]
PIXELS = np.float32([(31.5, 31.5), (0, 0), (63, 10), (20.25, 50)])
DEPTHS = np.float32([4000, 3500, 5000, 4200])
OWN = OwnSkeleton("mine", ("left", "halfway"), ((0, 1),), np.array([[1, 0, 0, 0], [0, 0.5, 0.5, 0]], float).T)
LENSES = [
    (0.0,) * 5,
    (-0.12, 0.05, 0.002, -0.003, -0.01, 0.02, 0, 0, 0.001, 0, 0.002, 0),
    (-0.3, 0.02, 0, 0, 0),
]
ALONE = """
import sys
import numpy as np, onnx_runner
given = np.load(sys.argv[2])
model = onnx_runner.OnnxPoseEstimator(sys.argv[1])
people = model.estimate_poses(given["image"], given["boxes"], distortion_coeffs=given["lens"], num_aug=4)
np.savez(sys.argv[3], **people)
assert not {"tensorflow", "keras", "serving", "posepile"} & set(sys.modules)
"""


def fixed_pixels(images, intrinsics):
    """Points at PIXELS and DEPTHS of every crop."""
    del images
    return {"joints": _back_project(tf.constant(PIXELS), tf.constant(DEPTHS), intrinsics)}


def brightest(images, intrinsics):
    """All points at the centre of what is bright in the crop, 3 m away."""
    weight = tf.reduce_mean(images, axis=-1) ** 4
    place = tf.range(SIDE, dtype=tf.float32)
    total = tf.reduce_sum(weight, axis=(1, 2)) + 1e-9
    x = tf.reduce_sum(weight * place, axis=(1, 2)) / total
    y = tf.reduce_sum(weight * place[:, tf.newaxis], axis=(1, 2)) / total
    pixels = tf.repeat(tf.stack([x, y], axis=-1)[:, tf.newaxis], len(NAMES), axis=1)
    return {"joints": _back_project(pixels, tf.constant(3000.0), intrinsics)}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """By function: its model.onnx."""
    return {
        function: _write(function, tmp_path_factory.mktemp("onnx")) for function in (fixed_pixels, brightest)
    }


@pytest.fixture(scope="module")
def models(files):
    """By function: the multi-person model in TensorFlow, and the runner of the same network."""
    return {function: (_estimator(function), OnnxPoseEstimator(file)) for function, file in files.items()}


@pytest.mark.parametrize("augs", [1, 2, 5])
@pytest.mark.parametrize("lens", LENSES)
def test_geometry_is_that_of_the_savedmodel(models, augs, lens):
    expected, runner = models[fixed_pixels]
    rng = np.random.default_rng(augs)
    boxes = np.concatenate([rng.uniform(50, 300, (4, 2)), rng.uniform(20, 250, (4, 2))], axis=1)
    options = {
        "distortion_coeffs": np.float32(lens),
        "num_aug": augs,
        "average_aug": False,
        **random_camera(rng),
    }
    blank = np.zeros((480, 640, 3), np.uint8)
    theirs, ours = (model.estimate_poses(blank, np.float32(boxes), **options) for model in (expected, runner))
    np.testing.assert_allclose(
        ours["poses3d"], theirs["poses3d"], rtol=0, atol=0.05
    )  # mm; float32 in one of them
    np.testing.assert_allclose(ours["poses2d"], theirs["poses2d"], rtol=1e-5, atol=0.01)
    assert ours["poses3d"].shape == (4, augs, 5, 3)


@pytest.mark.parametrize("antialias", [1, 3])
@pytest.mark.parametrize("lens", LENSES)
def test_crops_show_what_is_in_the_image(models, lens, antialias):
    """A bright dot is found where it is, through lens, turned, mirrored and shrunk crops."""
    dot = np.array([371.0, 208.0])
    y, x = np.mgrid[:480, :640]
    image = (255 * np.exp(-((x - dot[0]) ** 2 + (y - dot[1]) ** 2) / (2 * 8.0**2))).astype(np.uint8)
    image = np.repeat(image[..., np.newaxis], 3, axis=-1)
    boxes = [[330, 150, 90, 110], [200, 60, 300, 300]]  # the second is sampled from a smaller level
    found = models[brightest][1].estimate_poses(
        image, boxes, distortion_coeffs=lens, num_aug=4, average_aug=False, antialias_factor=antialias
    )["poses2d"]
    np.testing.assert_allclose(
        found, np.broadcast_to(dot, found.shape), atol=0.15
    )  # px; a crop pixel is up to 6


def test_crops_are_the_savedmodels(models, photo):
    expected, runner = models[brightest]
    boxes = np.float32([[30, 20, 60, 80], [-20, 5, 80, 90], [0, 0, 160, 120], [70, 60, 3, 4]])
    for options in (
        {"num_aug": 3},
        {"num_aug": 2, "antialias_factor": 2, "distortion_coeffs": np.float32(LENSES[1])},
    ):
        theirs, ours = (model.estimate_poses(photo, boxes, **options) for model in (expected, runner))
        np.testing.assert_allclose(
            ours["poses3d"], theirs["poses3d"], rtol=0, atol=1
        )  # mm; a crop pixel is 20 and more
        np.testing.assert_allclose(ours["poses2d"], theirs["poses2d"], rtol=0, atol=0.1)


@pytest.mark.parametrize("turns", ["upright", "all", "half"])
@pytest.mark.parametrize("augs", range(1, 7))
def test_schedule_is_the_savedmodels(turns, augs):
    from serving.augmentation import schedule

    ours = onnx_runner._schedule(augs, 25.0, turns)
    for mine, theirs in zip(ours, schedule(tf.constant(augs), 25.0, turns), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6)


def test_skeletons_chunks_and_nobody(models, photo):
    expected, runner = models[fixed_pixels]
    boxes = np.float32([[30, 20, 60, 80], [5, 5, 30, 90], [60, 50, 40, 40]])
    whole = runner.estimate_poses(photo, boxes, num_aug=3)["poses3d"]
    assert runner.joint_names == (*NAMES, "halfway_mine") and whole.shape == (3, 5, 3)
    mine = runner.estimate_poses(photo, boxes, num_aug=3, skeleton="mine")["poses3d"]
    np.testing.assert_array_equal(mine, whole[:, [0, 4]])
    np.testing.assert_allclose(mine[:, 1], whole[:, 1:3].mean(axis=1), rtol=0, atol=1e-3)
    assert runner.skeletons["mine"]["names"] == ["left", "halfway"] and runner.skeletons["mine"]["edges"] == [
        [0, 1]
    ]
    for size in (0, 1, 3, 7):
        np.testing.assert_allclose(
            runner.estimate_poses(photo, boxes, num_aug=3, internal_batch_size=size)["poses3d"],
            whole,
            atol=1e-2,
        )
    nobody = runner.estimate_poses(photo, np.zeros((0, 4)), num_aug=2, average_aug=False)
    assert nobody["poses3d"].shape == (0, 2, 5, 3) and nobody["poses2d"].shape == (0, 2, 5, 2)


def test_boxes_that_show_nothing_are_nan(models, photo):
    boxes = np.float32([[30, 20, 60, 80], [np.nan, 0, 5, 5], [10, 10, 0.5, 9], [9e5, 9e5, 50, 50]])
    options = {"distortion_coeffs": np.float32(LENSES[2]), "num_aug": 2}
    theirs, ours = (
        model.estimate_poses(photo, boxes, **options)["poses3d"] for model in models[fixed_pixels]
    )
    assert np.isnan(ours).all(axis=(1, 2)).tolist() == [False, True, True, True]
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))


@pytest.mark.parametrize(
    "name, value",
    [
        ("image", np.zeros((9, 9), np.uint8)),
        ("image", np.zeros((9, 9, 3), np.float32)),
        ("image", np.zeros((0, 9, 3), np.uint8)),
        ("boxes", [[1, 2, 3]]),
        ("intrinsic_matrix", np.eye(4)),
        ("intrinsic_matrix", -np.eye(3)),
        ("distortion_coeffs", (0.0,) * 4),
        ("distortion_coeffs", (np.inf,) * 5),
        ("extrinsic_matrix", np.zeros((4, 4))),
        ("world_up_vector", (0, 0, 0)),
        ("default_fov_degrees", 171),
        ("internal_batch_size", -1),
        ("antialias_factor", 0),
        ("num_aug", 0),
        ("num_aug", 1.5),
        ("skeleton", "h36"),
    ],
)
def test_errors_name_the_argument(models, photo, name, value):
    arguments = {"image": photo, "boxes": [[30, 20, 60, 80]], name: value}
    with pytest.raises(ValueError, match=f"^{name}: expected "):
        models[fixed_pixels][1].estimate_poses(**arguments)


def test_another_file(tmp_path):
    plain = convert(tf.function(fixed_pixels), SIGNATURE, {})
    onnx.save(plain, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match=r"other\.onnx: no description in its metadata, expected"):
        OnnxPoseEstimator(tmp_path / "other.onnx")


def test_imports_nothing_else():
    tree = ast.parse(Path(onnx_runner.__file__).read_text())
    imported = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    others = {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names)
    assert others == {"numpy", "cv2", "onnxruntime"}


@pytest.mark.slow
def test_runs_where_nothing_else_is_installed(models, files, photo, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env/bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "numpy", "opencv-python-headless", "onnxruntime"]
    if (done := subprocess.run(install, capture_output=True, text=True)).returncode:
        pytest.skip(f"no packages to be had: {done.stderr[-200:]}")
    boxes = np.float32([[30, 20, 60, 80], [-20, 5, 80, 90]])
    (tmp_path / "onnx_runner.py").write_text(Path(onnx_runner.__file__).read_text())
    (tmp_path / "alone.py").write_text(ALONE)
    np.savez(tmp_path / "given.npz", image=photo, boxes=boxes, lens=np.float32(LENSES[1]))
    expected, _ = models[brightest]
    arguments = [files[brightest], tmp_path / "given.npz", tmp_path / "found.npz"]
    subprocess.run([python, tmp_path / "alone.py", *arguments], check=True, cwd=tmp_path)
    found = np.load(tmp_path / "found.npz")
    theirs = expected.estimate_poses(photo, boxes, distortion_coeffs=np.float32(LENSES[1]), num_aug=4)
    np.testing.assert_allclose(found["poses3d"], theirs["poses3d"], rtol=0, atol=1)
    np.testing.assert_allclose(found["poses2d"], theirs["poses2d"], rtol=0, atol=0.1)


SIGNATURE = [
    tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32, "images"),
    tf.TensorSpec([None, 3, 3], tf.float32, "intrinsics"),
]


def random_camera(rng) -> dict:
    focal = rng.uniform(500, 1500)
    extrinsics = np.eye(4)
    extrinsics[:3, :3] = Rotation.random(random_state=int(rng.integers(1 << 30))).as_matrix()
    extrinsics[:3, 3] = rng.normal(0, 3000, 3)
    return {
        "intrinsic_matrix": np.float32([[focal, 3, 330], [0, focal * 1.05, 245], [0, 0, 1]]),
        "extrinsic_matrix": extrinsics.astype(np.float32),
        "world_up_vector": np.float32([0.3, -0.9, 0.1]),
    }


def _write(function, folder: Path) -> Path:
    skeleton = as_skeleton(NAMES, (), ["h36m"] * len(NAMES))
    facts = describe_joints(skeleton, joint_sets(skeleton, [OWN])) | describe_crops(SIDE, Packing())
    onnx.save(convert(tf.function(function), SIGNATURE, facts | {"provenance": {}}), folder / "model.onnx")
    return folder / "model.onnx"


def _estimator(function):
    def predict(images, intrinsics):
        return function(tf.cast(images, tf.float32), intrinsics)["joints"]

    return fake_estimator(predict, NAMES, own=[OWN])


def _back_project(pixels, depths, intrinsics):
    """Crop pixels [(B,) J, 2] at depths [J] or [] mm -> [B, J, 3]."""
    focal, middle = intrinsics[:, :1, :1], intrinsics[:, tf.newaxis, :2, 2]
    rays = (pixels - middle) / focal
    return tf.concat([rays, tf.ones_like(rays[..., :1])], axis=-1) * tf.reshape(depths, [-1, 1])
