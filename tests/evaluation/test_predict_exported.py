"""A SavedModel of ours goes through `dozens predict` and `dozens evaluate`, and the file has what the model says."""

import json
from pathlib import Path

import numpy as np
import pytest
import small_benchmarks

from evaluation.commands import evaluate, predict
from evaluation.prediction_file import open_predictions
from posepile.images import read_image

tf = pytest.importorskip("tensorflow")
TESTS = Path(__file__).parents[1]
PEOPLE = [(10, 5, 20, 40, 0.9), (35, 6, 18, 36, 0.6)]  # found in every image


@pytest.mark.parametrize("options", [[], ["--num-aug", "3"]])
def test_given_boxes(options, tmp_path, monkeypatch):
    small, root, model = exported(tmp_path, monkeypatch)
    figures = through_both_commands(small, root, tmp_path, options)
    assert figures["coverage"]["fraction"] == 1 and 0 < figures["figures"]["mpjpe"]["value"] < 3000
    file = open_predictions(tmp_path / "p.npz")
    for labelled in small.protocol(root).labelled(root):
        for i, name in enumerate(labelled.image_paths):
            box = np.float32(labelled.boxes[i])[np.newaxis]
            found = model.estimate_poses(
                read_image(labelled.images[i]), box, num_aug=int(options[-1]) if options else 1,
                antialias_factor=2, skeleton="h36m_17", **lens(labelled.cameras[i]),
            )  # fmt: skip
            world = labelled.cameras[i].camera_to_world(found["poses3d"].numpy().astype(float))
            np.testing.assert_allclose(
                file.poses(file.rows_of([name])), world, rtol=0, atol=0.5
            )  # mm of metres


def test_detected_people(tmp_path, monkeypatch):
    """The model knows Human3.6M's skeleton alone, so it is that set whose people are looked for."""
    small, root, model = exported(tmp_path, monkeypatch)
    protocol = small.protocol(root)
    monkeypatch.setattr(type(protocol), "inference", type(protocol.inference)(max_detections=1))
    through_both_commands(small, root, tmp_path, [])
    file = open_predictions(tmp_path / "p.npz")
    assert file.meta["detects"] and len(file) == 6  # the best of two in each image
    (labelled, *_) = protocol.labelled(root)
    found = model.estimate_poses(
        read_image(labelled.images[0]), np.float32([PEOPLE[0][:4]]), num_aug=1, antialias_factor=2,
        skeleton="h36m_17", **lens(labelled.cameras[0]),
    )  # fmt: skip
    world = labelled.cameras[0].camera_to_world(found["poses3d"].numpy().astype(float))
    np.testing.assert_allclose(file.poses(file.rows_of(labelled.image_paths[:1])), world, rtol=0, atol=0.5)


def exported(folder, monkeypatch):
    monkeypatch.syspath_prepend(TESTS / "serving")
    from fake_models import save_standing

    small = small_benchmarks.SMALL["h36m"]
    root = small.write(folder / "raw")
    small_benchmarks.draw_images(small.protocol(root), root)
    return small, root, tf.saved_model.load(str(save_standing(folder / "model", detected=PEOPLE)))


def through_both_commands(small, root, folder, options):
    common = ["--benchmark", small.id, "--root", str(root)]
    out = str(folder / "p.npz")
    assert predict.main([*common, "--model", str(folder / "model"), "--out", out, *options]) == 0
    assert evaluate.main([*common, "--predictions", out, "--json", str(folder / "r.json")]) == 0
    return json.loads((folder / "r.json").read_text())["models"]["p"]


def lens(camera):
    """A camera in the world's origin; people stand upright in the world, whose up it is told."""
    return {
        "intrinsic_matrix": camera.intrinsics.astype(np.float32),
        "distortion_coeffs": camera.distortion.astype(np.float32)[:5],
        "world_up_vector": (camera.rotation @ camera.world_up).astype(np.float32),
    }
