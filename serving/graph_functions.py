"""Functions of a SavedModel: arguments that come from a table, and checks of them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf


def graph_function(
    name: str,
    run: Callable[[dict[str, Any]], Any],
    specs: Sequence[tf.TypeSpec],
    defaults: Mapping[str, Any],
    names: Sequence[str] = (),
):
    """A tf.function that is called by position or keyword, with a fixed signature.

    Args:
        name: of the function.
        run: gets all arguments as tensors by name.
        specs: of the arguments, in order.
        defaults: by argument. Python values are kept for callers in Python, tf.constants for a server too.
        names: of the arguments; needed where a spec has none (ragged tensors).
    """
    names = names or [spec.name for spec in specs]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [inspect.Parameter(n, kind, default=defaults.get(n, inspect.Parameter.empty)) for n in names]
    )

    def function(*args, **kwargs):
        return run(dict(signature.bind(*args, **kwargs).arguments))

    function.__signature__ = signature
    function.__name__ = name
    return tf.function(function, input_signature=list(specs), autograph=False)


def required(right: tf.Tensor, *message: Any) -> Any:
    """A check, for `tf.control_dependencies`: where `right` [] bool is false, InvalidArgumentError shows the message.

    The message: texts and tensors, of which the first 16 numbers are shown. `tf.debugging.Assert` would wrap each check
    into a conditional, which keeps TensorFlow from optimizing the loops of the graph around it.
    """
    return tf.raw_ops.Assert(condition=right, data=[*map(tf.convert_to_tensor, message)], summarize=16)
