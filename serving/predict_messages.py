"""The messages of TensorFlow Serving's gRPC protocol, as far as they are used here, without TensorFlow.

The package with their definitions, tensorflow-serving-api, wants TensorFlow of its own version on every client.
Source: tensorflow_serving/apis/{predict,model,get_model_status,prediction_log}.proto and
tensorflow/core/framework/{tensor,tensor_shape,types}.proto.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

_FLOAT, _INT64, _INT32, _BOOL, _TEXT, _BYTES = 2, 3, 5, 8, 9, 12  # FieldDescriptorProto.Type
_MESSAGE = 11
# message: {field: (number, type or the name of a message, whether it is repeated)}. An enum is an int32 on the
# wire, a map a repeated message of key and value.
_SCHEMA = {
    "Dim": {"size": (1, _INT64, False)},
    "Shape": {"dim": (2, "Dim", True)},
    "Tensor": {
        "dtype": (1, _INT32, False),
        "shape": (2, "Shape", False),
        "content": (4, _BYTES, False),
        "float_val": (5, _FLOAT, True),
        "int_val": (7, _INT32, True),
        "string_val": (8, _BYTES, True),
        "int64_val": (10, _INT64, True),
        "bool_val": (11, _BOOL, True),
    },
    "NamedTensor": {"key": (1, _TEXT, False), "value": (2, "Tensor", False)},
    "Int64Value": {"value": (1, _INT64, False)},
    "ModelSpec": {
        "name": (1, _TEXT, False),
        "version": (2, "Int64Value", False),
        "signature_name": (3, _TEXT, False),
        "version_label": (4, _TEXT, False),
    },
    "PredictRequest": {"model_spec": (1, "ModelSpec", False), "inputs": (2, "NamedTensor", True)},
    "PredictResponse": {"outputs": (1, "NamedTensor", True)},
    "PredictLog": {"request": (1, "PredictRequest", False)},
    "PredictionLog": {"predict_log": (6, "PredictLog", False)},
    "StatusRequest": {"model_spec": (1, "ModelSpec", False)},
    "Status": {"error_code": (1, _INT32, False), "error_message": (2, _TEXT, False)},
    "VersionStatus": {
        "version": (1, _INT64, False),
        "state": (2, _INT32, False),
        "status": (3, "Status", False),
    },
    "StatusResponse": {"versions": (1, "VersionStatus", True)},
}
# NumPy's kind and size: (DataType, field of the values)
_STRING = 7
_TYPES = {
    "f4": (1, "float_val"),
    "i4": (3, "int_val"),
    "u1": (4, "int_val"),
    "i8": (9, "int64_val"),
    "b1": (10, "bool_val"),
}
_STATES = {0: "UNKNOWN", 10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}


def predict_request(
    model: str, signature: str, inputs: Mapping[str, Any], version: int | str | None = None
) -> message.Message:
    """A request for a signature of a model.

    Args:
        inputs: by name, as arrays of the right type: float32, int32, int64, uint8, bool, or bytes as objects.
        version: a number or a label; None: the latest.
    """
    spec = _model_spec(model, version)
    spec.signature_name = signature
    tensors = [_new("NamedTensor", key=name, value=_tensor(value)) for name, value in inputs.items()]
    return _new("PredictRequest", model_spec=spec, inputs=tensors)


def outputs_of(response: bytes) -> dict[str, np.ndarray]:
    """The arrays of a PredictResponse. Raises ValueError, for bytes that are none."""
    return {output.key: _array(output.value) for output in _parse("PredictResponse", response).outputs}


def prediction_log(request: message.Message) -> message.Message:
    """A record of a warm-up file."""
    return _new("PredictionLog", predict_log=_new("PredictLog", request=request))


def status_request(model: str, version: int | str | None = None) -> message.Message:
    """Asks for the states of a model's versions."""
    return _new("StatusRequest", model_spec=_model_spec(model, version))


def versions_of(response: bytes) -> list[tuple[int, str, str]]:
    """What a GetModelStatusResponse says of each version: its number, its state, and what went wrong.

    Raises ValueError, for bytes that are none.
    """
    return [
        (found.version, _STATES.get(found.state, str(found.state)), found.status.error_message)
        for found in _parse("StatusResponse", response).versions
    ]


def _model_spec(model: str, version: int | str | None) -> message.Message:
    if version is None:
        return _new("ModelSpec", name=model)
    if isinstance(version, str):
        return _new("ModelSpec", name=model, version_label=version)
    return _new("ModelSpec", name=model, version=_new("Int64Value", value=version))


def _tensor(value: Any) -> message.Message:
    array = np.asarray(value)
    shape = _new("Shape", dim=[_new("Dim", size=size) for size in array.shape])
    if array.dtype.kind == "O":
        return _new("Tensor", dtype=_STRING, shape=shape, string_val=array.ravel().tolist())
    dtype, _ = _TYPES[array.dtype.str[1:]]
    little_endian = array.astype(array.dtype.newbyteorder("<"))
    return _new("Tensor", dtype=dtype, shape=shape, content=little_endian.tobytes())


def _array(tensor: message.Message) -> np.ndarray:
    shape = [dim.size for dim in tensor.shape.dim]
    if tensor.dtype == _STRING:
        kind, values = "O", list(tensor.string_val)
    else:
        kind, field = _number_type(tensor.dtype)
        if tensor.content:
            return np.frombuffer(tensor.content, f"<{kind}").reshape(shape).copy()
        values = list(getattr(tensor, field))
    # Values that are all the same at the end need not be sent: the last one stands for the rest
    count = int(np.prod(shape))
    missing = count - len(values)
    if missing > 0:
        values += (values[-1:] or [b"" if kind == "O" else 0]) * missing
    array = np.empty(count, kind)
    array[:] = values[:count]
    return array.reshape(shape)


def _number_type(dtype: int) -> tuple[str, str]:
    for kind, (number, field) in _TYPES.items():
        if number == dtype:
            return kind, field
    raise ValueError(f"a tensor of type {dtype}, expected one of {[n for n, _ in _TYPES.values()]}")


def _new(name: str, /, **fields: Any) -> message.Message:
    return _CLASSES[name](**fields)


def _parse(name: str, serialised: bytes) -> message.Message:
    try:
        return _CLASSES[name].FromString(serialised)
    except message.DecodeError as error:
        raise ValueError(f"{len(serialised)} bytes that are no {name}") from error


def _classes(names: Iterable[str]) -> dict[str, type]:
    """Message classes, in a pool of their own: TensorFlow's, where it is loaded, are not in the way."""
    package = "dozens.serving"
    file = descriptor_pb2.FileDescriptorProto(name="dozens_serving.proto", package=package, syntax="proto3")
    for name in names:
        added = file.message_type.add(name=name)
        for field, (number, kind, repeated) in _SCHEMA[name].items():
            described = added.field.add(name=field, number=number, label=3 if repeated else 1)
            if isinstance(kind, str):
                described.type, described.type_name = _MESSAGE, f".{package}.{kind}"
            else:
                described.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in names
    }


_CLASSES = _classes(_SCHEMA)
