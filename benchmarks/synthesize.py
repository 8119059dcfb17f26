"""Speed of the synthetic pile: images a second, time of each stage, and the z-buffer against a ray caster.

    python benchmarks/synthesize.py [--side 256] [--examples 512] [--workers 2]

The whole is measured as the pile is made: worker processes, all formats' joints, JPEG, store on disk; workers
are warm (the compiled code is cached by a small run before). embreex is compared where it is installed. The
last line is JSON.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from posepile.synthetic import pile, presets, render, scene, unit
from posepile.synthetic.body import load_body

STAGES = {
    scene: ("draw", "crop_camera"),
    render: ("rasterise", "shade", "backdrop", "resolve", "develop", "vertex_normals"),
    unit: ("random_place", "sample_frames", "_subject", "_jpeg"),
}
REPEATS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--examples", type=int, default=1024)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    figures = {"side": arguments.side, "workers": arguments.workers, "cpus": os.cpu_count()}
    figures |= whole(arguments.side, arguments.examples, arguments.workers)
    figures["images_per_cpu_second"] = one_process(arguments.side)
    figures["stages_ms"] = stages(arguments.side)
    figures |= against_ray_caster(arguments.side)
    for name, value in figures.items():
        print(f"{name}: {value}")
    print(json.dumps(figures))


def whole(side: int, examples: int, workers: int) -> dict:
    """Images a second of the test set, which labels all formats, with and without the start of workers."""
    with tempfile.TemporaryDirectory() as folder:

        def seconds(name: str, count: int) -> float:
            started = time.perf_counter()
            pile.synthesize(Path(folder) / name, {"synthetic_test": count}, side, 1, workers)
            return time.perf_counter() - started

        seconds("compile", 2)
        start, total = seconds("start", 2), seconds("timed", examples)
    return {
        "images_per_second": round((examples - 2) / (total - start), 1),
        "images_per_second_with_start": round(examples / total, 1),
        "start_seconds": round(start, 2),
    }


def one_process(side: int, count: int = 64, repeats: int = 3) -> float:
    """Images a second of processor time: what one core gives when others do not share it."""
    preset, best = presets.PRESETS["synthetic_test"], np.inf
    for unit_number in range(repeats):
        started = time.process_time()
        list(unit.make_unit(preset, 1, unit_number, count, side))
        best = min(best, time.process_time() - started)
    return round(count / best, 1)


def stages(side: int, count: int = 64) -> dict:
    """Mean milliseconds of each stage an image, one process; nested stages count in their callers too."""
    preset = presets.PRESETS["synthetic_test"]
    list(unit.make_unit(preset, 1, 0, 8, side))
    spent = {}
    pairs = [(module, name) for module, names in STAGES.items() for name in names]
    for module, name in pairs:
        setattr(module, name, timed(getattr(module, name), name, spent))
    started = time.perf_counter()
    list(unit.make_unit(preset, 1, 1, count, side))
    spent["everything"] = time.perf_counter() - started
    for module, name in pairs:
        setattr(module, name, getattr(module, name).__wrapped__)
    return {name: round(1000 * seconds / count, 3) for name, seconds in sorted(spent.items())}


def timed(function, name, spent):
    def wrapper(*args, **kwargs):
        started = time.perf_counter()
        result = function(*args, **kwargs)
        spent[name] = spent.get(name, 0.0) + time.perf_counter() - started
        return result

    wrapper.__wrapped__ = function
    return wrapper


def against_ray_caster(side: int) -> dict:
    """Median milliseconds to find the body's nearest face at every pixel; the mesh is new each time, as in
    the pile."""
    rng = np.random.default_rng(0)
    body = load_body()
    rotations = np.tile(np.eye(3), (1, len(body.bones), 1, 1))
    vertices = body.pose(body.shape(), rotations, np.zeros((1, 3)))[0][0]
    vertices -= np.float32([0, 0, vertices[:, 2].min()])
    camera, _ = scene.crop_camera(
        rng, scene.CameraStyle(truncated=0), np.array([0, -4000, 1400]), vertices, side
    )
    in_camera = camera.world_to_camera(vertices).astype(np.float32)
    pixels, inverse_depth = camera.camera_to_image(in_camera).astype(np.float32), 1 / in_camera[:, 2]

    def z_buffer():
        face_ids, nearest = np.full((side, side), -1, np.int32), np.zeros((side, side), np.float32)
        render.rasterise(pixels, inverse_depth, body.faces, 0, len(body.faces), face_ids, nearest)
        return face_ids

    drawn = z_buffer() >= 0
    figures = {"z_buffer_ms": median_ms(z_buffer), "covered_pixels": int(drawn.sum())}
    try:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene
    except ImportError:
        return figures | {"ray_caster_ms": None, "ray_caster_over_z_buffer": None}
    rows, columns = np.nonzero(drawn)  # only the pixels of the person's box need rays
    box = np.mgrid[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1][::-1].reshape(2, -1).T
    rays = camera.image_to_camera(box).astype(np.float32)
    origins = np.zeros_like(rays)

    def ray_caster():
        target = EmbreeScene()
        TriangleMesh(target, in_camera, body.faces)
        return target.run(origins, rays)

    figures["ray_caster_ms"] = median_ms(ray_caster)
    figures["ray_caster_over_z_buffer"] = round(figures["ray_caster_ms"] / figures["z_buffer_ms"], 1)
    return figures


def median_ms(function) -> float:
    function()
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return round(1000 * float(np.median(times)), 3)


if __name__ == "__main__":
    main()
