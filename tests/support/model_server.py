"""A small server that speaks TensorFlow Serving's REST and gRPC protocols, because its binary is in no registry.

It runs a SavedModel's signatures in a graph's session, as that server does, and is as strict as its sources are:
over REST every input must be there, over gRPC the signature's defaults fill in. Requests are read by a decoder of
its own and by TensorFlow's tensor messages; numbers are answered one by one, as the server does.
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

MODEL, VERSION = "pose", 1
STATES = {"LOADING": 20, "AVAILABLE": 30, "END": 50}
HTTP_CODES = {"INVALID_ARGUMENT": 400, "NOT_FOUND": 404, "INTERNAL": 500}


class Refusal(Exception):
    """(name of a status code, message)."""


class SavedModelRunner:
    """Runs the signatures of a SavedModel."""

    def __init__(self, folder: Path):
        with tf.Graph().as_default():
            self._session = tf.compat.v1.Session()
            self.signatures = tf.compat.v1.saved_model.load(
                self._session, ["serve"], str(folder)
            ).signature_def

    def dtypes(self, name: str) -> dict[str, tf.DType]:
        """Of all inputs of a signature."""
        return {key: tf.as_dtype(info.dtype) for key, info in self._signature(name).inputs.items()}

    def __call__(self, name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        signature = self._signature(name)
        values = {key: tf.make_ndarray(value) for key, value in signature.defaults.items()} | inputs
        if set(values) != set(signature.inputs):
            raise Refusal("INVALID_ARGUMENT", f"inputs {sorted(values)}, expected {sorted(signature.inputs)}")
        feed = {signature.inputs[key].name: value for key, value in values.items()}
        try:
            return self._session.run({key: info.name for key, info in signature.outputs.items()}, feed)
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            raise Refusal("INVALID_ARGUMENT", getattr(error, "message", str(error))) from error

    def _signature(self, name: str):
        if name not in self.signatures:
            raise Refusal("INVALID_ARGUMENT", f'Serving signature name: "{name}" not found in signature def')
        return self.signatures[name]


class ModelServer:
    """Serves a function (signature, inputs) -> outputs that knows the `dtypes` of its inputs, on two free ports.

    Attributes: http, grpc: addresses. state: of the only version. delay_s: before every answer.
    raw_answer: if any, what every REST request gets.
    """

    def __init__(self, run: Callable):
        self.run, self.state, self.delay_s, self.raw_answer = run, "AVAILABLE", 0.0, None
        self._http = _QuietHTTPServer(("127.0.0.1", 0), _http_handler(self))
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        limits = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
        self._grpc = grpc.server(futures.ThreadPoolExecutor(2), options=limits)
        self._grpc.add_generic_rpc_handlers(_grpc_handlers(self))
        self.grpc = f"grpc://127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        self.http = f"http://127.0.0.1:{self._http.server_port}"
        self._grpc.start()

    def __enter__(self) -> "ModelServer":
        return self

    def __exit__(self, *error) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._grpc.stop(0)

    def require(self, model: str, version: int | None, label: str) -> None:
        time.sleep(self.delay_s)
        if model != MODEL or version not in (None, VERSION) or label not in ("", "stable"):
            raise Refusal(
                "NOT_FOUND", f"Servable not found for request: {model} {version or label or 'Latest'}"
            )


class _QuietHTTPServer(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a client that gave up, which is what some tests are about


def _http_handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._answer(lambda: _status_json(server, self.path))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(lambda: _predict_json(server, self.path, body))

        def _answer(self, make):
            try:
                code, content = 200, server.raw_answer or json.dumps(make()).encode()
            except Refusal as refusal:
                name, text = refusal.args
                code, content = HTTP_CODES[name], json.dumps({"error": text}).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    return Handler


def _model_of(server: ModelServer, path: str) -> None:
    """Checks /v1/models/NAME[/versions/N | /labels/L]."""
    match path.split("/")[1:]:
        case ["v1", "models", model]:
            server.require(model, None, "")
        case ["v1", "models", model, "versions", number]:
            server.require(model, int(number), "")
        case ["v1", "models", model, "labels", label]:
            server.require(model, None, label)
        case _:
            raise Refusal("INVALID_ARGUMENT", f"Malformed request: {path}")


def _status_json(server: ModelServer, path: str) -> dict:
    _model_of(server, path)
    status = {"error_code": "OK", "error_message": ""}
    return {"model_version_status": [{"version": str(VERSION), "state": server.state, "status": status}]}


def _predict_json(server: ModelServer, path: str, body: bytes) -> dict:
    _model_of(server, path.removesuffix(":predict"))
    request = json.loads(body)
    name, given = request["signature_name"], request["inputs"]
    inputs = {}
    for key, dtype in server.run.dtypes(name).items():
        if key not in given:
            raise Refusal("INVALID_ARGUMENT", f"Missing named input: {key} in 'inputs' object.")
        inputs[key] = np.array(_decoded(given[key]), object if dtype == tf.string else dtype.as_numpy_dtype)
    outputs = server.run(name, inputs)
    return {"outputs": {key: _texts(value.tolist()) for key, value in outputs.items()}}


def _decoded(value):
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return base64.b64decode(value["b64"], validate=True) if isinstance(value, dict) else value


def _texts(value):
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def _grpc_handlers(server: ModelServer) -> tuple:
    def answering(make):
        def answer(request: bytes, context):
            try:
                return make(server, request)
            except Refusal as refusal:
                name, text = refusal.args
                context.abort(grpc.StatusCode[name], text)

        return grpc.unary_unary_rpc_method_handler(answer)

    services = {"PredictionService": {"Predict": _predict}, "ModelService": {"GetModelStatus": _status}}
    return tuple(
        grpc.method_handlers_generic_handler(
            f"tensorflow.serving.{service}", {name: answering(make) for name, make in methods.items()}
        )
        for service, methods in services.items()
    )


def _predict(server: ModelServer, request: bytes) -> bytes:
    signature, inputs = "serving_default", {}
    for number, value in wire_fields(request):
        if number == 1:
            signature = _model_spec(server, value)
        elif number == 2:
            entry = dict(wire_fields(value))
            inputs[entry[1].decode()] = tf.make_ndarray(tensor_pb2.TensorProto.FromString(entry[2]))
    outputs = server.run(signature, inputs)
    return predict_response({key: typed_tensor(value) for key, value in outputs.items()})


def _status(server: ModelServer, request: bytes) -> bytes:
    _model_spec(server, dict(wire_fields(request))[1])
    version = b"\x08" + bytes([VERSION]) + b"\x10" + bytes([STATES[server.state]]) + _field(3, b"")
    return _field(1, version)


def _model_spec(server: ModelServer, spec: bytes) -> str:
    """Checks the model; the signature's name."""
    found = dict(wire_fields(spec))
    version = dict(wire_fields(found[2]))[1] if 2 in found else None
    server.require(found[1].decode(), version, found.get(4, b"").decode())
    return found.get(3, b"serving_default").decode()


def predict_response(outputs: dict[str, tensor_pb2.TensorProto]) -> bytes:
    """A PredictResponse."""
    entries = [
        _field(1, key.encode()) + _field(2, tensor.SerializeToString()) for key, tensor in outputs.items()
    ]
    return b"".join(_field(1, entry) for entry in entries)


def typed_tensor(value: np.ndarray) -> tensor_pb2.TensorProto:
    """A tensor whose values are one by one in the field of their type."""
    tensor = tensor_pb2.TensorProto(dtype=tf.as_dtype(value.dtype).as_datatype_enum)
    for size in value.shape:
        tensor.tensor_shape.dim.add(size=size)
    fields = {"float32": "float_val", "int64": "int64_val", "bool": "bool_val", "object": "string_val"}
    getattr(tensor, fields.get(value.dtype.name, "int_val")).extend(value.ravel().tolist())
    return tensor


def wire_fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of each field of a message without fixed-size ones: an integer, or bytes."""
    rest = iter(message)
    for key in rest:
        number, kind = key >> 3, key & 7  # numbers below 16 fill one byte
        value = _varint(rest)
        if kind == 2:
            value = bytes(next(rest) for _ in range(value))
        elif kind != 0:
            raise ValueError(f"field {number} is of wire type {kind}")
        yield number, value


def _varint(rest: Iterator[int]) -> int:
    value = shift = 0
    for byte in rest:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value
    raise ValueError("a message that is cut off")


def _field(number: int, payload: bytes) -> bytes:
    size, parts = len(payload), []
    while size > 0x7F:
        parts.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([number << 3 | 2, *parts, size]) + payload
