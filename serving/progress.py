"""How far the work on a photo or video is, on the standard error output."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextlib.contextmanager
def frames_progress(name: str, count: int | None, shown: bool) -> Iterator[Callable[[int], None]]:
    """Yields a function that is told how many more frames are done. count: of all frames, None if unknown."""
    rate = TextColumn("{task.fields[rate]}")
    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        rate,
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as progress:
        task = progress.add_task(name, total=count, rate="")

        def advance(frames: int) -> None:
            progress.advance(task, frames)
            elapsed = progress.tasks[0].elapsed
            if elapsed:
                progress.update(task, rate=f"{progress.tasks[0].completed / elapsed:.1f} frames/s")

        yield advance
