"""Pictures of predictions every so many steps."""

from collections.abc import Sequence
from pathlib import Path

import cv2

from training.atomic_write import write_atomically
from training.callbacks.averaging import AverageSwap
from training.callbacks.logs import Log
from training.callbacks.progress import AfterStep, Progressed
from training.sample_images import draw_samples
from training.validation import ValidationSet

SAMPLES_FOLDER = "samples"


class SampleImages(AfterStep):
    """RUN/samples/<step>.jpg after every `every` steps, always of the same examples, and in the logs."""

    def __init__(
        self,
        progressed: Progressed,
        run: Path,
        parts: Sequence[ValidationSet],
        every: int,
        average: AverageSwap,
        logs: Sequence[Log] = (),
    ):
        super().__init__(progressed)
        self.folder, self.parts, self.every = run / SAMPLES_FOLDER, parts, every
        self.average, self.logs = average, logs

    def after_step(self, step, logs):
        if not self.parts or not self.every or step % self.every:
            return
        model = self.model
        with self.average.swapped(model):
            grid = draw_samples(model, self.parts)
        self.folder.mkdir(exist_ok=True)
        jpeg = cv2.imencode(".jpg", grid[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
        write_atomically(self.folder / f"{step:08d}.jpg", jpeg.tobytes())
        for log in self.logs:
            log.image(step, "samples", grid)
