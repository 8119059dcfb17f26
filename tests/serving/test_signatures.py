"""Signatures promise what a server needs: names, types, defaults, dense results, and requests to warm up with."""

import cv2
import numpy as np
import pytest
import tensorflow as tf
from fake_models import TWO_PEOPLE, nearer_where_brighter
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import saved_model_pb2
from wrong_arguments import OF_DETECTIONS, OF_ESTIMATES

from posepile import skeletons
from serving import parameters, warmup
from serving.parameter_table import PARAMETERS
from serving.signatures import FIXED_PEOPLE, serving_signatures

H36M = skeletons.load("h36m_17")
DETECTION = {"boxes", "poses3d", "poses2d", "num_detections"}
RESULTS = {
    "serving_default": DETECTION,
    "detect_poses_batched": DETECTION,
    "detect_fixed": DETECTION,
    "estimate_poses_bytes": DETECTION - {"boxes"},
    "estimate_poses_batched": DETECTION - {"boxes"},
    "metadata": {"joint_names", "joint_edges"},
}


@pytest.fixture(scope="module")
def estimator():
    return nearer_where_brighter()


@pytest.fixture(scope="module")
def folder(estimator, tmp_path_factory, photo):
    path = tmp_path_factory.mktemp("model") / "1"
    tf.saved_model.save(estimator, str(path), signatures=serving_signatures(estimator))
    assert warmup.write(path, photo) == 10
    return path


@pytest.fixture(scope="module")
def served(folder):
    """Runs a signature as the server does: in a graph's session, absent inputs filled with the stored defaults."""
    with tf.Graph().as_default():
        session = tf.compat.v1.Session()
        signatures = tf.compat.v1.saved_model.load(session, ["serve"], str(folder)).signature_def

    def run(name, **inputs):
        signature = signatures[name]
        values = {key: tf.make_ndarray(value) for key, value in signature.defaults.items()} | inputs
        feed = {signature.inputs[key].name: value for key, value in values.items()}
        assert set(values) == set(signature.inputs)
        return session.run({key: info.name for key, info in signature.outputs.items()}, feed)

    yield run
    session.close()


def test_what_is_stored(folder):
    stored = saved_model_pb2.SavedModel()
    stored.ParseFromString((folder / "saved_model.pb").read_bytes())
    signatures = stored.meta_graphs[0].signature_def
    assert "serve" in stored.meta_graphs[0].meta_info_def.tags
    for name, outputs in RESULTS.items():
        signature = signatures[name]
        assert signature.method_name == "tensorflow/serving/predict"
        assert set(signature.outputs) == outputs
        assert all(info.name for info in (*signature.inputs.values(), *signature.outputs.values()))
        last = {"boxes": 5, "poses3d": 3, "poses2d": 2, "joint_edges": 2}  # clients can see what to expect
        shapes = {key: [dim.size for dim in info.tensor_shape.dim] for key, info in signature.outputs.items()}
        assert all(shapes[key][-1] == last[key] for key in outputs & set(last))
        required = set(signature.inputs) - set(signature.defaults)
        if name == "metadata":
            assert required == set()
            continue
        detects = "boxes" in outputs
        if name == "detect_fixed":
            assert set(signature.inputs) == required == {"images"}
            continue
        images = "images" if "batched" in name else "image_bytes"
        assert required == {images} | (set() if detects else {"boxes", "num_boxes"})
        wanted = set(parameters.OF_ESTIMATION) | (set(parameters.OF_DETECTION) if detects else set())
        assert set(signature.defaults) == wanted - {"average_aug"}
        for key, value in signature.defaults.items():
            parameter = parameters.PARAMETERS[key]
            assert signature.inputs[key].dtype == tf.as_dtype(parameter.dtype).as_datatype_enum == value.dtype
            default = tf.make_ndarray(value)
            expected = tf.constant(parameter.default_of(batched=True), parameter.dtype).numpy()
            np.testing.assert_array_equal(default, expected)


def test_detection_of_pixels_and_of_files_as_the_server_runs_it(estimator, served, photo):
    images = np.stack([photo, photo[::-1]])
    expected = estimator.detect_poses_batched(images, num_aug=2, skeleton="h36m_17")
    pixels = served("detect_poses_batched", images=images, num_aug=2, skeleton="h36m_17")
    files = served(
        "serving_default", image_bytes=[png(image) for image in images], num_aug=2, skeleton="h36m_17"
    )
    for found in (pixels, files):
        assert found["num_detections"].tolist() == [2, 2] and found["num_detections"].dtype == np.int32
        for key in ("boxes", "poses3d", "poses2d"):
            np.testing.assert_allclose(found[key], expected[key].to_tensor(), rtol=1e-5, atol=1e-2)


def test_estimation_pads_with_zeros(estimator, served, photo):
    boxes = np.float32(
        [[TWO_PEOPLE[0][:4], TWO_PEOPLE[1][:4]], [TWO_PEOPLE[1][:4], (0, 0, 0, 0)], [(7, 7, 7, 7)] * 2]
    )
    images, counts = np.stack([photo] * 3), np.int32([2, 1, 0])
    pixels = served("estimate_poses_batched", images=images, boxes=boxes, num_boxes=counts)
    files = served("estimate_poses_bytes", image_bytes=[png(photo)] * 3, boxes=boxes, num_boxes=counts)
    expected = estimator.estimate_poses(photo, boxes[0])
    for found in (pixels, files):
        assert found["num_detections"].tolist() == [2, 1, 0]
        np.testing.assert_allclose(found["poses3d"][0], expected["poses3d"], rtol=1e-5, atol=1e-2)
        np.testing.assert_allclose(found["poses2d"][1, 0], expected["poses2d"][1], rtol=1e-5, atol=1e-2)
        assert found["poses3d"].shape == (3, 2, 17, 3) and not found["poses3d"][1:, 1].any()


def test_nobody(served, photo):
    none = served("serving_default", image_bytes=[png(photo)], detector_threshold=1.0)
    assert none["boxes"].shape == (1, 0, 5) and none["poses3d"].shape == (1, 0, 17, 3)
    assert none["num_detections"].tolist() == [0]
    empty = served("estimate_poses_bytes", image_bytes=[], boxes=np.zeros((0, 0, 4)), num_boxes=[])
    assert empty["poses2d"].shape == (0, 0, 17, 2)


def test_the_fixed_signature_has_as_many_rows_for_every_request(estimator, served, photo):
    images = np.stack([photo, photo[::-1], photo])
    found = served("detect_fixed", images=images)
    assert {value.shape[0] for value in found.values()} == {3}  # a server joins and splits requests there
    expected = estimator.detect_poses_batched(images)
    for key in ("boxes", "poses3d", "poses2d"):
        assert found[key].shape[1] == FIXED_PEOPLE
        np.testing.assert_allclose(found[key][:, :2], expected[key].to_tensor(), rtol=1e-5, atol=1e-2)
        assert not found[key][:, 2:].any()
    assert found["num_detections"].tolist() == [2, 2, 2]
    apart = [served("detect_fixed", images=image[np.newaxis])["poses3d"] for image in images]
    np.testing.assert_allclose(np.concatenate(apart), found["poses3d"], rtol=1e-5, atol=1e-2)


def test_metadata(served):
    found = served("metadata", skeleton="h36m_17")
    assert [name.decode() for name in found["joint_names"]] == list(H36M.joints)
    assert [tuple(edge) for edge in found["joint_edges"]] == list(H36M.edges)
    assert len(served("metadata")["joint_names"]) == 17


def test_grey_and_transparent_files_become_rgb(served, photo):
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    alpha = np.dstack([photo, np.full(photo.shape[:2], 7, np.uint8)])
    found = served("serving_default", image_bytes=[png(grey), png(np.repeat(grey[..., None], 3, axis=2))])
    np.testing.assert_array_equal(found["poses3d"][0], found["poses3d"][1])
    found = served("serving_default", image_bytes=[png(alpha), png(photo)])
    np.testing.assert_array_equal(found["poses3d"][0], found["poses3d"][1])


def test_every_wrong_argument_is_named_and_the_next_request_served(served, photo):
    images = photo[np.newaxis]
    for name, values in (OF_ESTIMATES | OF_DETECTIONS).items():
        for value in values:
            given = np.asarray(value)[np.newaxis] if PARAMETERS[name].per_image else value
            with pytest.raises(tf.errors.InvalidArgumentError, match=f"{name}: expected"):
                served("detect_poses_batched", images=images, **{name: given})
    assert served("detect_poses_batched", images=images)["num_detections"].tolist() == [2]


def test_wrong_requests_are_refused_and_the_next_one_served(served, photo):
    jpeg = cv2.imencode(".jpg", photo)[1].tobytes()
    wrong = {
        "image_bytes": dict(image_bytes=[jpeg[: len(jpeg) // 2]]),
        "image_bytes.*": dict(image_bytes=[b"no image"]),
        "image_bytes: expected images of one size": dict(image_bytes=[png(photo), png(photo[1:])]),
        "skeleton: expected one of": dict(image_bytes=[jpeg], skeleton="nobody"),
        "num_aug: expected": dict(image_bytes=[jpeg], num_aug=0),
    }
    for problem, request in wrong.items():
        with pytest.raises(tf.errors.InvalidArgumentError, match=problem):
            served("serving_default", **request)
    for counts in ([3], [-1], [1, 1]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="num_boxes: expected"):
            served("estimate_poses_bytes", image_bytes=[jpeg], boxes=np.zeros((1, 2, 4)), num_boxes=counts)
    assert served("serving_default", image_bytes=[jpeg])["num_detections"].tolist() == [2]


@pytest.mark.parametrize("shape", [(1, 1), (20, 20_000), (20_000, 20)])
def test_files_of_extreme_sizes(served, shape):
    found = served("serving_default", image_bytes=[png(np.zeros((*shape, 3), np.uint8))], num_aug=1)
    assert np.isfinite(found["poses3d"]).all() and found["num_detections"].shape == (1,)


def test_two_hundred_people_beside_nobody(served, photo):
    rng = np.random.default_rng(0)
    boxes = np.concatenate([rng.uniform(0, 60, (2, 200, 2)), rng.uniform(5, 50, (2, 200, 2))], axis=2)
    boxes = boxes.astype(np.float32)
    request = dict(images=np.stack([photo] * 2), boxes=boxes, num_boxes=[200, 0], num_aug=1)
    found = served("estimate_poses_batched", **request)
    assert found["num_detections"].tolist() == [200, 0] and found["poses3d"].shape == (2, 200, 17, 3)
    assert np.isfinite(found["poses3d"]).all() and not found["poses3d"][1].any()


def test_warm_up_requests_are_read_by_others_and_every_one_runs(folder, served):
    names = []
    for record in tf.data.TFRecordDataset(str(folder / warmup.FILE)):
        request = prediction_log().FromString(record.numpy()).predict_log.request
        assert request.model_spec.name == "pose"
        inputs = {entry.key: tensor(entry.value) for entry in request.inputs}
        names.append(request.model_spec.signature_name)
        found = served(names[-1], **inputs)
        if names[-1] != "metadata":
            assert found["num_detections"].sum() >= 1  # somebody is seen, so the network runs
    assert set(names) == set(RESULTS)


def test_long_messages():
    images = np.zeros((1, 40, 50, 3), np.uint8)
    request = prediction_log().FromString(warmup.encode("s", {"images": images})).predict_log.request
    np.testing.assert_array_equal(tensor(request.inputs[0].value), images)


def tensor(serialised: bytes) -> np.ndarray:
    return tf.make_ndarray(tensor_pb2.TensorProto.FromString(serialised))


def prediction_log():
    """TensorFlow Serving's message, as far as it is used; field numbers from its .proto files."""
    file = descriptor_pb2.FileDescriptorProto(
        name="warmup_test.proto", package="warmup_test", syntax="proto3"
    )
    text, raw, nested = 9, 12, 11  # types: string, bytes, message
    messages = {
        "ModelSpec": [("name", 1, text, 0), ("signature_name", 3, text, 0)],
        "Input": [("key", 1, text, 0), ("value", 2, raw, 0)],  # a map's entry
        "Request": [("model_spec", 1, nested, "ModelSpec"), ("inputs", 2, nested, "Input")],
        "PredictLog": [("request", 1, nested, "Request")],
        "PredictionLog": [("predict_log", 6, nested, "PredictLog")],
    }
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, number, kind, type_name in fields:
            added = message.field.add(
                name=field, number=number, type=kind, label=3 if field == "inputs" else 1
            )
            if type_name:
                added.type_name = f".warmup_test.{type_name}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("warmup_test.PredictionLog"))


def png(image: np.ndarray) -> bytes:
    channels = image.shape[2] if image.ndim == 3 else 1
    order = {1: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[channels]
    return cv2.imencode(".png", image if order is None else cv2.cvtColor(image, order))[1].tobytes()
