"""The yardstick of benchmarks/crop.py, run by a Python that has deltacamera: a crop of a scene, drawn and timed.

    python benchmarks/crop_deltacamera.py SCENE.npz < commands

Each line of the input is "time NAME COUNT", answered by a JSON list of milliseconds of processor time, or "save PATH",
which writes the crops; the scene and the names are those of benchmarks/crop.py.
"""

import json
import sys
import time
import warnings

import cv2
import numpy as np
from deltacamera import Camera, reproject_image

warnings.simplefilter("ignore", DeprecationWarning)
cv2.setNumThreads(1)
OPTIONS = {
    "plain": {},
    "standard": {"interp": cv2.INTER_CUBIC, "antialias_factor": 2, "use_linear_srgb": True},
}


def main() -> None:
    scene = np.load(sys.argv[1])
    side = int(scene["side"])
    old = Camera(
        optical_center=scene["position"],
        rot_world_to_cam=scene["rotation"],
        intrinsic_matrix=scene["intrinsics"],
        distortion_coeffs=scene["distortion"][:5],
        world_up=scene["world_up"],
    )
    turned = old.copy()
    turned.turn_towards(target_image_point=scene["centre"])
    turned.undistort()
    new = Camera(
        optical_center=scene["position"],
        rot_world_to_cam=turned.R,
        intrinsic_matrix=scene["new_intrinsics"],
        world_up=scene["world_up"],
    )
    image = scene["image"]

    def crop(pixels: np.ndarray, **options) -> np.ndarray:
        return reproject_image(pixels, old, new, (side, side), **options)

    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "time":
            name, count = arguments[0], int(arguments[1])
            milliseconds = []
            for _ in range(count):
                started = time.process_time()
                crop(image, **OPTIONS[name])
                milliseconds.append(1000 * (time.process_time() - started))
            print(json.dumps(milliseconds), flush=True)
        else:
            crops = {name: crop(scene["dots"], **options) for name, options in OPTIONS.items()}
            np.savez(arguments[0], **crops)
            print("[]", flush=True)


if __name__ == "__main__":
    main()
