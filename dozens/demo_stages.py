"""The stages of the demonstration: each reads and writes files below one folder, and skips what is complete.

OUT/pile/<store>/                    the synthetic data sets
OUT/seed<k>/<variant>/               a training run each ("separate" is step 1 of the method)
OUT/seed<k>/poses.npz, acae.npz      pseudo ground truth, and the autoencoder fitted to it
OUT/seed<k>/<variant>_test.npz       predictions on the held-out test set, scored from the file
"""

import json
import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import tensorflow as tf
from rich.progress import Progress

from affine_combining import fit as acae_fit
from dozens.demo_sizes import (
    CLEAN_STORES,
    FIRST,
    TEST_STORE,
    TRAIN_STORES,
    WEAK_STORE,
    DemoSize,
    fine_tuning,
    first_training,
)
from evaluation.score import Scores, score_predictions
from evaluation.truth import Truth
from posepile.store import Store
from posepile.synthetic.formats import same_points
from posepile.synthetic.pile import synthesize
from training import fit, pseudo_labels, run_folder
from training.config import TrainConfig

DATA_SEED = 1


def make_pile(pile: Path, size: DemoSize, workers: int, quiet: bool) -> None:
    """Renders the data sets."""
    counts = {name: size.examples for name in (*TRAIN_STORES, WEAK_STORE)}
    counts[TEST_STORE] = size.test_examples
    with Progress(disable=quiet, transient=True) as bar:
        task = bar.add_task("images", total=sum(counts.values()))

        def advance(_store: str, examples: int, _is_new: bool) -> None:
            bar.update(task, advance=examples)

        synthesize(pile, counts, size.image_side, DATA_SEED, workers, simple=True, progress=advance)


def train_first(folder: Path, pile: Path, size: DemoSize, seed: int) -> Path:
    """Step 1: every joint of every format has its own output. Returns the run."""
    return _train(first_training(size, seed), pile, folder / FIRST)


def bridge(folder: Path, pile: Path, size: DemoSize, seed: int) -> Path:
    """Step 2: predicts all joints on clean images and fits the autoencoder to them. Returns its file."""
    weights = folder / "acae.npz"
    if not weights.exists():
        stores = [Store.open(pile / name) for name in CLEAN_STORES]
        pseudo = predict(folder / FIRST, stores).filtered()
        pseudo.save(folder / "poses.npz", run=FIRST, stores=list(CLEAN_STORES))
        provenance = {"stores": list(CLEAN_STORES), "training_seed": seed}
        result = acae_fit.fit(pseudo.poses, pseudo.joint_names, size.acae, provenance=provenance)
        curves = {"reports": result.reports, "history": result.history, "seconds": result.seconds}
        (folder / "acae.json").write_text(json.dumps(curves, allow_nan=False, indent=1) + "\n")
        result.weights.save(weights)
    return weights


def train_variants(
    folder: Path, pile: Path, size: DemoSize, seed: int, first: Path, acae: Path, workers: int
) -> None:
    """Step 3 for all rows of the table and their predictions of the test set, `workers` runs at a time.

    Each process computes with one thread: a network this small keeps two cores busy as two runs, not as one.
    What a run prints goes to its own log, OUT/seed<k>/<variant>.log.
    """
    names = [name for name in size.variants if not _predictions(folder, name).exists()]
    with ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_use_one_thread
    ) as pool:
        jobs = {pool.submit(_train_variant, folder, pile, size, seed, n, first, acae): n for n in names}
        for job in as_completed(jobs):
            try:
                job.result()
            except Exception as error:
                error.add_note(f"while training {jobs[job]!r}; its log is {folder / jobs[job]}.log")
                raise


def _use_one_thread() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def _train_variant(
    folder: Path, pile: Path, size: DemoSize, seed: int, variant: str, first: Path, acae: Path
) -> None:
    with (folder / f"{variant}.log").open("a") as log, redirect_stdout(log):
        if variant == "merged":
            first = _train(first_training(size, seed, "merged"), pile, folder / "merged_first")
        if variant != FIRST:
            first_config = first_training(size, seed, "merged" if variant == "merged" else "separate")
            config = fine_tuning(size, first_config, variant, str(first), str(acae))
            _train(config, pile, folder / variant)
        predict(folder / variant, [Store.open(pile / TEST_STORE)]).save(
            _predictions(folder, variant), run=variant, store=TEST_STORE
        )


def score(folder: Path, variant: str, truth: Truth) -> Scores:
    """Scores a variant's predictions of the test set, from their file."""
    return score_predictions(_predictions(folder, variant), truth, same_points())


def _predictions(folder: Path, variant: str) -> Path:
    return folder / f"{variant}_test.npz"


def predict(run: Path, stores: list[Store]) -> pseudo_labels.Predictions:
    """What a finished run predicts for stores, averaged with the mirror image."""
    model, skeleton = run_folder.load_model(run), run_folder.load_skeleton(run)
    return pseudo_labels.joined([pseudo_labels.predict_store(model, store, skeleton) for store in stores])


def facts(command: str, size: DemoSize, seconds: dict[str, float]) -> dict[str, Any]:
    """What one needs to get the results again."""
    return {
        "command": command,
        "data_seed": DATA_SEED,
        "training_seeds": list(size.seeds),
        "environment": run_folder.environment(),
        "seconds": {stage: round(value, 1) for stage, value in seconds.items()},
    }


def _train(config: TrainConfig, pile: Path, run: Path) -> Path:
    return fit.train(config, [pile / name for name, _ in config.data.shares], run)
