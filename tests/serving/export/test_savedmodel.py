"""Export promises: what is loaded anywhere gives the network's poses and says what they are and whence."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from finished_runs import CONFIG, UNION, make_store, write_run

from affine_combining.weights import AcaeWeights
from posepile import skeletons
from posepile.names import UnknownNameError
from serving.commands.export import main
from serving.export import ExportError, Source, comparison, export_run, export_source
from serving.export.savedmodel import build_estimator
from serving.export.source import run_provenance, source_of_run
from serving.packing import Packing
from serving.predictor import Predictor
from training import config_files, run_folder
from training.build import build_model
from training.config import DataConfig

NO_DETECTOR = Packing(detector="none")
# Loads the model with nothing but TensorFlow, as a user without this project would.
LOAD_ALONE = """
import sys, numpy as np, tensorflow as tf
assert not any(name in sys.modules for name in ("training", "serving", "posepile", "affine_combining"))
model, crops = tf.saved_model.load(sys.argv[1]), np.load(sys.argv[2])
poses = model.crop_model.predict_multi(crops["images"], crops["intrinsics"])
people = model.estimate_poses(crops["photo"], crops["boxes"], num_aug=2, skeleton="h36m_17")
np.savez(sys.argv[3], poses=poses, people=people["poses3d"], edges=model.joint_edges,
         names=[n.decode() for n in model.joint_names.numpy()], side=model.crop_model.input_resolution,
         formats=[n.decode() for n in model.crop_model.joint_formats.numpy()],
         provenance=model.provenance.numpy().decode())
"""


@pytest.fixture(scope="module")
def model():
    return build_model(CONFIG, UNION)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "deep"
    [written] = export_run(run, out, ["savedmodel"], NO_DETECTOR)
    assert written.largest_difference_mm < 0.05  # mm, at metres: the same float32 kernels in another order
    assert written.path == out / "savedmodel/1"
    return written.path


def test_loads_in_a_process_with_tensorflow_alone(run, exported, tmp_path, photo):
    crops = comparison.random_crops(64, 3)
    images, intrinsics = (crops.images / 255).astype(np.float16), crops.intrinsics.astype(np.float32)
    boxes = np.float32([[30, 20, 60, 80], [5, 5, 30, 90]])
    np.savez(tmp_path / "crops.npz", images=images, intrinsics=intrinsics, photo=photo, boxes=boxes)
    arguments = [exported, tmp_path / "crops.npz", tmp_path / "result.npz"]
    subprocess.run([sys.executable, "-c", LOAD_ALONE, *map(str, arguments)], check=True, cwd=tmp_path)
    result = np.load(tmp_path / "result.npz")
    expected = np.asarray(run_folder.load_model(run).predict_joints(images.astype(np.float32), intrinsics))
    np.testing.assert_allclose(result["poses"], expected, rtol=0, atol=0.05)
    assert np.ptp(expected, axis=0).max() > 0.5  # mm: the crops are told apart, so equality means something
    estimator = build_estimator(source_of_run(run, NO_DETECTOR))
    people = estimator.estimate_poses(photo, boxes, num_aug=2, skeleton="h36m_17")["poses3d"]
    np.testing.assert_allclose(result["people"], people, rtol=0, atol=0.05)
    assert tuple(result["names"]) == UNION.joints and tuple(result["formats"]) == UNION.formats
    assert result["side"] == 64
    np.testing.assert_array_equal(result["edges"], UNION.edges)
    assert json.loads(str(result["provenance"])) == run_provenance(run) | {"detector": None}


def test_provenance_says_what_was_trained_how_and_on_what(run):
    provenance = run_provenance(run)
    assert provenance["configuration"] == config_files.to_json(CONFIG)
    assert provenance["stores"] == {"tiny": {"examples": 3, "licence": "CC0-1.0"}}
    assert provenance["seed"] == 5 and provenance["autoencoder"] is None
    assert provenance["environment"]["packages"]["tensorflow"] == tf.__version__


def test_the_command_compares_on_crops_of_the_runs_own_data(run, tmp_path, monkeypatch, capsys):
    seen = []
    compare = comparison._largest_difference
    monkeypatch.setattr(comparison, "_largest_difference", lambda *a: seen.append(a[2]) or compare(*a))
    arguments = [str(run), "--to", "savedmodel", "--out", str(tmp_path), "--detector", "none", "--json"]
    assert main(arguments) == 0
    [result] = json.loads(capsys.readouterr().out)["exports"]
    assert result["format"] == "savedmodel" and result["path"] == str(tmp_path / "savedmodel/1")
    assert 0 <= result["largest_difference_mm"] < 0.05
    assert (tmp_path / "savedmodel/1/saved_model.pb").exists()
    [random, real] = seen
    assert len(real.images) == len(random.images) == 3
    red_blue = real.images[0, 32, 32]
    assert red_blue[0] > 200 and red_blue[2] < 50  # the store's pictures are red
    assert real.intrinsics[0, 0, 0] != random.intrinsics[0, 0, 0]


def test_variants_with_an_autoencoder(tmp_path):
    n = len(UNION)
    w1 = np.full((n, 4), 1 / n)
    w2 = np.random.default_rng(0).dirichlet(np.ones(4), n).T
    AcaeWeights(w1, w2, UNION.joints, {"poses": "made up"}).save(tmp_path / "acae.npz")
    config = replace(CONFIG, variant="hybrid", acae=str(tmp_path / "acae.npz"))
    run = write_run(tmp_path / "run", config, UNION, [])
    (tmp_path / "acae.npz").unlink()  # the run has its own
    [written] = export_run(run, tmp_path, ["savedmodel"], NO_DETECTOR)
    assert written.largest_difference_mm < 0.05
    provenance = stored_provenance(written.path)
    assert provenance["autoencoder"] == {"latents": 4, "poses": "made up"}
    # The teacher head, n * (1 + depth bins) outputs, is of no use here and stays out
    loaded = tf.saved_model.load(str(written.path))
    sizes = [variable.shape[-1] for variable in loaded.crop_model.network_variables]
    assert 4 * (1 + 8) in sizes and n * (1 + 8) not in sizes


def test_merged_joints_have_names_without_suffixes_and_stores_may_be_gone(tmp_path):
    merged = skeletons.merged(UNION)
    config = replace(CONFIG, data=DataConfig(joints="merged"))
    run = write_run(tmp_path / "run", config, merged, [make_store(tmp_path / "store")])
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    [written] = export_run(run, tmp_path / "out", ["savedmodel"], NO_DETECTOR)
    predictor = Predictor(written.path)
    assert predictor.joints == merged.joints and not any("_" in joint for joint in predictor.joints)
    assert {"h36m", "aspset"} <= set(predictor.formats())


def test_an_export_that_differs_does_not_count(model, tmp_path, monkeypatch):
    honest = model.predict_joints

    def shifted(image, intrinsics):  # in the trace of the export only; the comparison runs eagerly
        return honest(image, intrinsics) + (0.0 if tf.executing_eagerly() else 1.5)

    monkeypatch.setattr(model, "predict_joints", shifted)
    with pytest.raises(ExportError, match=r"differ from the Keras model by 2\.6 mm, expected at most 1.0"):
        export_source(Source(model, UNION, {}, packing=NO_DETECTOR), tmp_path, ["savedmodel"])
    assert not (tmp_path / "savedmodel/1").exists()


def test_replaces_an_older_model_but_nothing_else(exported, model, tmp_path):
    shutil.copytree(exported, tmp_path / "savedmodel/1")
    export_source(Source(model, UNION, {"version": 2}, packing=NO_DETECTOR), tmp_path, ["savedmodel"])
    assert stored_provenance(tmp_path / "savedmodel/1") == {"version": 2, "detector": None}
    assert [path.name for path in (tmp_path / "savedmodel").iterdir()] == ["1"]
    (tmp_path / "notes/savedmodel/1").mkdir(parents=True)
    with pytest.raises(ExportError, match="savedmodel/1: exists and is no SavedModel"):
        export_source(Source(model, UNION, {}, packing=NO_DETECTOR), tmp_path / "notes", ["savedmodel"])


def test_formats_that_are_none(run, tmp_path):
    with pytest.raises(UnknownNameError, match="unknown export format 'tensorrt'.*savedmodel"):
        main([str(run), "--to", "savedmodel,tensorrt", "--out", str(tmp_path)])
    with pytest.raises(ValueError, match="no export format"):
        main([str(run), "--to", "", "--out", str(tmp_path)])
    assert not list(tmp_path.iterdir())


def test_other_joints_than_the_models(model):
    with pytest.raises(ExportError, match="42 joints, expected the 17 of skeleton 'aspset'"):
        Source(model, skeletons.load("aspset"), {})


def test_a_folder_that_is_no_finished_run(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="no config.json in it, expected the folder of a run"):
        export_run(tmp_path, tmp_path, ["savedmodel"])
    config_files.save(CONFIG, tmp_path)
    with pytest.raises(FileNotFoundError, match="not finished"):
        export_run(tmp_path, tmp_path, ["savedmodel"])


def stored_provenance(savedmodel: Path) -> dict:
    loaded = tf.saved_model.load(str(savedmodel))
    return json.loads(loaded.provenance.numpy())
