"""`dozens calibrate`: estimates the cameras that a data set comes without."""

import json
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from posepile.datasets import _movi_files
from posepile.datasets._movi_files import Outcome


@dataclass(frozen=True)
class Arguments:
    """Estimates the cameras of BML-MoVi's phones from people's keypoints and the markers, for `dozens prepare`.

    Each video gets a time offset and a camera (CP2, which is held: one a frame) in ROOT/Calib/<round>_CP<1|2>.json.
    Videos that have an entry there are left alone. Videos that fail are listed (exit code 1), and tried again by
    the next run. With --json: `videos` (video, verdict "calibrated", "known" or "failed", error, time_offset_s,
    inliers (share), error_px), `seconds`.
    """

    id: tyro.conf.Positional[Literal["bml_movi"]]
    """The data set."""
    root: Path
    """Folder with the raw files."""
    keypoints: Path | None = None
    """Folder of the keypoints, by default ROOT/Calib/keypoints: what is missing there is looked for in the videos."""
    detector_weights: Path | None = None
    """MoveNet's weights, where they are not fetched by `dozens fetch detector`."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document instead of a table."""


def main(args: list[str]) -> int:
    """Calibrates the videos; returns 1 if any failed. Raises RawDataError, FileNotFoundError."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens calibrate")
    started = time.monotonic()
    videos = _movi_files.phone_videos(arguments.root)
    folder = arguments.keypoints or arguments.root / "Calib/keypoints"
    outcomes = []
    with _progress(arguments.json) as bar:
        for video in bar.track(videos, description=arguments.id):
            outcomes.append(
                _movi_files.calibrate_video(
                    arguments.root,
                    video,
                    folder,
                    lambda image: _detector(arguments.detector_weights).keypoints(image),
                )
            )
    rows = [_row(outcome) for outcome in outcomes]
    if arguments.json:
        print(json.dumps({"videos": rows, "seconds": round(time.monotonic() - started, 2)}, allow_nan=False))
    else:
        _print_table(rows)
    return 1 if any(outcome.error for outcome in outcomes) else 0


def _row(outcome: Outcome) -> dict:
    entry = outcome.entry or {}  # a user's own has neither inliers nor error
    verdict = "failed" if outcome.error else "known" if outcome.was_known else "calibrated"
    figures = {name: entry.get(name) for name in ("time_offset_s", "inliers", "error_px")}
    return {"video": outcome.video, "verdict": verdict, "error": outcome.error or None, **figures}


def _print_table(rows: list[dict]) -> None:
    table = Table("video", "offset, s", "inliers", "error, px", "verdict", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for column in table.columns[1:4]:
        column.justify = "right"
    for row in rows:
        verdict = f"failed: {row['error']}" if row["error"] else row["verdict"]
        figures = zip(("{:.3f}", "{:.0%}", "{:.1f}"), ("time_offset_s", "inliers", "error_px"), strict=True)
        cells = ["-" if row[name] is None else form.format(row[name]) for form, name in figures]
        table.add_row(row["video"], *cells, verdict)
    console = Console(markup=False, highlight=False, emoji=False)
    console.print(table)
    if n_failed := sum(row["verdict"] == "failed" for row in rows):
        console.print(f"{n_failed} of {len(rows)} videos failed; the next run tries them again.")


def _progress(quiet: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), disable=quiet)


@cache
def _detector(weights: Path | None):
    from posepile.people import load_detector

    return load_detector("movenet", weights)
