"""The messages are those of TensorFlow Serving: golden bytes of tensorflow-serving-api 2.21, and any array survives."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from model_server import predict_response, typed_tensor, wire_fields
from tensorflow.core.framework import tensor_pb2

from serving import predict_messages

KINDS = st.sampled_from(["float32", "int32", "int64", "uint8", "bool"])


def test_request_as_the_package_writes_it():
    boxes = np.float32([[1.5, -2], [0, 3]])
    files = np.array([b"\xff\xd8\xff", b""], object)
    request = predict_messages.predict_request(
        "pose", "serving_default", {"boxes": boxes, "image_bytes": files}, version=300
    )
    assert request.SerializeToString().hex() == (
        "0a1c" "0a04706f7365" "120308ac02" "1a0f73657276696e675f64656661756c74"
        "1227" "0a05626f786573" "121e" "0801" "120812020802" "12020802" "22100000c03f000000c00000000000004040"
        "121e" "0a0b696d6167655f6279746573" "120f" "0807" "120412020802" "4203ffd8ff" "4200"
    )  # fmt: skip
    labelled = predict_messages.predict_request("pose", "metadata", {}, version="stable")
    assert dict(wire_fields(dict(wire_fields(labelled.SerializeToString()))[1])) == {
        1: b"pose",
        3: b"metadata",
        4: b"stable",
    }


def test_response_that_the_package_wrote():
    found = predict_messages.outputs_of(
        bytes.fromhex(
            "0a230a0b6a6f696e745f6e616d65731214080712041202080242046c6869704204726869700a1e0a0e6e756d5f646574656374"
            "696f6e73120c08031204120208023a0202010a290a07706f7365733364121e08011208120208021202080222100000803f0000"
            "004000004040000000000a170a057a65726f73120e08011204120208032a040000e04012060a04706f7365"
        )
    )
    np.testing.assert_array_equal(found["poses3d"], np.float32([[1, 2], [3, 0]]))
    np.testing.assert_array_equal(found["num_detections"], np.int32([2, 1]))
    assert found["joint_names"].tolist() == [b"lhip", b"rhip"]
    np.testing.assert_array_equal(found["zeros"], np.float32([7, 7, 7]))  # sent once, stands for all
    assert found["poses3d"].dtype == found["zeros"].dtype == np.float32


def test_states_that_the_package_wrote():
    assert predict_messages.versions_of(bytes.fromhex("0a04080210140a0d080110321a0708031203626164")) == [
        (2, "LOADING", ""),
        (1, "END", "bad"),
    ]


@given(array=KINDS.flatmap(lambda kind: arrays(kind, array_shapes(min_dims=0, min_side=0))))
def test_any_array_there_and_back_through_tensorflows_own_message(array):
    request = predict_messages.predict_request("m", "s", {"x": array}).SerializeToString()
    entry = dict(wire_fields(dict(wire_fields(request))[2]))
    tensor = tensor_pb2.TensorProto.FromString(entry[2])
    np.testing.assert_array_equal(tf.make_ndarray(tensor), array)
    assert tf.as_dtype(tensor.dtype) == array.dtype

    for sent in (tensor, typed_tensor(array)):
        found = predict_messages.outputs_of(predict_response({"x": sent}))["x"]
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype and found.shape == array.shape


def test_what_is_no_message_and_what_no_tensor_of_ours():
    with pytest.raises(ValueError, match="7 bytes that are no PredictResponse"):
        predict_messages.outputs_of(b"not one")
    half = predict_response({"x": tf.make_tensor_proto(np.float16([1]))})
    with pytest.raises(ValueError, match="tensor of type 19"):
        predict_messages.outputs_of(half)
