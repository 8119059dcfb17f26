"""How fast a fake Human3.6M becomes a store: crops a second of one core, two workers against one, memory.

    python benchmarks/prepare.py [--sequences 8] [--frames 150] [--memory-frames 10000]

The fake has the original's layout and frame size (1000 x 1002 px, distorted lens); every second of its frames
moves enough to be kept. The yardstick is a plain loop of the same process: read the frame, OpenCV's undistorting
remap of the whole frame, cut, JPEG. Ends with one line of JSON.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/support"))

TARGET_CROPS_PER_S, TARGET_SCALING = 30.0, 1.8


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", type=int, default=8)
    parser.add_argument("--frames", type=int, default=150, help="kept frames of a sequence")
    parser.add_argument("--memory-frames", type=int, default=10_000, help="frames that one process prepares")
    parser.add_argument(
        "--growing", type=Path, help=argparse.SUPPRESS
    )  # the process whose memory is measured
    arguments = parser.parse_args()
    if arguments.growing:
        print(json.dumps(memory_over(arguments.growing, arguments.memory_frames)))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "h36m"
        write_people(root, arguments.sequences, arguments.frames)
        figures = {"benchmark": "prepare", **one_core(root), **workers(root, Path(folder))}
        command = [
            sys.executable,
            __file__,
            "--growing",
            str(root),
            "--memory-frames",
            str(arguments.memory_frames),
        ]
        figures |= json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    figures["targets_met"] = bool(
        figures["crops_per_s_one_core"] >= TARGET_CROPS_PER_S
        and figures["two_workers_ratio"] >= TARGET_SCALING
    )
    for name, value in figures.items():
        print(f"{name:28} {value:,.2f}" if isinstance(value, float) else f"{name:28} {value}")
    print(json.dumps(figures))


def write_people(root: Path, n_sequences: int, n_frames: int) -> None:
    """A Human3.6M of `n_sequences` sequences whose every read frame is kept."""
    import numpy as np
    from fakes import h36m

    from posepile.datasets.h36m import CAMERAS

    h36m.write_metadata(root / "Release-v1.2/metadata.xml")
    n_raw = n_frames * 5
    for i in range(n_sequences):
        activity, name, camera = f"Walking {i}", CAMERAS[0], h36m.known_camera(0)
        poses = np.repeat(h36m.known_poses(1)[:1], n_raw, axis=0)
        poses[:, :, 0] += np.where(np.arange(n_raw) // 5 % 2, 150.0, 0.0)[:, np.newaxis]
        h36m.write_cdf(root / f"S1/MyPoseFeatures/D3_Positions/{activity}.cdf", poses)
        h36m.write_boxes(root / f"S1/MySegmentsMat/ground_truth_bb/{activity}.{name}.mat", camera, poses)
        for frame in range(0, n_raw, 5):
            path = root / f"S1/Images/{activity}.{name}/frame_{frame:06d}.jpg"
            h36m.write_image(path, h36m.SIZE, 20 + frame % 150)


def one_core(root: Path) -> dict:
    """Crops a second from raw files to encoded examples in one process, and of the yardstick."""
    import cv2

    from posepile.datasets.h36m import H36M
    from posepile.prepare.unit import Tools, examples

    cv2.setNumThreads(1)
    dataset, tools = H36M(), Tools()
    sequence = dataset.sequences(root)[0]
    next(examples(dataset, sequence, root, tools))
    started, n = time.process_time(), 0
    for _ in examples(dataset, sequence, root, tools):
        n += 1
    ours = n / (time.process_time() - started)
    frames = list(dataset.read(sequence))
    started = time.process_time()
    for frame in frames:
        plain_crop(frame)
    plain = len(frames) / (time.process_time() - started)
    return {"crops_per_s_one_core": ours, "plain_crops_per_s": plain, "ratio_to_plain": ours / plain}


def plain_crop(frame) -> bytes:
    """The yardstick: undistorts the whole frame, cuts the box, encodes it."""
    import cv2

    image = cv2.imread(str(frame.image.path))
    image = cv2.undistort(image, frame.camera.intrinsics, frame.camera.distortion)
    x, y, w, h = (max(0, int(v)) for v in frame.box)
    crop = cv2.resize(image[y : y + h, x : x + w], (384, 384), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def workers(root: Path, folder: Path) -> dict:
    """Seconds that a cluster of one and of two workers takes, start-up of the cluster aside."""
    from posepile.datasets.h36m import H36M
    from posepile.prepare.run import prepare
    from posepile.prepare.unit import Tools

    seconds = {}
    for n in (1, 2):
        arrivals = [time.monotonic()]
        prepare(
            H36M(), root, folder / f"store{n}", Tools(), workers=n,
            on_progress=lambda _name, _n, arrivals=arrivals: arrivals.append(time.monotonic()),
        )  # fmt: skip
        # From the first finished sequence to the last one: what comes before is the workers' start
        seconds[n] = (arrivals[-1] - arrivals[n]) / (len(arrivals) - 1 - n)
    return {
        "s_per_sequence_1": seconds[1],
        "s_per_sequence_2": seconds[2],
        "two_workers_ratio": seconds[1] / seconds[2],
    }


def memory_over(root: Path, n_frames: int) -> dict:
    """Peak memory of a process after a tenth of the frames, and after all of them."""
    from posepile.datasets.h36m import H36M
    from posepile.prepare.unit import Tools, examples

    dataset, done, early = H36M(), 0, None
    while done < n_frames:
        for sequence in dataset.sequences(root):
            done += sum(1 for _ in examples(dataset, sequence, root, Tools()))
            if early is None and done >= n_frames / 10:
                early = _peak_mb()
    return {"frames": done, "peak_mb_early": early, "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
