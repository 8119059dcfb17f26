"""Speed of crops: the standard crop from JPEG to JPEG, and warps of a distorted camera against deltacamera.

    python benchmarks/crop.py [--deltacamera-python /path/to/environment/bin/python] [--repeats 40]

One core, in processor time. The scene is Human3.6M's: 1000 x 1000 px, a distorted lens, a person of 430 px. "plain"
is a linear warp of 8-bit pixels, "standard" a cubic one in linear light with four samples per pixel; both crops have
384 px. deltacamera is timed by turns with ours, in a process of its own. The last line is JSON.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import numpy as np

from posepile import boxes
from posepile.cameras import Camera, warp_image
from posepile.prepare import colour, crop, resample

SIDE = 384
ROUND = 5  # crops timed before the other one has its turn
BOX = np.array([420.0, 270, 170, 430])
CAMERA = Camera(
    [[1145.0, 0, 512.5], [0, 1143.8, 515.5], [0, 0, 1]],
    cv2.Rodrigues(np.array([1.6, 0.1, -0.05]))[0],
    np.array([200.0, -4500, 1500]),
    np.array([-0.207, 0.248, -0.001, -0.0014, -0.0031]),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deltacamera-python", type=Path, help="a Python that has deltacamera")
    parser.add_argument("--repeats", type=int, default=40)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    figures = {"side": SIDE, "cpus": os.cpu_count()} | whole(arguments.repeats)
    if arguments.deltacamera_python is None:
        print("deltacamera: not compared (--deltacamera-python names an environment that has it)")
        figures |= {f"{name}_ms": round(timed(draw), 3) for name, draw in drawings(picture()).items()}
    else:
        figures |= compared(arguments.deltacamera_python, arguments.repeats)
    for name, value in figures.items():
        print(f"{name}: {value}")
    print(json.dumps(figures))


def whole(repeats: int) -> dict:
    """Crops a second of one core from the bytes of a frame to the bytes of its crop."""
    data = cv2.imencode(".jpg", picture(), [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    standard = crop.StandardCrop()
    cropped = standard(picture(), CAMERA, BOX)

    def decode():
        return cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)

    def encode(image=cropped.image):
        return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])

    image = decode()
    everything = timed(lambda: encode(standard(decode(), CAMERA, BOX).image), repeats)
    return {
        "crop_width_height": cropped.image.shape[1::-1],
        "decode_ms": round(timed(decode, repeats), 2),
        "crop_ms": round(timed(lambda: standard(image, CAMERA, BOX), repeats), 2),
        "encode_ms": round(timed(encode, repeats), 2),
        "crops_per_cpu_second": round(1000 / everything, 1),
    }


def drawings(image: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """The two ways to draw the view of `new_camera`."""
    new, table = new_camera(), colour.linear_light_table()

    def standard():
        positions = resample.source_positions(lambda pixels: crop.seen(pixels, new, CAMERA), (SIDE, SIDE), 2)
        return resample.draw(image, positions, 2, cv2.INTER_CUBIC, table, colour.from_linear_light)

    return {"plain": lambda: warp_image(image, CAMERA, new, (SIDE, SIDE)), "standard": standard}


def compared(python: Path, repeats: int) -> dict:
    """Median milliseconds of ours and of deltacamera's, their ratio, and how far dots lie apart."""
    with tempfile.TemporaryDirectory() as folder:
        scene, theirs = Path(folder) / "scene.npz", Path(folder) / "crops.npz"
        np.savez(
            scene, image=picture(), dots=dots(), side=SIDE, centre=boxes.centre(BOX),
            new_intrinsics=new_camera().intrinsics, intrinsics=CAMERA.intrinsics, rotation=CAMERA.rotation,
            position=CAMERA.position, distortion=CAMERA.distortion, world_up=CAMERA.world_up,
        )  # fmt: skip
        command = [str(python), str(Path(__file__).with_name("crop_deltacamera.py")), str(scene)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

            def ask(line: str) -> list[float]:
                print(line, file=process.stdin, flush=True)
                return json.loads(process.stdout.readline())

            figures = {}
            for name, draw in drawings(picture()).items():
                ask(f"time {name} 3")  # compiles
                ours, yardstick = [], []
                for _ in range(-(-repeats // ROUND)):
                    ours += times(draw, ROUND)
                    yardstick += ask(f"time {name} {ROUND}")
                figures |= {f"{name}_ms": round(float(np.median(ours)), 3)}
                figures |= {f"{name}_deltacamera_ms": round(float(np.median(yardstick)), 3)}
                figures |= {f"{name}_ratio": round(float(np.median(ours) / np.median(yardstick)), 2)}
            ask(f"save {theirs}")
            process.stdin.close()
        with np.load(theirs) as crops:
            for name, draw in drawings(dots()).items():
                figures[f"{name}_apart_px"] = round(apart(draw(), crops[name]), 3)
    return figures


def new_camera() -> Camera:
    """Turned to the person, who is 384 / 1.52 px tall, in the middle of the crop."""
    turned = CAMERA.turned_to(boxes.centre(BOX))
    return turned.zoomed(SIDE / crop.WINDOW_FACTOR / BOX[3]).with_principal_point(((SIDE - 1) / 2,) * 2)


def picture() -> np.ndarray:
    """[1000, 1000, 3] uint8: structure of several sizes, whose JPEG has about the size of a photo's."""
    rng = np.random.default_rng(0)
    layers = [cv2.GaussianBlur(rng.normal(0, 60 * s, (1000, 1000, 3)), (0, 0), s) for s in (1, 4, 20)]
    return np.clip(128 + sum(layers), 0, 255).astype(np.uint8)


def dots() -> np.ndarray:
    """[1000, 1000, 3] uint8: a grid of round dots, 60 px apart."""
    y, x = np.mgrid[:1000, :1000]
    distance2 = ((x % 60) - 30) ** 2 + ((y % 60) - 30) ** 2
    return np.repeat(
        np.rint(255 * np.exp(-distance2 / (2 * 6.0**2))).astype(np.uint8)[..., np.newaxis], 3, axis=2
    )


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest distance, px, between a dot's centres of mass in two crops."""
    ours, theirs = (image[..., 0].astype(float) for image in (ours, theirs))
    n_dots, labels, found, _ = cv2.connectedComponentsWithStats((ours > 20).astype(np.uint8))
    largest = 0.0
    for dot in range(1, n_dots):
        x, y, w, h = found[dot, :4]
        if min(x, y) < 3 or max(x + w, y + h) > SIDE - 3:
            continue  # cut by the border
        part = np.s_[y - 2 : y + h + 2, x - 2 : x + w + 2]
        largest = max(largest, float(np.hypot(*(centre(ours[part]) - centre(theirs[part])))))
    return largest


def centre(image: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(x * image).sum(), (y * image).sum()]) / image.sum()


def timed(function: Callable, repeats: int = 20) -> float:
    times(function, 2)
    return float(np.median(times(function, repeats)))


def times(function: Callable, count: int) -> list[float]:
    """Milliseconds of processor time of `count` calls: what they take on a core that others do not share."""
    result = []
    for _ in range(count):
        started = time.process_time()
        function()
        result.append(1000 * (time.process_time() - started))
    return result


if __name__ == "__main__":
    main()
