"""Writes yolov4.npz: what OpenCV's importer of darknet files computes, for ../test_yolov4.py to compare with.

OpenCV 5 has no such importer any more. In an environment of its own:

    python3.11 -m venv /tmp/cv4
    /tmp/cv4/bin/pip install "opencv-python-headless==4.14.*" numpy
    /tmp/cv4/bin/python tests/posepile/people/golden/make_yolov4_golden.py

The configuration is YOLOv4's in full, at a small input; the weights are pseudo-random numbers from a seed. The test
makes the same weights with `write_weights`, so neither file is stored.
"""

import math
import struct
import tempfile
from pathlib import Path

import numpy as np

WIDTH, HEIGHT = 96, 64  # not square, so that a swap shows
SEED = 7
ANCHORS = "12, 16, 19, 36, 40, 28, 36, 75, 76, 55, 72, 146, 142, 110, 192, 243, 459, 401"
HEADS = ((1.2, "0,1,2"), (1.1, "3,4,5"), (1.05, "6,7,8"))


def main():
    import cv2

    with tempfile.TemporaryDirectory() as folder:
        cfg, weights = Path(folder) / "yolov4.cfg", Path(folder) / "yolov4.weights"
        cfg.write_text(configuration().text())
        write_weights(weights)
        net = cv2.dnn.readNetFromDarknet(str(cfg), str(weights))
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.setInput(image().transpose(2, 0, 1)[np.newaxis])
    names = [*net.getUnconnectedOutLayersNames(), *raw_head_names(net)]
    *decoded, raw = net.forward(names)
    golden = {
        "opencv": np.array(cv2.__version__),
        # rows (cx, cy, w, h) in sides of the input, objectness, and its product with the person's probability
        "decoded": np.concatenate(decoded)[:, :6],
        "raw_stride_32": raw[0].transpose(1, 2, 0),
    }
    np.savez_compressed(Path(__file__).with_name("yolov4.npz"), **golden)
    print({k: (v.shape, np.abs(v).max()) if v.ndim else v for k, v in golden.items()})


def raw_head_names(net) -> list[str]:
    """The last convolution without batch norm: it has a layer in front of the last YOLO layer."""
    return [name for name in net.getLayerNames() if name.startswith("conv_")][-1:]


def image() -> np.ndarray:
    """[HEIGHT, WIDTH, 3] float32 in 0..1."""
    return uniform(np.random.PCG64(SEED + 1), HEIGHT * WIDTH * 3).reshape(HEIGHT, WIDTH, 3)


def write_weights(path: Path) -> None:
    """Writes darknet's file: header of version 0.2.5, then each convolution."""
    bits = np.random.PCG64(
        SEED
    )  # the stream of raw bits is guaranteed to stay, those of distributions are not
    with path.open("wb") as file:
        file.write(struct.pack("<iiiQ", 0, 2, 5, 32_032_000))
        for outputs, inputs, kernel, batch_norm in configuration().convolutions:
            fan_in = inputs * kernel**2
            if batch_norm:
                for low, high in (
                    (-0.3, 0.3),
                    (0.6, 1.2),
                    (-0.2, 0.2),
                    (0.5, 1.5),
                ):  # beta, gamma, mean, variance
                    file.write((low + (high - low) * uniform(bits, outputs)).astype("<f4").tobytes())
            else:
                file.write((uniform(bits, outputs) - np.float32(0.5)).astype("<f4").tobytes())
            spread = math.sqrt(3 / fan_in) * (1 if batch_norm else 0.5)
            kernels = (2 * uniform(bits, outputs * fan_in) - 1) * np.float32(spread)
            file.write(kernels.astype("<f4").tobytes())


def uniform(bits: np.random.PCG64, count: int) -> np.ndarray:
    """[count] float32 in [0, 1)."""
    words = bits.random_raw((count + 1) // 2).astype("<u8").view("<u4")[:count]
    return (words >> 8).astype(np.float32) * np.float32(2**-24)


class Configuration:
    """Darknet's text, section by section, and the convolutions (outputs, inputs, kernel, batch norm) in it."""

    def __init__(self):
        self.sections = [f"[net]\nbatch=1\nsubdivisions=1\nwidth={WIDTH}\nheight={HEIGHT}\nchannels=3"]
        self.channels: list[int] = []
        self.convolutions: list[tuple[int, int, int, bool]] = []

    def text(self) -> str:
        return "\n\n".join(self.sections) + "\n"

    def conv(self, filters: int, size: int, activation: str = "leaky", stride: int = 1) -> int:
        batch_norm = activation != "linear"
        inputs = self.channels[-1] if self.channels else 3
        self.convolutions.append((filters, inputs, size, batch_norm))
        return self._add(
            f"[convolutional]\nbatch_normalize={int(batch_norm)}\nfilters={filters}\nsize={size}\n"
            f"stride={stride}\npad=1\nactivation={activation}",
            filters,
        )

    def route(self, *layers: int) -> int:
        return self._add(
            f"[route]\nlayers={','.join(map(str, layers))}", sum(self.channels[i] for i in layers)
        )

    def shortcut(self, layer: int) -> int:
        return self._add(
            f"[shortcut]\nfrom={layer - len(self.channels)}\nactivation=linear", self.channels[-1]
        )

    def maxpool(self, size: int) -> int:
        return self._add(f"[maxpool]\nstride=1\nsize={size}", self.channels[-1])

    def upsample(self) -> int:
        return self._add("[upsample]\nstride=2", self.channels[-1])

    def yolo(self, spread: float, mask: str) -> int:
        return self._add(
            f"[yolo]\nmask={mask}\nanchors={ANCHORS}\nclasses=80\nnum=9\nscale_x_y={spread}\nthresh=0", 255
        )

    def _add(self, section: str, channels: int) -> int:
        """Gives the index of the new layer."""
        self.sections.append(section)
        self.channels.append(channels)
        return len(self.channels) - 1


def configuration() -> Configuration:
    """YOLOv4's 162 layers, in the order of its official configuration."""
    c = Configuration()
    c.conv(32, 3, "mish")
    stages = []
    for channels, blocks, half, inner in ((64, 1, 64, 32), *((2 * h, n, h, h) for h, n in HALVES)):
        down = c.conv(channels, 3, "mish", stride=2)
        side = c.conv(half, 1, "mish")
        c.route(down)
        x = c.conv(half, 1, "mish")
        for _ in range(blocks):
            c.conv(inner, 1, "mish")
            c.conv(half, 3, "mish")
            x = c.shortcut(x)
        main = c.conv(half, 1, "mish")
        c.route(main, side)
        stages.append(c.conv(channels, 1, "mish"))
    _neck(c, *stages[2:])
    assert len(c.channels) == 162
    return c


HALVES = ((64, 2), (128, 8), (256, 8), (512, 4))


def _neck(c: Configuration, b3: int, b4: int, b5: int) -> None:
    c.conv(512, 1)
    c.conv(1024, 3)
    x = c.conv(512, 1)
    pool5 = c.maxpool(5)
    c.route(x)
    pool9 = c.maxpool(9)
    c.route(x)
    pool13 = c.maxpool(13)
    c.route(pool13, pool9, pool5, x)
    c.conv(512, 1)
    c.conv(1024, 3)
    p5 = c.conv(512, 1)
    tops = [p5]
    for fine, filters in ((b4, 256), (b3, 128)):
        c.conv(filters, 1)
        up = c.upsample()
        c.route(fine)
        lateral = c.conv(filters, 1)
        c.route(lateral, up)
        tops.append(_five(c, filters))
    last = tops.pop()
    for filters, head in zip((256, 512, 1024), HEADS, strict=True):
        c.conv(filters, 3)
        c.conv(255, 1, "linear")
        c.yolo(*head)
        if tops:
            c.route(last)
            down = c.conv(filters, 3, stride=2)
            c.route(down, tops.pop())
            last = _five(c, filters)


def _five(c: Configuration, filters: int) -> int:
    for i in range(5):
        x = c.conv(filters * (1 + i % 2), 3 if i % 2 else 1)
    return x


if __name__ == "__main__":
    main()
