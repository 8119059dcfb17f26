"""TensorFlow.js graph models compute in TensorFlow what their nodes say."""

import json

import numpy as np
import pytest
import tensorflow as tf

from posepile.people import tfjs

RNG = np.random.default_rng(3)
KERNEL = RNG.normal(size=(3, 3, 2, 4)).astype(np.float16)
BIAS = RNG.normal(size=4).astype(np.float16)
DEPTHWISE = RNG.normal(size=(3, 3, 4, 1)).astype(np.float32)
DEPTHWISE_BIAS = RNG.normal(size=4).astype(np.float32)
IMAGE = RNG.normal(size=(1, 6, 8, 2)).astype(np.float32)
STRINGS = {"BiasAdd": "Qmlhc0FkZA==", "Relu6": "UmVsdTY=", "Sigmoid": "U2lnbW9pZA==", "SAME": "U0FNRQ=="}
STRINGS["NHWC"] = "TkhXQw=="


def node(op, name, inputs=(), **attributes):
    return {"op": op, "name": name, "input": list(inputs), "attr": attributes}


def convolution(op, name, inputs, fused, stride):
    return node(
        op,
        name,
        inputs,
        T={"type": "DT_FLOAT"},
        strides={"list": {"i": ["1", stride, stride, "1"]}},
        padding={"s": STRINGS["SAME"]},
        data_format={"s": STRINGS["NHWC"]},
        fused_ops={"list": {"s": [STRINGS[f] for f in fused]}},
        num_args={"i": "1"},
    )


def constant(name):
    return node("Const", name, dtype={"type": "DT_FLOAT"}, value={"tensor": {"dtype": "DT_FLOAT"}})


WEIGHTS = {"kernel": KERNEL, "bias": BIAS, "depthwise": DEPTHWISE, "depthwise_bias": DEPTHWISE_BIAS}


def write_model(folder, activation="Relu6", data=None, without=""):
    nodes = [
        node("Placeholder", "input", dtype={"type": "DT_FLOAT"}),
        *map(constant, WEIGHTS),
        convolution("_FusedConv2D", "conv", ["input", "kernel", "bias"], ["BiasAdd", activation], "2"),
        convolution(
            "FusedDepthwiseConv2dNative", "last", ["conv", "depthwise", "depthwise_bias"], ["BiasAdd"], "1"
        ),
    ]
    entries = [
        {"name": name, "shape": list(w.shape), "dtype": "float32"}
        | ({"quantization": {"dtype": "float16"}} if w.dtype == np.float16 else {})
        for name, w in WEIGHTS.items()
        if name != without
    ]
    stored = b"".join(w.tobytes() for name, w in WEIGHTS.items() if name != without)
    (folder / "net.bin").write_bytes(stored if data is None else data)
    model = {
        "modelTopology": {"node": nodes, "versions": {"producer": 808}},
        "weightsManifest": [{"paths": ["net.bin"], "weights": entries}],
    }
    (folder / "net.json").write_text(json.dumps(model))
    return folder / "net.json"


def test_computes_fused_convolutions(tmp_path):
    graph = tfjs.read_graph(write_model(tmp_path))

    @tf.function
    def run(image):
        return tf.graph_util.import_graph_def(graph, {"input": image}, ["last:0"])[0]

    x = tf.nn.conv2d(IMAGE, KERNEL.astype(np.float32), 2, "SAME") + BIAS.astype(np.float32)
    expected = tf.nn.depthwise_conv2d(tf.nn.relu6(x), DEPTHWISE, [1, 1, 1, 1], "SAME") + DEPTHWISE_BIAS
    np.testing.assert_allclose(
        run(IMAGE), expected, rtol=0, atol=1e-4
    )  # sums of 18 and 9 terms up to about 20


@pytest.mark.parametrize(
    "options, message",
    [
        ({"data": b"\0" * 100}, r"net.bin: ends after 100 bytes, within the weights kernel"),
        ({"data": b"\0" * 400}, r"net.bin: 400 bytes of weights, expected 312"),
        ({"without": "bias"}, r"net.json: the weights of bias are not in the manifest"),
        ({"activation": "Sigmoid"}, r"net.json: conv fuses .*Sigmoid.*expected BiasAdd"),
    ],
)
def test_refuses_what_it_does_not_understand(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        tfjs.read_graph(write_model(tmp_path, **options))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"modelTopology": {"node": 3}, "weightsManifest": []}', "\x00"]
)
def test_refuses_other_files(tmp_path, text):
    path = tmp_path / "net.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="net.json: not a TensorFlow.js graph model"):
        tfjs.read_graph(path)
