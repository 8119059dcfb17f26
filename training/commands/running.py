"""How a training command ends: done, stopped by a signal with everything saved, or out of memory."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

EXIT_INTERRUPTED = 130
EXIT_OUT_OF_MEMORY = 3


def to_its_end(train: Callable[[], Path]) -> int:
    """Runs the training and says how it ended.

    Exit codes: 0 done, or stopped by SIGTERM (as Slurm and other schedulers do it) with a checkpoint saved;
    130 stopped by Ctrl-C with a checkpoint saved; 3 out of memory, naming the smallest change that would fit.
    """
    from training.callbacks import RunStopped
    from training.cost import OutOfMemory

    try:
        print(f"done: {train()}")
    except RunStopped as stopped:
        print(f"{stopped}\nto go on: dozens resume RUN")
        return 0 if stopped.signal == signal.SIGTERM else EXIT_INTERRUPTED
    except OutOfMemory as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_OUT_OF_MEMORY
    return 0
