"""A configuration as JSON: saved with its run, read back, compared before a run is resumed."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from training.atomic_write import write_atomically
from training.config import ConfigError, TrainConfig

CONFIG_FILE = "config.json"


def to_json(config: TrainConfig) -> dict[str, Any]:
    """The configuration as plain JSON values."""
    return json.loads(json.dumps(dataclasses.asdict(config), allow_nan=False))


def from_json(raw: dict[str, Any], source: str = "config") -> TrainConfig:
    """The configuration back from JSON values.

    Raises:
        ConfigError: an unknown field, another type, or an impossible value; names source and field.
    """
    return _build(TrainConfig, raw, source)


def save(config: TrainConfig, run: Path) -> None:
    """Writes RUN/config.json."""
    text = json.dumps(to_json(config), indent=2, allow_nan=False) + "\n"
    write_atomically(run / CONFIG_FILE, text.encode())


def load(run: Path) -> TrainConfig:
    """Reads RUN/config.json. Raises ConfigError (unknown field, impossible value, not JSON) and OSError."""
    path = run / CONFIG_FILE
    try:
        raw = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: not JSON ({error})") from error
    return from_json(raw, str(path))


def differences(old: TrainConfig, new: TrainConfig) -> list[str]:
    """ "field: old value -> new value" for every field that decides the weights and differs."""
    a, b = _flat(_identity(old)), _flat(_identity(new))
    return [f"{key}: {a.get(key)!r} -> {b.get(key)!r}" for key in sorted(a | b) if a.get(key) != b.get(key)]


def fingerprint(config: TrainConfig) -> str:
    """Sixteen hex digits that agree for two configurations iff what decides the weights agrees."""
    return hashlib.sha256(json.dumps(_identity(config), sort_keys=True).encode()).hexdigest()[:16]


def _identity(config: TrainConfig) -> dict[str, Any]:
    raw = to_json(config)
    del raw["runtime"]
    return raw


def _flat(raw: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in raw.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def _build(kind: type, raw: Any, source: str) -> Any:
    """A dataclass from a JSON object: unknown fields and wrong types are errors, missing fields take the
    default."""
    if not isinstance(raw, dict):
        raise ConfigError(f"{source}: found {raw!r}, expected an object with the fields of {kind.__name__}")
    hints = get_type_hints(kind)
    unknown = sorted(raw.keys() - hints.keys())
    if unknown:
        raise ConfigError(f"{source}: unknown field {unknown[0]!r}, expected some of {', '.join(hints)}")
    try:
        return kind(**{key: _value(hints[key], value, f"{source}: {key}") for key, value in raw.items()})
    except ConfigError as error:
        raise error if str(error).startswith(source) else ConfigError(f"{source}: {error}") from None


def _value(kind: Any, value: Any, source: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _build(kind, value, source)
    if get_origin(kind) is Literal:
        _expect(value in get_args(kind), source, value, f"one of {', '.join(map(str, get_args(kind)))}")
        return value
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), value, source)
    if kind is float and type(value) is int:
        return float(value)
    _expect(type(value) is kind, source, value, kind.__name__)
    return value


def _tuple(kinds: tuple, value: Any, source: str) -> tuple:
    """A JSON list as `tuple[kind, ...]`, or as a tuple of one value for each kind."""
    _expect(isinstance(value, list), source, value, "a list")
    if kinds[-1] is Ellipsis:
        return tuple(_value(kinds[0], item, source) for item in value)
    _expect(len(value) == len(kinds), source, value, f"a list of {len(kinds)} values")
    return tuple(_value(kind, item, source) for kind, item in zip(kinds, value, strict=True))


def _expect(condition: bool, name: str, value: Any, expected: str) -> None:
    if not condition:
        raise ConfigError(f"{name} is {value!r}, expected {expected}")
