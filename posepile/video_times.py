"""When the frames of a video are shown: counted and timed without decoding them.

A frame is stored once, and `read_image` numbers frames as they are stored. Data sets that number them at a constant
rate mean what ffmpeg's filter `fps` puts out, which repeats and leaves out frames.
"""

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from posepile.images import ImageError

_UNKNOWN = -(2**63)
_DISCARDED = 0x4  # flag of packets that decoders need and nobody sees


@dataclass(frozen=True, eq=False)
class VideoTimes:
    """The times of a video's stored frames.

    Attributes:
        starts: [n] int, ascending, from which time on each is shown, in ticks.
        end: until when the last one is shown, in ticks.
        tick: seconds.
    """

    starts: np.ndarray
    end: int
    tick: Fraction

    def __len__(self) -> int:
        return len(self.starts)

    def at_rate(self, rate: int, round_up: bool) -> np.ndarray:
        """[m] int: which stored frame is shown as number 0, 1, ... of a constant `rate` a second.

        As ffmpeg's filter fps=<rate>:round=<up or down>, m is its number of frames.
        """
        numerator, denominator = self.tick.numerator * rate, self.tick.denominator
        times = np.append(self.starts, self.end) * numerator
        places = -(-times // denominator) if round_up else times // denominator
        shown = np.arange(places[0], places[-1])
        return np.searchsorted(places[:-1], shown, side="right") - 1


def video_times(path: Path) -> VideoTimes:
    """The times of a video's frames. Raises ImageError for a file that is missing or no video."""
    import imageio_ffmpeg

    if not path.is_file():
        raise ImageError(f"{path}: no such file, expected a video")
    what = ["-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-i", str(path), *what]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    tick, packets = None, []
    for line in result.stdout.splitlines():
        if line.startswith("#tb 0:"):
            tick = Fraction(line.removeprefix("#tb 0:").strip())
        elif not line.startswith("#"):
            packets.append(_packet(line))
    shown = sorted(packet for packet in packets if packet is not None)
    if result.returncode or tick is None or not shown:
        reason = (result.stderr.strip().splitlines() or ["no frames"])[-1]
        raise ImageError(f"{path}: not to be read as a video ({reason})")
    last, duration = shown[-1]
    return VideoTimes(np.array([time for time, _ in shown]), last + duration, tick)


def _packet(line: str) -> tuple[int, int] | None:
    """Time and duration of a line "stream, decoding time, time, duration, size, checksum[, F=flags]"."""
    _, decoding_time, time, duration, _, _, *more = (part.strip() for part in line.split(","))
    if int(time) == _UNKNOWN:  # AVI files have only the other one
        time = decoding_time
    flags = [int(part.removeprefix("F="), 16) for part in more if part.startswith("F=")]
    return None if any(flag & _DISCARDED for flag in flags) else (int(time), int(duration))
