"""Validation every so many steps: a table in RUN/validation.csv and in the logs."""

from collections.abc import Sequence
from pathlib import Path

from training.callbacks.averaging import AverageSwap
from training.callbacks.logs import Log, append_rows, cut_rows
from training.callbacks.progress import AfterStep, Progressed
from training.validation import ALL, ValidationSet, validate

VALIDATION_FILE = "validation.csv"


class Validation(AfterStep):
    """Validates after every `every` steps and after the last one, with the averaged weights if there are any.

    RUN/validation.csv has a row for each store and, with several stores, one for all: step, store, metrics.
    """

    def __init__(
        self,
        progressed: Progressed,
        run: Path,
        sets: Sequence[ValidationSet],
        every: int,
        last: int,
        average: AverageSwap,
        logs: Sequence[Log] = (),
    ):
        super().__init__(progressed)
        self.path, self.sets, self.every, self.last = run / VALIDATION_FILE, sets, every, last
        self.average, self.logs = average, logs
        cut_rows(self.path, progressed.step)

    def after_step(self, step, logs):
        if not self.sets or not self.every or (step % self.every and step != self.last):
            return
        model = self.model
        with self.average.swapped(model):
            found = validate(model, self.sets)
        append_rows(
            self.path,
            [
                {
                    "step": step,
                    "store": store,
                    **{n: f"{v:.6g}" if v == v else "" for n, v in metrics.items()},
                }
                for store, metrics in found.items()
            ],
        )
        for log in self.logs:
            log.scalars(step, {f"validation/{s}/{n}": v for s, ms in found.items() for n, v in ms.items()})
        [total] = [found[ALL]] if ALL in found else found.values()
        print(f"validation after step {step}: {total['mean_relative']:.1f} mm mean-relative")
