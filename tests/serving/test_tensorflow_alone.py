"""A SavedModel promises the same poses to a fresh process in which TensorFlow alone is installed."""

import subprocess

import numpy as np
import tensorflow as tf
from bare_environment import link_packages, python
from fake_models import H36M, SIDE, nearer_where_brighter

BOXES = np.float32([[30, 20, 60, 80], [5, 5, 30, 90]])
LOAD = """
import importlib.util, numpy as np, tensorflow as tf
for name in ("training", "serving", "posepile", "affine_combining", "evaluation", "dozens", "cv2", "tyro"):
    assert importlib.util.find_spec(name) is None, f"{name} is installed"
folder, given, answer = sys.argv[1:]
model, given = tf.saved_model.load(folder), np.load(given)
image, images, boxes = given["image"], given["images"], given["boxes"]
ragged = tf.RaggedTensor.from_row_lengths(np.concatenate([boxes, boxes[:1]]), [2, 1])
results = {
    "detect_poses": model.detect_poses(image, num_aug=2, skeleton="h36m_17"),
    "detect_poses_batched": model.detect_poses_batched(images, average_aug=False),
    "estimate_poses": model.estimate_poses(image, boxes, default_fov_degrees=40.0),
    "estimate_poses_batched": model.estimate_poses_batched(images, ragged, num_aug=1),
}
flat = {f"{f}/{k}": getattr(v, "flat_values", v).numpy() for f, r in results.items() for k, v in r.items()}
names = [name.decode() for name in model.per_skeleton_joint_names["h36m_17"].numpy()]
np.savez(answer, names=names, edges=model.per_skeleton_joint_edges["h36m_17"], side=model.crop_model.input_resolution,
         **flat)
"""


def test_the_four_functions_give_the_same(photo, tmp_path):
    estimator = nearer_where_brighter()
    images = np.stack([photo, photo[::-1]])
    tf.saved_model.save(estimator, str(tmp_path / "model"))
    np.savez(tmp_path / "given.npz", image=photo, images=images, boxes=BOXES)
    bare = link_packages(tmp_path / "site", "tensorflow")
    files = [tmp_path / "model", tmp_path / "given.npz", tmp_path / "answer.npz"]
    subprocess.run([*python(bare, LOAD), *map(str, files)], check=True, cwd=tmp_path, env={})
    answer = np.load(tmp_path / "answer.npz")
    ragged = tf.RaggedTensor.from_row_lengths(np.concatenate([BOXES, BOXES[:1]]), [2, 1])
    expected = {
        "detect_poses": estimator.detect_poses(photo, num_aug=2, skeleton="h36m_17"),
        "detect_poses_batched": estimator.detect_poses_batched(images, average_aug=False),
        "estimate_poses": estimator.estimate_poses(photo, BOXES, default_fov_degrees=40.0),
        "estimate_poses_batched": estimator.estimate_poses_batched(images, ragged, num_aug=1),
    }
    for function, results in expected.items():
        for key, value in results.items():
            value = getattr(value, "flat_values", value)
            assert len(value) > 0
            # mm and px; the same operations, perhaps in another order
            np.testing.assert_allclose(answer[f"{function}/{key}"], value, rtol=1e-5, atol=1e-2)
    assert tuple(answer["names"]) == H36M.joints and answer["side"] == SIDE
    np.testing.assert_array_equal(answer["edges"], H36M.edges)
