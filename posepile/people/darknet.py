"""Reads darknet's .weights files. Layout: serving sheet, section 5.2; little endian throughout."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

VERSION_FORMAT, VERSION_BYTES = "<iii", 12
PLAUSIBLE_VERSIONS = range(1000)  # darknet itself takes larger numbers for another layout


@dataclass(frozen=True)
class ConvShape:
    """A convolution in the file: `outputs` and `inputs` channels, side of the kernel, batch norm or bias."""

    outputs: int
    inputs: int
    kernel: int
    batch_norm: bool

    @property
    def size(self) -> int:
        """Count of the floats in the file."""
        return self.outputs * ((4 if self.batch_norm else 1) + self.inputs * self.kernel**2)


@dataclass(frozen=True, eq=False)
class ConvWeights:
    """What the file holds of a convolution, in Keras' order of axes.

    Attributes:
        kernel: [k, k, inputs, outputs] float32.
        vectors: beta, gamma, running mean, running variance of the batch norm, or the bias; each [outputs].
    """

    kernel: np.ndarray
    vectors: tuple[np.ndarray, ...]


def read_weights(path: Path, shapes: Sequence[ConvShape]) -> tuple[list[ConvWeights], str]:
    """Reads a whole file.

    Args:
        path: of the file.
        shapes: the convolutions in the order in which the network's configuration defines them.

    Returns:
        the weights in the same order, and the file's CRC-32 in hexadecimal.

    Raises:
        ValueError: the file has another length than the network, or holds numbers that no training makes.
    """
    data = path.read_bytes()
    start = _header_size(path, data)
    expected = sum(shape.size for shape in shapes)
    if len(data) != start + 4 * expected:
        found = (len(data) - start) / 4
        raise ValueError(
            f"{path}: holds {found:,.10g} numbers after {start} bytes of header, expected {expected:,} "
            f"of {len(shapes)} convolutions"
        )
    floats = np.frombuffer(data, "<f4", offset=start)
    weights, position = [], 0
    for i, shape in enumerate(shapes):
        weights.append(_split(path, i, shape, floats[position : position + shape.size]))
        position += shape.size
    return weights, f"{zlib.crc32(data):08x}"


def _header_size(path: Path, data: bytes) -> int:
    """Version as three i32, then the count of images seen: u64 since version 0.2, u32 before."""
    if len(data) < VERSION_BYTES:
        raise ValueError(f"{path}: {len(data)} bytes, expected a header of 16 or 20 bytes and the weights")
    major, minor, revision = struct.unpack_from(VERSION_FORMAT, data)
    if not all(part in PLAUSIBLE_VERSIONS for part in (major, minor, revision)):
        raise ValueError(f"{path}: its version would be {major}.{minor}.{revision}, expected one like 0.2.5")
    return VERSION_BYTES + (8 if 10 * major + minor >= 2 else 4)


def _split(path: Path, i: int, shape: ConvShape, floats: np.ndarray) -> ConvWeights:
    if not np.isfinite(floats).all():
        raise ValueError(f"{path}: convolution {i} has weights that are not finite")
    count = 4 if shape.batch_norm else 1
    vectors = floats[: count * shape.outputs].reshape(count, shape.outputs)
    if shape.batch_norm and vectors[3].min() < 0:
        raise ValueError(
            f"{path}: convolution {i} has a variance of {vectors[3].min():g}, expected none below 0"
        )
    kernel = floats[count * shape.outputs :].reshape(shape.outputs, shape.inputs, shape.kernel, shape.kernel)
    return ConvWeights(kernel.transpose(2, 3, 1, 0), tuple(vectors))
