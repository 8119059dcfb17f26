"""Reads TensorFlow.js graph models (model.json beside .bin files) as TensorFlow graphs.

Two kinds of nodes that only TensorFlow.js has are taken apart again: convolutions fused with bias and activation
(TensorFlow fuses them itself, where the device can).
"""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf import json_format

FUSED = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative"}
ACTIVATIONS = {b"Relu", b"Relu6", b"Elu"}


def read_graph(path: Path) -> tf.compat.v1.GraphDef:
    """Reads a model: its graph, with the weights as constants. Raises ValueError naming file and finding."""
    try:
        model = json.loads(path.read_text())
        graph = json_format.ParseDict(model["modelTopology"], tf.compat.v1.GraphDef())
        manifest = model["weightsManifest"]
    except (json.JSONDecodeError, UnicodeDecodeError, json_format.ParseError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a TensorFlow.js graph model ({error})") from error
    weights = {name: value for group in manifest for name, value in _read_group(path, group)}
    plain = tf.compat.v1.GraphDef(versions=graph.versions)
    for node in graph.node:
        if node.op == "Const":
            if node.name not in weights:
                raise ValueError(f"{path}: the weights of {node.name} are not in the manifest")
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(weights[node.name]))
        plain.node.extend(_unfused(path, node) if node.op in FUSED else [node])
    return plain


def _read_group(path: Path, group: dict):
    """Yields (name, array) of the weights that lie one after the other in the files of a group."""
    files = [path.with_name(Path(name).name) for name in group["paths"]]
    data = b"".join(file.read_bytes() for file in files)
    start = 0
    for entry in group["weights"]:
        wanted = np.dtype(entry["dtype"])
        stored = np.dtype(entry.get("quantization", {}).get("dtype", wanted)).newbyteorder("<")
        if stored != wanted and stored != np.float16:
            raise ValueError(f"{path}: {entry['name']} is quantized to {stored}, expected float16 or none")
        end = start + stored.itemsize * int(np.prod(entry["shape"]))
        if end > len(data):
            raise ValueError(f"{files[-1]}: ends after {len(data)} bytes, within the weights {entry['name']}")
        yield entry["name"], np.frombuffer(data[start:end], stored).astype(wanted).reshape(entry["shape"])
        start = end
    if start != len(data):
        raise ValueError(f"{files[-1]}: {len(data)} bytes of weights, expected {start}")


def _unfused(path: Path, node) -> list:
    """The convolution, its bias and its activation as nodes of their own; the last one keeps the name."""
    parts = list(node.attr["fused_ops"].list.s)
    if parts[:1] != [b"BiasAdd"] or len(parts) > 2 or not set(parts[1:]) <= ACTIVATIONS:
        raise ValueError(f"{path}: {node.name} fuses {parts}, expected BiasAdd and perhaps an activation")
    kinds = [FUSED[node.op], *(part.decode() for part in parts)]
    names = [f"{node.name}/{kind}" for kind in kinds[:-1]] + [node.name]
    nodes = []
    for kind, name in zip(kinds, names, strict=True):
        new = tf.compat.v1.NodeDef(op=kind, name=name)
        new.attr["T"].CopyFrom(node.attr["T"])
        new.input.extend([nodes[-1].name] if nodes else [node.input[0], node.input[1]])
        nodes.append(new)
    for key in ("strides", "dilations", "padding", "explicit_paddings", "data_format"):
        if key in node.attr:
            nodes[0].attr[key].CopyFrom(node.attr[key])
    nodes[1].input.append(node.input[2])
    nodes[1].attr["data_format"].CopyFrom(node.attr["data_format"])
    return nodes
