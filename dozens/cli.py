"""The `dozens` command: one verb a room's action, each imported only when it is called."""

import importlib
import logging
import os
import sys

from dozens.quiet import quieten_tensorflow
from posepile.names import UnknownNameError, unknown_name

quieten_tensorflow()  # here, not in `main`: worker processes import this module, too

# verb: (module with `main(args) -> exit code`, what it does)
VERBS = {
    "demo": ("dozens.demo", "the whole method of the paper on the embedded synthetic pile"),
    "synthesize": ("posepile.commands.synthesize", "make synthetic data sets of any size"),
    "datasets": ("posepile.commands.datasets", "what each data set is, what is here, how to get the rest"),
    "calibrate": ("posepile.commands.calibrate", "estimate the cameras of BML-MoVi's phones"),
    "prepare": ("posepile.commands.prepare", "make a store of a data set's raw files"),
    "doctor": ("posepile.commands.doctor", "check a store from end to end"),
    "skeletons": ("posepile.commands.skeletons", "list skeletons; show joints, edges, definitions"),
    "inspect": ("posepile.commands.inspect", "a page of what is in stores; verify and repair them"),
    "fetch": ("posepile.commands.fetch", "download a free person detector or segmenter"),
    "train": ("training.commands.train", "train a pose network on a mixture of stores"),
    "crops": ("training.commands.crops", "a picture of what the network is shown in training"),
    "resume": ("training.commands.resume", "go on with an interrupted run"),
    "pseudo-label": ("training.commands.pseudo_label", "predict all joints on chosen stores"),
    "fit-acae": ("affine_combining.commands", "fit the affine-combining autoencoder to poses"),
    "extend-acae": ("affine_combining.extend_command", "find an unseen skeleton's joints from latent points"),
    "finetune": ("training.commands.finetune", "fine-tune a run so that the skeletons agree"),
    "predict": ("evaluation.commands.predict", "run a SavedModel on a benchmark: a prediction file"),
    "evaluate": ("evaluation.commands.evaluate", "score prediction files by the rules of a benchmark"),
    "consistency": ("evaluation.commands.consistency", "whether predictions agree over formats and cameras"),
    "export": ("serving.commands.export", "write a run's model as SavedModel, ONNX or LiteRT"),
    "pose": ("serving.commands.pose", "poses of people in photos and videos"),
}

EXIT_FAILED = 1
EXIT_USAGE = 2


def main(args: list[str] | None = None) -> int:
    """Runs one verb. Exit codes: 0 done, 1 a check or part of the work failed, 2 usage."""
    args = sys.argv[1:] if args is None else args
    # TensorFlow's later notes and hints would hide ours; errors still show. Must be set before its import.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if not args or args[0] in ("-h", "--help"):
        print(_overview())
        return 0 if args else EXIT_USAGE
    try:
        return _verb(args[0])(args[1:])
    except UnknownNameError as error:
        return _fail(error, EXIT_USAGE)
    except BrokenPipeError:  # `dozens … | head`: the reader has enough, and Python must not flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:  # what a user can mend: bad input, missing files
        if os.environ.get("DOZENS_TRACEBACK"):
            raise
        return _fail(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)


def _verb(name: str):
    if name not in VERBS:
        raise unknown_name("command", name, VERBS)
    return importlib.import_module(VERBS[name][0]).main


def _fail(error: object, code: int) -> int:
    notes = getattr(error, "__notes__", [])
    print("\n".join([f"error: {error}", *notes]), file=sys.stderr)
    return code


def _overview() -> str:
    width = max(map(len, VERBS))
    lines = [f"  {verb:{width}}  {purpose}" for verb, (_, purpose) in VERBS.items()]
    return "\n".join(
        [
            "usage: dozens COMMAND [options]      (dozens COMMAND --help shows a command's options)",
            "",
            *lines,
            "",
            "DOZENS_TRACEBACK=1 shows where an error comes from.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
