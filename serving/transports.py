"""How a request reaches TensorFlow Serving: over REST (http) or gRPC. Needs NumPy; gRPC needs grpcio and protobuf.

Source: serving sheet, section 7; tensorflow_serving/g3doc/api_rest.md.
"""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, NamedTuple, Protocol

import numpy as np

UNLIMITED = -1  # bytes of a message: gRPC's own limit of 4 MB is less than the poses of a busy video


class ServerError(RuntimeError):
    """A server did not give what was asked for. The message names its address and the reason."""


class UnreachableError(ServerError):
    """Nothing answers at the address, or the connection broke."""


class ServerTimeoutError(ServerError):
    """No answer in time."""


class NotAvailableError(ServerError):
    """The server has no such model or version, or it is not ready."""


class RefusedError(ServerError):
    """The server found something wrong with the request, for example an unknown skeleton."""


class WrongAnswerError(ServerError):
    """An answer that is not that of a multi-person model of ours."""


class Version(NamedTuple):
    """A version of a model on a server: its number, its state (`AVAILABLE`: it answers), and what went wrong."""

    number: int
    state: str
    error: str = ""


class Transport(Protocol):
    """Asks a server about one model. Methods raise ServerError."""

    def predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What a signature answers to inputs: arrays by name, floats of any size, texts as str or bytes."""

    def versions(self) -> list[Version]:
        """The model's versions and their states."""

    def close(self) -> None:
        """Ends the connection."""


def connect(server: str, model: str, version: int | str | None, timeout_s: float) -> Transport:
    """The transport for an address: http://host:8501, https://…, or grpc://host:8500."""
    scheme, _, rest = server.rstrip("/").partition("://")
    if scheme not in ("http", "https", "grpc") or not rest:
        raise ValueError(f"server is {server!r}, expected http://host:8501 or grpc://host:8500")
    if scheme == "grpc":
        return Grpc(rest, model, version, timeout_s)
    return Rest(server.rstrip("/"), model, version, timeout_s)


class Rest:
    """JSON over http; the images as base64."""

    def __init__(self, server: str, model: str, version: int | str | None, timeout_s: float):
        kind = "labels" if isinstance(version, str) else "versions"
        self._url = f"{server}/v1/models/{model}" + ("" if version is None else f"/{kind}/{version}")
        self._timeout_s = timeout_s

    def predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        columns = {name: _jsonable(value.tolist()) for name, value in inputs.items()}
        request = {"signature_name": signature, "inputs": columns}
        answer = self._ask(f"{self._url}:predict", json.dumps(request).encode())
        outputs = answer.get("outputs")
        if not isinstance(outputs, dict):
            raise WrongAnswerError(f"{self._url}: no outputs by name in the answer, but {list(answer)}")
        try:
            return {name: np.asarray(value) for name, value in outputs.items()}
        except ValueError as error:
            raise WrongAnswerError(f"{self._url}: outputs that are no arrays ({error})") from error

    def versions(self) -> list[Version]:
        answer = self._ask(self._url, None)
        try:
            return [
                Version(int(found["version"]), found["state"], found["status"]["error_message"])
                for found in answer["model_version_status"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise WrongAnswerError(f"{self._url}: no states of a model's versions in the answer") from error

    def close(self) -> None:
        pass  # each request has a connection of its own

    def _ask(self, url: str, body: bytes | None) -> dict[str, Any]:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            raise _of_http(url, error) from error
        except TimeoutError as error:
            raise self._late(url) from error
        except (urllib.error.URLError, HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise self._late(url) from error
            raise UnreachableError(f"{url}: no connection ({reason})") from error
        try:
            answer = json.loads(text)  # NaN and Infinity, which the server writes, are read
        except ValueError as error:
            raise WrongAnswerError(f"{url}: an answer that is no JSON") from error
        if not isinstance(answer, dict):
            raise WrongAnswerError(f"{url}: an answer that is no JSON object")
        return answer

    def _late(self, url: str) -> ServerTimeoutError:
        return ServerTimeoutError(f"{url}: no answer within {self._timeout_s:g} s")


class Grpc:
    """Protocol buffers over HTTP/2, on one connection that stays open."""

    def __init__(self, address: str, model: str, version: int | str | None, timeout_s: float):
        try:
            import grpc

            from serving import predict_messages
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("grpc://… needs more: pip install grpcio protobuf") from error

        self._grpc, self._messages = grpc, predict_messages
        self._address, self._model, self._version, self._timeout_s = address, model, version, timeout_s
        limits = [(f"grpc.max_{way}_message_length", UNLIMITED) for way in ("send", "receive")]
        self._channel = grpc.insecure_channel(address, options=limits)
        self._predict = self._channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        self._status = self._channel.unary_unary("/tensorflow.serving.ModelService/GetModelStatus")

    def predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        request = self._messages.predict_request(self._model, signature, inputs, self._version)
        return self._ask(self._predict, request, self._messages.outputs_of)

    def versions(self) -> list[Version]:
        request = self._messages.status_request(self._model, self._version)
        return [Version(*found) for found in self._ask(self._status, request, self._messages.versions_of)]

    def close(self) -> None:
        self._channel.close()

    def _ask(self, method, request, read):
        try:
            response = method(request.SerializeToString(), timeout=self._timeout_s)
        except self._grpc.RpcError as error:
            name = error.code().name
            kind = _GRPC_ERRORS.get(name, ServerError)
            raise kind(f"grpc://{self._address}: {error.details()} ({name})") from error
        try:
            return read(response)
        except ValueError as error:
            raise WrongAnswerError(f"grpc://{self._address}: {error}") from error


_GRPC_ERRORS = {
    "UNAVAILABLE": UnreachableError,
    "DEADLINE_EXCEEDED": ServerTimeoutError,
    "NOT_FOUND": NotAvailableError,
    "INVALID_ARGUMENT": RefusedError,
    "FAILED_PRECONDITION": RefusedError,
    "RESOURCE_EXHAUSTED": RefusedError,
    "UNIMPLEMENTED": WrongAnswerError,
}
_HTTP_ERRORS = {400: RefusedError, 404: NotAvailableError, 408: ServerTimeoutError, 504: ServerTimeoutError}


def _of_http(url: str, error: urllib.error.HTTPError) -> ServerError:
    text = error.read().decode(errors="replace")
    try:
        reason = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        reason = text[:200].strip() or error.reason
    return _HTTP_ERRORS.get(error.code, ServerError)(f"{url}: {reason} (HTTP {error.code})")


def _jsonable(value: Any) -> Any:
    """Bytes as the server reads them, anywhere in lists."""
    if isinstance(value, list):
        return [_jsonable(item) for item in value]
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
