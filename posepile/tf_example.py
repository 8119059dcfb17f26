"""tf.train.Example without TensorFlow: named features to bytes and back.

The message type is declared here with the field numbers of tensorflow/core/example/{example,feature}.proto,
so `tf.io.parse_single_example` reads what `encode` writes, and importing this takes no TensorFlow.
"""

from collections.abc import Mapping, Sequence

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

Value = bytes | Sequence[int]
_FIELD = descriptor_pb2.FieldDescriptorProto


def encode(features: Mapping[str, Value]) -> bytes:
    """Features to the bytes of a tf.train.Example; equal features give equal bytes."""
    message = _Example()
    named = message.features.feature
    for name, value in features.items():
        if isinstance(value, bytes):
            named[name].bytes_list.value.append(value)
        else:
            named[name].int64_list.value.extend(value)
    return message.SerializeToString(deterministic=True)


def decode(data: bytes) -> dict[str, Value]:
    """Bytes of a tf.train.Example to its features. Raises ValueError for other bytes and float features."""
    features: dict[str, Value] = {}
    for name, feature in _features(data).items():
        kind = feature.WhichOneof("kind")
        if kind == "int64_list":
            features[name] = list(feature.int64_list.value)
        elif kind == "bytes_list" and len(feature.bytes_list.value) == 1:
            features[name] = feature.bytes_list.value[0]
        else:
            raise ValueError(f"feature '{name}' is {kind}, expected one bytes value or an int64_list")
    return features


def decode_lists(data: bytes) -> dict[str, list]:
    """Bytes of anybody's tf.train.Example to its features, each the list of its bytes, floats or integers.

    Raises ValueError for other bytes.
    """
    kinds = {name: (feature, feature.WhichOneof("kind")) for name, feature in _features(data).items()}
    return {
        name: list(getattr(feature, kind).value) if kind else [] for name, (feature, kind) in kinds.items()
    }


def _features(data: bytes):
    try:
        return _Example.FromString(data).features.feature
    except DecodeError as error:
        raise ValueError(f"not a tf.train.Example: {error}") from None


def _declare():
    file = descriptor_pb2.FileDescriptorProto(
        name="posepile/example.proto", package="posepile", syntax="proto3"
    )
    for name, scalar in (("BytesList", _FIELD.TYPE_BYTES), ("FloatList", _FIELD.TYPE_FLOAT),
                         ("Int64List", _FIELD.TYPE_INT64)):  # fmt: skip
        message = file.message_type.add(name=name)
        message.field.add(name="value", number=1, type=scalar, label=_FIELD.LABEL_REPEATED)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(("bytes", "float", "int64"), start=1):
        feature.field.add(name=f"{name}_list", number=number, type=_FIELD.TYPE_MESSAGE,
                          type_name=f".posepile.{name.capitalize()}List", oneof_index=0,
                          label=_FIELD.LABEL_OPTIONAL)  # fmt: skip
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")  # how proto3 declares map<string, Feature>
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=_FIELD.TYPE_STRING, label=_FIELD.LABEL_OPTIONAL)
    _add_message_field(entry, "value", 2, "Feature", _FIELD.LABEL_OPTIONAL)
    _add_message_field(features, "feature", 1, "Features.FeatureEntry", _FIELD.LABEL_REPEATED)
    example = file.message_type.add(name="Example")
    _add_message_field(example, "features", 1, "Features", _FIELD.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()  # our own: TensorFlow registers the same names in the default one
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("posepile.Example"))


def _add_message_field(message, name: str, number: int, type_name: str, label: int) -> None:
    message.field.add(
        name=name, number=number, type=_FIELD.TYPE_MESSAGE, type_name=f".posepile.{type_name}", label=label
    )


_Example = _declare()
