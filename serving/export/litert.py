"""The crop model as OUT/model.tflite, for LiteRT (TensorFlow Lite): phones and small machines."""

import json
import zipfile
from pathlib import Path

import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from serving.export.comparison import compare
from serving.export.crop_function import CropFunction
from serving.export.description import describe
from serving.export.source import Source, Written

FORMAT = "litert"
FILE = "model.tflite"
DESCRIPTION = "model.json"


def write(source: Source, out: Path) -> Written:
    """Writes OUT/model.tflite, loads it in LiteRT and compares it. It needs LiteRT's own operations alone.

    The file is a ZIP archive as well, as LiteRT's associated files are: `model.json` in it is `describe`. It appears
    when it is right, in place of an older one. Raises ExportError.
    """
    model = source.float32_model()
    converted = convert(CropFunction(model))
    out.mkdir(parents=True, exist_ok=True)
    unfinished = out / f"{FILE}.unfinished"
    unfinished.write_bytes(converted)
    with zipfile.ZipFile(unfinished, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(DESCRIPTION, json.dumps(describe(source), indent=1))
    run = Interpreter(str(unfinished)).get_signature_runner()

    def predict(images, intrinsics):
        return run(images=images, intrinsics=intrinsics)["joints"]

    difference = compare(predict, model, source.crops, unfinished)
    unfinished.rename(out / FILE)
    return Written(FORMAT, out / FILE, difference)


def convert(module: tf.Module) -> bytes:
    """The module's tf.function `predict`, any number of examples at once."""
    concrete = module.predict.get_concrete_function()
    return tf.lite.TFLiteConverter.from_concrete_functions([concrete], module).convert()
