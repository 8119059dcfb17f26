"""The crop model as OUT/model.onnx, and what runs it on whole images without TensorFlow: OUT/onnx_runner.py."""

import json
import shutil
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx

from serving import onnx_runner
from serving.export.comparison import compare
from serving.export.crop_function import CropFunction
from serving.export.description import describe
from serving.export.source import Source, Written

FORMAT = "onnx"
FILE = "model.onnx"
RUNNER = "onnx_runner.py"
OPSET = 17  # ONNX Runtime 1.12 (2022) or newer


def write(source: Source, out: Path) -> Written:
    """Writes OUT/model.onnx, whose metadata is `describe`, loads it in ONNX Runtime and compares it.

    The file appears when it is right, in place of an older one. Raises ExportError.
    """
    model = source.float32_model()
    function = CropFunction(model)
    converted = convert(function.predict, function.signature, describe(source))
    out.mkdir(parents=True, exist_ok=True)
    unfinished = out / f"{FILE}.unfinished"
    onnx.save(converted, unfinished)
    session = onnxruntime.InferenceSession(unfinished, providers=["CPUExecutionProvider"])

    def predict(images, intrinsics):
        return session.run(["joints"], {"images": images, "intrinsics": intrinsics})[0]

    difference = compare(predict, model, source.crops, unfinished)
    shutil.copyfile(onnx_runner.__file__, out / RUNNER)
    unfinished.rename(out / FILE)
    return Written(FORMAT, out / FILE, difference)


def convert(
    function: tf.types.experimental.PolymorphicFunction, signature: list[tf.TensorSpec], facts: dict[str, Any]
) -> onnx.ModelProto:
    """A function in ONNX, any number of examples at once; each of the facts becomes metadata, as JSON."""
    converted, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    for tensor in (*converted.graph.input, *converted.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"  # tf2onnx gives each a name of its own
    onnx.helper.set_model_props(converted, {name: json.dumps(fact) for name, fact in facts.items()})
    return converted
