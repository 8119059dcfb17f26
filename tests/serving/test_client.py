"""The client promises what the model says, over REST and over gRPC, without TensorFlow, and clear errors."""

import socket
import subprocess
import sys
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
import tensorflow as tf
from fake_models import TWO_PEOPLE, nearer_where_brighter
from model_server import ModelServer, SavedModelRunner

from posepile import skeletons
from serving.client import Client
from serving.signatures import serving_signatures
from serving.transports import (
    NotAvailableError,
    RefusedError,
    ServerError,
    ServerTimeoutError,
    UnreachableError,
    WrongAnswerError,
)

H36M = skeletons.load("h36m_17")
EVERY_WAY = pytest.mark.parametrize("way", ["http", "grpc"])
ROUNDING = dict(rtol=1e-5, atol=1e-2)  # mm and px: float32 of another graph of the same model


@pytest.fixture(scope="module")
def estimator():
    return nearer_where_brighter()


@pytest.fixture(scope="module")
def model_server(estimator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "1"
    tf.saved_model.save(estimator, str(folder), signatures=serving_signatures(estimator))
    with ModelServer(SavedModelRunner(folder)) as server:
        yield server


@pytest.fixture
def server(model_server):
    yield model_server
    model_server.state, model_server.delay_s = "AVAILABLE", 0.0


@EVERY_WAY
def test_detection_is_that_of_the_model(estimator, server, way, photo, tmp_path):
    other = np.ascontiguousarray(photo[:, ::-1])
    (tmp_path / "photo.png").write_bytes(png(photo))
    with Client(getattr(server, way)) as client:
        client.check()
        found = client.detect_poses([tmp_path / "photo.png", png(other)], skeleton="h36m_17", num_aug=2)
    expected = estimator.detect_poses_batched(np.stack([photo, other]), skeleton="h36m_17", num_aug=2)
    assert len(found) == 2
    for i, people in enumerate(found):
        assert set(people) == {"boxes", "poses3d", "poses2d"}
        for key, value in people.items():
            assert value.dtype == np.float32
            np.testing.assert_allclose(value, expected[key][i], **ROUNDING)


@EVERY_WAY
def test_given_boxes_and_all_parameters_arrive(estimator, server, way, photo):
    boxes = [[TWO_PEOPLE[0][:4], (7, 7, np.nan, 7), TWO_PEOPLE[1][:4]], [], [TWO_PEOPLE[1][:4]]]
    parameters = {
        "distortion_coeffs": np.linspace(-0.02, 0.02, 12),
        "extrinsic_matrix": [np.diag([1, -1, -1, 1])] * 3,  # one for each image
        "world_up_vector": (0, 1, 0),
        "internal_batch_size": 3,
        "antialias_factor": 2,
        "num_aug": np.int64(3),
    }
    camera = [[200, 0, 80], [0, 210, 60], [0, 0, 1]]  # one for all
    found = Client(getattr(server, way)).estimate_poses(
        [png(photo)] * 3, boxes, intrinsic_matrix=camera, **parameters
    )
    ragged = tf.ragged.constant([[list(b) for b in rows] for rows in boxes], tf.float32, 1, (4,))
    as_arrays = {
        key: np.asarray(value, np.int32 if np.ndim(value) == 0 else np.float32)
        for key, value in parameters.items()
    } | {"distortion_coeffs": np.float32(parameters["distortion_coeffs"])[np.newaxis]}
    expected = estimator.estimate_poses_batched(
        np.stack([photo] * 3), ragged, intrinsic_matrix=np.float32([camera]), **as_arrays
    )
    assert [len(people["poses3d"]) for people in found] == [3, 0, 1]
    assert np.isnan(found[0]["poses3d"][1]).all()
    for people, poses, pixels in zip(found, expected["poses3d"], expected["poses2d"], strict=True):
        np.testing.assert_allclose(people["poses3d"], poses.numpy().reshape(-1, 17, 3), **ROUNDING)
        np.testing.assert_allclose(people["poses2d"], pixels.numpy().reshape(-1, 17, 2), **ROUNDING)


@EVERY_WAY
def test_nobody(server, way, photo):
    client = Client(getattr(server, way))
    for people in (
        *client.detect_poses([png(photo)] * 2, detector_threshold=1),
        *client.detect_poses([png(photo)], max_detections=0, suppress_implausible_poses=False),
    ):
        shapes = {key: value.shape for key, value in people.items()}
        assert shapes == {"boxes": (0, 5), "poses3d": (0, 17, 3), "poses2d": (0, 17, 2)}
    [people] = client.estimate_poses([png(photo)], [[]], skeleton="h36m_17")
    assert people["poses3d"].shape == (0, 17, 3) and set(people) == {"poses3d", "poses2d"}


@EVERY_WAY
def test_joints_of_a_skeleton(server, way):
    client = Client(getattr(server, way))
    names, edges = client.skeleton("h36m_17")
    assert names == list(H36M.joints) and [tuple(edge) for edge in edges] == list(H36M.edges)
    assert client.skeleton()[0] == [f"{joint}_h36m" for joint in H36M.joints]


@EVERY_WAY
def test_an_array_is_sent_as_a_good_jpeg(estimator, server, way, photo):
    [people] = Client(getattr(server, way)).detect_poses([photo], num_aug=1)
    expected = estimator.detect_poses(photo, num_aug=1)
    # The fake network is nearer where it is brighter: 1 of 255 is 3 mm, and its mean hardly changes by JPEG
    np.testing.assert_allclose(people["poses3d"], expected["poses3d"], atol=3)


@EVERY_WAY
def test_versions_and_labels(server, way, photo):
    address = getattr(server, way)
    for version in (None, 1, "stable"):
        Client(address, version=version).check()
        assert len(Client(address, version=version).detect_poses([png(photo)])) == 1
    for model, version in (("nobody", None), ("pose", 2), ("pose", "canary")):
        client = Client(address, model, version)
        with pytest.raises(NotAvailableError, match="Servable not found"):
            client.detect_poses([png(photo)])
        with pytest.raises(NotAvailableError, match="Servable not found"):
            client.check()


@EVERY_WAY
def test_a_model_that_is_not_ready(server, way):
    server.state = "LOADING"
    with pytest.raises(NotAvailableError, match="model 'pose' is not ready .version 1 is LOADING"):
        Client(getattr(server, way)).check()


@EVERY_WAY
def test_what_the_server_refuses(server, way, photo):
    address = getattr(server, way)
    jpeg = cv2.imencode(".jpg", photo)[1].tobytes()
    client = Client(address)
    for problem, images, parameters in (
        ("skeleton: expected one of", [jpeg], {"skeleton": "nobody"}),
        ("num_aug: expected", [jpeg], {"num_aug": 0}),
        ("image_bytes", [jpeg[: len(jpeg) // 2]], {}),
        ("image_bytes: expected images of one size", [jpeg, png(photo[1:])], {}),
        ("intrinsic_matrix: expected", [jpeg], {"intrinsic_matrix": np.zeros((3, 3))}),
    ):
        with pytest.raises(RefusedError, match=problem) as caught:
            client.detect_poses(images, **parameters)
        assert address in str(caught.value)
    assert len(client.detect_poses([jpeg])) == 1


@EVERY_WAY
def test_too_late(server, way, photo):
    server.delay_s = 1.0
    with pytest.raises(ServerTimeoutError, match=getattr(server, way)):
        Client(getattr(server, way), timeout_s=0.2).check()


@EVERY_WAY
def test_nobody_at_the_address(way, photo):
    with socket.socket() as reserved:  # bound but not listening
        reserved.bind(("127.0.0.1", 0))
        address = f"{way}://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(UnreachableError, match=address):
            Client(address).detect_poses([png(photo)])


def test_a_server_of_something_else(photo):
    """What answers is no model of ours, or not even a model server."""
    one = np.ones(1, np.int32)
    answers = {
        "no num_detections": {"scores": one, "classes": one},
        r"num_detections is \[2\] in the answer, expected \[1\]": {
            "num_detections": np.ones(2, np.int32),
            "x": one,
        },
        "no poses3d": {"num_detections": one, "boxes": np.zeros((1, 1, 5), np.float32)},
        r"boxes is \[1, 1, 4\]": {
            "num_detections": one,
            "boxes": np.zeros((1, 1, 4), np.float32),
            "poses3d": np.zeros((1, 1, 17, 3), np.float32),
            "poses2d": np.zeros((1, 1, 17, 2), np.float32),
        },
    }
    for problem, outputs in answers.items():
        with answering(lambda name, inputs, outputs=outputs: outputs) as server:
            for address in (server.http, server.grpc):
                with pytest.raises(WrongAnswerError, match=problem):
                    Client(address).detect_poses([png(photo)])
    with answering(lambda name, inputs: {}) as server:
        for answer, problem in (
            (b"<html>", "no JSON"),
            (b"[1]", "no JSON object"),
            (b"{}", "no outputs by name"),
        ):
            server.raw_answer = answer
            with pytest.raises(WrongAnswerError, match=problem):
                Client(server.http).detect_poses([png(photo)])
        with pytest.raises(ServerError, match="grpc://127.0.0.1"):  # that port speaks http
            Client(server.http.replace("http", "grpc"), timeout_s=5).check()


def test_messages_are_not_limited_to_grpcs_4_megabytes(photo):
    rng = np.random.default_rng(0)
    large = rng.integers(0, 256, (1300, 1300, 3), np.uint8)  # 5 MB as PNG
    poses = rng.normal(size=(1, 3, 200_000, 3)).astype(np.float32)  # 7 MB

    def run(name, inputs):
        assert len(inputs["image_bytes"][0]) > 4 << 20
        return {
            "num_detections": np.int32([3]),
            "boxes": np.zeros((1, 3, 5), np.float32),
            "poses3d": poses,
            "poses2d": poses[..., :2],
        }

    with answering(run) as server:
        [people] = Client(server.grpc).detect_poses([png(large)])
    np.testing.assert_array_equal(people["poses3d"], poses[0])


def test_wrong_arguments_are_named_before_anything_is_sent(photo, tmp_path):
    client = Client("http://localhost:9")
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    for kind, problem, images, parameters in (
        (ValueError, "unknown argument 'num_augs'; nearest: num_aug", [png(photo)], {"num_augs": 1}),
        (ValueError, "unknown argument 'average_aug'", [png(photo)], {"average_aug": False}),
        (TypeError, "num_aug is 2.5, expected int32", [png(photo)], {"num_aug": 2.5}),
        (TypeError, "skeleton is 17, expected a text", [png(photo)], {"skeleton": 17}),
        (ValueError, r"intrinsic_matrix is \[1, 2, 2\]", [png(photo)], {"intrinsic_matrix": np.eye(2)}),
        (ValueError, r"world_up_vector is \[1, 3\]", [png(photo)], {"world_up_vector": [[0, 1, 0]]}),
        (TypeError, "images: expected a list", png(photo), {}),
        (TypeError, "images: expected a list", "photo.jpg", {}),
        (TypeError, "images: expected a list", [], {}),
        (ValueError, "notes.txt: neither a JPEG nor a PNG", [text], {}),
        (ValueError, "images: bytes: neither", [b"no picture"], {}),
        (ValueError, r"images: uint8 \[120, 160\]", [photo[..., 0]], {}),
        (FileNotFoundError, "absent.jpg", ["absent.jpg"], {}),
    ):
        with pytest.raises(kind, match=problem):
            client.detect_poses(images, **parameters)
    with pytest.raises(ValueError, match="unknown argument 'max_detections'"):
        client.estimate_poses([png(photo)], [[TWO_PEOPLE[0][:4]]], max_detections=1)
    with pytest.raises(ValueError, match="boxes: those of 2 images, expected of 1"):
        client.estimate_poses([png(photo)], [[], []])
    with pytest.raises(ValueError, match=r"boxes: \[2, 5\], expected \[M, 4\]"):
        client.estimate_poses([png(photo)], [TWO_PEOPLE])
    for server in ("localhost:8501", "ftp://localhost", "http://"):
        with pytest.raises(ValueError, match="expected http://host:8501 or grpc://host:8500"):
            Client(server)


@EVERY_WAY
def test_without_tensorflow_keras_and_opencv(server, way, photo, tmp_path):
    (tmp_path / "photo.png").write_bytes(png(photo))
    absent = ["tensorflow", "keras", "cv2", *(["grpc", "google.protobuf"] if way == "http" else [])]
    program = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({absent}))\n"  # importing them fails
        "from serving.client import Client\n"
        "[people] = Client(sys.argv[2]).detect_poses([sys.argv[1]])\n"
        "print(*people['poses3d'].shape)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "photo.png"), getattr(server, way)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["2", "17", "3"]


@contextmanager
def answering(run):
    """A server whose every signature is a function."""
    run.dtypes = lambda name: {"image_bytes": tf.string}
    with ModelServer(run) as server:
        yield server


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()
