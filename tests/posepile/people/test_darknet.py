"""Darknet's weight files: the layout, and what is said about a file that is not one."""

import struct

import numpy as np
import pytest

from posepile.people.darknet import ConvShape, read_weights

SHAPES = [ConvShape(2, 3, 1, batch_norm=True), ConvShape(4, 2, 3, batch_norm=False)]
FLOATS = np.arange(2 * 4 + 6 + 4 + 72, dtype="<f4")
HEADER = struct.pack("<iiiQ", 0, 2, 5, 32)


@pytest.mark.parametrize(
    "header", [HEADER, struct.pack("<iiiI", 0, 1, 0, 32), struct.pack("<iiiQ", 1, 0, 0, 1)]
)
def test_layout(tmp_path, header):
    (normed, biased), crc = read_weights(write(tmp_path, header + FLOATS.tobytes()), SHAPES)
    beta, gamma, mean, variance = normed.vectors
    assert [*beta, *gamma, *mean, *variance] == list(range(8))
    for o, i, y, x in np.ndindex(4, 2, 3, 3):  # row-major [out, in, kh, kw] in the file
        assert biased.kernel[y, x, i, o] == 18 + ((o * 2 + i) * 3 + y) * 3 + x
    assert normed.kernel.shape == (1, 1, 3, 2) and biased.vectors[0].tolist() == [14, 15, 16, 17]
    assert len(crc) == 8


@pytest.mark.parametrize(
    "data, message",
    [
        (HEADER + FLOATS[:-1].tobytes(), r"holds 89 numbers after 20 bytes of header, expected 90 of 2 conv"),
        (HEADER + FLOATS.tobytes() + b"\0\0", r"holds 90.5 numbers"),
        (b"<!DOCTYPE html><title>Not found</title>", "version would be"),
        (b"", "0 bytes, expected a header"),
        (
            HEADER + np.where(FLOATS == 3, np.nan, FLOATS).astype("<f4").tobytes(),
            "convolution 0 has .* not finite",
        ),
        (
            HEADER + np.where(FLOATS == 7, -1, FLOATS).astype("<f4").tobytes(),
            "convolution 0 has a variance of -1",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path, data, message):
    path = write(tmp_path, data)
    with pytest.raises(ValueError, match=message) as error:
        read_weights(path, SHAPES)
    assert str(path) in str(error.value)


def write(folder, data):
    path = folder / "net.weights"
    path.write_bytes(data)
    return path
