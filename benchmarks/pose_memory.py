"""Memory and speed of `dozens pose` on videos of different length: the peak must not grow with it.

    python benchmarks/pose_memory.py --model DIR/savedmodel/1 --frames 300 1200 4800

Each video is a moving pattern that is worked on by a process of its own, with every output format. What counts is
memory that the process holds for itself (RssAnon): pages of files that are mapped are the system's to take back.
Linux only. The last line is JSON.
"""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from serving import media

SAMPLE_S = 0.1


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    model: Path
    """SavedModel folder. A fake one shows the memory of everything else, and is faster."""
    frames: tuple[int, ...] = (300, 1200, 4800)
    width: int = 160
    height: int = 120
    box: tuple[int, int, int, int] = (40, 10, 80, 100)
    """The person in every frame."""
    raw: bool = False


def main(settings: Settings) -> list[dict]:
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for count in settings.frames:
            video = Path(folder) / f"{count}.mp4"
            write_video(video, count, settings)
            results.append(measure(video, Path(folder) / f"out{count}", settings) | {"frames": count})
            print(results[-1], flush=True)
    return results


def write_video(path: Path, count: int, settings: Settings) -> None:
    y, x = np.mgrid[: settings.height, : settings.width]
    picture = np.stack([x, 2 * y, 255 - x], axis=-1).astype(np.uint8)
    with media.video_writer(path, fps=30) as write:
        for i in range(count):
            write(np.roll(picture, i, axis=1))


def measure(video: Path, out: Path, settings: Settings) -> dict:
    command = [sys.executable, "-m", "dozens.cli", "pose", video, "--model", settings.model, "--out", out]
    command += ["--box", *settings.box, "--also", "csv", "npz", "bvh", "c3d", "--json"]
    command += ["--raw"] * settings.raw
    started, peak = time.monotonic(), 0
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, anonymous_memory(process.pid))
        time.sleep(SAMPLE_S)
    if process.returncode:
        raise SystemExit(f"{video}: dozens pose ended with {process.returncode}")
    return {"peak_mb": round(peak / 1e6, 1), "seconds": round(time.monotonic() - started, 1)}


def anonymous_memory(process: int) -> int:
    """Bytes; 0 where the process has just ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), 0)


if __name__ == "__main__":
    print(json.dumps(main(tyro.cli(Settings)), allow_nan=False))
