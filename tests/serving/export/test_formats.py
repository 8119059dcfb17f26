"""Formats beside the SavedModel promise the network's poses, what they mean inside the file, and clear errors."""

import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from finished_runs import CONFIG, UNION, write_run

from serving.commands.export import main
from serving.export import ExportError, Source, export_run, export_source, litert, onnx_model
from serving.export.comparison import random_crops
from serving.export.savedmodel import build_estimator
from serving.export.source import run_provenance, source_of_run
from serving.onnx_runner import OnnxPoseEstimator
from serving.packing import Packing
from training import run_folder
from training.build import build_model
from training.config import ModelConfig

PLAIN = ["onnx", "litert"]
FILES = {"onnx": "model.onnx", "litert": "model.tflite"}
OWN = """
[hips]
joints = ["middle", "lhip_h36m"]
weights.middle = { lhip_h36m = 0.5, rhip_h36m = 0.5 }
edges = ["middle-lhip_h36m"]
"""


@pytest.fixture(scope="module")
def packing(tmp_path_factory) -> Packing:
    file = tmp_path_factory.mktemp("own") / "own.toml"
    file.write_text(OWN)
    return Packing(detector="none", skeleton_files=(file,), rotation_deg=10.0)


@pytest.fixture(scope="module")
def exported(run, packing, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("formats") / "deep"
    written = export_run(run, out, PLAIN, packing)
    assert [(w.format, w.path) for w in written] == [(name, out / FILES[name]) for name in PLAIN]
    assert all(
        0 <= w.largest_difference_mm < 0.05 for w in written
    )  # mm, at metres: float32 kernels of others
    return out


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", PLAIN)
def test_any_number_of_crops_gives_the_networks_joints(run, exported, name, count):
    crops = random_crops(64, count)
    images, intrinsics = np.float32(crops.images / 255), np.float32(crops.intrinsics)
    expected = np.asarray(run_folder.load_model(run).predict_joints(images, intrinsics))
    found = predict(name, exported / FILES[name], images, intrinsics)
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.05)


def test_what_the_numbers_mean_is_inside(run, exported):
    session = onnxruntime.InferenceSession(exported / "model.onnx")
    facts = {k: json.loads(v) for k, v in session.get_modelmeta().custom_metadata_map.items()}
    with zipfile.ZipFile(exported / "model.tflite") as archive:
        assert json.loads(archive.read("model.json")) == facts
    assert tuple(facts["joint_names"]) == UNION.joints
    assert [tuple(edge) for edge in facts["joint_edges"]] == list(UNION.edges)
    assert facts["input"]["crop_side"] == 64 and facts["input"]["images"]["channels"] == "RGB"
    assert facts["provenance"] == run_provenance(run)
    assert facts["skeletons"]["hips"] == {
        "indices": [len(UNION), UNION.index("lhip_h36m")],
        "names": ["middle", "lhip_h36m"],
        "edges": [[0, 1]],
    }
    [middle] = facts["computed_joints"]
    assert middle == {"name": "middle_hips", "weights": {"lhip_h36m": 0.5, "rhip_h36m": 0.5}}
    assert facts["test_time_augmentation"] == {"rotation_deg": 10.0, "turns": "upright"}
    shapes = {tensor.name: tensor.shape for tensor in (*session.get_inputs(), *session.get_outputs())}
    assert shapes == {
        "images": ["batch", 64, 64, 3],
        "intrinsics": ["batch", 3, 3],
        "joints": ["batch", len(UNION), 3],
    }
    onnx.checker.check_model(exported / "model.onnx", full_check=True)


@pytest.mark.parametrize("skeleton", ["", "h36m_17", "hips"])
def test_the_runner_gives_the_savedmodels_poses(run, exported, packing, photo, skeleton):
    boxes = np.float32([[30, 20, 60, 80], [5, 5, 30, 90]])
    runner = OnnxPoseEstimator(exported / "model.onnx")
    estimator = build_estimator(source_of_run(run, packing))
    ours, theirs = (
        model.estimate_poses(photo, boxes, num_aug=3, skeleton=skeleton) for model in (runner, estimator)
    )
    np.testing.assert_allclose(ours["poses3d"], theirs["poses3d"], rtol=0, atol=1)
    np.testing.assert_allclose(ours["poses2d"], theirs["poses2d"], rtol=0, atol=1)
    assert runner.joint_names == tuple(name.decode() for name in estimator.joint_names.numpy())


def test_the_runner_lies_beside_the_model(exported):
    from serving import onnx_runner

    assert (exported / "onnx_runner.py").read_text() == Path(onnx_runner.__file__).read_text()


def test_half_precision_networks_are_exported_in_float32(tmp_path):
    config = replace(CONFIG, precision="mixed_float16")
    run = write_run(tmp_path / "run", config, UNION, [])
    written = export_run(run, tmp_path, PLAIN)
    assert all(w.largest_difference_mm < 0.05 for w in written)
    alone = Source(build_model(config, UNION), UNION, {})
    with pytest.raises(ExportError, match="computes in float16, expected float32"):
        export_source(alone, tmp_path / "alone", ["onnx"])


@pytest.mark.parametrize("name", PLAIN)
def test_an_export_that_differs_does_not_count(tmp_path, monkeypatch, name):
    model = build_model(CONFIG, UNION)
    honest = model.predict_joints

    def shifted(image, intrinsics):  # in the trace of the export only; the comparison runs eagerly
        return honest(image, intrinsics) + (0.0 if tf.executing_eagerly() else 1.5)

    monkeypatch.setattr(model, "predict_joints", shifted)
    with pytest.raises(ExportError, match=r"differ from the Keras model by 2\.6 mm, expected at most 1.0"):
        export_source(Source(model, UNION, {}), tmp_path, [name])
    assert not (tmp_path / FILES[name]).exists() and not (tmp_path / "model_card.md").exists()


def test_a_missing_package_names_the_extra_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "serving.export.onnx_model", raising=False)
    with pytest.raises(
        ExportError, match=r"'onnx' needs the package 'tf2onnx'.*pip install 'dozens\[export\]'"
    ):
        main([str(tmp_path / "no run"), "--to", "onnx", "--out", str(tmp_path / "out")])


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["mobilenetv3-small", "efficientnetv2-b0", "resnet50"])
def test_a_backbone_of_each_family(backbone):
    """Up to the heads: random ones put people anywhere, and their absolute position amplifies rounding to no end."""
    config = replace(CONFIG, model=ModelConfig(backbone=backbone, crop_side=64, ghost_group_size=0))
    model = build_model(config, UNION)
    images = (
        np.float32(random_crops(64, 8).images / 255)
        * np.linspace(0.2, 1, 8, dtype=np.float32)[:, None, None, None]
    )
    see_once(model, images)
    heads = Heads(model)
    expected = {name: value.numpy() for name, value in heads.predict(images).items()}
    session = onnxruntime.InferenceSession(
        onnx_model.convert(heads.predict, heads.signature, {}).SerializeToString()
    )
    names = [output.name for output in session.get_outputs()]
    in_onnx = dict(zip(names, session.run(names, {"images": images}), strict=True))
    in_litert = Interpreter(model_content=litert.convert(heads)).get_signature_runner()(images=images)
    for found in (in_onnx, in_litert):
        np.testing.assert_allclose(found["pixels"], expected["pixels"], rtol=0, atol=0.02)  # px of 64
        np.testing.assert_allclose(found["metric"], expected["metric"], rtol=0, atol=0.5)  # mm of 2200
    # The features tell crops apart, so equality means something
    assert np.ptp(expected["pixels"], axis=0).max() > 1 and np.ptp(expected["metric"], axis=0).max() > 20


class Heads(tf.Module):
    """As CropFunction, up to the heads."""

    def __init__(self, model):
        super().__init__()
        self.signature = [tf.TensorSpec([None, 64, 64, 3], tf.float32, "images")]

        def predict(images):
            return dict(zip(("pixels", "metric"), model.joint_head(model.extract(images)), strict=True))

        self.predict = tf.function(predict, input_signature=self.signature, autograph=False)
        self.read_variables = list(self.predict.get_concrete_function().graph.variables)


def see_once(model, images) -> None:
    """Takes the statistics of all normalisations from these images: features get the size that training gives them."""
    for layer in model.backbone._flatten_layers():
        if hasattr(layer, "momentum"):
            layer.momentum = 0.0
    model.extract(images, training=True)


def predict(name: str, file: Path, images, intrinsics) -> np.ndarray:
    if name == "onnx":
        inputs = {"images": images, "intrinsics": intrinsics}
        return onnxruntime.InferenceSession(file).run(["joints"], inputs)[0]
    return Interpreter(str(file)).get_signature_runner()(images=images, intrinsics=intrinsics)["joints"]
